"""The list of models: what is in it, what a mistake in it does, and a folder that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_studio.core import catalogue, i18n
from aigc_studio.core.errors import StudioError
from aigc_studio.core.paths import data_dir, resources
from aigc_studio.core.requests import KINDS
from aigc_studio.engines import registry

GOOD = """
[[model]]
id = "one"
family = "causal-lm"
kind = "text"
title = "One"
folder = "somewhere"
positions = 128

[[model]]
id = "two"
family = "painter"
kind = "image"
[model.title]
en = "Two"
zh_CN = "二"
[model.note]
en = "A note"
"""


def write(folder: Path, text: str) -> Path:
    """A models.toml with this text."""
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_kind_has_a_model_that_needs_no_download() -> None:
    """And each names a family that exists, of its own kind, in both languages."""
    for kind in KINDS:
        assert catalogue.models(kind)
    for entry in catalogue.models():
        assert registry.family(entry.family).kind == entry.kind
        assert entry.titles.keys() >= i18n.LANGUAGES.keys()
        assert entry.notes.keys() >= i18n.LANGUAGES.keys()
        assert entry.licence
        assert catalogue.find(entry.id) == entry


def test_what_is_bundled_is_there() -> None:
    """Nothing that ships is missing."""
    for entry in catalogue.models():
        assert entry.problem is None
    assert catalogue.find("starter-writer").folder == resources() / "models" / "starter-writer"


def test_titles_follow_the_language(tmp_path: Path) -> None:
    """A plain text is for all languages; a missing language takes English."""
    one, two = catalogue.read(write(tmp_path, GOOD))
    assert (one.title, two.title, two.note) == ("One", "Two", "A note")
    i18n.set_language("zh_CN")
    assert (one.title, two.title, two.note) == ("One", "二", "A note")


def test_other_keys_are_facts(tmp_path: Path) -> None:
    """A family finds them; they cannot be changed."""
    one, two = catalogue.read(write(tmp_path, GOOD))
    assert dict(one.facts) == {"positions": 128}
    assert dict(two.facts) == {}
    with pytest.raises(TypeError):
        one.facts["positions"] = 1  # type: ignore[index]


def test_a_missing_folder_is_said_when_asked(tmp_path: Path) -> None:
    """A folder that is not bundled is looked for among the user's models, each time anew."""
    one, two = catalogue.read(write(tmp_path, GOOD))
    assert two.folder is None
    assert two.problem is None
    assert one.folder == data_dir() / "models" / "somewhere"
    assert one.problem is not None
    assert one.problem.code == "model-missing"
    assert "One" in str(one.problem)
    (data_dir() / "models" / "somewhere").mkdir(parents=True)
    assert one.problem is None


def test_an_unknown_model_is_an_error() -> None:
    """A recipe from another machine may name it."""
    with pytest.raises(StudioError) as error:
        catalogue.find("llama-9000")
    assert error.value.code == "model-unknown"


@pytest.mark.parametrize(
    "text",
    [
        '[[model]]\nfamily = "x"\nkind = "text"\ntitle = "x"',
        GOOD + '[[model]]\nid = "one"\nfamily = "x"\nkind = "text"\ntitle = "x"',
        '[[model]]\nid = "x"\nfamily = "x"\nkind = "smell"\ntitle = "x"',
        '[[model]]\nid = "x"\nfamily = "x"\nkind = "text"\ntitle = 5',
        "not toml [",
    ],
)
def test_mistakes_in_the_list_are_found(tmp_path: Path, text: str) -> None:
    """They are the author's, so they are loud."""
    with pytest.raises(ValueError):  # noqa: PT011  tomllib's error is one, too
        catalogue.read(write(tmp_path, text))
