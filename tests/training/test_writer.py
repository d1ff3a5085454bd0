"""A writer from nothing: from a folder of texts to a model that the Write panel's engine continues texts with."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core import catalogue
from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.jobs import JobState
from aigc_studio.core.project import Project
from aigc_studio.core.reader import ProjectReader
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import KEEP, REJECT, RunFolder
from aigc_studio.engines.base import Model
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.runner import run_job
from aigc_studio.engines.text import causal_lm
from aigc_studio.training import checkpoint, text_learner, writer
from aigc_studio.training.session import Session
from aigc_studio.training.texts import Texts
from tests.engines.context import FakeContext
from tests.training.conftest import POEMS

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = {"size": "tiny", "vocabulary": 320, "context": 32, "batch": 2, "rate": 2e-2, "validation": 0.2,
         "sample_every": 6, "samples": 2}  # fmt: skip
VERSES = [poem for poem in POEMS if "□" not in poem["lines"][0]]


def make_texts(folder: Path, verses: list[dict[str, Any]] = VERSES) -> Path:
    """A folder of one .jsonl and one .md."""
    folder.mkdir()
    lines = [json.dumps({"title": poem["title"], "text": "\n".join(poem["lines"])}) for poem in verses]
    (folder / "verses.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "鹿鸣.md").write_text("# 鹿鸣\n\n呦呦鹿鸣，食野之苹。\n我有嘉宾，鼓瑟吹笙。", encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time would go into samples that nobody reads."""
    monkeypatch.setattr(text_learner, "_WRITE", 8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven poems."""
    return make_texts(tmp_path_factory.mktemp("texts") / "poems")


def train(folder: Path, data: Path, steps: int, ctx: FakeContext | None = None, **params: Any) -> FakeContext:
    """One run of the recipe in `folder`; the context with what it made."""
    given = {**SMALL, "data": str(data) if data.name else "", "name": "诗人", "steps": steps, **params}
    request = Request("training", "train", "train-writer", params=given, seed=4)
    ctx = ctx or FakeContext()
    ctx.folder, ctx.values = folder, writer.FAMILY.values("train", given)
    writer.run(None, request, ctx)
    return ctx


def weights(folder: Path) -> dict[str, Any]:
    """The weights of the run's last checkpoint."""
    tree = checkpoint.load_latest(folder)
    assert tree is not None
    return tree["modules"]["writer"]


def losses(folder: Path) -> list[float]:
    """Every loss in the run's log."""
    lines, _ = RunFolder(folder).read()
    return [line["values"]["loss"] for line in lines if "loss" in line.get("values", {})]


def nats(run: Path, text: str) -> float:
    """What a token of a text costs the model of a run."""
    folder = RunFolder(run).info()["model"]["folder"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.tensor([tokenizer(text)["input_ids"][:32]])
    with torch.no_grad():
        return float(network(input_ids=ids, labels=ids).loss)


def test_it_learns_by_heart_and_delivers_a_model(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss falls, samples are shown on the way, figures and card are there, and the engine writes with it."""
    monkeypatch.setattr(text_learner, "_WRITE", 24)
    settings = Session.settings  # every step writes its loss: all of them may take less than the usual second
    monkeypatch.setattr(Session, "settings", lambda self, **more: replace(settings(self, **more), log_seconds=0.0))
    run = tmp_path / "training" / "0123abcd"
    ctx = train(run, data, 80, samples=3, sample_every=40, patience=0, prompts="# 静夜思\\n\\n床前\n月")
    lines, _ = RunFolder(run).read()
    assert losses(run)[-1] < min(1.0, losses(run)[0] / 2)
    shown = [line["texts"] for line in lines if line.get("event") == "sample"]
    assert [line["step"] for line in lines if line.get("event") == "sample"] == [5, 10, 20, 40, 80]
    assert shown[-1][0].startswith("# 静夜思\n床前明月光")
    assert shown[-1][1].startswith("月")
    summary = RunFolder(run).summary()
    assert summary is not None
    assert summary.state == "done"
    figures = summary.figures
    assert figures["perplexity"] > 1
    assert figures["trigram_perplexity"] > 1
    assert figures["held_out_tokens"] > 10
    assert 0 < figures["distinct_2"] <= 1
    assert figures["copied_longest"] >= 5
    folder = Path(summary.model)
    assert folder.parent == catalogue.models_folder()
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "training.json"} <= names
    assert "perplexity" in (folder / "README.md").read_text(encoding="utf-8")
    finals = RunFolder(run).final_samples()
    assert len(finals) == 3
    assert finals[0].prompt == "# 静夜思\n\n床前"
    assert json.loads((run / "report.json").read_text(encoding="utf-8"))["after"]["samples"][2]["seed"] == 6
    assert [each.index for each in ctx.texts] == [0]
    written = FakeContext()
    loaded = causal_lm.load(Model("w", "causal-lm", "W", folder), written)
    assert not loaded.framed
    written.values = causal_lm.FAMILY.values("continue", {"max_tokens": 14, "temperature": 0.0})
    request = Request("text", "continue", "causal-lm", prompt="床前明月光，疑", params=written.values)
    causal_lm.run(loaded, request, written)
    assert written.texts[0].value.startswith("是地上")


@pytest.mark.usefixtures("keep_frozen")
def test_as_a_job_of_a_project(tmp_path: Path, data: Path) -> None:
    """Through the queue and the engine: the samples are an asset, and the model is used by the next job at once."""
    with closing(Project.create(tmp_path / "project")) as project, closing(LocalEngine()) as engine:
        given = {**SMALL, "data": str(data), "name": "诗人", "steps": 2}
        project.queue.add(Request("training", "train", "train-writer", prompt="诗人", params=given, seed=4))
        job = project.queue.claim("train")
        assert job is not None
        assert run_job(project, job, engine).state is JobState.DONE
        with closing(ProjectReader(project.folder)) as reader:
            (asset,) = reader.assets(AssetQuery(), 0, 9)
        assert asset.kind == "text"
        catalogue.rescan()
        (entry,) = [entry for entry in catalogue.models("text") if entry.title == "诗人"]
        assert entry.family == "causal-lm"
        project.queue.add(Request("text", "continue", "causal-lm", entry.id, "月", {"max_tokens": 3}))
        job = project.queue.claim("text")
        assert job is not None
        assert run_job(project, job, engine).state is JobState.DONE


@pytest.mark.parametrize("stop_at", [4, 6])
def test_resuming_equals_not_having_stopped(tmp_path: Path, data: Path, stop_at: int) -> None:
    """Cancelled at a step or while a sample is written, with the folder of texts gone when it goes on: bit for bit
    the same weights."""
    whole = tmp_path / "training" / "whole"
    train(whole, data, 12)
    own = tmp_path / "own"
    shutil.copytree(data, own)
    run = tmp_path / "training" / "stopped"
    stopping = FakeContext()

    def stop(count: int) -> None:
        done = [step for step, _, stage in stopping.steps if stage == "Learning"]
        stopping.cancelled = bool(done) and done[-1] >= stop_at

    stopping.on_check = stop
    with pytest.raises(Cancelled):
        train(run, own, 12, stopping)
    assert 0 < checkpoint.load_latest(run)["step"] < 12
    shutil.rmtree(own)
    train(run, own, 12)
    expected = weights(whole)
    assert all(torch.equal(value, expected[name]) for name, value in weights(run).items())
    texts = [(run.parent / name / "samples" / "final" / "0000.md").read_text().split("---")[-1] for name in
             ("whole", "stopped")]  # fmt: skip
    assert texts[0] == texts[1]


def test_it_breaks_down_with_a_sentence(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that is no number: the last good state stays."""
    run = tmp_path / "training" / "broken"
    laid_out = Texts.laid_out

    def poisoned(self: Texts, *args: Any) -> Any:
        found = laid_out(self, *args)
        if args[1:]:
            found["weight"][:] = float("nan")
        return found

    train(run, data, 3)
    monkeypatch.setattr(Texts, "laid_out", poisoned)
    with pytest.raises(StudioError) as error:
        train(run, data, 6)
    assert error.value.code == "training-nan"
    assert checkpoint.load_latest(run)["step"] == 3
    assert all(torch.isfinite(value).all() for value in weights(run).values())


def test_memory_that_is_too_small_changes_nothing(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch is learned in pieces: the same result within rounding."""
    from transformers import LlamaForCausalLM

    whole, pieces = tmp_path / "training" / "whole", tmp_path / "training" / "pieces"
    train(whole, data, 3)
    forward = LlamaForCausalLM.forward

    def small(self: Any, *args: Any, **more: Any) -> Any:
        if self.training and len(more["input_ids"]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, *args, **more)

    monkeypatch.setattr(LlamaForCausalLM, "forward", small)
    ctx = train(pieces, data, 3)
    assert any("pieces" in text for text, _ in ctx.notices)
    perplexities = [RunFolder(run).info()["figures"]["perplexity"] for run in (whole, pieces)]
    assert perplexities[1] == pytest.approx(perplexities[0], rel=1e-2)


def test_early_stop_takes_the_best(tmp_path: Path, data: Path) -> None:
    """Six poems are soon known by heart, and the seventh is not guessed any better."""
    run = tmp_path / "training" / "early"
    train(run, data, 400, patience=2, sample_every=20)
    lines, _ = RunFolder(run).read()
    (end,) = [line for line in lines if line.get("event") == "end"]
    assert end["reason"] == "patience"
    losses = [line["values"]["validation/loss"] for line in lines if "validation/loss" in line.get("values", {})]
    assert losses[-1] > min(losses)
    again = tmp_path / "training" / "again"
    train(again, data, 1, start="early", rate=1e-7, sample_every=1, patience=0)
    lines, _ = RunFolder(again).read()
    (first,) = [line["values"]["validation/loss"] for line in lines if "validation/loss" in line.get("values", {})]
    assert first == pytest.approx(min(losses), rel=0.02)


def test_the_next_round_learns_what_was_kept(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and words of the run before; kept samples count double, rejected ones below nothing."""
    monkeypatch.setattr(text_learner, "_WRITE", 32)
    first, second = tmp_path / "training" / "first", tmp_path / "training" / "second"
    train(first, data, 6, samples=3)
    before = RunFolder(first)
    kept, rejected, _ = before.final_samples()
    before.rate(kept.file, KEEP)
    before.rate(rejected.file, REJECT)
    train(second, data, 3, start="first")
    assert (second / "data" / "tokenizer" / "tokenizer.json").read_bytes() == (
        first / "data" / "tokenizer" / "tokenizer.json"
    ).read_bytes()
    texts = Texts.there(second / "data" / "texts")
    assert texts is not None
    assert {texts.weight(number) for number in texts.learned} == {1.0, 2.0, -0.5}
    told = RunFolder(second).info()["data"]["texts"]
    assert (told["kept"], told["rejected"]) == (1, 1)
    left_out = tmp_path / "training" / "third"
    train(left_out, data, 3, start="first", reject=0.0)
    texts = Texts.there(left_out / "data" / "texts")
    assert texts is not None
    assert {texts.weight(number) for number in texts.learned} == {1.0, 2.0}
    assert nats(second, rejected.text) > nats(left_out, rejected.text) + 0.2
    with pytest.raises(StudioError) as error:
        train(tmp_path / "training" / "other", data, 2, start="gone")
    assert error.value.code == "start"


def test_what_cannot_be_learned_from(tmp_path: Path) -> None:
    """No folder, an empty one, one file that is no text."""
    for number, (make, code) in enumerate(((None, "data"), ([], "data-empty"), (["a.pdf"], "data-empty"))):
        folder = tmp_path / f"data{number}"
        folder.mkdir()
        for name in make or ():
            (folder / name).write_bytes(b"%PDF")
        with pytest.raises(StudioError) as error:
            train(tmp_path / "training" / str(number), Path() if make is None else folder, 2)
        assert error.value.code == code


def test_conversations_make_a_model_that_follows_instructions(tmp_path: Path, data: Path) -> None:
    """Also as a next round of one that only continued texts: its words stay, a template comes with the answers."""
    train(tmp_path / "training" / "verse", data, 2)
    folder = tmp_path / "talk"
    folder.mkdir()
    records = [{"prompt": f"月{n}？", "completion": f"明月{n}。"} for n in range(6)]
    (folder / "talk.jsonl").write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    for start in ("", "verse"):
        run = tmp_path / "training" / f"talk{start}"
        train(run, folder, 2, start=start)
        summary = RunFolder(run).summary()
        assert summary is not None
        assert summary.figures["references"] >= 1
        assert (Path(summary.model) / "chat_template.jinja").is_file()
        assert RunFolder(run).final_samples()[0].prompt.startswith("月")


def test_texts_that_hold_nothing_to_learn(tmp_path: Path) -> None:
    """One character is its first token only; it is told, and texts that are added count at the next try."""
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"messages": [{"role": "user", "content": "x"}]}', encoding="utf-8")
    for _ in range(2):
        with pytest.raises(StudioError) as error:
            train(tmp_path / "training" / "few", folder, 2)
        assert error.value.code == "data"
    (folder / "b.txt").write_text("One line.", encoding="utf-8")
    train(tmp_path / "training" / "few", folder, 2)


def test_one_text_is_enough_to_begin(tmp_path: Path) -> None:
    """Nothing can be held out of one short text; it is learned all the same."""
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "0001.txt").write_text("One line.", encoding="utf-8")
    run = tmp_path / "training" / "one"
    train(run, folder, 2)
    figures = RunFolder(run).info()["figures"]
    assert "perplexity" not in figures
    assert RunFolder(run).final_samples()
