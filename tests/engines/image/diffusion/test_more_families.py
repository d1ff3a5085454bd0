"""Z-Image, Qwen-Image and the other classes: every task through tiny random models, and a table that fits diffusers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.core.errors import Cancelled
from aigc_studio.core.library.diffusion import read_pipeline
from aigc_studio.core.library.known import OTHER_PIPELINES, PIPELINES
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.image import other, qwen_image, z_image
from aigc_studio.engines.image.diffusion import schedulers
from aigc_studio.engines.image.diffusion.seeing import SeeingTokenizer
from aigc_studio.engines.image.diffusion.spec import Loaded
from tests.engines.context import FakeContext
from tests.tiny.image_more import MAKERS, make_qwen_image_edit

MODULES: dict[str, ModuleType] = {
    "z-image": z_image,
    "qwen-image": qwen_image,
    "pixart": other,
    "sana": other,
    "lcm": other,
    "sd1-pag": other,
}


@dataclass
class Tried:
    """A tiny model, read as a person's folder is."""

    module: Any
    facts: Mapping[str, Any]
    loaded: Loaded
    inputs: Mapping[str, Path]

    def run(self, task: str, *, prompt: str = "a red fox", seed: int = 1, count: int = 1, **params: Any) -> FakeContext:
        given = {"steps": 2} | ({"size": [64, 64]} if task == "generate" else {}) | params
        family = self.module.fitted(self.facts)
        ctx = FakeContext(values=family.values(task, given), inputs=self.inputs)
        self.module.run(
            self.loaded, Request("image", task, family.id, prompt=prompt, params=given, seed=seed, count=count), ctx
        )
        return ctx


@pytest.fixture(scope="session")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tried]:
    folder = tmp_path_factory.mktemp("more")
    draw = np.random.default_rng(0)
    Image.fromarray(draw.integers(0, 255, (72, 90, 3), np.uint8)).save(folder / "image.png")
    mask = np.zeros((72, 90), np.uint8)
    mask[20:50, 30:60] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    inputs = {"image": folder / "image.png", "mask": folder / "mask.png"}
    made = {}
    for name, module in MODULES.items():
        finding = read_pipeline(MAKERS[name](folder / name))
        assert finding.problem is None
        assert finding.family == module.FAMILY.id
        facts = {**finding.facts, "size": 64}
        model = Model(name, finding.family, name, folder / name, facts)
        made[name] = Tried(module, facts, module.load(model, FakeContext()), inputs)
    return made


def _pixels(ctx: FakeContext, index: int = 0) -> np.ndarray:
    return np.asarray(ctx.images[index].value)


@pytest.mark.parametrize("name", MODULES)
def test_a_new_picture(tried: dict[str, Tried], name: str) -> None:
    model = tried[name]
    ctx = model.run("generate", size=[70, 50])
    assert ctx.images[0].value.size == (70, 50)
    assert len(np.unique(_pixels(ctx))) > 20
    assert ctx.previews, name
    done, total, _ = [step for step in ctx.steps if step[2] == "Painting"][-1]
    assert done == total >= 2
    again = model.run("generate", size=[70, 50])
    assert np.array_equal(_pixels(ctx), _pixels(again))  # the recipe makes the same pixels
    assert not np.array_equal(_pixels(ctx), _pixels(model.run("generate", size=[70, 50], seed=2)))
    assert not np.array_equal(_pixels(ctx), _pixels(model.run("generate", size=[70, 50], prompt="the sea at night")))


@pytest.mark.parametrize("name", ["z-image", "qwen-image", "sd1-pag"])
def test_changed_parts_and_variations(tried: dict[str, Tried], name: str) -> None:
    model = tried[name]
    before = np.asarray(Image.open(model.inputs["image"]))
    after = _pixels(model.run("inpaint", feather=4))
    assert after.shape == before.shape
    outside = np.ones(before.shape[:2], bool)
    outside[14:56, 24:66] = False
    assert np.array_equal(before[outside], after[outside])
    assert not np.array_equal(before[25:45, 35:55], after[25:45, 35:55])
    little, much = (_pixels(model.run("variation", strength=strength, steps=6)) for strength in (0.2, 1.0))
    assert little.shape == before.shape
    assert not np.array_equal(little, much)


