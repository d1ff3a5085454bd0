"""The bundled starter writer: small enough, described, and able to do what its card says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_studio.core import catalogue
from aigc_studio.core.forms import FORMS, clauses, keeps_form
from aigc_studio.engines.base import Model
from aigc_studio.engines.text import causal_lm
from aigc_studio.engines.text.causal_lm import Writer

from .conftest import Collector

pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

ENTRY = catalogue.find("starter-writer")
FOLDER = ENTRY.folder or Path()
COMMON = """a an the and but or of to in on at by for with from as that this which who he she it they them him her his
its their was were is are be been had have has did do would could should will shall not no so if when then there said
you i we me my your what all one who into out up down away went came saw king fox little old great man day time house
good very more than some any before after"""


@pytest.fixture(scope="module")
def starter() -> Writer:
    """The model that ships, loaded."""
    return causal_lm.load(Model(ENTRY.id, ENTRY.family, ENTRY.title, FOLDER, ENTRY.facts), Collector())


def test_the_folder_is_small_and_complete() -> None:
    """At most 12 MB with its card; weights in half precision."""
    files = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert sum(files.values()) <= 12_000_000
    assert {"README.md", "config.json", "figures.json", "model.safetensors", "tokenizer.json"} <= set(files)
    assert json.loads((FOLDER / "config.json").read_text())["dtype"] == "float16"


def test_the_card_says_what_it_is() -> None:
    """Data, licences, time, limits; perplexity beside the trigram model's, and clearly below it."""
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for part in ("## Data", "MIT", "public domain", "minutes", "trigram", "## Samples", "## Limits"):
        assert part in card
    figures = json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))
    for language in ENTRY.languages:
        measured = figures["perplexity"][language]
        assert measured["model"] < 0.75 * measured["trigram"]
        assert f"{measured['model']:.1f}" in card
    assert set(ENTRY.facts["forms"]) == set(FORMS)


@pytest.mark.parametrize("form", [form.id for form in FORMS.values() if form.length])
def test_regular_verse_keeps_its_form(starter: Writer, write: Callable[..., Collector], form: str) -> None:
    """At least seven of eight, from a title alone."""
    done = write(starter, "《秋夜》", form=form, count=8, max_tokens=100, seed=100)
    kept = [keeps_form(text, form) for text, _ in done.saved.values()]
    assert sum(kept) >= 7
    assert len({text for text, _ in done.saved.values()}) == 8


@pytest.mark.parametrize("beginning", ["春眠不觉晓，", "白日依山尽，黄河入海流。\n", "明月"])
def test_a_verse_is_continued_in_its_form(starter: Writer, write: Callable[..., Collector], beginning: str) -> None:
    """The beginning and its continuation together are a quatrain, in Chinese characters and marks."""
    done = write(starter, beginning, count=6, max_tokens=80, form="wujue", seed=5)
    texts = [beginning + text for text, _ in done.saved.values()]
    assert sum(keeps_form(text, "wujue") for text in texts) >= 5
    assert all(re.fullmatch(r"[\u3400-\u9fff\U00020000-\U0003ffff，。？！\n]+", text) for text in texts)
    assert all(info["finish"] == "end" for _, info in done.saved.values())


def test_a_fable_is_continued_in_english(starter: Writer, write: Callable[..., Collector]) -> None:
    """Words, nearly all of them words that English tales use."""
    common = set(COMMON.split())
    done = write(starter, "There was once a fox who", count=3, max_tokens=120, seed=1)
    for text, info in done.saved.values():
        words = re.findall(r"[a-z]+", text.lower())
        assert info["form"] == "fable"
        assert len(words) > 40 or info["finish"] == "end"
        assert sum(word in common for word in words) > 0.4 * len(words)
        assert not re.search(r"[\u3400-\u9fff]", text)


def test_a_title_shapes_the_verse(starter: Writer, write: Callable[..., Collector]) -> None:
    """Snow in the title brings words of winter more often than the river does."""

    def winter(title: str) -> int:
        done = write(starter, f"《{title}》", form="qijue", count=20, max_tokens=60, seed=40)
        return sum(bool(set("雪寒冰霜梅") & set(text)) for text, _ in done.saved.values())

    assert winter("雪") > winter("江楼")


def test_nothing_but_text_comes_out(starter: Writer, write: Callable[..., Collector]) -> None:
    """No broken characters in any style."""
    for style in ("precise", "balanced", "bold"):
        for text, _ in write(starter, "", count=4, style=style, max_tokens=60, seed=9).saved.values():
            assert clauses(text)
            assert "<|" not in text
