"""Two languages from the first line: English is the source text, translations are data in `resources/i18n/<language>/`.

Every text a person sees passes through `tr("English {field}", field=...)` when it is shown. A text that is declared in
one place and shown in another (a parameter's title, an error) is marked `N_("...")` where it is written. A test reads
the sources, and fails when a marked text has no translation or a translation no text. Where one English word needs
two translations, add a note after `##` ("Draw##mask tool"): it is never shown.

Plain JSON and not gettext: read in a millisecond without a compile step, mergeable, one file per area.
"""

from __future__ import annotations

import json
import locale
import os
import plistlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter

from .paths import resources

__all__ = ["LANGUAGES", "N_", "current_language", "set_language", "speaking", "system_language", "tr"]

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
"""Language code to the language's own name."""

_LONGEST = 20_000
"""Characters of a text with fields; ours are a hundredth of that."""

_current = "en"
_here: ContextVar[str] = ContextVar("language", default="")
"""The language of this thread or task alone, "" for the process's."""


def N_(source: str) -> str:  # noqa: N802  the field's name for "mark, do not translate yet"
    """Mark a text for translation and return it unchanged."""
    return source


def system_language() -> str:
    """The language of the user's system, as one of `LANGUAGES`."""
    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    if not name and sys.platform == "darwin":
        name = _macos_language()
    if not name:
        name = locale.getlocale()[0] or ""  # Windows names it here
    return "zh_CN" if name.lower().startswith(("zh", "chinese")) else "en"


def _macos_language() -> str:
    """The first of the person's languages: what the Dock starts has none in its environment. "" when it is not told."""
    try:
        with open(Path.home() / "Library" / "Preferences" / ".GlobalPreferences.plist", "rb") as file:
            return str(plistlib.load(file)["AppleLanguages"][0])
    except (OSError, ValueError, LookupError, TypeError, plistlib.InvalidFileException):
        return ""


def current_language() -> str:
    """The language `tr` answers in."""
    return _here.get() or _current


def set_language(code: str) -> None:
    """Choose the language of this process: one of `LANGUAGES`, or "" for the system's."""
    global _current
    code = code or system_language()
    _current = code if code in LANGUAGES else "en"


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Answer in this language within the `with`, in this thread or task only: several people may be asking at once."""
    token = _here.set(code if code in LANGUAGES else "")
    try:
        yield
    finally:
        _here.reset(token)


@cache
def table(language: str) -> dict[str, str]:
    """Every translation of one language, merged from the files of all areas."""
    merged: dict[str, str] = {}
    folder = resources() / "i18n" / language
    if folder.is_dir():
        for file in sorted(folder.glob("*.json")):
            merged.update(json.loads(file.read_text(encoding="utf-8")))
    return merged


def tr(source: str, /, **params: object) -> str:
    """`source` in the current language with its `{fields}` filled; the English text where no translation is found."""
    language = _here.get() or _current
    text = source if language == "en" else table(language).get(source, source)
    text = text.partition("##")[0]
    return text.format(**params) if params and _has_plain_fields(text) else text


@lru_cache(2048)
def _has_plain_fields(text: str) -> bool:
    """Whether all fields of a text are mere names. Ours are, and texts from files (what a run's log or a recipe tells)
    must be: "{count:>2000000000}" would fill the memory, and "{name.attribute}" look where it should not."""
    return len(text) <= _LONGEST and all(
        not spec and not conversion and (name is None or name.isidentifier())
        for _, name, spec, conversion in Formatter().parse(text)
    )
