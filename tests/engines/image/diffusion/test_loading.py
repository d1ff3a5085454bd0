"""Folders as they come: read once for all tasks, stopped between parts, and everything wrong with one in a sentence."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.engines import device, registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken
from aigc_studio.engines.image.diffusion import pipeline
from tests.engines.context import FakeContext

from .conftest import Bench, Desk, Ear

Models = Callable[[str], Model]


def test_all_tasks_share_what_was_loaded_once(model: Models, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new picture, then a changed part of it: nothing is read twice, and nothing is copied."""
    import diffusers.models.modeling_utils
    import transformers

    reads: list[str] = []
    for base in (diffusers.models.modeling_utils.ModelMixin, transformers.PreTrainedModel):
        real: Any = base.from_pretrained.__func__

        def counted(cls: Any, *args: Any, real: Any = real, **kwargs: Any) -> Any:
            reads.append(cls.__name__)
            return real(cls, *args, **kwargs)

        monkeypatch.setattr(base, "from_pretrained", classmethod(counted))
    for task in ("generate", "inpaint", "variation", "generate"):
        desk.make(model("sdxl"), task)
    assert sorted(reads) == ["AutoencoderKL", "CLIPTextModel", "CLIPTextModelWithProjection", "UNet2DConditionModel"]
    loaded = desk.engine._loaded
    assert set(loaded.pipes) == {"generate", "inpaint", "variation"}
    for pipe in loaded.pipes.values():
        for name, component in pipe.components.items():
            if name != "scheduler":  # fresh for every run
                assert component is loaded.pipe.components[name], name
    weight = loaded.pipe.unet.conv_in.weight
    assert all(pipe.unet.conv_in.weight.data_ptr() == weight.data_ptr() for pipe in loaded.pipes.values())


