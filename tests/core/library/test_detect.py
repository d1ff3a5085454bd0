"""What a folder or file is: each class by its config or its tensors, and what is said of those that lack something."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.library import known
from aigc_studio.core.library.detect import apply_type, read_model, slug
from aigc_studio.core.library.entry import Finding

from .model_kit import UNET, checkpoint_shapes, pipeline, put, safetensors, transformers


def read(path: Path) -> Finding:
    """What it is, which must be something."""
    found = read_model(path)
    assert found is not None
    json.dumps(found.facts)  # JSON types only
    return found


def sound(path: Path) -> Finding:
    """The same for what must be without a problem."""
    found = read(path)
    assert found.problem is None, str(found.problem)
    return found


# Pictures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", known.PIPELINES)
def test_every_pipeline_has_its_family(tmp_path: Path, name: str) -> None:
    """The variants for other tasks are the same model."""
    found = sound(pipeline(tmp_path / "model", name))
    assert (found.kind, found.family) == ("image", known.PIPELINES[name])
    assert found.facts["pipeline"] == name
    assert found.facts["bytes"] > 0
    assert len(found.facts["digest"]) == 64


UNET1 = {"cross_attention_dim": 768, "in_channels": 4, "sample_size": 64}
VAE = {"block_out_channels": [1, 1, 1, 1]}


def test_facts_of_stable_diffusion(tmp_path: Path) -> None:
    """1.x, 2.x by the width of its texts, inpainting by its channels, native sizes."""
    facts = sound(pipeline(tmp_path / "1", unet=UNET1, vae=VAE)).facts
    expected = {"type": "sd1", "size": 512, "multiple": 8, "guidance": 7.5, "negative": True, "inpainting": False}
    assert facts.items() >= expected.items()
    assert (facts["distilled"], facts["scheduler"], facts["variant"]) == (False, "PNDMScheduler", "")
    second = UNET1 | {"cross_attention_dim": 1024, "sample_size": 96, "in_channels": 9}
    scheduler = {"prediction_type": "v_prediction"}
    facts = sound(pipeline(tmp_path / "2", unet=second, vae=VAE, scheduler=scheduler, variant="fp16")).facts
    expected = {"type": "sd2", "size": 768, "inpainting": True, "prediction": "v_prediction", "variant": "fp16"}
    assert facts.items() >= expected.items()


def test_facts_of_the_others(tmp_path: Path) -> None:
    """Steps and guidance go with how the model was trained."""
    dev = sound(pipeline(tmp_path / "dev", "FluxPipeline", transformer={"guidance_embeds": True}, vae=VAE)).facts
    assert dev.items() >= {"type": "flux", "size": 1024, "multiple": 16, "steps": 28, "guidance": 3.5}.items()
    schnell = sound(pipeline(tmp_path / "x", "FluxPipeline", transformer={"guidance_embeds": False}, vae=VAE)).facts
    assert schnell.items() >= {"steps": 4, "guidance": 0.0, "distilled": True, "negative": False}.items()
    turbo = sound(pipeline(tmp_path / "Z-Image-Turbo", "ZImagePipeline")).facts
    assert turbo.items() >= {"type": "z-image", "steps": 9, "guidance": 0.0, "negative": False}.items()
    base = sound(pipeline(tmp_path / "Z-Image", "ZImagePipeline")).facts
    assert base.items() >= {"guidance": 4.0, "negative": True, "distilled": False}.items()
    three = {"sample_size": 128, "patch_size": 2}
    sd3 = sound(pipeline(tmp_path / "3", "StableDiffusion3Pipeline", transformer=three, vae=VAE)).facts
    assert sd3.items() >= {"type": "sd3", "size": 1024, "multiple": 16}.items()
    qwen = {"temperal_downsample": [False, True, True]}
    facts = sound(pipeline(tmp_path / "q", "QwenImagePipeline", vae=qwen)).facts
    assert facts.items() >= {"type": "qwen-image", "size": 1024, "multiple": 16, "guidance": 4.0}.items()
    assert sound(pipeline(tmp_path / "p", "PixArtSigmaPipeline")).facts["type"] == "other"
    taught = sound(pipeline(tmp_path / "t", "StableDiffusionPipeline", unet={"time_cond_proj_dim": 256})).facts
    assert (taught["steps"], taught["guidance"], taught["negative"]) == (4, 8.0, False)
    lcm = sound(pipeline(tmp_path / "l", "StableDiffusionPipeline", scheduler={"_class_name": "LCMScheduler"})).facts
    assert lcm["distilled"]


@pytest.mark.parametrize(
    ("name", "few"),
    [
        ("sdxl-turbo", True),
        ("SDXL_Lightning_4step", True),
        ("Hyper-SD15-8steps", True),
        ("dreamshaper_lcm", True),
        ("hyperrealism_v3", False),
        ("film-calcmix", False),
        ("18steps", False),
    ],
)
def test_fast_models_are_known_by_name(tmp_path: Path, name: str, few: bool) -> None:
    """As folders and as single files."""
    assert sound(pipeline(tmp_path / name, "StableDiffusionXLPipeline")).facts["distilled"] is few
    assert sound(safetensors(tmp_path / f"{name}.safetensors", checkpoint_shapes())).facts["distilled"] is few


DAMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "index": (lambda f: (f / "model_index.json").write_text("{"), "model-damaged", "model_index.json"),
    "unet": (lambda f: shutil.rmtree(f / "unet"), "model-incomplete", "unet"),
    "weights": (
        lambda f: (f / "vae/diffusion_pytorch_model.safetensors").unlink(),
        "model-incomplete",
        "vae/diffusion_pytorch_model.safetensors",
    ),
    "encoder": (
        lambda f: (f / "text_encoder/model.safetensors").unlink(),
        "model-incomplete",
        "text_encoder/model.safetensors",
    ),
    "config": (lambda f: (f / "unet/config.json").unlink(), "model-incomplete", "unet/config.json"),
    "tokenizer": (lambda f: (f / "tokenizer/vocab.json").unlink(), "model-incomplete", "tokenizer/tokenizer.json"),
    "scheduler": (
        lambda f: (f / "scheduler/scheduler_config.json").unlink(),
        "model-incomplete",
        "scheduler/scheduler_config.json",
    ),
    "pickles": (
        lambda f: (f / "unet/diffusion_pytorch_model.safetensors").rename(f / "unet/diffusion_pytorch_model.bin"),
        "model-unsafe",
        "",
    ),
    "cut": (lambda f: os.truncate(f / "text_encoder/model.safetensors", 40), "model-damaged", "model.safetensors"),
    "shard": (
        lambda f: (
            (f / "unet/diffusion_pytorch_model.safetensors").unlink(),
            put(f / "unet/diffusion_pytorch_model.safetensors.index.json", {"weight_map": {"a": "x-2.safetensors"}}),
        ),
        "model-incomplete",
        "unet/x-2.safetensors",
    ),
    "code": (
        lambda f: (
            put(f / "model_index.json", json.loads((f / "model_index.json").read_text()) | {"unet": ["mine", "Unet"]}),
            (f / "unet" / "mine.py").write_text(""),
        ),
        "model-code",
        "",
    ),
    "packed": (
        lambda f: put(f / "unet/config.json", {"quantization_config": {"quant_method": "bitsandbytes"}}),
        "model-packed",
        "bitsandbytes",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_a_pipeline_lacks_is_said(tmp_path: Path, name: str) -> None:
    """With the file's name; the model is listed all the same, in its family."""
    damage, code, word = DAMAGE[name]
    folder = pipeline(tmp_path / "model")
    damage(folder)
    found = read(folder)
    assert found.kind == "image"
    assert found.problem is not None
    assert found.problem.code == code
    assert word in str(found.problem)
    assert "{" not in str(found.problem)


