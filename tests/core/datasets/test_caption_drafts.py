"""Captions that are not saved yet survive whatever ends the program."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.core.datasets.caption_drafts import Drafts
from aigc_studio.core.datasets.caption_files import Change
from aigc_studio.core.errors import StudioError
from aigc_studio.core.store import json_lines

TEXTS = st.lists(st.text(max_size=5), max_size=2).map(tuple)


@settings(max_examples=30)
@given(st.lists(st.dictionaries(st.text(max_size=2), st.none() | st.builds(Change, TEXTS, TEXTS)), max_size=5))
def test_the_last_word_counts(tmp_path_factory: pytest.TempPathFactory, said: list[dict[str, Change | None]]) -> None:
    drafts = Drafts(tmp_path_factory.mktemp("project"), Path("pictures"))
    wanted: dict[str, Change] = {}
    for changes in said:
        drafts.keep(changes)
        for file, change in changes.items():
            if change is None:
                wanted.pop(file, None)
            else:
                wanted[file] = change
    assert drafts.read() == wanted
    drafts.clear()
    assert drafts.read() == {}
    drafts.clear()


@pytest.mark.parametrize("size", [2, 10, 40])
def test_a_kill_while_it_is_written_loses_the_last_line_at_most(tmp_path: Path, size: int) -> None:
    drafts = Drafts(tmp_path, Path("pictures"))
    drafts.keep({"a.png": Change((), ("first",))})
    drafts.keep({"b.png": Change((), ("second",))})
    drafts.path.write_bytes(drafts.path.read_bytes()[:-size])
    assert drafts.read() == {"a.png": Change((), ("first",))}
    drafts.keep({"c.png": Change(("x",), ("third",))})
    assert set(drafts.read()) == {"a.png", "c.png"}


def test_what_is_no_draft_is_passed_over(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, Path("pictures"))
    lines = [b"\xff\xfe", b"[]", b"7", b'{"file": 5, "after": []}', b'{"file": "a", "after": [5], "before": []}']
    lines += [
        b'{"file": "a", "after": ["x"]}',
        b"[" * 5000,
        json.dumps({"file": "b", "before": [], "after": []}).encode(),
    ]
    drafts.path.parent.mkdir()
    drafts.path.write_bytes(b"\n".join(lines))
    assert drafts.read() == {"b": Change((), ())}


def test_folders_and_projects_have_drafts_of_their_own(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, Path("pictures"))
    drafts.keep({"a.png": Change((), ("x",))})
    assert Drafts(tmp_path, Path("others")).read() == {}
    assert Drafts(tmp_path / "other", Path("pictures")).read() == {}


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(json_lines, "sync_file", full)
    with pytest.raises(StudioError) as caught:
        Drafts(tmp_path, Path("pictures")).keep({"a.png": Change((), ("x",))})
    assert caught.value.code == "disk-full"
