"""Texts as a language model reads them: cut into pieces of ids, with a mark on every id that is to be learned.

Three ways of framing, as the engine of the Write panel has them: the starter writer's forms, a plain text between the
model's own begin and end marks (its title as a Markdown heading), and a conversation through the model's chat template,
of which only the answers are learned. Nothing here needs torch; a tokenizer of transformers is given.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.forms import FORMS, SPECIAL_TOKENS, TEXT, form_of_verse
from aigc_studio.core.i18n import N_
from aigc_studio.engines.text.causal_lm import unmarked

from .corpus import chunks

__all__ = ["PLAIN_TEMPLATE", "Framing", "Passage", "Piece", "form_of", "is_chinese"]

PLAIN_TEMPLATE = (
    "{{ bos_token if bos_token else '' }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% elif message['role'] == 'user' %}{% if not loop.first %}{{ '\\n\\n' }}{% endif %}"
    "{{ '### Instruction:\\n' + message['content'] + '\\n\\n### Response:\\n' }}"
    "{% else %}{{ message['content'] }}{% endif %}"
    "{% endfor %}"
)
"""The chat template of a model that had none when it learned from conversations; the words are those of Alpaca."""

_SHORT_LINE = 75
_FABLE = 2500


@dataclass(frozen=True)
class Passage:
    """One document to learn from. title: "" for none. turns: (role, text) of a conversation, roles "system", "user"
    and "assistant"; `text` is then their words, for a person. weight: how much its ids count; below zero the model is
    taught not to write it. form: of the starter writer, "" where the text itself says."""

    title: str
    text: str
    turns: tuple[tuple[str, str], ...] = ()
    weight: float = 1.0
    form: str = ""


@dataclass(frozen=True)
class Piece:
    """Ids that are read at once. learn: a byte for each id, 1 where writing it is to be learned; the first never is.
    title: the range of ids that may be left out, so that the model also begins without a title."""

    ids: list[int]
    learn: bytes
    title: tuple[int, int] = (0, 0)


def is_chinese(text: str) -> bool:
    """Whether a text is mostly written in Chinese characters."""
    sample = text[:4000]
    han = sum("\u3400" <= sign <= "\u9fff" or sign >= "\U00020000" for sign in sample)
    return 2 * han > sum(sign.isalpha() for sign in sample)


def form_of(text: str) -> str:
    """The starter writer's form that a text has: a regular one for Chinese verse; in other languages short lines make
    a poem, a short text a fable, else it is a tale."""
    if is_chinese(text):
        return form_of_verse(text)
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 3 and sum(map(len, lines)) < _SHORT_LINE * len(lines):
        return "poem"
    return "fable" if len(text) < _FABLE else "tale"


class Framing:
    """Cuts passages for one model. context: how many ids it attends to; a piece has at most one more, since the last
    is only predicted. form: of all texts, for the starter writer; "auto" looks at each."""

    def __init__(self, tokenizer: Any, context: int, form: str = "auto") -> None:
        self.tokenizer = tokenizer
        self.context = context
        self.framed = set(tokenizer.get_vocab()).issuperset(SPECIAL_TOKENS)
        self._form = form
        end = tokenizer.eos_token_id
        if end is None:
            raise StudioError(
                N_("This model has no mark for the end of a text and cannot be fine-tuned; choose another one."),
                code="model-tokenizer",
            )
        self._end: int = end
        begin = tokenizer.bos_token_id
        self._begin: int = end if begin is None else begin
        pad = tokenizer.pad_token_id
        self.pad: int = end if pad is None else pad
        self.cut = 0
        """Conversations that were longer than the model's view and lost their beginning."""

    def pieces(self, passages: Sequence[Passage]) -> Iterator[list[Piece]]:
        """The pieces of each passage, in order; [] for one with nothing to learn."""
        plain = [passage for passage in passages if not passage.turns]
        texts = [part for passage in plain for part in (self._heading(passage.title), passage.text)]
        encoded = iter(self._encode(texts))
        for passage in passages:
            if passage.turns:
                yield self._conversation(passage)
            else:
                title, _ = next(encoded)
                body, spans = next(encoded)
                yield self._text(passage, title, body, spans) if body else []

    def _encode(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """(ids, place of each in the text) of plain texts: what looks like a special token is text."""
        if not texts:
            return []
        fast = self.tokenizer.is_fast
        found = self.tokenizer(
            list(texts),
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=fast,
            return_attention_mask=False,
            verbose=False,
        )
        spans = found["offset_mapping"] if fast else [[(0, 0)] * len(ids) for ids in found["input_ids"]]
        return [(list(ids), list(where)) for ids, where in zip(found["input_ids"], spans, strict=True)]

    def _heading(self, title: str) -> str:
        title = " ".join(title.split())
        return title if self.framed or not title else f"# {title}\n\n"

    # -- texts

    def _text(self, passage: Passage, title: list[int], body: list[int], spans: list[tuple[int, int]]) -> list[Piece]:
        """A text in as many pieces as its length asks for. Later ones begin with the end of the one before, which is
        read and not learned again."""
        size = self.context + 1
        most = self.context // 4
        if len(title) > most:  # a heading keeps its line ends
            title = title[:most] if self.framed else title[: most - 2] + title[-2:]
        if self.framed:
            form = (passage.form or form_of(passage.text)) if self._form == "auto" else self._form
            mark = self.tokenizer.convert_tokens_to_ids(FORMS[form].token)
            text = self.tokenizer.convert_tokens_to_ids(TEXT)
            opening, again = [mark, *title, text], [mark, text]
        else:
            opening, again = [self._begin, *title], []
        cuts = _cuts(passage.text, spans)
        overlap = self.context // 8
        found: list[Piece] = []
        at, prefix, silent = 0, opening, 1
        while True:
            room = size - len(prefix)
            rest = len(body) - at
            whole = rest + 1 <= room
            stop = len(body) if whole else _last_cut(cuts, at + room // 2, at + room)
            ids = prefix + body[at:stop] + ([self._end] if whole else [])
            learn = bytes(silent) + b"\x01" * (len(ids) - silent)
            found.append(Piece(ids, learn, (1, 1 + len(title)) if not found and title else (0, 0)))
            if whole:
                return found
            at = stop
            prefix = again + body[max(0, at - overlap) : at]
            silent = max(1, len(prefix))

    # -- conversations

    def _conversation(self, passage: Passage) -> list[Piece]:
        """The pieces of a conversation: one, or one for each answer where the template writes earlier answers in
        another way than the last (it leaves out their thoughts)."""
        messages = [{"role": role, "content": unmarked(self.tokenizer, text)} for role, text in passage.turns]
        messages = self._without_system(messages)
        whole = self._render(messages)
        spans: list[tuple[int, int]] = []
        alone: list[tuple[str, tuple[int, int]]] = []
        for index, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self._render(messages[:index], asks=True)
            after = self._render(messages[: index + 1])
            start = len(before) if after.startswith(before) else _common(before, after)
            alone.append((after, (start, len(after))))
            spans.append((start, len(after)) if whole.startswith(after) else (-1, -1))
        if (-1, -1) not in spans:
            return [self._answered(whole, spans)] if spans else []
        return [self._answered(text, [span]) for text, span in alone]

    def _without_system(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        """The messages as the template takes them: some know no system's words, which then open the first request."""
        try:
            self.tokenizer.apply_chat_template(messages, tokenize=False)
        except Exception:  # noqa: BLE001  templates are programs of their own and raise what they like
            if len(messages) > 1 and messages[0]["role"] == "system" and messages[1]["role"] == "user":
                words = messages[0]["content"] + "\n\n" + messages[1]["content"]
                return [{"role": "user", "content": words}, *messages[2:]]
        return messages

    def _render(self, messages: list[dict[str, str]], *, asks: bool = False) -> str:
        try:
            return self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=asks)
        except Exception as error:
            raise StudioError(
                N_("This model's chat template cannot show a conversation of the data ({reason}); choose another one."),
                code="chat-template",
                detail=repr(error)[:1000],
                reason=str(error)[:200],
            ) from error

    def _answered(self, text: str, spans: list[tuple[int, int]]) -> Piece:
        """A rendered conversation of which these ranges of characters are learned; too long a one loses its
        beginning, too long an answer its end."""
        ids: list[int] = []
        learn = bytearray()
        if self.tokenizer.is_fast:
            found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
            ids = list(found["input_ids"])
            learn += bytes(any(a <= start < b for a, b in spans) for start, _ in found["offset_mapping"])
        else:
            at = 0
            for start, stop in spans:
                for part, mark in ((text[at:start], 0), (text[start:stop], 1)):
                    more = list(self.tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"])
                    ids += more
                    learn += bytes([mark]) * len(more)
                at = stop
        most = self.context + 1
        if len(ids) > most:
            self.cut += 1
            last = len(learn) - len(bytes(learn).rstrip(b"\x01"))
            stop = len(ids) if last <= most // 2 else len(ids) - last + most // 2
            ids, learn = ids[max(0, stop - most) : stop], learn[max(0, stop - most) : stop]
        if learn:
            learn[0] = 0
        return Piece(ids, bytes(learn))


def _cuts(text: str, spans: list[tuple[int, int]]) -> list[int]:
    """Numbers of the ids before which the text may be cut: where a line or a sentence begins."""
    starts, at = [], 0
    for chunk in chunks(text):
        starts.append(at)
        at += len(chunk)
    found, before = [], 0
    for number, (start, stop) in enumerate(spans):
        place = bisect_left(starts, before)
        if number and place < len(starts) and starts[place] <= start:
            found.append(number)
        before = stop
    return found


def _last_cut(cuts: list[int], least: int, most: int) -> int:
    """The last place to cut in [least, most], else `most`."""
    place = bisect_right(cuts, most) - 1
    return cuts[place] if place >= 0 and cuts[place] >= max(1, least) else most


def _common(one: str, other: str) -> int:
    """Length of the beginning that two texts share."""
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return at
    return min(len(one), len(other))