def test_parts_that_are_not_needed(tmp_path: Path) -> None:
    """A safety checker that was left out, or that is there without its weights."""
    folder = pipeline(tmp_path / "model")
    put(folder / "safety_checker" / "config.json", {})
    sound(folder)


def test_pipelines_that_cannot_be_used(tmp_path: Path) -> None:
    """Those that make no pictures, and those that are programs; a name that leads out of the folder."""
    assert read(pipeline(tmp_path / "a", "WanPipeline")).kind == "other"
    folder = pipeline(tmp_path / "b")
    put(folder / "model_index.json", {"_class_name": ["my_pipeline", "Evil"]})
    problem = read(folder).problem
    assert problem is not None
    assert problem.code == "model-code"
    put(folder / "model_index.json", {"_class_name": "FluxPipeline", "../../x": ["diffusers", "AutoencoderKL"]})
    problem = read(folder).problem
    assert problem is not None
    assert problem.code == "model-incomplete"


def test_a_decoder_of_its_own(tmp_path: Path) -> None:
    """By its scaling factor."""
    folder = tmp_path / "sdxl-vae-fp16-fix"
    put(folder / "config.json", {"_class_name": "AutoencoderKL", "scaling_factor": 0.13025})
    safetensors(folder / "diffusion_pytorch_model.safetensors", {"a": (1,)})
    found = sound(folder)
    assert (found.kind, found.facts["part"]) == ("part", "vae:sdxl")


