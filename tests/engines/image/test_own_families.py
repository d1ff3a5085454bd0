"""What holds for all families of our own networks: seeds, resuming, cancelling, broken models, real folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from aigc_studio.core import catalogue  # noqa: E402
from aigc_studio.core.errors import Cancelled, StudioError  # noqa: E402
from aigc_studio.core.requests import Request  # noqa: E402
from aigc_studio.engines import registry  # noqa: E402
from aigc_studio.engines.base import Model  # noqa: E402
from tests.engines.context import FakeContext  # noqa: E402
from tests.tiny import own  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

MAKERS = {"gan": own.make_gan, "vae": own.make_vae, "vqvae": own.make_vqvae, "translator": own.make_translator}
TASKS = [
    ("gan", "generate"),
    ("gan", "interpolate"),
    ("vae", "generate"),
    ("vae", "reconstruct"),
    ("vae", "interpolate"),
    ("vae", "morph"),
    ("vqvae", "generate"),
    ("vqvae", "reconstruct"),
    ("translator", "variation"),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """One model of each family, as the library finds it."""
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for name, maker in MAKERS.items():
        entry = catalogue.inspect(maker(folder / name))[0]
        assert entry.problem is None, entry.problem
        found[name] = Model(name, entry.family, entry.title, entry.folder, entry.facts)
    return found


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that is not square."""
    path = tmp_path_factory.mktemp("pictures") / "photo.png"
    draw = np.random.default_rng(0)
    Image.fromarray(draw.integers(0, 255, (22, 31, 3), dtype=np.uint8)).save(path)
    return path


def context(model: Model, task: str, photo: Path, values: dict[str, Any] | None = None, **more: Any) -> FakeContext:
    family = registry.declared(model.family, model.facts)
    return FakeContext(values=family.values(task, {"enlarge": 1, **(values or {})}), inputs={"image": photo}, **more)


def made(model: Model, task: str, ctx: FakeContext, **fields: Any) -> list[np.ndarray]:
    """The pixels of every result."""
    module = registry.module(model.family)
    request = Request("image", task, model.family, **{"seed": 11, **fields})
    module.run(module.load(model, ctx), request, ctx)
    return [np.asarray(saved.value) for saved in ctx.images]


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_the_same_recipe_makes_the_same_pixels(name: str, task: str, models, photo) -> None:
    """Alone, in a batch, and in a job that was resumed; with the values that the recipe keeps."""
    model = models[name]
    values = {"amount": 1.0, "keep": 50, "sheet": 2, "direction_1": 1.5}
    one = made(model, task, context(model, task, photo, values), count=3)
    assert len(one) == 3
    kept = json.loads(json.dumps(dict(context(model, task, photo, values).values)))
    resumed = context(model, task, photo, kept, start=1, stored=(1,))
    assert np.array_equal(made(model, task, resumed, count=3)[0], one[2])
    assert [saved.index for saved in resumed.images] == [2]
    alone = made(model, task, context(model, task, photo, kept), seed=13)
    assert np.array_equal(alone[0], one[2])
    if registry.module(name).FAMILY.chance:
        assert not np.array_equal(one[0], one[1])
    else:
        assert np.array_equal(one[0], one[1])


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_progress_previews_and_cancel(name: str, task: str, models, photo) -> None:
    """Each result counts to its end and shows itself; a cancel stops at any check, before anything is stored."""
    model = models[name]
    values = {"frames": 4, "temperature": 0.7}
    ctx = context(model, task, photo, values)
    made(model, task, ctx)
    assert ctx.steps[-1][0] == ctx.steps[-1][1] > 0
    assert ctx.previews
    for number in range(1, ctx.checks + 1):
        stopped = context(model, task, photo, values, cancel_after=number)
        with pytest.raises(Cancelled):
            made(model, task, stopped)
        assert not stopped.images


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_broken_numbers_are_said(name: str, task: str, models, photo, tmp_path: Path) -> None:
    """Weights that are no numbers: one sentence, no picture."""
    folder = MAKERS[name](tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    save_file(
        {
            key: torch.full_like(value, torch.nan) if value.is_floating_point() else value
            for key, value in weights.items()
        },
        folder / "model.safetensors",
    )
    model = Model("broken", name, "broken", folder, models[name].facts)
    ctx = context(model, task, photo)
    with pytest.raises(StudioError) as caught:
        made(model, task, ctx)
    assert caught.value.code == "model-nan"
    assert not ctx.images


@pytest.mark.parametrize("name", MAKERS)
def test_a_folder_of_another_network_is_refused(name: str, models, photo) -> None:
    """Somebody chose the wrong type, or the files changed since they were found."""
    other = models["vae" if name != "vae" else "gan"]
    with pytest.raises(StudioError) as caught:
        registry.module(name).load(Model("other", name, "other", other.folder), FakeContext())
    assert caught.value.code == "model-damaged"
    with pytest.raises(StudioError) as caught:
        registry.module(name).load(Model("none", name, "none"), FakeContext())
    assert caught.value.code == "model-missing"


@pytest.mark.parametrize("name", MAKERS)
def test_what_the_recipe_says(name: str, models) -> None:
    """Where it ran and which weights it had."""
    module = registry.module(name)
    facts = module.facts(module.load(models[name], FakeContext()))
    assert facts["model"]["digest"] == models[name].facts["digest"]
    assert facts["dtype"] == "float32"
    assert facts["pipeline"] == models[name].facts["architecture"]


@pytest.mark.parametrize("name", MAKERS)
def test_no_family_reads_a_prompt(name: str) -> None:
    """The panel asks for none."""
    family = registry.family(name)
    assert not family.prompt
    assert family.needs == "torch"
    assert registry.family("stable-diffusion").prompt


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("gan", {"mean": torch.zeros(3)}),
        ("gan", {"directions": torch.zeros(2, 3)}),
        ("gan", {"scales": torch.zeros(99)}),
        ("gan", {"mean": torch.tensor(0.0)}),
        ("gan", {"directions": torch.tensor(0.0)}),
        ("vae", {"spread": torch.zeros(2, 2)}),
        ("vae", {"dims": torch.tensor([10_000, 0])}),
        ("vae", {"dims": torch.tensor([-1, 0])}),
        ("vae", {"dims": torch.zeros(2)}),
    ],
)
def test_what_was_measured_of_another_network_is_damage_at_once(
    name: str, changed: dict[str, Any], models, tmp_path: Path
) -> None:
    """And no error in the middle of the work."""
    folder = tmp_path / "m"
    shutil.copytree(models[name].folder, folder)
    tensors = load_file(folder / "model.safetensors")
    for key, value in changed.items():
        tensors["extra." + key] = value
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(StudioError) as error:
        registry.module(name).load(Model("m", name, "M", folder), FakeContext())
    assert error.value.code == "model-damaged"
