"""Texts of Qt's own dialogs that its translation lacks, as a translation of Qt's format.

Not as a QTranslator of Python: Qt asks from threads of its own, for which nobody may have to wait in the window's.
"""

from __future__ import annotations

import struct

from aigc_studio.core.i18n import N_, tr

__all__ = ["missing_words"]

_MISSING = (N_("&Look in:"), N_("Files of &type:"))
_CONTEXT = b"QFileDialog"
_MAGIC = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd")
_HASHES, _MESSAGES = 0x42, 0x69
"""Blocks of a .qm file (qtranslator.cpp)."""
_END, _TRANSLATION, _SOURCE, _KIND, _COMMENT = 1, 3, 6, 7, 8
"""Parts of a message."""


def missing_words() -> bytes:
    """What a .qm file holds, in the current language."""
    hashes, messages = [], b""
    for source in _MISSING:
        text = source.encode()
        hashes.append((_elf_hash(text), len(messages)))
        messages += _part(_TRANSLATION, tr(source).encode("utf-16-be"))
        messages += _part(_COMMENT, b"") + _part(_SOURCE, text) + _part(_KIND, _CONTEXT) + bytes([_END])
    table = b"".join(struct.pack(">II", *each) for each in sorted(hashes))
    return _MAGIC + _part(_HASHES, table) + _part(_MESSAGES, messages)


def _part(tag: int, content: bytes) -> bytes:
    return struct.pack(">BI", tag, len(content)) + content


def _elf_hash(text: bytes) -> int:
    """By which Qt finds a source text."""
    value = 0
    for byte in text:
        value = (value << 4) + byte
        if high := value & 0xF0000000:
            value ^= high >> 24
        value &= 0x0FFFFFFF
    return value or 1
