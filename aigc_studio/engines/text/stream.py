"""From token ids to text that can be shown at once: no half characters, nothing after a stop string, no thoughts.

Pure text, no torch. The stages are chained by `TextStream`: ids -> pieces -> without thoughts -> up to the stop string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

__all__ = ["THINKING", "Neat", "Pieces", "StopStrings", "TextStream", "Thoughts"]

_BROKEN = "\ufffd"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a byte-level vocabulary can say and no document can show; of "\\r\\n" the line feed stays."""


class Pieces:
    """Decodes token by token so that the pieces join to the decoding of the whole.

    A token may hold part of a character; such a tail is kept back until the rest has come. Only a window of a few
    tokens is decoded each time, so that the cost of a token does not grow with the text. The window begins with a few
    tokens already shown, because some decoders treat the first token of a text in their own way.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], context: int = 4) -> None:
        self._decode = decode
        self._context = context
        self._window: list[int] = []
        self._shown_text = ""  # their decoding
        self._extra = 0  # characters shown beyond that

    def feed(self, id: int) -> str:
        """The text that is certain now that `id` has come; often "" in the middle of a character."""
        self._window.append(id)
        text = self._decode(self._window)
        end = len(text)
        while end and text[end - 1] == _BROKEN:
            end -= 1
        start = len(self._shown_text) + self._extra
        piece = text[start:end] if end > start else ""
        if end == len(text):
            self._advance(text)
        else:
            self._extra += len(piece)
        return piece

    def finish(self) -> str:
        """What was kept back: with nothing to come, broken characters are shown as such."""
        text = self._decode(self._window) if self._window else ""
        piece = text[len(self._shown_text) + self._extra :]
        self._advance(text)
        return piece

    def _advance(self, text: str) -> None:
        """Everything in the window is shown; keep its last few tokens as context."""
        if len(self._window) > 2 * self._context:
            self._window = self._window[-self._context :]
            text = self._decode(self._window)
            while text.startswith(_BROKEN) and len(self._window) > 1:  # the cut went through a character
                self._window = self._window[1:]
                text = self._decode(self._window)
        self._shown_text = text
        self._extra = 0


class StopStrings:
    """Passes text on until one of the stop strings has come, wherever the borders of the pieces are.

    The stop string itself is not passed on; what may be its beginning is kept back.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False
        """Whether a stop string has come."""

    def feed(self, piece: str) -> str:
        """The part of the text so far that may be shown now."""
        if self.stopped or not self._stops:
            return "" if self.stopped else piece
        text = self._held + piece
        found = min((at for stop in self._stops if (at := text.find(stop)) >= 0), default=-1)
        if found >= 0:
            self.stopped, self._held = True, ""
            return text[:found]
        hold = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - hold :]
        return text[: len(text) - hold]

    def finish(self) -> str:
        """What was kept back and turned out to be no stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning, but not the whole, of `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0


THINKING = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
    ("<|channel|>commentary<|message|>", "<|channel|>final<|message|>"),
    ("<|channel|>final<|message|>", ""),
)
"""What models put round their thoughts; the last three are gpt-oss's channels, the last of which holds the answer."""


class Thoughts:
    """Takes out what a model writes between its thinking tags. `inside`: the opening tag that came before the text."""

    def __init__(self, tags: Sequence[tuple[str, str]] = THINKING, *, inside: str = "") -> None:
        self._tags = dict(tags)
        self._closing = self._tags[inside] if inside else ""
        self._held = ""
        self._trim = bool(inside)  # white space after a thought belongs to it
        self.thinking = bool(inside)
        """Whether the text is inside a thought now."""
        self.length = 0
        """Characters taken out."""

    def again(self) -> Thoughts:
        """One for another result of the same prompt, before anything was fed."""
        other = Thoughts(tuple(self._tags.items()))
        other._closing, other._trim, other.thinking = self._closing, self._trim, self.thinking
        return other

    def feed(self, piece: str) -> str:
        """The part of the text so far that is no thought."""
        text = self._held + piece
        shown = ""
        while True:
            sought = (self._closing,) if self.thinking else tuple(self._tags)
            at, tag = min(((place, tag) for tag in sought if (place := text.find(tag)) >= 0), default=(-1, ""))
            if at < 0:
                hold = max(_overlap(text, tag) for tag in sought)
                shown += self._pass(text[: len(text) - hold])
                self._held = text[len(text) - hold :]
                return shown
            shown += self._pass(text[:at])
            text = text[at + len(tag) :]
            self.thinking = not self.thinking and bool(self._tags.get(tag))
            self._closing = self._tags.get(tag, "") if self.thinking else ""
            self._trim = True

    def finish(self) -> str:
        """What was kept back and turned out to be no tag."""
        held, self._held = self._held, ""
        return self._pass(held)

    def _pass(self, text: str) -> str:
        if self.thinking:
            self.length += len(text)
            return ""
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        return text


class Neat:
    """Takes white space off both ends of a text. before: put before it, once there is something."""

    def __init__(self, before: str = "") -> None:
        self._before = before
        self._held = ""
        self._begun = False

    def feed(self, piece: str) -> str:
        """The part that may be shown now; white space waits for what comes after it."""
        text = self._held + piece
        if not self._begun:
            text = text.lstrip()
        shown = text.rstrip()
        self._held = text[len(shown) :]
        if shown and not self._begun:
            self._begun = True
            shown = self._before + shown
        return shown


class TextStream:
    """The whole way of one result, without control characters. `text`: everything passed on so far."""

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        stops: Sequence[str] = (),
        thoughts: Thoughts | None = None,
        neat: Neat | None = None,
    ) -> None:
        """neat: for a text whose ends are bare; white space at its end is never shown then."""
        self._pieces = Pieces(decode)
        self._stops = StopStrings(stops)
        self._thoughts = thoughts
        self._neat = neat
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        """Everything passed on so far."""
        return "".join(self._parts)

    @property
    def stopped(self) -> bool:
        """Whether a stop string has come."""
        return self._stops.stopped

    @property
    def thinking(self) -> bool:
        """Whether the model is inside a thought."""
        return self._thoughts is not None and self._thoughts.thinking

    def feed(self, id: int) -> str:
        """The text to show after this token."""
        return self._onwards(self._pieces.feed(id))

    def finish(self) -> str:
        """What was kept back anywhere; to be called once, at the end or when stopped."""
        piece = self._onwards(self._pieces.finish())
        if self._thoughts is not None:
            piece += self._keep(self._stops.feed(self._thoughts.finish()))
        return piece + ("" if self.stopped else self._keep(self._stops.finish()))

    def _onwards(self, piece: str) -> str:
        if self._thoughts is not None:
            piece = self._thoughts.feed(piece)
        return self._keep(self._stops.feed(piece))

    def _keep(self, piece: str) -> str:
        piece = _CONTROL.sub("", piece)
        if self._neat is not None:
            piece = self._neat.feed(piece)
        if piece:
            self._parts.append(piece)
        return piece
