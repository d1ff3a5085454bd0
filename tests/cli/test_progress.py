"""How a job is shown: a bar on a terminal, a line now and then elsewhere, nothing when quiet; columns and rows."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.cli import progress
from aigc_studio.cli.output import Output, ReaderGone, table
from aigc_studio.cli.progress import Watch
from aigc_studio.core import i18n


class Terminal(io.StringIO):
    """A stream that is one."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error as a terminal from now on."""
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("TERM", "xterm")
    return found


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of how many, the stage in the person's language, the step; taken away before anything else is written."""
    terminal = on_terminal(monkeypatch)
    i18n.set_language("zh_CN")
    with Watch(Output(), 3) as watch:
        watch.step(1, 0, 0, "Loading the model")
        watch.step(1, 4, 10, "Painting")
        watch.notice("The same seed: {seed}", {"seed": 4})
        watch.step(1, 5, 10, "Painting")
    shown = terminal.getvalue()
    assert "第 2 个，共 3 个" in shown
    assert i18n.tr("Painting") in shown
    assert "4/10" in shown.replace(" ", "")
    assert "The same seed: 4\n" in shown
    assert shown.rstrip().endswith("\x1b[2K"), "the last line is cleared"


def test_nothing_when_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither bar nor notice."""
    terminal = on_terminal(monkeypatch)
    with Watch(Output(quiet=True), 1) as watch:
        watch.step(0, 1, 2, "Painting")
        watch.notice("A notice", {})
    assert terminal.getvalue() == ""


def test_lines_in_a_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No more than one in a few seconds, without control characters; none for what is done at once."""
    with Watch(Output(), 1) as watch:
        watch.step(0, 1, 2, "Painting")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "FIRST_LINE_SECONDS", 0.0)
    with Watch(Output(), 2) as watch:
        for done in range(1, 500):
            watch.step(1, done, 1000, "Painting")
    assert capsys.readouterr().err == "2 of 2  Painting  step 1 of 1000\n"


def test_a_reader_that_has_gone() -> None:
    """Is known, and is not written to again by a print somewhere else."""

    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    output = Output()
    output._out = Gone()
    with pytest.raises(ReaderGone):
        output.result({}, "line")
    assert output.gone


def test_a_model_does_not_steer_the_terminal() -> None:
    """Its escape sequences are text without their first character there, and what they are elsewhere."""
    for stream, shown in ((Terminal(), "a[31m\tb\n"), (io.StringIO(), "a\x1b[31m\tb\n")):
        output = Output()
        output._out = stream
        output.piece("a\x1b[31m\tb\n")
        assert stream.getvalue() == shown


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3))
def test_a_row_is_one_line(row: dict[str, str]) -> None:
    """Whatever is in it; half a character becomes a question mark."""
    output = Output(json=True)
    output._out = stream = io.StringIO()
    output.result(row, "")
    assert stream.getvalue().count("\n") == 1
    told = json.loads(stream.getvalue())
    assert set(told.values()) == {text.encode("utf-8", "replace").decode() for text in row.values()}


def test_columns_with_chinese() -> None:
    """Two columns a character: what follows stands below each other on a terminal."""
    assert table([["编号", "a"], ["x", "b"]]) == ["编号  a", "x     b"]
    assert table([["1", "大小"], ["22", "9"]], right=(0, 1)) == [" 1  大小", "22     9"]
    assert table([]) == []