@pytest.mark.parametrize("name", ["sd1", "sd3"])
def test_loading_stops_at_once(name: str, model: Models) -> None:
    """Between two parts, and inside one, however large: libraries do not ask while they read it."""
    import torch

    given = model(name)
    module = registry.module(given.family)
    whole = FakeContext()
    module.load(given, whole)
    assert {stage for _, _, stage in whole.steps} >= {"Loading the text encoder", "Loading the image model"}
    assert whole.checks > 200  # some for each weight
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    for checks in range(1, whole.checks - 10, whole.checks // 5):
        ctx = FakeContext(cancel_after=checks)
        with pytest.raises(Cancelled):
            module.load(given, ctx)
        assert ctx.checks == checks
        assert (torch.is_grad_enabled(), torch.get_default_dtype()) == (grad, dtype)
    assert module.load(given, FakeContext()).digest


def test_a_part_that_cannot_be_built_leaves_torch_as_it_was(
    model: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """diffusers builds models under another default number format, and forgets to put it back when that fails."""
    import torch

    monkeypatch.setattr(device, "choose", lambda: device.Placement("cpu", "bfloat16"))
    folder = _copy(model("sd1"), tmp_path)
    _config("unet", block_out_channels=[8, "wide"])(folder)
    with pytest.raises(StudioError):
        registry.module("stable-diffusion").load(replace(model("sd1"), folder=folder), FakeContext())
    assert torch.get_default_dtype() is torch.float32


def test_weights_of_a_variant_are_found(model: Models, tmp_path: Path) -> None:
    """Folders with nothing but "fp16" files are common."""
    folder = _copy(model("sd1"), tmp_path)
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        (folder / part / f"{stem}.safetensors").rename(folder / part / f"{stem}.fp16.safetensors")
    loaded = registry.module("stable-diffusion").load(replace(model("sd1"), folder=folder), FakeContext())
    assert loaded.digest == model("sd1").facts["digest"]  # the same weights


def test_sharded_weights_are_read(model: Models, tmp_path: Path) -> None:
    folder = _copy(model("sd1"), tmp_path)
    _shard(folder / "unet")
    module = registry.module("stable-diffusion")
    one = module.load(model("sd1"), FakeContext()).pipe.unet.state_dict()
    other = module.load(replace(model("sd1"), folder=folder), FakeContext()).pipe.unet.state_dict()
    assert one.keys() == other.keys()
    assert all(other[name].equal(weight) for name, weight in one.items())


def test_what_no_task_needs_is_not_read(model: Models, tmp_path: Path) -> None:
    """The safety checker alone is 1.2 GB; a folder may lack it, too."""
    folder = _copy(model("sd1"), tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    index["requires_safety_checker"] = True
    (folder / "model_index.json").write_text(json.dumps(index))
    loaded = registry.module("stable-diffusion").load(replace(model("sd1"), folder=folder), FakeContext())
    assert loaded.pipe.safety_checker is None


# ---- folders that are not what they should be


def _copy(model: Model, tmp_path: Path) -> Path:
    assert model.folder is not None
    return shutil.copytree(model.folder, tmp_path / "copy")


def _shard(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    whole = folder / "diffusion_pytorch_model.safetensors"
    weights = load_file(whole)
    whole.unlink()
    names, places = sorted(weights), {}
    for part, chosen in enumerate((names[::2], names[1::2]), 1):
        file = f"diffusion_pytorch_model-{part:05}-of-00002.safetensors"
        save_file({name: weights[name] for name in chosen}, folder / file, {"format": "pt"})
        places |= dict.fromkeys(chosen, file)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


def _truncated(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def _huge_header(folder: Path) -> None:
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(struct.pack("<Q", 100_000_000) + b"{}")


def _pickled(folder: Path) -> None:
    file = folder / "text_encoder" / "model.safetensors"
    file.rename(file.with_name("pytorch_model.bin"))


def _lost_shard(folder: Path) -> None:
    _shard(folder / "unet")
    (folder / "unet" / "diffusion_pytorch_model-00002-of-00002.safetensors").unlink()


def _lacking(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    del weights["conv_out.weight"]
    save_file(weights, file, {"format": "pt"})


def _index(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "model_index.json"
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    return damage


def _config(name: str, **changes: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return damage


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder gone": (shutil.rmtree, "model-missing"),
    "no index": (lambda folder: (folder / "model_index.json").unlink(), "model-incomplete"),
    "broken index": (lambda folder: (folder / "model_index.json").write_text("{"), "model-damaged"),
    "no pipeline": (_index(lambda data: data.pop("_class_name")), "model-code"),
    "code": (_index(lambda data: data.update(_class_name=["pipeline", "Mine"])), "model-code"),
    "unknown pipeline": (_index(lambda data: data.update(_class_name="TeapotPipeline")), "model-class"),
    "unknown part": (_index(lambda data: data.update(unet=["diffusers", "TeapotModel"])), "model-class"),
    "any network as the scheduler": (
        _index(lambda data: data.update(scheduler=["transformers", "AutoModel"])),
        "model-class",
    ),
    "a pipeline as the tokenizer": (
        _index(lambda data: data.update(tokenizer=["diffusers", "DiffusionPipeline"])),
        "model-class",
    ),
    "a function as a part": (_index(lambda data: data.update(tokenizer=["transformers", "pipeline"])), "model-class"),
    "part of its own": (_index(lambda data: data.update(unet=["my_code", "MyUNet"])), "model-code"),
    "code in a part": (_config("unet", auto_map={"AutoModel": "x.Y"}), "model-code"),
    "part gone": (lambda folder: shutil.rmtree(folder / "vae"), "model-incomplete"),
    "config without weights": (
        lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink(),
        "model-incomplete",
    ),
    "weights without config": (lambda folder: (folder / "unet" / "config.json").unlink(), "model-incomplete"),
    "truncated": (_truncated, "model-damaged"),
    "huge header": (_huge_header, "model-damaged"),
    "pickles": (_pickled, "model-unsafe"),
    "index without shards": (_lost_shard, "model-incomplete"),
    "missing weights": (_lacking, "model-damaged"),
    "other shapes": (_config("unet", block_out_channels=[16, 32]), "model-load"),
    "nonsense config": (_config("vae", block_out_channels="many"), "model-load"),
    "no tokenizer": (lambda folder: shutil.rmtree(folder / "tokenizer"), "model-incomplete"),
    "broken tokenizer": (lambda folder: (folder / "tokenizer" / "tokenizer.json").write_text("{}"), "model-load"),
    "no scheduler": (
        lambda folder: (folder / "scheduler" / "scheduler_config.json").unlink(),
        "model-incomplete",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_told_in_one_sentence(damage: str, model: Models, tmp_path: Path) -> None:
    folder = _copy(model("sd1"), tmp_path)
    change, code = DAMAGES[damage]
    change(folder)
    with pytest.raises(StudioError) as failed:
        registry.module("stable-diffusion").load(replace(model("sd1"), folder=folder), FakeContext())
    assert failed.value.code == code, failed.value.detail
    assert str(failed.value).endswith(".")


def test_no_model_is_no_crash() -> None:
    with pytest.raises(StudioError) as failed:
        registry.module("sdxl").load(Model("", "sdxl", "SDXL"), FakeContext())
    assert failed.value.code == "model-missing"


def test_a_folder_that_moves_away_while_it_is_loaded_does_no_harm(model: Models, desk: Desk, tmp_path: Path) -> None:
    folder = _copy(model("sd1"), tmp_path)
    given = replace(model("sd1"), folder=folder)
    first = desk.make(given)
    shutil.rmtree(folder)
    assert (desk.make(given, "generate")[0] == first[0]).all()


def test_a_task_that_diffusers_has_no_class_for_is_refused(bench: Callable[[str], Bench]) -> None:
    loaded = replace(bench("sd1").loaded, pipes={})

    class Odd(type(loaded.pipe)):
        """A pipeline that no list names."""

    odd = Odd(**loaded.pipe.components, requires_safety_checker=False)
    loaded.pipe = odd
    with pytest.raises(StudioError) as failed:
        pipeline.pipe_for(loaded, "inpaint")
    assert failed.value.code == "task-model"


def test_cancelled_while_it_loads_the_engine_loads_anew_the_next_time(model: Models, desk: Desk) -> None:
    token = CancelToken()
    ear = Ear(on_progress=lambda stage, done: token.cancel() if stage == "Loading the image model" else None)
    with pytest.raises(Cancelled):
        desk.engine.run(desk.order(model("sd1"), "generate", {}), ear, token)
    assert ear.steps[-1][3] == "Loading the image model"  # not a part further
    assert len(desk.make(model("sd1"))) == 1


def test_text_encoders_of_older_libraries_are_read(model: Models, tmp_path: Path) -> None:
    """Published folders name CLIP's weights "text_model...." and have a table of positions; newer libraries do not."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = _copy(model("sdxl"), tmp_path)
    for part in ("text_encoder", "text_encoder_2"):
        file = folder / part / "model.safetensors"
        weights = {
            name if name.startswith(("text_model.", "text_projection")) else f"text_model.{name}": weight
            for name, weight in load_file(file).items()
        }
        weights["text_model.embeddings.position_ids"] = torch.arange(77)[None]
        save_file(weights, file, {"format": "pt"})
    module = registry.module("sdxl")
    one = module.load(model("sdxl"), FakeContext()).pipe
    other = module.load(replace(model("sdxl"), folder=folder), FakeContext()).pipe
    for part in ("text_encoder", "text_encoder_2"):
        weights = getattr(one, part).state_dict()
        assert all(weights[name].equal(weight) for name, weight in getattr(other, part).state_dict().items())