@pytest.mark.parametrize("name", MODULES)
def test_every_sampler_of_the_form(tried: dict[str, Tried], name: str) -> None:
    model = tried[name]
    family = model.module.fitted(model.facts)
    param = next(param for param in family.params if param.id == "scheduler")
    for item in param.choices:
        if item.value == schedulers.AS_MADE:
            continue
        once, again = (model.run("generate", scheduler=item.value, steps=3, count=2, batch=2) for _ in range(2))
        assert np.array_equal(_pixels(once), _pixels(again)), item.value
        assert np.array_equal(_pixels(once, 1), _pixels(again, 1)), item.value


@pytest.mark.parametrize("name", ["z-image", "qwen-image", "pixart", "sana"])
def test_guidance_and_negative_prompt(tried: dict[str, Tried], name: str) -> None:
    model = tried[name]
    plain = _pixels(model.run("generate", guidance=4.0))
    assert not np.array_equal(plain, _pixels(model.run("generate", guidance=9.0)))
    assert not np.array_equal(plain, _pixels(model.run("generate", guidance=4.0, negative="blue, night")))
    ctx = model.run("generate", guidance=0.0)
    unused = model.run("generate", guidance=0.0, negative="blue")
    assert np.array_equal(_pixels(ctx), _pixels(unused))
    assert [text for text, _ in unused.notices] == ["The negative prompt has no effect at this guidance."]


@pytest.mark.parametrize("name", MODULES)
def test_a_batch_equals_its_pictures(tried: dict[str, Tried], name: str) -> None:
    model = tried[name]
    three = model.run("generate", count=3, batch=2)
    assert [item.index for item in three.images] == [0, 1, 2]
    assert len({item.value.tobytes() for item in three.images}) == 3
    alone = _pixels(model.run("generate", seed=3))  # the third is a group of its own
    assert np.array_equal(alone, _pixels(three, 2))


@pytest.mark.parametrize("name", MODULES)
def test_what_is_not_read_is_told(tried: dict[str, Tried], name: str) -> None:
    ctx = tried[name].run("generate", prompt="红 " * 600)
    assert "tokens" in ctx.notices[0][0]


@pytest.mark.parametrize("name", ["pixart", "sana"])
def test_cancelled_at_a_step(tried: dict[str, Tried], name: str) -> None:
    model = tried[name]
    family = model.module.fitted(model.facts)
    whole = _pixels(model.run("generate"))
    for after in (2, 4, 5):
        ctx = FakeContext(values=family.values("generate", {"steps": 2, "size": [64, 64]}), cancel_after=after)
        with pytest.raises(Cancelled):
            model.module.run(model.loaded, Request("image", "generate", family.id, prompt="a red fox", seed=1), ctx)
        assert not ctx.images
    assert np.array_equal(whole, _pixels(model.run("generate")))


def test_a_pipeline_may_decode_itself(tried: dict[str, Tried], monkeypatch: pytest.MonkeyPatch) -> None:
    """What an unknown class gets: the same picture, by the pipeline's own decoder."""
    from dataclasses import replace

    model = tried["pixart"]
    ours = _pixels(model.run("generate")).astype(int)
    monkeypatch.setattr(model.loaded, "spec", replace(model.loaded.spec, plain=False))
    assert np.abs(_pixels(model.run("generate")).astype(int) - ours).max() <= 1


