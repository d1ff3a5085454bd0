"""The command from data to a model folder that the engine continues texts with, in seconds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.base import Model
from aigc_studio.engines.text import causal_lm
from aigc_studio.training import checkpoint, export, starter_writer, writer
from aigc_studio.training.starter_writer import Settings
from tests.engines.context import FakeContext

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command on a network of a few thousand weights."""
    small = Settings(vocabulary=330, size="dwarf", context=24, steps=6, batch=2, validate_every=4, precision="fp32")
    monkeypatch.setitem(writer.SIZES, "dwarf", (64, 1))
    monkeypatch.setattr(starter_writer, "Settings", lambda **given: replace(small, **given))
    monkeypatch.setattr(starter_writer, "HELD_OUT", 0.5)
    monkeypatch.setattr(export, "VERSES", 3)
    monkeypatch.setattr(export, "LONGEST", 8)


def command(data: Path, out: Path, *more: str) -> int:
    """The exit status of the command."""
    return starter_writer.main(["--data", str(data), "--out", str(out), *more])


def test_from_data_to_text(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trained, exported with card and figures, loaded by the engine, continued."""
    assert command(data, tmp_path / "run", "--model", str(tmp_path / "model"), "--steps", "6") == 0
    lines, _ = RunFolder(tmp_path / "run").read()
    looks = [line["values"] for line in lines if "validation/perplexity_zh" in line.get("values", {})]
    assert len(looks) == 2
    assert looks[-1].keys() == {"validation/perplexity_zh", "validation/perplexity_en"}
    figures = json.loads((tmp_path / "model" / "figures.json").read_text())
    assert figures["steps"] == 6
    for language in ("zh", "en"):
        assert figures["perplexity"][language]["model"] > 1
        assert figures["perplexity"][language]["trigram"] > 1
    assert set(figures["form_kept"]) == {"wujue", "qijue", "wulv", "qilv"}
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: gpl-3.0\n")
    assert "{" not in card.partition("## Samples")[0]
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == figures
    context = FakeContext()
    writer = causal_lm.load(Model("w", "causal-lm", "W", tmp_path / "model"), context)
    assert writer.framed
    assert writer.network.limit == 24
    causal_lm.run(writer, Request("text", "continue", "causal-lm", prompt="月", params={"max_tokens": 8}), context)
    assert context.texts[0].info["tokens"] >= 1


def test_the_last_checkpoint_can_be_exported(data: Path, tmp_path: Path) -> None:
    """Without training on; where there is none it is said."""
    assert command(data, tmp_path / "run", "--export-only", "--model", str(tmp_path / "model")) == 1
    assert command(data, tmp_path / "run", "--steps", "3") == 0
    assert command(data, tmp_path / "run", "--steps", "6", "--export-only", "--model", str(tmp_path / "model")) == 0
    assert json.loads((tmp_path / "model" / "figures.json").read_text())["steps"] == 3
    told = json.loads((tmp_path / "model" / "tokenizer_config.json").read_text())
    assert not {"is_local", "local_files_only"} & told.keys()  # how it was loaded is not what it is
    assert command(data, tmp_path / "run", "--seed", "9") == 1


def test_a_stopped_run_goes_on(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped at any step by Ctrl-C: bit for bit the run that was not."""
    assert command(data, tmp_path / "whole") == 0
    calls = 0

    def interrupt(self: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(starter_writer._Terminal, "check", interrupt)
        assert command(data, tmp_path / "run") == 130
    assert checkpoint.load_latest(tmp_path / "run")["step"] == 3
    assert command(data, tmp_path / "run") == 0
    whole, run = (checkpoint.load_latest(tmp_path / name)["modules"]["writer"] for name in ("whole", "run"))
    assert all(torch.equal(value, run[name]) for name, value in whole.items())


def test_errors_are_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No data: status 1 and one line."""
    assert command(tmp_path / "nothing", tmp_path / "run") == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_pause_file_holds_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits as long as the file is there."""
    flag = tmp_path / "pause"
    flag.touch()
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            flag.unlink()

    monkeypatch.setattr(starter_writer.time, "sleep", nap)
    starter_writer._Terminal(flag).check()
    assert len(naps) == 3
