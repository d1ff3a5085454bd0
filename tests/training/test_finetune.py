"""Fine-tuning: the bundled writer on verse, other classes on texts and conversations, all weights or adapters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library import detect
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.base import Model
from aigc_studio.engines.text import causal_lm
from aigc_studio.training import checkpoint, finetune, text_learner, text_recipe
from tests.engines.context import FakeContext
from tests.tiny import text as tiny
from tests.training.conftest import POEMS

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = {"context": 64, "batch": 2, "rate": 3e-3, "validation": 0.2, "sample_every": 50, "samples": 1, "rank": 4}
QUATRAINS = [
    poem for poem in POEMS if [len(line) for line in poem["lines"]] == [12, 12] and "□" not in poem["lines"][0]
]
TALK = [
    {"messages": [{"role": "user", "content": f"How much for {n} cups?"},
                  {"role": "assistant", "content": f"{n} cups cost {n}0 dollars."}]}
    for n in range(1, 9)
]  # fmt: skip


def write_lines(folder: Path, records: list[dict[str, Any]]) -> Path:
    """A folder with one .jsonl."""
    folder.mkdir()
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    (folder / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def train(folder: Path, data: Path, steps: int, base: Path | None = None, **params: Any) -> FakeContext:
    """One run of the recipe in `folder`; the context with what it made."""
    ctx = params.pop("ctx", None) or FakeContext()
    given = {**SMALL, "data": str(data), "name": "Ours", "steps": steps, "base": "other" if base else "", **params}
    request = Request("training", "train", "train-finetune", params=given, seed=4)
    ctx.folder, ctx.values = folder, finetune.FAMILY.values("train", given)
    if base is not None:
        ctx.parts = {"other": Model("other", "causal-lm", "Other", base)}
    finetune.run(None, request, ctx)
    return ctx


def made_of(run: Path) -> Path:
    """The folder of the model that a run made."""
    return Path(RunFolder(run).info()["model"]["folder"])


@pytest.fixture(autouse=True)
def short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time would go into samples that nobody reads."""
    monkeypatch.setattr(text_learner, "_WRITE", 8)
    monkeypatch.setattr(text_recipe, "_REFERENCES", 2)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight conversations."""
    return write_lines(tmp_path_factory.mktemp("talk") / "data", TALK)


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that follows instructions."""
    return tiny.make_qwen2(tmp_path_factory.mktemp("qwen") / "model")


