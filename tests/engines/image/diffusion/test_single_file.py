"""Single-file checkpoints: every published architecture's weights are found, tiny ones give the same pixels as their
pipeline, and what is no such file is refused in one sentence."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.paths import resources
from aigc_studio.engines.image.diffusion import clip_vocabulary, single_file
from tests.engines.context import FakeContext
from tests.tiny.checkpoint import (
    clip_names,
    open_clip_names,
    original_names,
    tiny_pipeline,
    unet_names,
    vae_names,
    write_checkpoint,
)

CONFIGS = resources() / "configs"

PUBLISHED = {
    "sd1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "sd2": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "sd2-v": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "sdxl": {
        "unet": 2_567_463_684,
        "vae": 83_653_863,
        "text_encoder": 123_060_480,
        "text_encoder_2": 694_659_840,
    },
}
"""Weights of each published part, as its authors count them."""


@pytest.fixture(scope="session")
def pipes() -> dict[str, Any]:
    return {kind: tiny_pipeline(kind) for kind in ("sd1", "sd2", "sdxl")}


def _on_meta(folder: Path) -> dict[str, Any]:
    import diffusers
    import transformers
    from accelerate import init_empty_weights

    parts: dict[str, Any] = {}
    with init_empty_weights():
        for name in PUBLISHED[folder.name]:
            config = json.loads((folder / name / "config.json").read_text(encoding="utf-8"))
            if "_class_name" in config:
                parts[name] = getattr(diffusers, config["_class_name"]).from_config(config)
            else:
                clip = transformers.CLIPTextConfig.from_pretrained(folder, subfolder=name, local_files_only=True)
                parts[name] = getattr(transformers, config["architectures"][0])(clip)
    return parts


def _shapes(weights: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_weight_of_a_full_size_checkpoint_is_found(name: str) -> None:
    from diffusers.loaders import single_file_utils as library

    parts = _on_meta(CONFIGS / name)
    kind = name.removesuffix("-v")
    for part, count in PUBLISHED[name].items():
        assert sum(weight.numel() for weight in parts[part].parameters()) == count
    checkpoint = original_names(parts, kind)
    assert len(checkpoint) == len(set(checkpoint))
    unet = library.convert_ldm_unet_checkpoint(checkpoint, parts["unet"].config)
    assert _shapes(unet) == _shapes(parts["unet"].state_dict())
    vae = library.convert_ldm_vae_checkpoint(checkpoint, parts["vae"].config)
    assert _shapes(vae) == _shapes(parts["vae"].state_dict())
    if kind == "sd2":
        encoder = library.convert_open_clip_checkpoint(parts["text_encoder"], checkpoint)
    else:
        encoder = library.convert_ldm_clip_checkpoint(checkpoint)
    assert {key.removeprefix("text_model."): shape for key, shape in _shapes(encoder).items()} == {
        key.removeprefix("text_model."): shape for key, shape in _shapes(parts["text_encoder"].state_dict()).items()
    }
    if kind == "sdxl":
        second = library.convert_open_clip_checkpoint(
            parts["text_encoder_2"], checkpoint, "conditioner.embedders.1.model."
        )
        assert _shapes(second) == _shapes(parts["text_encoder_2"].state_dict())


def test_names_are_those_of_the_authors() -> None:
    """A few names and shapes that anybody's SD 1.5 file has, against a mistake that is made there and back."""
    checkpoint = original_names(_on_meta(CONFIGS / "sd1"), "sd1")
    unet = "model.diffusion_model."
    for name, shape in {
        unet + "input_blocks.3.0.op.weight": (320, 320, 3, 3),
        unet + "input_blocks.4.0.skip_connection.weight": (640, 320, 1, 1),
        unet + "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 768),
        unet + "middle_block.1.proj_in.weight": (1280, 1280, 1, 1),
        unet + "output_blocks.2.1.conv.weight": (1280, 1280, 3, 3),
        unet + "output_blocks.5.2.conv.weight": (1280, 1280, 3, 3),
        unet + "output_blocks.11.0.skip_connection.weight": (320, 640, 1, 1),
        "first_stage_model.encoder.down.1.block.0.nin_shortcut.weight": (256, 128, 1, 1),
        "first_stage_model.decoder.up.3.upsample.conv.weight": (512, 512, 3, 3),
        "first_stage_model.decoder.mid.attn_1.q.weight": (512, 512, 1, 1),
        "cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc1.weight": (3072, 768),
    }.items():
        assert tuple(checkpoint[name].shape) == shape, name


