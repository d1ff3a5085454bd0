"""The espeak-ng library through ctypes: its voices, and text to samples. No sentences, no files.

The library keeps state from one call to the next (the phase of its waves, its pitch flutter, its random numbers), so
that the same sentence twice gives different samples. It is therefore loaded anew for every call, which costs half a
millisecond and makes each result depend on its own input only. Where the system cannot unload a library, the samples
of a repeated call may differ inaudibly. One call at a time: the state is global to the process.
"""

from __future__ import annotations

import _ctypes
import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

__all__ = ["RATE", "NativeVoice", "phonemes", "speak", "version", "voices"]

RATE = 22050
"""Samples a second that every espeak-ng voice is made at."""

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_END_PAUSE = 0x1000
_IPA = 2
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4

_one_at_a_time = threading.Lock()


class _Voice(ctypes.Structure):
    """`espeak_VOICE` of speak_lib.h."""

    _fields_ = [  # noqa: RUF012
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class NativeVoice:
    """A voice of the library: its English name, its first language tag ("en-us", "cmn") and its identifier."""

    name: str
    language: str
    identifier: str


def _missing(reason: object) -> StudioError:
    return StudioError(
        N_("The basic voice cannot be loaded; install the program again or repair its environment."),
        code="espeak-missing",
        detail=repr(reason),
    )


@lru_cache(maxsize=1)
def _paths() -> tuple[str, str]:
    """The library, and the folder that holds `espeak-ng-data`."""
    try:
        import espeakng_loader  # noqa: PLC0415  20 MB of data beside it: only where a voice is used
    except ImportError as error:
        raise _missing(error) from error
    try:
        return espeakng_loader.get_library_path(), os.path.dirname(espeakng_loader.get_data_path())
    except RuntimeError as error:
        raise _missing(error) from error


def _encoded(folder: str) -> bytes:
    """`folder` as the bytes that the C library opens it with."""
    return windows_path(folder, _short_path, "mbcs") if sys.platform == "win32" else os.fsencode(folder)


def windows_path(folder: str, short: Callable[[str], str | None], code_page: str) -> bytes:
    """A path on Windows, where the library opens files with the system's code page, not as UTF-8.

    Outside ASCII the 8.3 name (`short`) is used; where a disk has none, the path in the code page itself, which holds
    a name in the system's own language. StudioError for a path that neither can say.
    """
    if folder.isascii():
        return folder.encode("ascii")
    name = short(folder)
    if name is not None and name.isascii():
        return name.encode("ascii")
    try:
        return folder.encode(code_page, "strict")
    except UnicodeEncodeError as error:
        raise _missing(error) from error


def _short_path(folder: str) -> str | None:
    """The 8.3 form of a path on Windows; None where the disk keeps none."""
    if sys.platform != "win32":
        return None
    buffer = ctypes.create_unicode_buffer(1024)
    count = ctypes.windll.kernel32.GetShortPathNameW(folder, buffer, len(buffer))
    return buffer.value if 0 < count < len(buffer) else None


@contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """A freshly loaded and initialised library, unloaded at the end."""
    library_path, data_folder = _paths()
    with _one_at_a_time:
        try:
            library = ctypes.CDLL(library_path)
        except OSError as error:
            raise _missing(error) from error
        try:
            library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
            library.espeak_Info.restype = ctypes.c_char_p
            library.espeak_Synth.argtypes = [
                ctypes.c_char_p,
                ctypes.c_size_t,
                ctypes.c_uint,
                ctypes.c_int,
                ctypes.c_uint,
                ctypes.c_uint,
                ctypes.c_void_p,
                ctypes.c_void_p,
            ]
            rate = library.espeak_Initialize(_SYNCHRONOUS, 0, _encoded(data_folder), _DONT_EXIT)
            if rate != RATE:
                raise _missing(f"espeak_Initialize returned {rate}")
            yield library
        finally:
            library.espeak_Terminate()
            _unload(library)


def _unload(library: ctypes.CDLL) -> None:
    if sys.platform == "win32":
        _ctypes.FreeLibrary(library._handle)
    else:
        _ctypes.dlclose(library._handle)


@lru_cache(maxsize=1)
def version() -> str:
    """The library's version, "1.52.0"."""
    with _library() as library:
        return library.espeak_Info(None).decode("utf-8", "replace").split(" ")[0]


@lru_cache(maxsize=1)
def voices() -> tuple[NativeVoice, ...]:
    """Every voice of the library, by language tag."""
    with _library() as library:
        return tuple(sorted(_list(library), key=lambda voice: (voice.language, voice.name)))


def _list(library: ctypes.CDLL) -> Iterator[NativeVoice]:
    listed = library.espeak_ListVoices(None)
    index = 0
    while listed[index]:
        voice = listed[index].contents
        # Each language is a priority byte and a C string; the first is the main one.
        language = ctypes.string_at(voice.languages + 1)
        yield NativeVoice(*(part.decode("utf-8", "replace") for part in (voice.name, language, voice.identifier)))
        index += 1


def _choose(library: ctypes.CDLL, voice: str) -> bool:
    """Set the voice by its name or file, else (some are not found by it: "fr-fr") by the file of its language tag."""
    if library.espeak_SetVoiceByName(voice.encode("utf-8", "replace")) == 0:
        return True
    language, plus, variant = voice.partition("+")
    for known in _list(library):
        if known.language == language:
            return library.espeak_SetVoiceByName(f"{known.identifier}{plus}{variant}".encode()) == 0
    return False


def phonemes(text: str, voice: str) -> str:
    """How `voice` would pronounce `text`, in the International Phonetic Alphabet with stress marks; one line."""
    found: list[str] = []
    with _library() as library:
        if not _choose(library, voice):
            raise StudioError(
                N_('The basic voice does not know "{voice}"; choose another voice.'), code="voice", voice=voice
            )
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
        data = ctypes.create_string_buffer(text.replace("\0", " ").encode("utf-8", "replace"))
        rest = ctypes.c_void_p(ctypes.addressof(data))
        while rest.value:  # one clause each time, null at the end
            clause = library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA)
            found.append((clause or b"").decode("utf-8", "replace").strip())
    return " ".join(part for part in found if part)


