"""Pictures of other programs: their recipes in the forms those programs write, and files that mean harm."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from aigc_studio.core import comfy
from aigc_studio.core.foreign import ForeignRecipe, from_texts, read_foreign, scheduler_id

A1111 = """a lighthouse at dusk, (oil painting:1.2), <lora:brush-strokes:0.7> soft light
second line
Negative prompt: blurry,
low quality
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 3941226018, Size: 832x1216, \
Model hash: 31e35c80fc, Model: sd_xl_base_1.0, Lora hashes: "brush-strokes: 5ab1, other: 77", Version: v1.10.1"""


def png(path: Path, **texts: str) -> Path:
    """A small picture with these text chunks."""
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key.replace("_x_", "-"), text)
    Image.new("RGB", (4, 4)).save(path, pnginfo=info)
    return path


def read(path: Path) -> ForeignRecipe:
    """The recipe, which must be there."""
    found = read_foreign(path)
    assert found is not None
    return found


def test_a1111(tmp_path: Path) -> None:
    """Prompt of several lines, LoRA taken out of it, quoted settings."""
    found = read(png(tmp_path / "a.png", parameters=A1111))
    assert found == ForeignRecipe(
        "A1111",
        "a lighthouse at dusk, (oil painting:1.2), soft light\nsecond line",
        "blurry,\nlow quality",
        3941226018,
        28,
        6.5,
        "dpmpp-2m-karras",
        832,
        1216,
        "sd_xl_base_1.0",
        (("brush-strokes", 0.7),),
    )


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_the_comment_of_a_photo(tmp_path: Path, suffix: str, encoding: str) -> None:
    """The same text in EXIF, in either byte order."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + ("灯塔，黄昏\n" + A1111).encode(encoding)
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    found = read(path)
    assert found.prompt.startswith("灯塔，黄昏\n")
    assert found.seed == 3941226018