# Single files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0, 32])
@pytest.mark.parametrize("type", ["sd1", "sd2", "sdxl"])
def test_checkpoints(tmp_path: Path, type: str, width: int) -> None:
    """By the width of their cross-attention, those of odd widths by their text encoders."""
    found = sound(safetensors(tmp_path / "my model.safetensors", checkpoint_shapes(type, width=width)))
    assert (found.kind, found.family) == ("image", "sdxl" if type == "sdxl" else "stable-diffusion")
    assert found.facts["type"] == type
    assert found.facts["single_file"]
    assert found.facts["size"] == {"sd1": 512, "sd2": 768, "sdxl": 1024}[type]


def test_inpainting_and_prediction(tmp_path: Path) -> None:
    """By channels; by a mark or by the metadata."""
    nine = sound(safetensors(tmp_path / "a.safetensors", checkpoint_shapes(channels=9)))
    assert nine.facts["inpainting"]
    marked = sound(safetensors(tmp_path / "b.safetensors", checkpoint_shapes("sdxl") | {"v_pred": ()}))
    assert marked.facts["prediction"] == "v_prediction"
    told = {"modelspec.prediction_type": "v"}
    assert (
        sound(safetensors(tmp_path / "c.safetensors", checkpoint_shapes(), told)).facts["prediction"] == "v_prediction"
    )


@pytest.mark.parametrize(("without", "word"), [("cond_stage_model", "text encoder"), ("first_stage_model", "VAE")])
def test_a_checkpoint_without_a_part(tmp_path: Path, without: str, word: str) -> None:
    """The part is named."""
    shapes = {name: shape for name, shape in checkpoint_shapes().items() if not name.startswith(without)}
    problem = read(safetensors(tmp_path / "a.safetensors", shapes)).problem
    assert problem is not None
    assert (problem.code, word in str(problem)) == ("model-incomplete", True)


