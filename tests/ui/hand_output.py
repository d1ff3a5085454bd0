"""An audio output whose time a test turns by hand."""

from __future__ import annotations

from pathlib import Path


class Hand:
    """An output whose time is turned by the test."""

    def __init__(self, *, there: bool = True) -> None:
        self.there, self.at, self.over, self.playing, self.volume, self.trouble = there, 0.0, False, False, 0.0, ""
        self.opened: list[Path | None] = []

    def available(self) -> bool:
        return self.there

    def open(self, path: Path | None) -> None:
        self.opened.append(path)

    def play(self) -> None:
        self.playing, self.over = True, False

    def pause(self) -> None:
        self.playing = False

    def seek(self, seconds: float) -> None:
        self.at = seconds

    def position(self) -> float:
        return self.at

    def ended(self) -> bool:
        return self.over

    def set_volume(self, volume: float) -> None:
        self.volume = volume

    def problem(self) -> str:
        return self.trouble