def test_ascii_comment(tmp_path: Path) -> None:
    """The other encoding that EXIF names."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0cat\nSteps: 5, Seed: 7, Size: 64x32"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    found = read(tmp_path / "a.jpg")
    assert (found.prompt, found.negative, found.steps, found.seed, found.width) == ("cat", "", 5, 7, 64)


NODES: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 156680208700286,
            "steps": 20,
            "cfg": 8,
            "sampler_name": "dpmpp_2m",
            "scheduler": "karras",
            "denoise": 1,
            "model": ["10", 0],
            "positive": ["12", 0],
            "negative": ["12", 1],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "xl\\juggernaut_v9.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": ["20", 0], "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["21", 0], "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["30", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["8", 0]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {"lora_name": "sub/ink.safetensors", "strength_model": 0.5, "model": ["4", 0], "clip": ["4", 1]},
    },
    "12": {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["6", 0], "negative": ["7", 0]}},
    "20": {"class_type": "PrimitiveInt", "inputs": {"value": 1024}},
    "21": {"class_type": "PrimitiveString", "inputs": {"value": "text, watermark"}},
    "30": {  # a second pass over the first one's result
        "class_type": "KSampler",
        "inputs": {
            "seed": 1,
            "steps": 5,
            "cfg": 1.5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["3", 0],
        },
    },
}


def test_comfyui(tmp_path: Path) -> None:
    """From the sampler that began the picture; texts through other nodes; positive and negative not mixed up."""
    found = read(png(tmp_path / "a.png", prompt=json.dumps(NODES), workflow="{}"))
    assert found == ForeignRecipe(
        "ComfyUI",
        "a red fox",
        "text, watermark",
        156680208700286,
        20,
        8.0,
        "dpmpp-2m-karras",
        1024,
        768,
        "juggernaut_v9",
        (("ink", 0.5),),
    )


def test_comfyui_with_a_guider() -> None:
    """As Flux is drawn: noise, sampler, noise levels and guidance are nodes of their own."""
    graph = {
        "1": {
            "class_type": "SamplerCustomAdvanced",
            "inputs": {
                "noise": ["2", 0],
                "guider": ["3", 0],
                "sampler": ["4", 0],
                "sigmas": ["5", 0],
                "latent_image": ["6", 0],
            },
        },
        "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 42}},
        "3": {"class_type": "BasicGuider", "inputs": {"model": ["8", 0], "conditioning": ["7", 0]}},
        "4": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "5": {"class_type": "BasicScheduler", "inputs": {"scheduler": "simple", "steps": 20, "model": ["8", 0]}},
        "6": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 1344, "height": 768}},
        "7": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["9", 0]}},
        "8": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors"}},
        "9": {"class_type": "CLIPTextEncodeFlux", "inputs": {"clip_l": "a boat", "t5xxl": "a boat", "guidance": 9}},
        "10": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    }
    found = from_texts({"prompt": json.dumps(graph)})
    assert found == ForeignRecipe("ComfyUI", "a boat", None, 42, 20, 3.5, "flow-euler", 1344, 768, "flux1-dev", ())


def test_comfyui_as_its_window_shows_it() -> None:
    """Only the drawing is there: values by position, links by number."""
    nodes = [
        {
            "id": 3,
            "type": "KSampler",
            "widgets_values": [5, "fixed", 12, 7.5, "euler_ancestral", "normal", 1],
            "inputs": [
                {"name": "model", "link": 1},
                {"name": "positive", "link": 2},
                {"name": "negative", "link": 3},
                {"name": "latent_image", "link": 4},
            ],
        },
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["dream.safetensors"]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a house"]},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": [""]},
        {"id": 5, "type": "EmptyLatentImage", "widgets_values": [512, 640, 1]},
        {"id": 9, "type": "SaveImage", "widgets_values": ["x"], "inputs": [{"name": "images", "link": 5}]},
    ]
    links = [
        [1, 4, 0, 3, 0, "MODEL"],
        [2, 6, 0, 3, 1, "C"],
        [3, 7, 0, 3, 2, "C"],
        [4, 5, 0, 3, 3, "L"],
        [5, 3, 0, 9, 0],
    ]
    found = from_texts({"workflow": json.dumps({"nodes": nodes, "links": links})})
    assert found == ForeignRecipe("ComfyUI", "a house", "", 5, 12, 7.5, "euler-a", 512, 640, "dream", ())


def test_a_loop_of_links_ends() -> None:
    """A graph that no program draws."""
    inputs = {"latent_image": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "model": ["2", 0], "seed": 3}
    graph = {
        "1": {"class_type": "KSampler", "inputs": {**inputs, "latent_image": ["2", 0]}},
        "2": {"class_type": "X", "inputs": {"conditioning": ["2", 0], "model": ["2", 0], "a": ["1", 0]}},
    }
    found = from_texts({"prompt": json.dumps(graph)})
    assert found is None or found.program == "ComfyUI"


def test_invokeai(tmp_path: Path) -> None:
    """Both of its forms."""
    data = {
        "positive_prompt": "moon",
        "negative_prompt": "sun",
        "seed": 11,
        "steps": 30,
        "cfg_scale": 7.5,
        "scheduler": "dpmpp_2m_sde_k",
        "width": 512,
        "height": 768,
        "model": {"name": "Dreamshaper 8", "base": "sd-1"},
        "loras": [{"model": {"name": "ink"}, "weight": 0.75}, {"lora": {"model_name": "old"}, "weight": 1}],
    }
    found = read(png(tmp_path / "a.png", invokeai_metadata=json.dumps(data)))
    expected = (("ink", 0.75), ("old", 1.0))
    assert found == ForeignRecipe(
        "InvokeAI", "moon", "sun", 11, 30, 7.5, "dpmpp-2m-sde-karras", 512, 768, "Dreamshaper 8", expected
    )
    image = {
        "prompt": [{"prompt": "moon [sun]", "weight": 1}],
        "seed": 1,
        "steps": 2,
        "cfg_scale": 3,
        "sampler": "ddim",
    }
    old = {"model_weights": "sd-1.5", "image": image | {"width": 64, "height": 64}}
    found = read(png(tmp_path / "b.png", sd_x_metadata=json.dumps(old)))
    assert found == ForeignRecipe("InvokeAI", "moon", "sun", 1, 2, 3.0, "ddim", 64, 64, "sd-1.5", ())


def test_novelai_swarmui_and_fooocus(tmp_path: Path) -> None:
    """A JSON object each."""
    data = {"prompt": "girl", "uc": "bad", "seed": 9, "steps": 28, "scale": 5.5, "sampler": "k_euler_ancestral"}
    found = read(png(tmp_path / "a.png", Comment=json.dumps(data | {"width": 832, "height": 1216})))
    assert found == ForeignRecipe("NovelAI", "girl", "bad", 9, 28, 5.5, "euler-a", 832, 1216, "", ())
    swarm = {"sui_image_params": {"prompt": "cat", "seed": 3, "steps": 4, "cfgscale": 1.0, "sampler": "uni_pc"}}
    found = read(png(tmp_path / "b.png", parameters=json.dumps(swarm)))
    assert (found.program, found.prompt, found.seed, found.scheduler) == ("SwarmUI", "cat", 3, "unipc")
    data = {"prompt": "owl", "negative_prompt": "", "seed": "77", "steps": 30, "guidance_scale": 4.0}
    data |= {"resolution": "(896, 1152)", "base_model": "x.safetensors", "sampler": "dpmpp_2m_sde_gpu"}
    found = read(png(tmp_path / "c.png", parameters=json.dumps(data | {"scheduler": "karras"})))
    expected = ForeignRecipe("Fooocus", "owl", "", 77, 30, 4.0, "dpmpp-2m-sde-karras", 896, 1152, "x", ())
    assert found == expected


@pytest.mark.parametrize(
    ("told", "model", "expected"),
    [
        ("Euler a", "", "euler-a"),
        ("DPM++ 2M Automatic", "", "dpmpp-2m-karras"),
        ("DPM++ 2M", "", "dpmpp-2m"),
        ("DPM++ 2M SDE Karras", "", "dpmpp-2m-sde-karras"),
        ("dpmpp_2m_sde_gpu exponential", "", "dpmpp-2m-sde"),
        ("DPM++ SDE Karras", "", "dpmpp-sde"),
        ("euler_k", "", "euler"),
        ("k_euler native", "", "euler"),
        ("PLMS", "", "pndm"),
        ("lcm sgm_uniform", "", "lcm"),
        ("euler simple", "flux1-dev", "flow-euler"),
        ("dpmpp_2m", "flux1-dev", "dpmpp-2m"),
        ("Restart", "", ""),
        ("", "", ""),
    ],
)
def test_names_of_schedulers(told: str, model: str, expected: str) -> None:
    """What others call them."""
    assert scheduler_id(told, model) == expected


def test_our_names_are_the_engines() -> None:
    """Every id that can come out is one that a form knows."""
    schedulers = pytest.importorskip("aigc_studio.engines.image.diffusion.schedulers")
    known = {item.id for item in (*schedulers.NOISE, *schedulers.FLOW)} | {""}
    names = ("euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_sde", "uni_pc", "ddim", "heun", "lms")
    for name in (*names, "plms", "pndm", "deis", "lcm", "tcd"):
        for noise in ("", "karras", "normal"):
            for model in ("", "flux"):
                assert scheduler_id(f"{name} {noise}", model) in known


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>"), max_size=60).map(str.strip)


@given(
    prompt=PLAIN.filter(lambda text: not text.startswith(("Negative prompt:", "Steps: "))),
    negative=PLAIN,
    seed=st.integers(0, 2**64 - 1),
    steps=st.integers(1, 150),
    guidance=st.floats(0, 30).map(lambda value: round(value, 2)),
    sides=st.tuples(st.integers(1, 8192), st.integers(1, 8192)),
)
def test_what_a1111_writes_is_read(
    prompt: str, negative: str, seed: int, steps: int, guidance: float, sides: tuple[int, int]
) -> None:
    """Whatever is in the prompt."""
    lines = [prompt, *([f"Negative prompt: {negative}"] if negative else [])]
    lines.append(f"Steps: {steps}, Sampler: Euler a, CFG scale: {guidance}, Seed: {seed}, Size: {sides[0]}x{sides[1]}")
    found = from_texts({"parameters": "\n".join(lines)})
    assert found is not None
    assert (found.prompt, found.negative or "") == (prompt, negative)
    assert (found.seed, found.steps, found.guidance) == (seed, steps, guidance)
    assert (found.width, found.height, found.scheduler) == (*sides, "euler-a")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(["1", 0]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["1", "2", "inputs", "class_type", "nodes", "links", "positive", "latent_image", "model"]),
            inner,
            max_size=4,
        )
        | st.dictionaries(
            st.sampled_from(["image", "prompt", "uc", "seed", "steps", "loras", "text"]), inner, max_size=4
        )
    ),
    max_leaves=25,
)
KEYS = ("parameters", "prompt", "workflow", "invokeai_metadata", "sd-metadata", "Comment", "UserComment")


@given(key=st.sampled_from(KEYS), value=JSON)
def test_odd_json_says_nothing(tmp_path_factory: pytest.TempPathFactory, key: str, value: Any) -> None:
    """Any JSON under any key: an answer of the right types or none, never an error."""
    path = tmp_path_factory.getbasetemp() / "odd.png"
    info = PngImagePlugin.PngInfo()
    info.add_itxt(key, json.dumps(value))
    Image.new("L", (1, 1)).save(path, pnginfo=info)
    found = read_foreign(path)
    assert found is None or (isinstance(found.prompt, str) and isinstance(found.scheduler, str))


@settings(max_examples=200)
@given(data=st.data())
def test_broken_files_say_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Cut anywhere, a byte changed, or noise."""
    base = tmp_path_factory.getbasetemp()
    whole = base / "whole.png"
    if not whole.exists():
        png(whole, parameters=A1111, prompt=json.dumps(NODES))
    content = bytearray(whole.read_bytes())
    kind = data.draw(st.sampled_from(["cut", "change", "noise"]))
    if kind == "cut":
        content = content[: data.draw(st.integers(0, len(content)))]
    elif kind == "change":
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    else:
        content = bytearray(content[:8] + data.draw(st.binary(max_size=200)))
    path = base / "broken.png"
    path.write_bytes(content)
    read_foreign(path)


