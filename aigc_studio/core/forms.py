"""Forms of verse and tale: how a document is framed for the starter writer, how a prompt is, and whether a text keeps
its form.

A framed document is `form token, title, text token, body, end token`; an empty title means an untitled one. Training
and generation share this module, so that both frame alike. Pure text, standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .i18n import N_

__all__ = [
    "END",
    "FORMS",
    "PAD",
    "SPECIAL_TOKENS",
    "TEXT",
    "Form",
    "Framed",
    "clauses",
    "form_of_verse",
    "frame",
    "keeps_form",
]

TEXT = "<|text|>"
"""Stands between the title and the body."""
END = "<|end|>"
"""Ends a document."""
PAD = "<|pad|>"
"""Fills short rows of a batch."""


@dataclass(frozen=True)
class Form:
    """One form of writing.

    id: stable, a parameter's value. language: "zh" or "en". clauses, length: of a regular verse, in clauses between
    punctuation marks and characters per clause; 0 for a free form.
    """

    id: str
    title: str
    language: str
    clauses: int = 0
    length: int = 0

    @property
    def token(self) -> str:
        """The special token that opens a document of this form."""
        return f"<|{self.id}|>"


FORMS: dict[str, Form] = {
    form.id: form
    for form in (
        Form("wujue", N_("Quatrain of five characters (五绝)"), "zh", 4, 5),
        Form("qijue", N_("Quatrain of seven characters (七绝)"), "zh", 4, 7),
        Form("wulv", N_("Eight lines of five characters (五律)"), "zh", 8, 5),
        Form("qilv", N_("Eight lines of seven characters (七律)"), "zh", 8, 7),
        Form("gushi", N_("Free old-style verse (古诗)"), "zh"),
        Form("fable", N_("Fable (English)"), "en"),
        Form("tale", N_("Folk tale (English)"), "en"),
        Form("poem", N_("Free verse (English)"), "en"),
    )
}
"""Form id to form, in the order a list shows them."""

SPECIAL_TOKENS = (END, PAD, TEXT, *(form.token for form in FORMS.values()))
"""All special tokens of the starter writer, in the order of their ids."""

_MARKS = re.compile(r"[，。！？；、：,.!?;:\s]+")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_BRACKETED_TITLE = re.compile(r"\A\s*《([^《》\n]{1,40})》[ \t]*(?:\n|\Z)")
_HEADING = re.compile(r"\A\s*#{1,6}[ \t]+([^\n]{1,80})(?:\n|\Z)")


def clauses(verse: str) -> list[str]:
    """The clauses of a verse: what stands between punctuation marks and line ends, empty ones left out."""
    return [clause for clause in _MARKS.split(verse) if clause]


def form_of_verse(verse: str) -> str:
    """The id of the regular form that a complete Chinese verse has, else "gushi"."""
    parts = clauses(verse)
    lengths = {len(part) for part in parts}
    for form in FORMS.values():
        if form.length and lengths == {form.length} and len(parts) == form.clauses:
            return form.id
    return "gushi"


def keeps_form(text: str, form: str) -> bool:
    """Whether a finished text has the clause count and clause length of its form; True for a free form."""
    wanted = FORMS[form]
    return not wanted.length or form_of_verse(text) == form


@dataclass(frozen=True)
class Framed:
    """A prompt as the starter writer takes it: the form, the title ("" for none) and the body so far."""

    form: str
    title: str
    text: str


def frame(prompt: str, form: str = "auto") -> Framed:
    """`prompt` as a framed beginning.

    A first line `《title》` or `# title` is the title. With form "auto" the form follows from the prompt: Latin letters
    ask for a fable, Chinese for a quatrain whose clauses are as long as the first one of the prompt (for eight lines
    when more than four clauses are there already), anything irregular for old-style verse.
    """
    title = ""
    body = prompt
    for pattern in (_BRACKETED_TITLE, _HEADING):
        if match := pattern.match(prompt):
            title, body = match.group(1).strip(), prompt[match.end() :]
            break
    if form == "auto":
        form = _guess(body if body.strip() else title, whole_clauses=bool(body.strip()))
    return Framed(form, title, body)


def _guess(text: str, *, whole_clauses: bool) -> str:
    if len(_LATIN.findall(text)) > len(_HAN.findall(text)):
        return "fable"
    parts = clauses(text) if whole_clauses else []
    if not parts:
        return "qijue"
    length = len(parts[0])
    if len(parts) == 1 and length <= 7:  # one clause, perhaps unfinished
        length = 5 if length <= 5 else 7
    elif any(len(part) != length for part in parts[:-1]) or len(parts[-1]) > length:
        return "gushi"
    for form in FORMS.values():
        if form.length == length and len(parts) <= form.clauses:
            return form.id
    return "gushi"