def test_single_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Named as what they are; what is no model is left out."""
    for name, shapes in {
        "Flux": {f"{UNET}double_blocks.0.img_attn.qkv.weight": (1,)},
        "Stable Diffusion 3": {f"{UNET}joint_blocks.0.context_block.adaLN_modulation.1.bias": (1,)},
        "SDXL refiner": checkpoint_shapes("sdxl", width=1280),
    }.items():
        found = read(safetensors(tmp_path / "a.safetensors", shapes))
        assert found.kind == "other"
        assert name in str(found.problem)
    (tmp_path / "old.ckpt").write_bytes(b"x")
    problem = read(tmp_path / "old.ckpt").problem
    assert problem is not None
    assert problem.code == "model-unsafe"
    (tmp_path / "cut.safetensors").write_bytes(b"x")
    assert read(tmp_path / "cut.safetensors").problem is not None
    assert read_model(safetensors(tmp_path / "other.safetensors", {"positions": (1, 5)})) is None
    assert read_model(tmp_path / "none.safetensors") is None
    assert read_model(put(tmp_path / "x.json", {})) is None


ATTENTION = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
DOTTED = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
LORAS: list[tuple[str, dict[str, tuple[int, ...]], dict[str, str]]] = [
    ("sd1", {f"lora_unet_{ATTENTION}.lora_down.weight": (4, 768)}, {}),
    ("sd2", {f"lora_unet_{ATTENTION}.lora_down.weight": (4, 1024)}, {}),
    ("sdxl", {f"lora_unet_{ATTENTION}.lora_down.weight": (4, 2048)}, {}),
    ("sd1", {f"{DOTTED}.lora_A.weight": (4, 768)}, {}),
    ("sdxl", {f"{DOTTED}.lora.down.weight": (4, 2048)}, {}),
    ("sd1", {f"{DOTTED.replace('to_k', 'processor.to_k_lora')}.down.weight": (4, 768)}, {}),
    ("sd1", {f"{DOTTED}.lora_A.default.weight": (4, 32)}, {}),
    ("sdxl", {f"{DOTTED}.lora_A.weight": (4, 32), "text_encoder_2.text_model.x.lora_A.weight": (4, 8)}, {}),
    ("sdxl", {f"{DOTTED.replace('blocks.0.attn2', 'blocks.1.attn2')}.lora_A.weight": (4, 32)}, {}),
    ("sdxl", {f"lora_unet_{ATTENTION}.lora_down.weight": (4, 8)}, {"ss_base_model_version": "sdxl_base_v1-0"}),
    ("sd2", {f"lora_unet_{ATTENTION}.lora_down.weight": (4, 8)}, {"ss_base_model_version": "sd_v2_768_v"}),
    ("sd1", {"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 768)}, {}),
    ("flux", {"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": (4, 3072)}, {}),
    ("flux", {"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": (4, 3072)}, {}),
    ("flux", {"transformer.transformer_blocks.18.attn.to_q.lora_A.weight": (4, 3072)}, {}),
    ("qwen-image", {"transformer.transformer_blocks.59.attn.to_q.lora_A.weight": (4, 3072)}, {}),
    ("qwen-image", {"transformer_blocks.0.img_mlp.net.0.proj.lora_A.weight": (4, 3072)}, {}),
    ("sd3", {"transformer.transformer_blocks.0.attn.to_q.lora_A.weight": (4, 1536)}, {}),
    ("sd3", {"lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight": (4, 1536)}, {}),
    ("z-image", {"diffusion_model.layers.0.attention.to_q.lora_A.weight": (4, 3840)}, {}),
]


@pytest.mark.parametrize("number", range(len(LORAS)))
def test_loras(tmp_path: Path, number: int) -> None:
    """In the ways of naming of the trainers, by metadata, widths and blocks."""
    base, shapes, metadata = LORAS[number]
    found = sound(safetensors(tmp_path / "ink.safetensors", shapes, metadata))
    assert (found.kind, found.family, found.facts["part"]) == ("part", "", f"lora:{base}")
    assert found.facts["part"] in known.PARTS
    assert found.facts["rank"] == 4


def test_loras_of_other_models_are_left_out(tmp_path: Path) -> None:
    """Of language and of video models."""
    for name in ("base_model.model.model.layers.0.self_attn.q_proj", "diffusion_model.blocks.0.cross_attn.k"):
        assert read_model(safetensors(tmp_path / "a.safetensors", {f"{name}.lora_A.weight": (4, 64)})) is None


# Texts and voices -----------------------------------------------------------------------------------------------------


def test_writers(tmp_path: Path) -> None:
    """Context and chat."""
    found = sound(transformers(tmp_path / "gpt2", "GPT2LMHeadModel", "gpt2", n_positions=1024))
    assert (found.kind, found.family) == ("text", "causal-lm")
    assert found.facts.items() >= {"context": 1024, "chat": False, "model_type": "gpt2"}.items()
    folder = transformers(tmp_path / "qwen", "Qwen3ForCausalLM", "qwen3", max_position_embeddings=40_960)
    (folder / "chat_template.jinja").write_text("x", encoding="utf-8")
    assert sound(folder).facts.items() >= {"context": 40_960, "chat": True}.items()
    folder = transformers(tmp_path / "llama", "LlamaForCausalLM", "llama", tokenizer="tokenizer.model")
    put(folder / "tokenizer_config.json", {"chat_template": "x", "model_max_length": 2048})
    assert sound(folder).facts.items() >= {"context": 2048, "chat": True}.items()
    inner: dict[str, Any] = {"text_config": {"max_position_embeddings": 8192}}
    seeing = sound(transformers(tmp_path / "g", "Gemma3ForConditionalGeneration", "gemma3", **inner))
    assert (seeing.family, seeing.facts["context"]) == ("causal-lm", 8192)


WRITER_DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "config": (lambda f: (f / "config.json").write_text("{"), "model-damaged"),
    "tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "model-incomplete"),
    "weights": (lambda f: (f / "model.safetensors").unlink(), "model-incomplete"),
    "pickles": (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "model-unsafe"),
    "cut": (lambda f: os.truncate(f / "model.safetensors", 30), "model-damaged"),
    "type": (
        lambda f: put(f / "config.json", {"architectures": ["NewForCausalLM"], "model_type": "new"}),
        "model-class",
    ),
    "code": (
        lambda f: put(
            f / "config.json",
            {"architectures": ["XForCausalLM"], "model_type": "x", "auto_map": {"AutoModelForCausalLM": "m.X"}},
        ),
        "model-code",
    ),
    "packed": (
        lambda f: put(
            f / "config.json",
            {
                "architectures": ["LlamaForCausalLM"],
                "model_type": "llama",
                "quantization_config": {"quant_method": "awq"},
            },
        ),
        "model-packed",
    ),
}


@pytest.mark.parametrize("name", WRITER_DAMAGE)
def test_what_a_writer_lacks_is_said(tmp_path: Path, name: str) -> None:
    """And it is listed all the same."""
    folder = transformers(tmp_path / "model", "LlamaForCausalLM", "llama")
    damage, code = WRITER_DAMAGE[name]
    damage(folder)
    problem = read(folder).problem
    assert problem is not None
    assert problem.code == code


def test_code_beside_a_known_type_does_no_harm(tmp_path: Path) -> None:
    """The library has the class itself; the folder's code is never run."""
    sound(transformers(tmp_path / "m", "LlamaForCausalLM", "llama", auto_map={"AutoModelForCausalLM": "m.X"}))