def test_the_tokenizer_is_clips() -> None:
    tokenizer = clip_vocabulary.tokenizer()
    assert len(tokenizer) == 49408
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer("A  Photo\nof a CAT").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    padded = tokenizer("a", padding="max_length").input_ids
    assert padded == [49406, 320] + [49407] * 75
    assert clip_vocabulary.tokenizer(pad="!")("a", padding="max_length").input_ids == [49406, 320, 49407] + [0] * 74
    for text in ("don't, 3 émigrés & 霓虹灯", "🦊"):
        back = str(tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True))
        assert back.replace(" ", "") == text.replace(" ", "")


def _same_picture(first: Any, second: Any) -> None:
    pictures = [
        pipe(
            "a photo of a cat",
            num_inference_steps=2,
            width=64,
            height=64,
            generator=torch.Generator().manual_seed(3),
            output_type="latent",
        ).images
        for pipe in (first, second)
    ]
    assert torch.isfinite(pictures[0]).all()
    assert torch.equal(*pictures)


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_a_file_gives_what_its_pipeline_gives(kind: str, pipes: dict[str, Any], tmp_path: Path) -> None:
    pipe = pipes[kind]
    path = write_checkpoint(tmp_path, pipe, kind, metadata={"modelspec.prediction_type": "epsilon"})
    ctx = FakeContext()
    loaded = single_file.load(path, torch.float32, ctx)
    assert type(loaded) is type(pipe)
    assert ctx.checks >= 4
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if hasattr(pipe, part):
            ours, theirs = getattr(loaded, part).state_dict(), getattr(pipe, part).state_dict()
            assert ours.keys() == theirs.keys()
            assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    loaded.set_progress_bar_config(disable=True)
    pipe.set_progress_bar_config(disable=True)
    _same_picture(pipe, loaded)


def test_half_precision_and_inpainting(tmp_path: Path) -> None:
    pipe = tiny_pipeline("sd1", channels=9)
    path = write_checkpoint(tmp_path, pipe, "sd1")
    assert single_file.read(path).channels == 9
    loaded = single_file.load(path, torch.bfloat16, FakeContext())
    assert type(loaded).__name__ == "StableDiffusionInpaintPipeline"
    assert loaded.unet.dtype == loaded.vae.dtype == loaded.text_encoder.dtype == torch.bfloat16
    assert loaded.unet.config.in_channels == 9


def test_early_names_and_what_training_left_behind(pipes: dict[str, Any], tmp_path: Path) -> None:
    pipe = pipes["sd1"]
    old = {
        name.replace("transformer.text_model.", "transformer."): weight.clone()
        for name, weight in clip_names(pipe.text_encoder, "cond_stage_model.transformer.").items()
    }
    old["cond_stage_model.transformer.embeddings.position_ids"] = torch.arange(77)[None]
    old |= {f"model_ema.{index}": torch.zeros(1) for index in range(120)}
    path = write_checkpoint(tmp_path, pipe, "sd1", left_out="cond_stage_model.", more=old)
    loaded = single_file.load(path, torch.float32, FakeContext())
    for name, weight in pipe.text_encoder.state_dict().items():
        assert torch.equal(loaded.text_encoder.state_dict()[name], weight)


@pytest.mark.parametrize("told", ["metadata", "key", "yaml"])
def test_what_is_predicted_is_read(told: str, pipes: dict[str, Any], tmp_path: Path) -> None:
    metadata = {"modelspec.prediction_type": "v"} if told == "metadata" else {}
    more = {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)} if told == "key" else {}
    path = write_checkpoint(tmp_path, pipes["sdxl"], "sdxl", metadata=metadata, more=more)
    if told == "yaml":
        path.with_suffix(".yaml").write_text('model:\n  params:\n    parameterization: "v"\n', encoding="utf-8")
    scheduler = single_file.load(path, torch.float32, FakeContext()).scheduler
    assert scheduler.config.prediction_type == "v_prediction"
    assert bool(scheduler.config.rescale_betas_zero_snr) == (told == "key")


