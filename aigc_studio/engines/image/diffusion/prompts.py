"""How much of a prompt a model reads: text encoders have a fixed length, and what is beyond it is silently lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .spec import Loaded

__all__ = ["Reading", "clean", "read"]

_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\s\u3400-\u9fff\uf900-\ufaff]+")
"""A word as people count them: a Chinese character, or what stands between spaces."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_UNBOUNDED = 100_000
"""Tokenizers without a length of their own say a number beyond this."""

_SHOWN = 120
"""Characters of unread text that a notice quotes."""


@dataclass(frozen=True)
class Reading:
    """tokens: of the prompt, without special ones. limit: how many are read. unread: the text beyond them. half: the
    beginning of its first word, where that is read without its end."""

    tokens: int
    limit: int
    unread: str
    half: str = ""

    @property
    def unread_words(self) -> int:
        """Words that are not read."""
        return len(_WORD.findall(self.unread))

    @property
    def shown(self) -> str:
        """The unread text, shortened."""
        text = " ".join((self.half + self.unread).split())
        return text if len(text) <= _SHOWN else text[:_SHOWN].rstrip() + " …"


def clean(text: str) -> str:
    """Without control characters and half surrogates, which no tokenizer takes."""
    return _CONTROL.sub("", text)


def read(loaded: Loaded, text: str) -> Reading:
    """What the encoder that reads furthest takes in of `text`."""
    long_text = loaded.spec.long_text(loaded)
    readings = []
    for name, tokenizer in sorted(loaded.pipe.components.items()):
        if not name.startswith("tokenizer") or tokenizer is None:
            continue
        encoder = name.replace("tokenizer", "text_encoder")
        if getattr(loaded.pipe, encoder, None) is None:  # SD3 without its T5
            continue
        limit = long_text.get(name) or int(getattr(tokenizer, "model_max_length", _UNBOUNDED))
        readings.append(_read(tokenizer, text, limit))
    if not readings:
        return Reading(0, 0, "")
    return min(readings, key=lambda reading: (len(reading.unread), reading.tokens))


def _read(tokenizer: Any, text: str, limit: int) -> Reading:
    special = tokenizer.num_special_tokens_to_add()
    fast = bool(getattr(tokenizer, "is_fast", False))
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=fast, verbose=False)
    ids = encoded["input_ids"]
    room = max(0, limit - special)
    if limit >= _UNBOUNDED or len(ids) <= room:
        return Reading(len(ids), min(limit, _UNBOUNDED) - special, "")
    if not fast:
        return Reading(len(ids), room, tokenizer.decode(ids[room:], skip_special_tokens=True).strip())
    place = encoded["offset_mapping"][room][0]
    half = next(
        (word.group()[: place - word.start()] for word in _WORD.finditer(text) if word.start() < place < word.end()), ""
    )
    return Reading(len(ids), room, text[place:].strip(), half)
