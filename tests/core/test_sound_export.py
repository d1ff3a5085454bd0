"""Sound leaves the project in the format the file's name asks for, with its recipe."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aigc_studio.core.errors import StudioError
from aigc_studio.core.metadata import read_recipe, write_audio
from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.requests import Request
from aigc_studio.core.sound_export import SOUND_SUFFIXES, export_sound

RECIPE = make_recipe("job", 0, Request("speech", "speak", "espeak", prompt="你好"), engine={"family": "espeak"})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "take.wav"
    tone = 0.5 * np.sin(np.arange(22_050) * 2 * np.pi * 440 / 22_050)
    write_audio(path, tone.astype(np.float32), 22_050, RECIPE)
    return path


@pytest.mark.parametrize("suffix", SOUND_SUFFIXES)
def test_every_format_keeps_pitch_length_and_recipe(source: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix.upper()}"
    export_sound(source, target, RECIPE)
    samples, rate = soundfile.read(target)
    assert len(samples) / rate == pytest.approx(1.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * rate / len(samples) == pytest.approx(440, abs=3)
    assert (read_recipe(target) or {}).get("request") == RECIPE["request"]


def test_the_same_format_is_the_same_file(source: Path, tmp_path: Path) -> None:
    export_sound(source, tmp_path / "copy.wav", None)
    assert (tmp_path / "copy.wav").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", ["out.aac", "out", "out.png"])
def test_other_formats_are_refused_in_words(source: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(StudioError) as error:
        export_sound(source, tmp_path / name, RECIPE)
    assert error.value.code == "export-format"
    assert not (tmp_path / name).exists()


def test_a_broken_source_leaves_the_target_alone(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    target = tmp_path / "out.flac"
    target.write_bytes(b"precious")
    with pytest.raises(StudioError):
        export_sound(tmp_path / "broken.wav", target, RECIPE)
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize("suffix", SOUND_SUFFIXES)
def test_a_persons_own_recording_is_not_labelled(tmp_path: Path, suffix: str) -> None:
    """No model made it, so nothing may say so; the same sound with a recipe says it."""
    soundfile.write(tmp_path / "own.aiff", np.zeros(4800, np.float32), 48_000)
    target = tmp_path / f"out{suffix}"
    export_sound(tmp_path / "own.aiff", target, None)
    data = target.read_bytes()
    for label in (b"AIGC\0", b"AIGC=", b"DigitalSourceType", b"AI-generated", b"aigc_studio", b"AIGC_STUDIO", b"Label"):
        assert label.lower() not in data.lower(), label
    assert read_recipe(target) is None
    export_sound(tmp_path / "own.aiff", target, RECIPE)
    assert b"trainedAlgorithmicMedia" in target.read_bytes()


def test_a_copy_is_on_the_disk_before_it_has_its_name(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("sync"), real_sync(handle)))
    monkeypatch.setattr(os, "replace", lambda old, new: (calls.append("name"), real_replace(old, new)))
    export_sound(source, tmp_path / "copy.wav", RECIPE)
    assert calls[:2] == ["sync", "name"]


def test_a_folder_that_is_not_there_is_said(source: Path, tmp_path: Path) -> None:
    for name in ("no/out.wav", "no/out.flac"):
        with pytest.raises(StudioError) as caught:
            export_sound(source, tmp_path / name, RECIPE)
        assert caught.value.code == "export"
    assert [path.name for path in tmp_path.iterdir()] == ["take.wav"]