def test_translators(tmp_path: Path) -> None:
    """Languages as the tokenizer names them; tasks by class, config and name."""
    folder = transformers(tmp_path / "opus-mt-en-zh", "MarianMTModel", "marian", tokenizer="source.spm")
    assert sound(folder).facts.items() >= {"tasks": ["translate"], "source": "en", "target": "zh"}.items()
    put(folder / "tokenizer_config.json", {"source_lang": "eng", "target_lang": "zho"})
    assert sound(folder).facts["languages"] == ["eng", "zho"]
    nllb = transformers(tmp_path / "nllb", "M2M100ForConditionalGeneration", "m2m_100")
    tokens = ["zho_Hans", {"content": "eng_Latn"}, "<pad>"]
    put(nllb / "special_tokens_map.json", {"additional_special_tokens": tokens})
    put(nllb / "tokenizer_config.json", {"tokenizer_class": "NllbTokenizer"})
    expected = {"languages": ["eng_Latn", "zho_Hans"], "tasks": ["translate"], "tokenizer": "NllbTokenizer"}
    assert sound(nllb).facts.items() >= expected.items()
    mbart = transformers(tmp_path / "mbart", "MBartForConditionalGeneration", "mbart")
    put(mbart / "tokenizer.json", {"added_tokens": [{"content": "en_XX"}, {"content": "zh_CN"}, {"content": "</s>"}]})
    assert sound(mbart).facts["languages"] == ["en_XX", "zh_CN"]
    m2m = transformers(tmp_path / "m2m", "M2M100ForConditionalGeneration", "m2m_100")
    put(
        m2m / "tokenizer_config.json",
        {"added_tokens_decoder": {"1": {"content": "__zh__"}, "2": {"content": "__en__"}}},
    )
    assert sound(m2m).facts["languages"] == ["en", "zh"]
    assert sound(transformers(tmp_path / "b", "BartForConditionalGeneration", "bart")).facts["tasks"] == ["summarise"]
    told = {"summarization": {"prefix": "summarize: "}, "translation_en_to_de": {"prefix": "translate to German: "}}
    t5 = sound(transformers(tmp_path / "t5", "T5ForConditionalGeneration", "t5", task_specific_params=told))
    assert t5.facts["tasks"] == ["translate", "summarise"]
    assert t5.facts["prefixes"]["summarization"] == "summarize: "
    named = sound(transformers(tmp_path / "mT5_multilingual_XLSum", "MT5ForConditionalGeneration", "mt5"))
    assert named.facts["tasks"] == ["summarise"]


