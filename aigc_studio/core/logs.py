"""The log file: what a person can send when something went wrong. Three files of 2 MB at most."""

from __future__ import annotations

import logging
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from .paths import log_dir

__all__ = ["log_file", "start_logging"]

_FORMAT = "%(asctime)s %(levelname).1s %(process)d %(name)s: %(message)s"


def log_file() -> Path:
    """Where the window's log is."""
    return log_dir() / "studio.log"


def start_logging(level: int = logging.INFO, *, terminal: bool = True) -> None:
    """Write records to the log file and warnings to the terminal; exceptions nobody caught too. Once per process.

    terminal: False for a command that says in a sentence of its own what went wrong. A folder that cannot be written
    leaves the terminal only.
    """
    root = logging.getLogger()
    if any(isinstance(handler, RotatingFileHandler) for handler in root.handlers):
        return
    root.setLevel(level)
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(logging.WARNING if terminal else logging.CRITICAL)
    console.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(console)
    try:
        # delay: the file is opened with the first record, not in the first second of the start
        file = RotatingFileHandler(log_file(), maxBytes=2_000_000, backupCount=2, encoding="utf-8", delay=True)
    except OSError as error:
        root.warning("no log file: %s", error)
    else:
        file.setFormatter(logging.Formatter(_FORMAT))
        root.addHandler(file)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("aigc_studio").error("nobody caught this", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    error = args.exc_value
    if error is not None and not isinstance(error, SystemExit):
        logging.getLogger("aigc_studio").error(
            "nobody caught this in %s", args.thread, exc_info=(args.exc_type, error, args.exc_traceback)
        )