def test_of_a_huge_text_beside_a_checkpoint_only_the_beginning_is_read(
    pipes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies there under the name of its configuration does not fill the memory."""
    path = write_checkpoint(tmp_path, pipes["sdxl"], "sdxl")
    path.with_suffix(".yaml").write_text("#" * 5000 + '\nparameterization: "v"\n', encoding="utf-8")
    for most, prediction in ((4000, "epsilon"), (6000, "v_prediction")):
        monkeypatch.setattr(single_file, "_MOST_YAML", most)
        assert single_file.load(path, torch.float32, FakeContext()).scheduler.config.prediction_type == prediction


def test_sd2_is_asked_what_it_predicts(pipes: dict[str, Any], tmp_path: Path) -> None:
    """A UNet that answers with its input predicts noise; one that answers with much less predicts v."""
    pipe = tiny_pipeline("sd2")
    last = pipe.unet.conv_out
    for answer, prediction in ((0.5, "epsilon"), (-1.5, "v_prediction")):
        with torch.no_grad():
            last.weight.zero_()
            last.bias.fill_(answer)
        path = write_checkpoint(tmp_path, pipe, "sd2", name=prediction)
        scheduler = single_file.load(path, torch.float32, FakeContext()).scheduler
        assert scheduler.config.prediction_type == prediction


def test_cancelled_between_the_parts(pipes: dict[str, Any], tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, pipes["sd1"], "sd1")
    for after in (1, 2, 3):
        with pytest.raises(Cancelled):
            single_file.load(path, torch.float32, FakeContext(cancel_after=after))


def _refused(path: Path, code: str) -> StudioError:
    with pytest.raises(StudioError) as caught:
        single_file.load(path, torch.float32, FakeContext())
    assert caught.value.code == code, str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def test_bad_files(pipes: dict[str, Any], tmp_path: Path) -> None:
    _refused(tmp_path / "gone.safetensors", "model-missing")
    pickle = tmp_path / "model.ckpt"
    pickle.write_bytes(b"\x80\x04.")
    _refused(pickle, "model-unsafe")
    good = write_checkpoint(tmp_path, pipes["sd1"], "sd1").read_bytes()
    bad = tmp_path / "bad.safetensors"
    for content in (
        b"",
        good[:5],
        good[: len(good) // 2],
        good[:-1],
        good + b"\0",
        struct.pack("<Q", 100_000_001) + good[8:],
        struct.pack("<Q", 1 << 63) + good[8:],
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 9) + b'{"a": 12}',
        struct.pack("<Q", 100_000) + b"[" * 100_000,
    ):
        bad.write_bytes(content)
        _refused(bad, "model-damaged")
    huge = tmp_path / "huge.safetensors"
    with huge.open("wb") as file:
        file.write(struct.pack("<Q", 150_000_000))
        file.truncate(200_000_000)
    _refused(huge, "model-damaged")


def test_wrong_models(pipes: dict[str, Any], tmp_path: Path) -> None:
    def saved(name: str, *keys: str, shape: tuple[int, ...] = (4, 4)) -> Path:
        path = tmp_path / f"{name}.safetensors"
        save_file({key: torch.zeros(shape) for key in keys}, path)
        return path

    _refused(saved("kohya", "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight"), "model-lora")
    _refused(saved("peft", "unet.down_blocks.0.attentions.0.to_q.lora_A.weight"), "model-lora")
    flux = _refused(saved("flux", "model.diffusion_model.double_blocks.0.img_attn.qkv.weight"), "model-class")
    assert "Flux" in str(flux)
    assert "tokenizer" in str(flux)
    _refused(saved("sd3", "model.diffusion_model.joint_blocks.0.x_block.mlp.fc1.weight"), "model-class")
    _refused(saved("text", "transformer.h.0.attn.c_attn.weight"), "model-class")
    sd1 = pipes["sd1"].components
    alone = tmp_path / "alone.safetensors"
    save_file(unet_names(sd1["unet"]), alone)
    assert "text encoder" in str(_refused(alone, "model-incomplete"))
    encoder = clip_names(sd1["text_encoder"], "cond_stage_model.transformer.")
    save_file(unet_names(sd1["unet"]) | encoder, alone)
    assert "VAE" in str(_refused(alone, "model-incomplete"))
    save_file(vae_names(sd1["vae"]), alone)
    _refused(alone, "model-class")
    refiner = open_clip_names(pipes["sdxl"].text_encoder_2, "conditioner.embedders.0.model.")
    refiner |= {
        "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(4, 4, 3, 3),
        "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": torch.zeros(4, 1280),
    }
    save_file(refiner, alone)
    assert "refines" in str(_refused(alone, "model-class"))
    depth = write_checkpoint(tmp_path, tiny_pipeline("sd2", channels=5), "sd2", name="depth")
    assert "5 channels" in str(_refused(depth, "model-class"))


def test_weights_that_are_missing_or_of_other_sizes(pipes: dict[str, Any], tmp_path: Path) -> None:
    for kind, key in (
        ("sd1", "model.diffusion_model.middle_block.1."),
        ("sd1", "first_stage_model.decoder.mid."),
        ("sd1", "cond_stage_model.transformer.text_model.final_layer_norm."),
        ("sdxl", "model.diffusion_model.label_emb."),
        ("sdxl", "conditioner.embedders.0."),
    ):
        path = write_checkpoint(tmp_path, pipes[kind], kind, left_out=key)
        _refused(path, "model-damaged")
    path = write_checkpoint(tmp_path, pipes["sd1"], "sd1", name="small")
    (tmp_path / "small.configs").rename(tmp_path / "elsewhere")
    assert "small.configs" in str(_refused(path, "model-class"))
