"""The log: a file that is made when something is written, and exceptions that nobody caught."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from aigc_studio.core import logs


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging as the window starts it, taken back after the test."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.start_logging()
    yield
    for handler in [each for each in root.handlers if each not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_the_file_is_there_with_the_first_record(started: None) -> None:
    """Not before: the first second belongs to the window."""
    assert not logs.log_file().exists()
    logging.getLogger("aigc_studio.x").info("hello 你好")
    assert "hello 你好" in logs.log_file().read_text(encoding="utf-8")


def test_starting_twice_writes_once(started: None) -> None:
    """A second window of the same process."""
    logs.start_logging()
    logging.getLogger("aigc_studio.x").info("only once")
    assert logs.log_file().read_text(encoding="utf-8").count("only once") == 1
    assert sum(isinstance(each, RotatingFileHandler) for each in logging.getLogger().handlers) == 1


@pytest.mark.allow_log("ERROR")
def test_an_exception_nobody_caught_is_in_the_log(started: None, capsys: pytest.CaptureFixture) -> None:
    """Of the main thread and of any other."""
    try:
        raise RuntimeError("main trouble")
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)

    def fail() -> None:
        raise RuntimeError("thread trouble")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    text = logs.log_file().read_text(encoding="utf-8")
    assert "main trouble" in text
    assert "thread trouble" in text


@pytest.mark.allow_log("WARNING")
def test_a_folder_that_cannot_be_written_leaves_the_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """The program starts all the same."""
    root = logging.getLogger()
    before = list(root.handlers)
    level = root.level

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(logs, "RotatingFileHandler", type("Refusing", (RotatingFileHandler,), {"__init__": refuse}))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.start_logging()
    assert "no log file" in capsys.readouterr().err
    for handler in [each for each in root.handlers if each not in before]:
        root.removeHandler(handler)
    root.setLevel(level)
