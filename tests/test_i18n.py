"""Chinese and English are equal: every text of the sources has its translation, and every translation its text."""

from __future__ import annotations

import ast
import json
import re
import string
from pathlib import Path

import pytest

from aigc_studio import bootstrap
from aigc_studio.core import i18n

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDER = CHECKOUT / "resources" / "i18n"
FILES = sorted(FOLDER.rglob("*.json"))
MARKERS = {"tr", "N_", "tr_bind"}


def fields(text: str) -> set[str]:
    """The names of the `{fields}` of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def marked_texts() -> tuple[dict[str, str], list[str]]:
    """Every marked text with its place, and every marked thing that is not a plain text."""
    texts: dict[str, str] = {}
    wrong: list[str] = []
    for path in sorted((CHECKOUT / "aigc_studio").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in MARKERS:
                continue
            place = f"{path.relative_to(CHECKOUT)}:{node.lineno}"
            position = 1 if name == "tr_bind" else 0
            if len(node.args) <= position:
                continue
            argument = node.args[position]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                texts.setdefault(argument.value, place)
            elif isinstance(argument, ast.JoinedStr | ast.BinOp) or (name == "N_" and path.name != "i18n.py"):
                wrong.append(f"{place} {ast.unparse(argument)[:60]}")
    return texts, wrong


TEXTS, WRONG = marked_texts()


def test_marked_texts_are_plain() -> None:
    """An f-string or a sum cannot be found in a table; fields are given by name."""
    assert not WRONG, "\n".join(WRONG)


@pytest.mark.parametrize("language", [code for code in i18n.LANGUAGES if code != "en"])
def test_every_text_is_translated_and_every_translation_used(language: str) -> None:
    """Nothing is missing, nothing left over, nothing empty."""
    table = i18n.table(language)
    missing = [
        f"{TEXTS[text]}: {json.dumps(text, ensure_ascii=False)}" for text in TEXTS if text and not table.get(text)
    ]
    unused = [json.dumps(text, ensure_ascii=False) for text in table if text not in TEXTS]
    assert not missing, "not translated:\n" + "\n".join(missing)
    assert not unused, "not in the sources:\n" + "\n".join(unused)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_a_translation_has_the_fields_of_its_text(file: Path) -> None:
    """The same `{fields}`, no note after ## left in, and Chinese where a sentence is expected."""
    for text, translation in json.loads(file.read_text(encoding="utf-8")).items():
        assert fields(text) == fields(translation), text
        assert "##" not in translation, text
        assert translation == translation.strip() or text != text.strip(), text
        words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\{\w+\}", "", text))
        assert len(words) < 4 or re.search(r"[\u3400-\u9fff]", translation), text


def test_no_text_stands_in_two_files() -> None:
    """One text has one translation; the area that wrote it first keeps it."""
    seen: dict[str, str] = {}
    twice = []
    for file in FILES:
        for text in json.loads(file.read_text(encoding="utf-8")):
            if text in seen:
                twice.append(f"{text!r}: {seen[text]} and {file.name}")
            seen[text] = file.name
    assert not twice, "\n".join(twice)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_files_are_sorted_and_plainly_written(file: Path) -> None:
    """Sorted, two spaces, readable characters, no key twice: a change shows as one line."""
    text = file.read_text(encoding="utf-8")
    pairs = json.loads(text, object_pairs_hook=list)
    data = dict(pairs)
    assert len(data) == len(pairs), "a key stands twice"
    assert text == json.dumps(dict(sorted(data.items())), ensure_ascii=False, indent=2) + "\n"


def test_the_bootstrap_speaks_both_languages() -> None:
    """Its texts are its own: no package is there yet when it prints them."""
    for english, chinese in bootstrap.MESSAGES.values():
        assert fields(english) == fields(chinese)
        assert re.search(r"[\u3400-\u9fff]", chinese)
