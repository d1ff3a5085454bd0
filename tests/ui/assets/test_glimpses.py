"""Glimpses: the words and the waveform that are really in the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtTest import QSignalSpy

from aigc_studio.core.assets import Asset
from aigc_studio.ui.assets.glimpses import BARS, GlimpseLoader


def asset(kind: str, seconds: float = 0.0, size: int = 10) -> Asset:
    return Asset(f"{kind}{seconds}{size}", kind, "t", "f", 0.0, False, "imported", 0, 0, seconds, "", 0, size, False)


@pytest.fixture
def loader(qtbot):
    loader = GlimpseLoader()
    yield loader
    loader.forget()


def wait(qtbot, loader, wanted: Asset, path: Path):
    with qtbot.waitSignal(loader.ready):
        assert loader.glimpse(wanted, path) is None
    return loader.glimpse(wanted, path)


def test_a_recording_shows_where_it_is_loud(qtbot, loader, tmp_path):
    rate = 8000
    sound = np.concatenate([np.zeros(rate), np.sin(np.arange(rate) * 0.5) * 0.8]).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, rate)
    found = wait(qtbot, loader, asset("audio", 2.0), tmp_path / "a.wav")
    assert found.shape == (BARS, 2)
    assert abs(found[: BARS // 2 - 1]).max() < 0.01
    assert abs(found[BARS // 2 + 1 :]).max() == pytest.approx(0.8, abs=0.02)


def test_a_text_shows_its_first_lines_without_front_matter(qtbot, loader, tmp_path):
    (tmp_path / "a.md").write_text("春风又绿江南岸\n\nsecond line\n", encoding="utf-8")
    assert wait(qtbot, loader, asset("text"), tmp_path / "a.md").split() == ["春风又绿江南岸", "second", "line"]


def test_what_cannot_be_read_keeps_its_sign(qtbot, loader, tmp_path):
    assert wait(qtbot, loader, asset("audio", 1.0), tmp_path / "missing.wav") == ""
    (tmp_path / "bad.wav").write_bytes(b"RIFF....")
    assert wait(qtbot, loader, asset("audio", 1.5), tmp_path / "bad.wav") == ""


def test_very_large_files_are_not_read(qtbot, loader, tmp_path):
    asked = QSignalSpy(loader.ready)
    assert loader.glimpse(asset("audio", 5000.0), tmp_path / "long.wav") is None
    assert loader.glimpse(asset("text", size=10**8), tmp_path / "long.md") is None
    assert not loader._waiting
    assert asked.count() == 0
