"""Sound out of the project: to a file of the person's choice, in the format its name asks for, recipe and all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import soundfile

from .audio import resample
from .errors import StudioError
from .export import writing
from .i18n import N_
from .metadata import write_audio
from .store.files import copy_into

__all__ = ["SOUND_SUFFIXES", "export_sound"]

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus")
"""What a sound can be saved as."""

_OPUS_RATE = 48_000  # Opus knows 8, 12, 16, 24 and 48 kHz only


def export_sound(source: Path, target: Path, recipe: Mapping[str, Any] | None) -> None:
    """Write the sound `source` to `target`. The same format is copied byte for byte; others carry `recipe` over.

    The target is replaced only when all is written. StudioError for another format, a broken source or a full disk.
    """
    suffix = target.suffix.lower()
    if suffix not in SOUND_SUFFIXES:
        raise StudioError(
            N_('A sound cannot be saved as "{suffix}"; choose WAV, FLAC, OGG, MP3 or Opus.'),
            code="export-format",
            suffix=target.suffix or target.name,
        )
    if suffix == source.suffix.lower():
        with writing(target):
            copy_into(source, target)
        return
    try:
        samples, rate = soundfile.read(source, dtype="float32")
    except (OSError, soundfile.SoundFileError) as error:
        raise StudioError(
            N_("This sound cannot be read any more; make it again from its recipe."),
            code="unreadable",
            detail=repr(error),
        ) from error
    if suffix == ".opus" and rate != _OPUS_RATE:
        if samples.ndim > 1:
            samples = samples.mean(axis=1)
        samples, rate = resample(samples, rate, _OPUS_RATE), _OPUS_RATE
    with writing(target):
        write_audio(target, samples, rate, recipe or {})