def test_the_bundled_writer_learns_verse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default; measured before and after on the same words, in its own frames and its own number format."""
    monkeypatch.setattr(text_learner, "_WRITE", 40)
    data = write_lines(tmp_path / "data", QUATRAINS)
    run = tmp_path / "training" / "verse"
    train(run, data, 6, rate=1e-3)
    info = RunFolder(run).info()
    figures = info["figures"]
    assert figures["perplexity"] != figures["before_perplexity"]
    assert figures["trigram_perplexity"] > figures["perplexity"]
    assert (figures["form"], figures["form_kept"]) == ("wujue", 1.0)
    assert info["data"]["base"]["id"] == "starter-writer"
    assert info["data"]["base"]["method"] == "full"
    lines, _ = RunFolder(run).read()
    before, after = [line["texts"] for line in lines if line.get("event") == "sample"]
    assert before[0].splitlines()[0] == after[0].splitlines()[0]
    folder = made_of(run)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    loaded = causal_lm.load(Model("w", "causal-lm", "W", folder), FakeContext())
    assert loaded.framed
    finding = detect.read_model(folder)
    assert finding is not None
    assert finding.problem is None
    assert (finding.family, finding.facts["forms"][0], finding.facts["chat"]) == ("causal-lm", "wujue", False)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_answers_are_learned(tmp_path: Path, talk: Path, qwen: Path, method: str) -> None:
    """Through the chat template; the finished model answers as the data does, and adapters are merged."""
    run = tmp_path / "training" / method
    train(run, talk, 60, qwen, method=method, rate=1e-2, validation=0.1)
    info = RunFolder(run).info()
    figures = info["figures"]
    assert figures["perplexity"] < figures["before_perplexity"] / 4
    assert figures["chrf"] > 30 > figures["before_chrf"]
    assert info["data"]["base"]["method"] == method
    assert info["data"]["texts"]["documents"] + info["data"]["texts"]["held_out_documents"] == 8
    folder = made_of(run)
    assert not any("lora" in path.name or "adapter" in path.name for path in folder.iterdir())
    assert (folder / "chat_template.jinja").is_file()
    loaded = causal_lm.load(Model("w", "causal-lm", "W", folder), FakeContext())
    written = FakeContext()
    written.values = causal_lm.FAMILY.values("chat", {"max_tokens": 20, "temperature": 0.0})
    causal_lm.run(loaded, Request("text", "chat", "causal-lm", prompt="How much for 3 cups?"), written)
    assert "dollars." in written.texts[0].value


@pytest.mark.parametrize(("method", "optimiser"), [("lora", "adamw"), ("full", "muon")])
def test_a_model_that_knew_no_conversations(tmp_path: Path, talk: Path, method: str, optimiser: str) -> None:
    """GPT-2, whose layers are made in another way, learns them in a plain template, which goes with the result."""
    base = tiny.make_gpt2(tmp_path / "gpt2")
    run = tmp_path / "training" / "gpt2"
    train(run, talk, 12, base, method=method, optimiser=optimiser, rate=1e-2)
    folder = made_of(run)
    assert "### Response:" in (folder / "chat_template.jinja").read_text()
    figures = RunFolder(run).info()["figures"]
    assert figures["references"] >= 1
    assert figures["perplexity"] < figures["before_perplexity"] / 2
    kept = checkpoint.load_latest(run)["optimisers"]
    assert set(kept) == ({"adamw"} if method == "lora" else {"muon", "adamw"})


@pytest.mark.parametrize("method", ["full", "lora"])
def test_resuming_equals_not_having_stopped(tmp_path: Path, talk: Path, qwen: Path, method: str) -> None:
    """Cancelled on the way: bit for bit the same weights and averages, and nothing measured twice."""
    whole, run = tmp_path / "training" / "whole", tmp_path / "training" / "stopped"
    train(whole, talk, 5, qwen, method=method, ema=0.5)
    stopping = FakeContext()

    def stop(count: int) -> None:
        done = [step for step, _, stage in stopping.steps if stage == "Learning"]
        stopping.cancelled = bool(done) and done[-1] >= 3

    stopping.on_check = stop
    with pytest.raises(Cancelled):
        train(run, talk, 5, qwen, method=method, ema=0.5, ctx=stopping)
    before = (run / "data" / "before.json").read_bytes()
    train(run, talk, 5, qwen, method=method, ema=0.5)
    assert (run / "data" / "before.json").read_bytes() == before
    one, other = (checkpoint.load_latest(folder) for folder in (whole, run))
    for kind in ("modules", "averages"):
        assert all(torch.equal(value, other[kind]["writer"][name]) for name, value in one[kind]["writer"].items())
    assert len(one["modules"]["writer"]) > 4
    if method == "lora":
        assert all("lora" in name for name in one["modules"]["writer"])
    figures = [RunFolder(folder).info()["figures"] for folder in (whole, run)]
    assert figures[0] == figures[1]


def test_the_next_round_starts_from_adapters(tmp_path: Path, talk: Path, qwen: Path) -> None:
    """The adapters of the run before are where it begins; another rank does not fit, and is told."""
    train(tmp_path / "training" / "one", talk, 2, qwen, method="lora")
    train(tmp_path / "training" / "two", talk, 1, qwen, method="lora", start="one", rate=1e-7)
    one, two = (checkpoint.load_latest(tmp_path / "training" / name)["modules"]["writer"] for name in ("one", "two"))
    assert all(torch.allclose(value, two[name], atol=1e-4) for name, value in one.items())
    figures = [RunFolder(tmp_path / "training" / name).info()["figures"] for name in ("one", "two")]
    assert figures[1]["before_perplexity"] == pytest.approx(figures[0]["perplexity"], rel=1e-3)
    with pytest.raises(StudioError) as error:
        train(tmp_path / "training" / "three", talk, 1, qwen, method="lora", start="one", rank=8)
    assert error.value.code == "start"


def test_layers_computed_twice_change_nothing(tmp_path: Path, talk: Path, qwen: Path) -> None:
    """Gradient checkpointing saves memory and gives the same."""
    runs = [tmp_path / "training" / name for name in ("on", "off")]
    for run in runs:
        train(run, talk, 2, qwen, checkpointing=run.name)
    one, other = (checkpoint.load_latest(run)["modules"]["writer"] for run in runs)
    assert all(torch.allclose(value, other[name], atol=1e-5) for name, value in one.items())


def test_memory_is_looked_at_before(tmp_path: Path, talk: Path, qwen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose weights cannot all learn here is refused with a way out, which is what happens by itself."""
    monkeypatch.setattr(finetune, "_BYTES", 1 << 40)
    with pytest.raises(StudioError) as error:
        train(tmp_path / "training" / "full", talk, 1, qwen, method="full")
    assert error.value.code == "memory"
    monkeypatch.setattr(finetune, "_SMALL", 1)
    train(tmp_path / "training" / "auto", talk, 1, qwen)
    assert RunFolder(tmp_path / "training" / "auto").info()["data"]["base"]["method"] == "lora"


def test_odd_settings_for_sampling_do_not_lose_the_model(tmp_path: Path, talk: Path, qwen: Path) -> None:
    """transformers refuses to write a folder again that it could read."""
    path = qwen / "generation_config.json"
    kept = path.read_text()
    try:
        path.write_text(json.dumps({**json.loads(kept), "do_sample": False, "temperature": 0.5, "top_k": 3}))
        train(tmp_path / "training" / "odd", talk, 1, qwen)
    finally:
        path.write_text(kept)
    assert made_of(tmp_path / "training" / "odd").is_dir()
