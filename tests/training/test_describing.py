"""A job describes what has no caption, once, and touches nothing in the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_studio.core.datasets.descriptions import Descriptions, described
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library.detect import read_model
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.training import captioning, describing
from tests.core.datasets.kit import picture, save
from tests.engines.context import FakeContext
from tests.tiny.captioner import make_blip

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(autouse=True)
def short_captions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that learned nothing come to no end."""
    monkeypatch.setattr(captioning, "_LONGEST", 8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = make_blip(tmp_path_factory.mktemp("models") / "blip")
    finding = read_model(folder)
    assert finding is not None
    return Model("blip", finding.family, "BLIP", folder, finding.facts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20):
        picture(tmp_path, f"data/{number:03}.png", number)
    picture(tmp_path, "data/red cup.png", 30)
    save(tmp_path, "data/003.txt", "mine")
    save(tmp_path, "data/broken.png", b"no picture")
    return tmp_path / "data"


def context(folder: Path, model: Model) -> FakeContext:
    place = folder.parent / "training" / "job"
    place.mkdir(parents=True, exist_ok=True)
    return FakeContext(values={"data": str(folder), "captioner": "blip"}, parts={"blip": model}, folder=place)


REQUEST = Request("captions", "describe", "describe-pictures")


def test_it_is_declared_in_the_lane_of_trainings() -> None:
    assert registry.family("describe-pictures") in registry.families("captions")
    assert REQUEST.lane == "train"


def test_files_name_the_folder_and_not_where_it_lies() -> None:
    """As those of a training do."""
    assert REQUEST.changed(params={"data": "/data/my/drawings"}).public().params == {"data": "drawings"}


def test_only_what_has_no_caption_is_described(folder: Path, model: Model) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    ctx = context(folder, model)
    describing.run(None, REQUEST, ctx)
    said = described(folder.parent, folder)["job"].files
    assert set(said) == {f"{number:03}.png" for number in range(20) if number != 3}
    assert ctx.texts[0].info["described"] == sum(1 for text in said.values() if text)
    assert ctx.previews
    assert before == {path: path.read_bytes() for path in folder.iterdir()}


def test_a_job_that_was_stopped_or_killed_goes_on(folder: Path, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = context(folder, model)

    def stop(_checks: int) -> None:
        if any(done >= 8 for done, _, stage in ctx.steps if stage == captioning.LOOKING):
            raise Cancelled

    ctx.on_check = stop
    with pytest.raises(Cancelled):
        describing.run(None, REQUEST, ctx)
    kept = Descriptions(folder.parent / "training" / "job")
    assert len(kept.read().files) == 8
    kept.path.write_bytes(kept.path.read_bytes()[:-9])  # killed while it wrote
    real, seen = captioning.Captioner.captions, []
    monkeypatch.setattr(
        captioning.Captioner, "captions", lambda self, images: (seen.extend(images), real(self, images))[1]
    )
    describing.run(None, REQUEST, context(folder, model))
    assert len(seen) == 12
    assert len(kept.read().files) == 19
    seen.clear()
    (folder / "000.png").rename(folder / "100.png")  # known by what is in it
    describing.run(None, REQUEST, context(folder, model))
    assert not seen
    assert "100.png" in kept.read().files


def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path, model: Model) -> None:
    with pytest.raises(StudioError) as caught:
        describing.run(None, REQUEST, context(tmp_path / "gone", model))
    assert caught.value.code == "data-missing"
