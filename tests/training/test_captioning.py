"""Pictures without captions are described by a model of the library, once, and never those that have one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library.detect import read_model
from aigc_studio.core.library.known import PARTS
from aigc_studio.engines.base import Model
from aigc_studio.training.captioning import Captioner, captioned
from aigc_studio.training.images import prepare
from tests.core.datasets.kit import noise, picture, save
from tests.engines.context import FakeContext
from tests.tiny.captioner import WORDS, make_blip, make_encoder_decoder

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(autouse=True)
def short_captions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that learned nothing come to no end."""
    monkeypatch.setattr("aigc_studio.training.captioning._LONGEST", 8)


@pytest.fixture(scope="module", params=[make_blip, make_encoder_decoder], ids=["blip", "encoder-decoder"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    make: Callable[[Path], Path] = request.param
    return make(tmp_path_factory.mktemp("models") / make.__name__)


@pytest.fixture
def model(folder: Path) -> Model:
    return found(folder)


def found(folder: Path) -> Model:
    """As the catalogue has it."""
    finding = read_model(folder)
    assert finding is not None
    assert finding.problem is None
    return Model("describer", finding.family, "Describer", folder, finding.facts)


def test_the_library_knows_it_as_a_part(folder: Path) -> None:
    finding = read_model(folder)
    assert finding is not None
    assert (finding.kind, finding.facts["part"]) == ("part", "captioner")
    assert finding.facts["part"] in PARTS
    assert finding.facts["bytes"] > 0


def test_what_it_says_is_words_and_the_same_again(model: Model) -> None:
    describer = Captioner(model, FakeContext())
    images = [noise(1), noise(2, 50, 20), noise(3).convert("L")]
    texts = describer.captions(images)
    assert len(texts) == 3
    assert set(" ".join(texts).split()) <= {*WORDS, "[UNK]"}
    assert describer.captions(images) == texts


def test_only_pictures_without_a_caption_are_described_and_only_once(tmp_path: Path, model: Model) -> None:
    for number in range(10):
        picture(tmp_path, f"data/{number:03}.png", number)
    save(tmp_path, "data/004.txt", "mine")
    data = prepare(tmp_path / "run", tmp_path / "data", side=32)
    shutil.rmtree(tmp_path / "data")  # it is not needed any more
    context = FakeContext(parts={"x": model})
    described = captioned(data, "x", context)
    assert described.captions[4] == ("mine",)
    kept = json.loads((tmp_path / "run/captions.json").read_text(encoding="utf-8"))
    assert len(kept) == 9
    assert [texts for index, texts in enumerate(described.captions) if index != 4] == [
        (kept[data.hashes[index]],) if kept[data.hashes[index]] else () for index in range(10) if index != 4
    ]
    assert data.captions[3] == ()
    assert context.notices[-1][1]["count"] == sum(1 for text in kept.values() if text)
    again = captioned(data, "x", FakeContext())  # no part is asked for
    assert again.captions == described.captions
    assert captioned(data, "", FakeContext()) is data


def test_a_cancel_keeps_what_is_written_and_the_rest_follows(tmp_path: Path, model: Model) -> None:
    for number in range(20):
        picture(tmp_path, f"data/{number:03}.png", number)
    data = prepare(tmp_path / "run", tmp_path / "data", side=32)
    whole = captioned(prepare(tmp_path / "whole", tmp_path / "data", side=32), "x", FakeContext(parts={"x": model}))
    context = FakeContext(parts={"x": model})

    def stop(count: int) -> None:
        if any(done >= 8 for done, total, stage in context.steps if stage == "Describing the pictures"):
            raise Cancelled

    context.on_check = stop
    with pytest.raises(Cancelled):
        captioned(data, "x", context)
    assert len(json.loads((tmp_path / "run/captions.json").read_text(encoding="utf-8"))) == 8
    assert captioned(data, "x", FakeContext(parts={"x": model})).captions == whole.captions


def test_a_folder_without_its_files_is_a_sentence(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    (tmp_path / "model/preprocessor_config.json").unlink()
    finding = read_model(tmp_path / "model")
    assert finding is not None
    assert finding.problem is not None
    assert finding.problem.code == "model-incomplete"
    with pytest.raises(StudioError) as caught:
        Captioner(Model("x", "", "x", tmp_path / "model", finding.facts), FakeContext())
    assert caught.value.code == "model-damaged"


def test_a_reader_of_printed_text_describes_no_pictures(tmp_path: Path) -> None:
    config = {"architectures": ["VisionEncoderDecoderModel"], "model_type": "vision-encoder-decoder"}
    config |= {"encoder": {"model_type": "vit"}, "decoder": {"model_type": "trocr"}}
    save(tmp_path, "config.json", json.dumps(config))
    finding = read_model(tmp_path)
    assert finding is not None
    assert finding.facts.get("part") is None
