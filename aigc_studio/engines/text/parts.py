"""A text in parts that a model's encoder can read, and what stands between them.

Nothing is left out: joined, the parts and what is between them are the text. Pure text, no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aigc_studio.core import textnorm

__all__ = ["Part", "by_sentences", "by_size", "cut"]

_ENDS = "。！？!?.．…"
_CLOSERS = "\"'”’」』）)]】》〉"


@dataclass(frozen=True)
class Part:
    """before: what stands before it and is copied (line ends, indents). copied: whether `text` is copied, too, because
    there is nothing in it to translate. joins: whether it goes on in the line of the part before it: whether there is
    a space between the two is then a matter of the new language, not of `before`."""

    text: str
    before: str = ""
    copied: bool = False
    joins: bool = False


def by_sentences(text: str, fits: Callable[[str], bool]) -> list[Part]:
    """One part for each sentence; one too long for the encoder is cut at commas, else between words."""
    parts: list[Part] = []
    before = ""
    for number, line in enumerate(text.split("\n")):
        body = line.strip()
        before += "\n" if number else ""
        lead = line[: len(line) - len(line.lstrip())]
        if not textnorm.speakable(body):
            before += line
            continue
        for place, sentence in enumerate(_sentences(body, fits)):
            for at, piece in enumerate(cut(sentence, fits)):
                first = place == 0 and at == 0
                copied = not textnorm.speakable(piece)
                parts.append(Part(piece, before + lead if first else "", copied, not first))
                before = ""
        before = line[len(line.rstrip()) :]
    if before:
        parts.append(Part("", before, copied=True))
    return parts


def _sentences(line: str, fits: Callable[[str], bool]) -> list[str]:
    """The sentences of one line. Where they were cut for a voice to breathe, and not at an end, they are put together
    again as far as they fit."""
    found: list[str] = []
    begins = [sentence.start for sentence in textnorm.sentences(line)]
    for begin, end in zip(begins, [*begins[1:], len(line)], strict=True):
        piece = line[begin:end].rstrip()
        if found and not found[-1].rstrip(_CLOSERS).endswith(tuple(_ENDS)):
            gap = line[:begin][len(line[:begin].rstrip()) :]
            if fits(found[-1] + gap + piece):
                found[-1] += gap + piece
                continue
        found.append(piece)
    if begins and begins[0] and line[: begins[0]].strip():
        found[0] = line[: begins[0]] + found[0]
    return found or [line]


def cut(text: str, fits: Callable[[str], bool]) -> list[str]:
    """`text` in as few pieces as fit, cut after punctuation, else at a space, else anywhere. A single character that
    does not fit is a piece of its own."""
    pieces: list[str] = []
    while text and not fits(text):
        low, high = 1, len(text)  # text[:high] does not fit
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(text[:middle]) else (low, middle)
        at = low
        for signs in ("，、,;；:：—。！？!?", " "):
            found = max(text.rfind(sign, low // 3, low) for sign in signs)
            if found > 0:
                at = found + 1
                break
        pieces.append(text[:at].strip() or text[:at])
        text = text[at:].lstrip()
    return [*pieces, text] if text else pieces


def by_size(text: str, fits: Callable[[str], bool]) -> list[Part]:
    """As few parts as the encoder can read, each as many whole paragraphs or sentences as fit."""
    if fits(text):
        return [Part(text)]
    parts: list[Part] = []
    held = ""
    for part in by_sentences(text, fits):
        gap = (" " if part.text[:1].isascii() else "") if part.joins else part.before
        if held and fits(held + gap + part.text):
            held += gap + part.text
            continue
        if held.strip():
            parts.append(Part(held.strip(), "\n\n" if parts else ""))
        held = part.text
    if held.strip():
        parts.append(Part(held.strip(), "\n\n" if parts else ""))
    return parts