def test_voices(tmp_path: Path) -> None:
    """Rates, voices, languages, what they need."""
    config = {"sampling_rate": 22_050, "num_speakers": 109}
    folder = transformers(tmp_path / "mms-tts-deu", "VitsModel", "vits", tokenizer="vocab.json", **config)
    facts = sound(folder).facts
    assert facts.items() >= {"rate": 22_050, "speakers": 109, "languages": ["deu"], "uroman": False}.items()
    put(folder / "tokenizer_config.json", {"language": "kor", "is_uroman": True})
    assert sound(folder).facts.items() >= {"languages": ["kor"], "uroman": True}.items()
    speech = sound(transformers(tmp_path / "t", "SpeechT5ForTextToSpeech", "speecht5", tokenizer="spm_char.model"))
    assert (speech.kind, speech.family, speech.facts["rate"]) == ("speech", "speecht5", 16_000)
    vocoder = sound(transformers(tmp_path / "h", "SpeechT5HifiGan", "hifigan", tokenizer="", sampling_rate=16_000))
    assert (vocoder.kind, vocoder.facts["part"]) == ("part", "vocoder:speecht5")
    for name in ("WavLMForXVector", "Wav2Vec2ForXVector"):
        found = sound(transformers(tmp_path / name, name, "wavlm", tokenizer=""))
        assert found.facts["part"] == "speaker-encoder:xvector"
    bark = transformers(tmp_path / "bark", "BarkModel", "bark", codec_config={"sampling_rate": 24_000})
    (bark / "voices").mkdir()
    (bark / "voices" / "a.npy").write_bytes(b"")
    places = {"repo_or_path": "suno/bark", "v2/en_1": {"semantic_prompt": "voices/a.npy"}}
    places |= {"gone": {"semantic_prompt": "voices/b.npy"}, "out": {"semantic_prompt": "../t/config.json"}}
    put(bark / "speaker_embeddings_path.json", places)
    facts = sound(bark).facts
    assert (facts["rate"], facts["speakers"]) == (24_000, ["v2/en_1"])
    (bark / "tokenizer.json").unlink()
    assert read(bark).problem is not None


def test_other_folders(tmp_path: Path) -> None:
    """A class that nothing here can use is named; code of its own, too; no config, no model."""
    found = read(transformers(tmp_path / "bert", "BertModel", "bert"))
    assert (found.kind, "BertModel" in str(found.problem)) == ("other", True)
    problem = read(transformers(tmp_path / "x", "Strange", "x", auto_map={"AutoModel": "m.X"})).problem
    assert problem is not None
    assert problem.code == "model-code"
    assert read_model(tmp_path) is None