def speak(
    text: str,
    voice: str,
    *,
    speed: int = 170,
    pitch: int = 50,
    intonation: int = 50,
    seed: int = 1,
    check: Callable[[], None] | None = None,
) -> np.ndarray:
    """`text` spoken by `voice` ("en-us", "cmn", "en-us+f3"): int16 samples at `RATE`, mono.

    speed: words a minute, 80 to 450. pitch, intonation: 0 to 99, 50 as the voice is. check: called about every 60 ms
    of sound; what it raises ends the synthesis at once and is raised here. StudioError for an unknown voice.
    """
    chunks: list[np.ndarray] = []
    raised: list[BaseException] = []

    def receive(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        # An exception may not cross the C code: it is kept, 1 asks the library to stop, and it is raised after that.
        try:
            if check is not None:
                check()
            if count > 0 and samples:
                chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        except BaseException as error:  # noqa: BLE001
            raised.append(error)
            return 1
        return 0

    callback = _Callback(receive)
    data = text.replace("\0", " ").encode("utf-8", "replace")
    with _library() as library:
        library.espeak_SetSynthCallback(callback)
        if not _choose(library, voice):
            raise StudioError(
                N_('The basic voice does not know "{voice}"; choose another voice.'), code="voice", voice=voice
            )
        for parameter, value in ((_RATE, speed), (_VOLUME, 80), (_PITCH, pitch), (_RANGE, intonation)):
            library.espeak_SetParameter(parameter, int(value), 0)
        if hasattr(library, "espeak_ng_SetRandSeed"):
            library.espeak_ng_SetRandSeed(ctypes.c_long(seed & 0x7FFFFFFF))
        result = library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8 | _END_PAUSE, None, None)
    if raised:
        raise raised[0]
    if result != 0:
        raise StudioError(
            N_("The basic voice failed on this sentence; change its wording and try again."),
            code="espeak",
            detail=f"espeak_Synth returned {result} for {text[:200]!r}",
        )
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)
