"""Settings: round trips, bad files, newer versions, and disks that refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core import settings as module
from aigc_studio.core.errors import StudioError
from aigc_studio.core.settings import SECTIONS, SETTINGS, Setting, Settings, stored

BAD_FILES = [b"", b"{", b"[1]", b"null", b"\xff\xfe\x00", b'{"language": "en"' * 3, b"[" * 100_000]


def test_every_row_is_whole() -> None:
    """Its section exists, and its default is one of its values."""
    for row in SETTINGS.values():
        assert row.section in SECTIONS
        assert row.accepts(row.default)
        assert row.kind in ("choice", "bool", "int", "folder", "device")
        assert bool(row.choices) == (row.kind == "choice")


@pytest.mark.parametrize(
    ("id", "value"), [("language", "zh_CN"), ("theme", "dark"), ("reopen", True), ("idle_minutes", 3)]
)
def test_what_was_chosen_is_there_at_the_next_start(tmp_path: Path, id: str, value: object) -> None:
    """Through the file, and the default before."""
    first = Settings(tmp_path)
    assert first.get(id) == SETTINGS[id].default
    first.set(id, value)
    first.save()
    assert Settings(tmp_path).get(id) == value


@pytest.mark.parametrize(
    ("id", "value"), [("theme", "pink"), ("reopen", 1), ("idle_minutes", 0), ("idle_minutes", True)]
)
def test_a_value_that_does_not_fit_is_refused(tmp_path: Path, id: str, value: object) -> None:
    """By set(), and when a file holds it."""
    settings = Settings(tmp_path)
    with pytest.raises(ValueError):
        settings.set(id, value)
    (tmp_path / "settings.json").write_text(json.dumps({id: value}), encoding="utf-8")
    assert Settings(tmp_path).get(id) == SETTINGS[id].default


def test_listeners_hear_each_change_once(tmp_path: Path) -> None:
    """And not of a value that was set already."""
    settings, heard = Settings(tmp_path), []
    settings.listen(heard.append)
    settings.set("theme", "dark")
    settings.set("theme", "dark")
    assert heard == ["theme"]


@pytest.mark.parametrize("content", BAD_FILES)
def test_a_broken_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """The program starts with defaults; the old file is kept, and saving works."""
    (tmp_path / "settings.json").write_bytes(content)
    settings = Settings(tmp_path)
    assert settings.get("theme") == "system"
    assert [path.read_bytes() for path in settings.set_aside] == [content]
    settings.set("theme", "dark")
    settings.save()
    assert Settings(tmp_path).get("theme") == "dark"
    assert Settings(tmp_path).set_aside == []


def test_what_a_newer_version_wrote_is_kept(tmp_path: Path) -> None:
    """Unknown settings survive a save, and a value this version does not know is not lost by reading it."""
    (tmp_path / "settings.json").write_text('{"theme": "sepia", "gpu": [1, 2]}', encoding="utf-8")
    settings = Settings(tmp_path)
    settings.set("reopen", True)
    settings.save()
    data = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    assert data == {"theme": "sepia", "gpu": [1, 2], "reopen": True}


@given(
    st.dictionaries(st.text(max_size=20), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
)
def test_state_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, state: dict) -> None:
    """Any JSON value under any key."""
    folder = tmp_path_factory.mktemp("state")
    settings = Settings(folder)
    for key, value in state.items():
        settings.set_state(key, value)
    settings.save()
    again = Settings(folder)
    assert {key: again.state(key) for key in state} == state


def test_a_refused_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence for the person, no half file, and the next save writes all."""
    settings = Settings(tmp_path)
    settings.set("theme", "dark")
    settings.save()
    settings.set("theme", "light")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", refuse)
        with pytest.raises(StudioError, match="could not be saved"):
            settings.save()
    assert Settings(tmp_path).get("theme") == "dark"
    assert list(tmp_path.glob("*.new")) == []
    settings.save()
    assert Settings(tmp_path).get("theme") == "light"


def test_recent_projects_are_few_and_the_newest_first(tmp_path: Path) -> None:
    """Opening again moves to the front; a state file with nonsense is no list."""
    settings = Settings(tmp_path)
    for number in range(20):
        settings.opened(Path(f"/projects/{number}"))
    settings.opened(Path("/projects/15"))
    recent = settings.recent()
    assert recent[:2] == [Path("/projects/15"), Path("/projects/19")]
    assert len(recent) == module.RECENT_LIMIT
    assert len(set(recent)) == len(recent)
    settings.forget(Path("/projects/19"))
    assert Path("/projects/19") not in settings.recent()
    settings.set_state("recent", "nonsense")
    assert settings.recent() == []


def test_a_folder_setting_has_a_place_to_fall_back_on(tmp_path: Path) -> None:
    """Without a choice, the user's documents."""
    settings = Settings(tmp_path)
    assert settings.projects_folder.name == "AIGC Studio"
    settings.set("projects_folder", str(tmp_path))
    assert settings.projects_folder == tmp_path
    assert Setting("x", "general", "folder", "X", "").accepts("/somewhere")


def test_saved_values_without_settings(home: Path) -> None:
    """Code that has no Settings sees what was saved last; defaults for what is missing, odd or broken."""
    assert stored("models_folder") == ""
    settings = Settings()
    settings.set("models_folder", "/a")
    assert stored("models_folder") == ""
    settings.save()
    assert stored("models_folder") == "/a"
    settings.set("models_folder", "/b")
    settings.save()
    assert stored("models_folder") == "/b"
    file = home / "config" / "settings.json"
    for content in (*BAD_FILES, b'{"models_folder": 5}'):
        file.write_bytes(content)
        assert stored("models_folder") == ""
