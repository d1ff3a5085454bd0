"""What a language model is asked while it learns, and its answers, written by the engine of the Write panel: what a
person sees here is what that panel will give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from aigc_studio.core.errors import StudioError
from aigc_studio.core.forms import FORMS, clauses, frame
from aigc_studio.core.requests import Request
from aigc_studio.engines.text import causal_lm

from .framing import Passage, form_of, is_chinese

__all__ = ["Ask", "asks_from", "asks_of", "passage_of", "references_from", "write"]

_WORDS = 6


@dataclass(frozen=True)
class Ask:
    """prompt: what the text begins with, or an instruction. form: of the starter writer. chat: whether it is an
    instruction; then system is the role, and answer what the data answers."""

    prompt: str
    form: str = "auto"
    chat: bool = False
    system: str = ""
    answer: str = ""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return asdict(self)


def asks_of(text: str, *, chat: bool, form: str) -> list[Ask]:
    """One for each line that a person wrote; "\\n" in a line is a line break."""
    lines = [line.strip().replace("\\n", "\n") for line in text.splitlines()]
    return [Ask(line, "auto" if chat else form, chat) for line in lines if line]


def asks_from(passages: Sequence[Passage], count: int, *, framed: bool, form: str = "auto") -> list[Ask]:
    """Different ones as these passages begin: their titles, else their first words; the first request of a
    conversation."""
    found: dict[str, Ask] = {}
    for passage in passages:
        if len(found) >= count:
            break
        if passage.turns:
            ask = _first_request(passage)
        elif framed:
            own = form_of(passage.text) if form == "auto" else form
            title = f"《{passage.title}》" if FORMS[own].language == "zh" else f"# {passage.title}\n"
            ask = Ask(title if passage.title else _beginning(passage.text), own)
        else:
            ask = Ask(f"# {passage.title}\n\n" if passage.title else _beginning(passage.text))
        if ask is not None and ask.prompt.strip():
            found.setdefault(ask.prompt, ask)
    return list(found.values())


def references_from(passages: Sequence[Passage], count: int) -> list[Ask]:
    """Requests with the answers of the data, one of each conversation."""
    asks = (_first_request(passage) for passage in passages if passage.turns)
    return [ask for ask in asks if ask is not None and ask.answer.strip()][:count]


def _first_request(passage: Passage) -> Ask | None:
    system = "\n\n".join(text for role, text in passage.turns if role == "system")
    talk = [(role, text) for role, text in passage.turns if role != "system"]
    if not talk or talk[0][0] != "user":
        return None
    answer = talk[1][1] if len(talk) > 1 and talk[1][0] == "assistant" else ""
    return Ask(talk[0][1], chat=True, system=system, answer=answer)


def _beginning(text: str) -> str:
    """The first clause of a Chinese text, the first words of another."""
    if is_chinese(text):
        return next(iter(clauses(text)), "")[:12]
    return " ".join(text.split()[:_WORDS])


def write(
    writer: causal_lm.Writer, ask: Ask, seed: int, tokens: int, check: Callable[[], None], *, greedy: bool = False
) -> tuple[str, str]:
    """(what the model writes after the prompt, the whole text: with the words of the prompt that are part of it)."""
    given: dict[str, Any] = {"max_tokens": tokens} | ({"temperature": 0.0} if greedy else {})
    given |= {"system": ask.system} if ask.chat else {"form": ask.form}
    task = "chat" if ask.chat else "continue"
    request = Request("text", task, causal_lm.FAMILY.id, prompt=ask.prompt, params=given, seed=seed)
    sheet = _Sheet(causal_lm.FAMILY.values(task, given), check)
    try:
        causal_lm.run(writer, request, cast("Any", sheet))
    except StudioError:  # an answer that is all thoughts, an empty request: nothing was written, and it learns on
        return "", ""
    if ask.chat:
        return sheet.text, sheet.text
    body = frame(ask.prompt, ask.form).text
    return sheet.text, (body + sheet.text).strip("\n")


def passage_of(prompt: str, text: str, *, chat: bool, weight: float) -> Passage:
    """A sample that a person rated, as one to learn from."""
    if chat:
        return Passage("", f"{prompt}\n\n{text}", (("user", prompt), ("assistant", text)), weight)
    return Passage(frame(prompt, "gushi").title, text, weight=weight)


class _Sheet:
    """The context of a text that is written for us and not for a project."""

    start = 0

    def __init__(self, values: Mapping[str, Any], check: Callable[[], None]) -> None:
        self.values, self.check = values, check
        self.text = ""

    def wants(self, index: int) -> bool:
        """All."""
        return True

    def progress(self, done: int, total: int, stage: str = "", preview: Any = None) -> None:
        """Nobody looks."""

    def partial(self, index: int, piece: str) -> None:
        """Nobody looks."""

    def notice(self, text: str, **params: Any) -> None:
        """Nobody looks."""

    def save_text(self, index: int, text: str, **info: Any) -> None:
        """The result."""
        self.text = text