def test_a_picture_is_edited_as_the_prompt_says(
    tmp_path: Path, tried: dict[str, Tried], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qwen-Image-Edit: its encoder sees the picture, its size is its own, and there is no strength."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit as library

    real: Any = library.calculate_dimensions
    monkeypatch.setattr(library, "calculate_dimensions", lambda area, ratio: real(area // 64, ratio))  # not 1024 px
    finding = read_pipeline(make_qwen_image_edit(tmp_path / "edit"))
    assert finding.problem is None
    assert finding.family == "diffusion"
    facts = {**finding.facts, "size": 64}
    inputs = dict(tried["pixart"].inputs)
    loaded = other.load(Model("edit", "diffusion", "edit", tmp_path / "edit", facts), FakeContext())
    model = Tried(other, facts, loaded, inputs)
    assert [task.id for task in other.fitted(facts).tasks] == ["inpaint", "variation"]
    ctx = model.run("variation", prompt="make it night")
    assert ctx.images[0].value.size == (90, 72)
    assert ctx.previews
    assert not np.array_equal(_pixels(ctx), _pixels(model.run("variation", prompt="make it red")))
    Image.open(inputs["image"]).rotate(180).save(tmp_path / "turned.png")
    model.inputs = {"image": tmp_path / "turned.png"}
    assert not np.array_equal(_pixels(ctx), _pixels(model.run("variation", prompt="make it night")))


def test_only_qwens_processor_is_read_by_ours() -> None:
    assert "GlmImageProcessor" not in other.SPEC.readers
    assert other.SPEC.readers["Qwen2VLProcessor"] is SeeingTokenizer


def test_marks_of_pictures_in_a_prompt() -> None:
    class Pictures:
        merge_size = 2

        def __call__(self, *, images: list[Any], return_tensors: str) -> dict[str, Any]:
            return {"image_grid_thw": torch.tensor([[1, 2 * size, 4] for size in images])}

    class Words:
        def __call__(self, text: list[str], **_: Any) -> dict[str, Any]:
            return {"input_ids": text}

    reader = SeeingTokenizer(Words(), Pictures())
    one, two = "a <|image_pad|> b", "<|image_pad|><|image_pad|>"
    assert reader(text=[one], images=1)["input_ids"] == ["a " + "<|image_pad|>" * 2 + " b"]
    assert reader(text=[one, one], images=1)["input_ids"] == ["a " + "<|image_pad|>" * 2 + " b"] * 2
    assert reader(text=[two], images=[1, 2])["input_ids"] == ["<|image_pad|>" * 6]
    assert reader(text=["none"])["input_ids"] == ["none"]


def test_turbo_has_no_guidance() -> None:
    family = z_image.fitted({"type": "z-image", "steps": 9, "guidance": 0.0, "negative": False, "distilled": True})
    values = family.values("generate", {})
    assert (values["steps"], values["guidance"]) == (9, 0.0)
    assert "negative" not in values


def test_the_table_fits_the_library() -> None:
    import diffusers
    from diffusers.pipelines import auto_pipeline

    library: Any = auto_pipeline
    maps: dict[str, dict[str, Any]] = {
        "generate": library.AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
        "inpaint": library.AUTO_INPAINT_PIPELINES_MAPPING,
        "variation": library.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
    }
    for name, kind in other.KINDS.items():
        assert name in OTHER_PIPELINES or PIPELINES.get(name) == "diffusion", name
        pipeline = getattr(diffusers, name)
        keys = {key for mapping in maps.values() for key, cls in mapping.items() if cls.__name__ == name}
        can = {task for task, mapping in maps.items() if keys & mapping.keys()}
        assert set(kind.tasks) == can, name
        taken = inspect.signature(pipeline.__call__).parameters
        assert "num_inference_steps" in taken
        assert "output_type" in taken
        assert ("true_cfg_scale" if kind.true_guidance else "guidance_scale") in taken, name
        assert not kind.negative or "negative_prompt" in taken, name
        assert {"callback_on_step_end", "callback"} & taken.keys(), name
        if kind.plain:
            assert "vae" in inspect.signature(pipeline.__init__).parameters, name
        if "variation" in kind.tasks:
            sister = next(maps["variation"][key] for key in keys if key in maps["variation"])
            assert ("strength" in inspect.signature(sister.__call__).parameters) == kind.strength, name


def test_a_class_made_for_few_steps_keeps_its_own_defaults(tried: dict[str, Tried]) -> None:
    values = other.fitted(tried["lcm"].facts).values("generate", {})
    assert (values["steps"], values["guidance"]) == (4, 8.5)
    little, much = (_pixels(tried["lcm"].run("variation", strength=strength)) for strength in (0.3, 1.0))
    assert little.shape == much.shape == (72, 90, 3)


def test_the_form_of_each_class() -> None:
    for name, kind in other.KINDS.items():
        family = registry.declared("diffusion", {"pipeline": name, "type": "other", "size": 512})
        assert tuple(task.id for task in family.tasks) == kind.tasks
        ids = {param.id for param in family.params}
        assert ("negative" in ids) == kind.negative
        assert ("strength" in ids) == kind.strength
        assert ("loras" in ids) == bool(kind.lora)
        assert family.values(kind.tasks[0], {})["steps"] == kind.steps
    unknown = registry.declared("diffusion", {"pipeline": "BrandNewPipeline"})
    assert [task.id for task in unknown.tasks] == ["generate"]
