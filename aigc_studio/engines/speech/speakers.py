"""Who speaks, as a vector: a synthetic speaker, one from a file of numbers, or one heard in a recording."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from aigc_studio.core import audio
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.weights import check_safetensors
from aigc_studio.engines import device

__all__ = [
    "CLIP_RATE",
    "LONGEST_CLIP",
    "SHORTEST_CLIP",
    "file_hash",
    "from_clip",
    "from_file",
    "read_clip",
    "synthetic",
]

CLIP = "clip"
"""Value of a parameter "speaker": who is heard in the input "voice", with "consent" given."""

FILE = "file"
"""Value of a parameter "speaker": the vector in the file that the parameter "vector" names."""

CLIP_RATE = 16_000
"""Samples a second that the speaker encoders hear."""

SHORTEST_CLIP, LONGEST_CLIP = 3.0, 30.0
"""Seconds of a recording that a voice is taken from."""

_LARGEST_FILE = 1 << 20


def synthetic(number: int, size: int) -> np.ndarray:
    """Synthetic speaker `number` (from 1): a direction of chance, the same everywhere; nobody's voice."""
    return _unit(np.random.Generator(np.random.PCG64(number)).standard_normal(size).astype(np.float32))


def consent_missing() -> StudioError:
    """Nobody has said that the voice of the recording may be used."""
    return StudioError(N_("Say first that you may use the voice of this recording."), code="consent")


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes: what a recipe says of a speaker's file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _bad(name: str, detail: str) -> StudioError:
    return StudioError(
        N_('"{file}" holds no speaker vector for this model; choose an .npy or .safetensors file of {size} numbers.'),
        code="speaker-file",
        detail=detail,
        file=name,
        size="512",
    )


def from_file(path: Path, size: int) -> np.ndarray:
    """A vector of `size` numbers from an .npy or .safetensors file, of length 1; never a pickle."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError("too large for a vector")
        if path.suffix.lower() == ".safetensors":
            from safetensors.numpy import load_file

            check_safetensors(path)
            arrays = [array for array in load_file(path).values() if array.size == size]
            values = arrays[0]
        else:
            values = np.load(path, allow_pickle=False)
        vector = np.asarray(values, np.float32).reshape(-1)
    except (OSError, ValueError, IndexError, EOFError, ImportError, TypeError, StudioError) as error:
        raise _bad(path.name, repr(error)) from error
    if vector.size != size or not np.isfinite(vector).all() or not np.linalg.norm(vector):
        raise _bad(path.name, f"{vector.size} numbers")
    return _unit(vector)


def read_clip(path: Path) -> np.ndarray:
    """A recording as a speaker encoder hears it: mono at `CLIP_RATE`, silence at its ends cut off, `LONGEST_CLIP`
    seconds of it at most. StudioError when it is too short, silent or no sound."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(int((LONGEST_CLIP + 10) * file.samplerate), dtype="float32", always_2d=True)
            rate = file.samplerate
    except (OSError, soundfile.SoundFileError) as error:
        raise StudioError(
            N_("This recording cannot be read; choose another one."), code="unreadable", detail=repr(error)
        ) from error
    mono = np.nan_to_num(samples.mean(axis=1))
    mono = audio.trim(mono, rate, below=-40) if np.abs(mono).max(initial=0) > 1e-4 else mono[:0]
    mono = audio.resample(mono[: int(LONGEST_CLIP * rate)], rate, CLIP_RATE)
    if len(mono) < SHORTEST_CLIP * CLIP_RATE:
        raise StudioError(
            N_("Only {seconds} s of this recording can be heard; choose one in which the voice speaks for 3 to 30 s."),
            code="voice-short",
            seconds=f"{len(mono) / CLIP_RATE:.1f}",
        )
    return mono


def from_clip(samples: np.ndarray, encoder: Any, placement: device.Placement, *, normalise: bool) -> np.ndarray:
    """The vector that a speaker encoder (an x-vector network) hears in `samples`, of length 1."""
    import torch

    if normalise:
        samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    with torch.inference_mode():
        heard = encoder(torch.from_numpy(np.ascontiguousarray(samples))[None].to(placement.device))
    vector = heard.embeddings[0].float().cpu().numpy()
    if not np.isfinite(vector).all() or not np.linalg.norm(vector):
        raise StudioError(
            N_("The model's sound is not a number; its files may be damaged. Copy or download it again."), code="nan"
        )
    return _unit(vector)