def test_bombs_and_oddities(tmp_path: Path) -> None:
    """Text that unpacks to gigabytes, JSON nested a million deep, a folder, nothing, a text of settings only."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = b"\x89PNG\r\n\x1a\n"
    bomb = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"a" * (50 << 20), 9))
    (tmp_path / "bomb.png").write_bytes(head + bomb * 3)
    assert read_foreign(tmp_path / "bomb.png") is None
    deep = chunk(b"tEXt", b"prompt\0" + b"[" * 1_000_000)
    (tmp_path / "deep.png").write_bytes(head + deep)
    assert read_foreign(tmp_path / "deep.png") is None
    assert read_foreign(tmp_path) is None
    assert read_foreign(tmp_path / "none.png") is None
    assert from_texts({"parameters": "x" * 1_000_000}) is None
    assert from_texts({"parameters": "a b c " * 100_000 + "\nSteps: 3"}) is not None
    assert from_texts({"parameters": "Steps: 20, Seed: 1, Size: 1x1"}) is not None
    assert from_texts({"parameters": "written by a camera"}) is None


def test_a_crafted_graph_costs_no_more_than_a_large_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring of samplers under many ends would be walked again from each."""
    count = 2_000
    graph: dict[str, Any] = {
        str(number): {
            "class_type": "KSampler",
            "inputs": {"positive": [str((number + 1) % count), 0], "latent_image": [str((number + 1) % count), 0]},
        }
        for number in range(count)
    }
    graph |= {f"end{number}": {"class_type": "SaveImage", "inputs": {"images": ["0", 0]}} for number in range(count)}
    looked, links = [0], comfy._Graph.links

    def counted(self: comfy._Graph, id: str, *rest: Any) -> list[str]:
        looked[0] += 1
        return links(self, id, *rest)

    monkeypatch.setattr(comfy._Graph, "links", counted)
    comfy.read_graph(graph)
    assert 0 < looked[0] < 60_000
