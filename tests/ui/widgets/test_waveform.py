"""The waveform: peaks, the maths of seeking and zooming, and what keys and the mouse do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt

from aigc_studio.ui.widgets.waveform import Marker, TimeScale, Waveform, clock, read_peaks

RATE = 22_050


def write(path: Path, samples: np.ndarray) -> Path:
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


@pytest.fixture
def wave(qtbot, tmp_path: Path) -> Waveform:
    """Four seconds: silence, a tone of 0.5, silence, a click of -0.9 at 3 s."""
    samples = np.zeros(4 * RATE, np.float32)
    samples[RATE : 2 * RATE] = 0.5 * np.sin(np.arange(RATE) * 0.3)
    samples[3 * RATE] = -0.9
    widget = Waveform()
    qtbot.addWidget(widget)
    widget.resize(400, 100)
    widget.show()
    with qtbot.waitSignal(widget.loaded, timeout=5000):
        widget.load(
            write(tmp_path / "a.wav", samples), [Marker(0, 1, "one"), Marker(1, 2.5, "two"), Marker(2.5, 4, "three")]
        )
    return widget


def test_peaks_are_the_lowest_and_highest_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    samples = rng.uniform(-1, 1, 3_000_001).astype(np.float32)  # more than one block, and not a multiple of anything
    peaks = read_peaks(write(tmp_path / "a.wav", samples))
    assert peaks.seconds == pytest.approx(len(samples) / RATE)
    assert len(peaks.values) == -(-len(samples) // 128)
    for number in (0, 8191, 8192, len(peaks.values) - 1):
        part = samples[number * 128 : (number + 1) * 128]
        assert peaks.values[number].tolist() == [part.min(), part.max()]


def test_stereo_is_drawn_together(tmp_path: Path) -> None:
    samples = np.stack([np.full(256, 0.25), np.full(256, -0.75)], axis=1).astype(np.float32)
    assert read_peaks(write(tmp_path / "a.wav", samples)).values.tolist() == [[-0.75, 0.25]] * 2


def test_columns_show_what_lies_below_each_pixel(wave: Waveform) -> None:
    columns = wave.columns(400)
    assert np.abs(columns[:98]).max() == 0
    assert columns[110:190, 1].min() > 0.45
    assert columns[:, 0].argmin() == pytest.approx(300, abs=1)
    assert columns[:, 0].min() == pytest.approx(-0.9)


@given(
    st.floats(0.001, 1e5),
    st.integers(1, 5000),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 1)), max_size=8),
)
def test_time_scale_stays_inside_and_zooms_around_the_pointer(duration, width, share, zooms) -> None:
    scale = TimeScale(duration, 0, duration, width)
    assert scale.seconds(share * width) == pytest.approx(share * duration)
    for factor, place in zooms:
        x = place * width
        before = scale.seconds(x)
        scale = scale.zoomed(factor, x)
        assert scale.start >= 0
        assert scale.start + scale.span <= duration * (1 + 1e-9)
        if 0 < scale.start < duration - scale.span - 1e-9:
            assert scale.seconds(x) == pytest.approx(before, abs=1e-6 * duration + 1e-9)
        assert scale.x(scale.seconds(x)) == pytest.approx(x, abs=1e-3 * width + 1e-6)
    shown = scale.showing(share * duration)
    assert shown.start - 1e-6 * duration <= share * duration <= shown.start + shown.span + 1e-6 * duration


def test_a_click_seeks(qtbot, wave: Waveform) -> None:
    with qtbot.waitSignal(wave.seekRequested) as seek:
        qtbot.mouseClick(wave, Qt.MouseButton.LeftButton, pos=QPoint(100, 20))
    assert seek.args[0] == pytest.approx(1.0, abs=0.02)
    assert wave.position == pytest.approx(1.0, abs=0.02)


def test_keys_seek_zoom_and_jump_between_sentences(qtbot, wave: Waveform) -> None:
    qtbot.keyClick(wave, Qt.Key.Key_Right)
    assert wave.position == 1.0
    qtbot.keyClick(wave, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert wave.position == 2.5
    qtbot.keyClick(wave, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert wave.position == 1.0
    qtbot.keyClick(wave, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert wave.position == 0.0
    qtbot.keyClick(wave, Qt.Key.Key_End)
    assert wave.position == 4.0
    qtbot.keyClick(wave, Qt.Key.Key_Plus)
    assert wave.scale.span == pytest.approx(4 / 1.5)
    assert wave.scale.start + wave.scale.span == pytest.approx(4)
    qtbot.keyClick(wave, Qt.Key.Key_0)
    assert wave.scale.span == 4
    with qtbot.waitSignal(wave.toggleRequested):
        qtbot.keyClick(wave, Qt.Key.Key_Space)


def test_following_keeps_the_place_in_view(wave: Waveform) -> None:
    wave.zoom(8, 0)
    assert wave.scale.span == pytest.approx(0.5)
    wave.set_position(3.3, follow=True)
    assert wave.scale.start <= 3.3 <= wave.scale.start + wave.scale.span


@pytest.mark.parametrize("content", [b"", b"RIFF\x24\x00\x00\x00WAVE", b"not a sound at all" * 20])
def test_a_broken_file_is_reported(qtbot, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    widget = Waveform()
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.failed, timeout=5000):
        widget.load(tmp_path / "a.wav")
    widget.grab()


def test_a_later_sound_wins(qtbot, tmp_path: Path) -> None:
    long = write(tmp_path / "long.wav", np.zeros(60 * RATE, np.float32))
    short = write(tmp_path / "short.wav", np.zeros(RATE, np.float32))
    widget = Waveform()
    qtbot.addWidget(widget)
    widget.load(long)
    with qtbot.waitSignal(widget.loaded, timeout=5000) as loaded:
        widget.load(short)
    assert loaded.args[0] == 1.0
    assert widget.scale.duration == 1.0


def test_an_empty_sound_is_drawn(qtbot, tmp_path: Path) -> None:
    widget = Waveform()
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.loaded, timeout=5000):
        widget.load(write(tmp_path / "a.wav", np.zeros(0, np.float32)))
    widget.grab()


def test_clock() -> None:
    assert [clock(0), clock(7.46), clock(65), clock(3725.91)] == ["0:00.0", "0:07.4", "1:05.0", "1:02:05.9"]
    assert clock(59.99, tenths=False) == "0:59"