def test_a_chosen_type(tmp_path: Path) -> None:
    """Takes back "not known", nothing else."""
    unknown = read(transformers(tmp_path / "x", "NewForCausalLM", "new"))
    chosen = apply_type(unknown, "causal-lm")
    assert (chosen.family, chosen.problem) == ("causal-lm", None)
    part = apply_type(read(safetensors(tmp_path / "a.safetensors", LORAS[0][1])), "lora:sdxl")
    assert (part.kind, part.facts["part"], part.facts["type"]) == ("part", "lora:sdxl", "sdxl")
    (tmp_path / "x" / "model.safetensors").unlink()
    missing = apply_type(read(pipeline(tmp_path / "p", "WanPipeline")), "diffusion")
    assert (missing.kind, missing.family, missing.problem) == ("image", "diffusion", None)
    wide = apply_type(read(safetensors(tmp_path / "b.safetensors", checkpoint_shapes())), "sdxl")
    assert (wide.family, wide.facts["type"], wide.facts["size"]) == ("sdxl", "sdxl", 1024)
    with pytest.raises(ValueError):
        apply_type(unknown, "nonsense")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
CONFIG_KEYS = """
architectures model_type auto_map max_position_embeddings text_config task_specific_params sampling_rate num_speakers
codec_config quantization_config _class_name scaling_factor
"""
CLASSES = "LlamaForCausalLM T5ForConditionalGeneration MarianMTModel VitsModel BarkModel SpeechT5HifiGan BertModel"
NAMES = st.sampled_from(CLASSES.split())


@given(
    config=st.dictionaries(st.sampled_from(CONFIG_KEYS.split()), JSON),
    names=st.none() | st.lists(NAMES, max_size=2),
    index=st.none() | st.dictionaries(st.sampled_from(["_class_name", "unet", "vae", "scheduler"]), JSON),
    name=st.none() | st.sampled_from(sorted(known.PIPELINES)),
    part=JSON,
)
def test_odd_configs_give_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, config: Any, names: Any, index: Any, name: Any, part: Any
) -> None:
    """Values of any types at any place: a finding with JSON facts, or none; never an error."""
    folder = tmp_path_factory.getbasetemp() / "odd-model"
    shutil.rmtree(folder, ignore_errors=True)
    put(folder / "config.json", config if names is None else config | {"architectures": names})
    put(folder / "tokenizer_config.json", part)
    put(folder / "speaker_embeddings_path.json", part)
    put(folder / "special_tokens_map.json", {"additional_special_tokens": part})
    if index is not None:
        put(folder / "model_index.json", index if name is None else index | {"_class_name": name})
        for component in ("unet", "transformer", "vae"):
            put(folder / component / "config.json", part if isinstance(part, dict) else {"sample_size": part})
        put(folder / "scheduler" / "scheduler_config.json", part)
    found = read_model(folder)
    assert found is None or json.dumps(found.facts)
    assert found is None or found.problem is None or str(found.problem)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Qwen3-0.6B", "Qwen3-0.6B"),
        ("my model (v2)", "my-model-v2"),
        ("水墨 风格", "水墨-风格"),
        ("..", "model"),
        ("", "model"),
    ],
)
def test_slugs(name: str, expected: str) -> None:
    """Ids are read and typed by people."""
    assert slug(name) == expected


def test_names_of_writers_are_the_librarys() -> None:
    """Our lists against the installed library: a class that came or went is noticed."""
    auto = pytest.importorskip("transformers.models.auto.modeling_auto")
    assert set(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) == known.CAUSAL_TYPES
    assert set(auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.values()) >= known.SEQ2SEQ_CLASSES


def test_names_of_pipelines_are_the_librarys() -> None:
    """The same for pictures, read from the source: importing it takes seconds."""
    spec = importlib.util.find_spec("diffusers")
    if spec is None or spec.origin is None:
        pytest.skip("diffusers is not here")
    source = (Path(spec.origin).parent / "pipelines" / "auto_pipeline.py").read_text(encoding="utf-8")
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        target = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        if isinstance(node, ast.Assign) and target.startswith(
            ("AUTO_TEXT2IMAGE_PIPE", "AUTO_IMAGE2IMAGE_PIPE", "AUTO_INPAINT_PIPE")
        ):
            names |= {item.id for item in ast.walk(node.value) if isinstance(item, ast.Name)}
    pictures = {name for name in names if name.endswith("Pipeline") and "Control" not in name and "Helios" not in name}
    assert len(pictures) > 50
    assert pictures == known.OTHER_PIPELINES | known.PIPELINES.keys() - {"StableDiffusionInpaintPipelineLegacy"}
