"""Which of some dropped paths is a folder, asked in another thread: a path may lie on a disk that sleeps or is gone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

__all__ = ["FirstFolder"]


class FirstFolder(QObject):
    """`found` follows each `ask` once, in the owner's thread, with the first folder as Path, or None; where it is asked
    again before, for the last one only. A thread that gets no answer from its disk keeps nobody from closing."""

    found = Signal(object)
    _answered = Signal(int, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._turn = 0
        self._answered.connect(self._pass_on)

    def ask(self, paths: Sequence[Path]) -> None:
        """Look for a folder among them."""
        self._turn += 1
        threading.Thread(target=self._look, args=(self._turn, list(paths)), name="dropped", daemon=True).start()

    def _look(self, turn: int, paths: list[Path]) -> None:
        folder = next((path for path in paths if _is_folder(path)), None)
        with contextlib.suppress(RuntimeError):  # the owner is gone
            self._answered.emit(turn, folder)

    def _pass_on(self, turn: int, folder: Path | None) -> None:
        if turn == self._turn:
            self.found.emit(folder)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no permission; a name that is none
        return False
