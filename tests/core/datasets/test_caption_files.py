"""What is written beside pictures is what is read again, whatever happens in between; pictures stay as they are."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.core.datasets import caption_files, captions
from aigc_studio.core.datasets.caption_files import Change, save
from aigc_studio.core.datasets.captions import lines_of_text
from aigc_studio.core.errors import Cancelled

from . import kit
from .kit import picture


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> pytest.TempPathFactory:
    """Folders for examples."""
    return tmp_path_factory


TEXTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=80), max_size=4)


def change(*after: str, before: tuple[str, ...] = ()) -> Change:
    return Change(before, after)


@settings(max_examples=40)
@given(TEXTS, TEXTS)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, one: list[str], two: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("captions")
    wanted = {"a.png": lines_of_text("\n".join(one)), "sub/b.jpg": lines_of_text("\n".join(two))}
    (folder / "sub").mkdir()
    kit.save(folder, "captions.csv", "file,caption\na.png,listed\nb.jpg,listed\n")
    saved = save(folder, {file: Change((), texts) for file, texts in wanted.items()}, wanted)
    assert (saved.written, saved.foreign, saved.error) == (list(wanted), {}, None)
    read = captions.read(folder, wanted)
    assert {file: read.texts.get(file, ()) for file in wanted} == wanted
    shutil.rmtree(folder)


def test_it_wins_over_tables_names_and_other_texts_and_touches_no_picture(tmp_path: Path) -> None:
    files = ["cup.png", "b.png", "c.png"]
    for file in files:
        picture(tmp_path, file)
    kit.save(tmp_path, "captions.csv", "file,caption\nb.png,listed\n")
    kit.save(tmp_path, "c.caption", "old")
    before = {file: ((tmp_path / file).read_bytes(), (tmp_path / file).stat().st_mtime_ns) for file in files}
    changes = {"cup.png": change("a cup"), "b.png": change(), "c.png": change("新的", before=("old",))}
    assert save(tmp_path, changes, files).written == files
    assert captions.read(tmp_path, files).texts == {"cup.png": ("a cup",), "c.png": ("新的",)}
    assert (tmp_path / "c.txt").read_bytes() == "新的\n".encode()
    assert before == {file: ((tmp_path / file).read_bytes(), (tmp_path / file).stat().st_mtime_ns) for file in files}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*files, "captions.csv", "c.caption", "cup.txt", "b.txt", "c.txt"]
    )


def test_pictures_that_differ_in_their_suffix_have_texts_of_their_own(tmp_path: Path) -> None:
    files = ["a.png", "A.jpg", "b.png"]
    kit.save(tmp_path, "a.txt", "both")
    kit.save(tmp_path, "b.png.txt", "full")
    changes = {"a.png": change("one", before=("both",)), "b.png": change("two", before=("full",))}
    assert save(tmp_path, changes, files).error is None
    assert captions.read(tmp_path, ["a.png", "a.jpg", "b.png"]).texts == {
        "a.png": ("one",),
        "a.jpg": ("both",),
        "b.png": ("two",),
    }


def test_what_another_program_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    kit.save(tmp_path, "a.txt", "theirs")
    kit.save(tmp_path, "b.txt", "wanted")
    stamp = (tmp_path / "b.txt").stat().st_mtime_ns
    changes = {"a.png": change("mine", before=("old",)), "b.png": change("wanted", before=("old",))}
    saved = save(tmp_path, changes, ["a.png", "b.png"])
    assert (saved.foreign, saved.written) == ({"a.png": ("theirs",)}, ["b.png"])
    assert (tmp_path / "b.txt").stat().st_mtime_ns == stamp  # it says so already
    assert save(tmp_path, {"a.png": change("mine", before=("theirs",))}, ["a.png"]).written == ["a.png"]


@pytest.mark.parametrize("before", [(), ("old",)])
def test_a_vanished_folder_is_one_sentence(tmp_path: Path, before: tuple[str, ...]) -> None:
    saved = save(tmp_path / "gone", {"a.png": change("x", before=before)}, ["a.png"])
    assert not saved.foreign  # nobody deleted a text
    assert saved.error is not None
    assert saved.error.code == "missing"
    assert str(tmp_path / "gone") in str(saved.error)


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EACCES, "permission"), (errno.EROFS, "permission"), (errno.ENOSPC, "disk-full")]
)
def test_a_folder_that_takes_no_more_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    kit.save(tmp_path, "2.txt", "old")
    real, calls = caption_files.write_atomically, 0

    def failing(path: Path):  # noqa: ANN202
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(number, os.strerror(number), str(path))
        return real(path)

    monkeypatch.setattr(caption_files, "write_atomically", failing)
    changes = {f"{index}.png": change(f"new {index}", before=("old",) if index == 2 else ()) for index in range(5)}
    saved = save(tmp_path, changes, changes)
    assert saved.written == ["0.png", "1.png"]
    assert saved.error is not None
    assert saved.error.code == code
    assert (tmp_path / "2.txt").read_text() == "old"
    assert not list(tmp_path.glob("*.part"))
    assert not list(tmp_path.glob(".*"))


def test_a_cancel_says_what_is_written(tmp_path: Path) -> None:
    done = 0

    def check() -> None:
        nonlocal done
        done += 1
        if done > 4:
            raise Cancelled

    changes = {f"{index}.png": change("new") for index in range(10)}
    saved = save(tmp_path, changes, changes, check)
    assert saved.error is None
    assert 0 < len(saved.written) < 10
    assert set(captions.beside(tmp_path, changes)) == set(saved.written)


def test_endless_captions_are_refused(tmp_path: Path) -> None:
    saved = save(tmp_path, {"a.png": change(*(f"{index} " + "x" * 3000 for index in range(200)))}, ["a.png"])
    assert saved.error is not None
    assert saved.error.code == "caption-size"


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need rights on Windows")
def test_a_link_beside_is_replaced_and_what_it_shows_is_not(tmp_path: Path) -> None:
    other = kit.save(tmp_path, "elsewhere/other.txt", "not ours")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.txt").symlink_to(other)
    assert save(folder, {"a.png": change("mine")}, ["a.png"]).written == ["a.png"]
    assert other.read_text() == "not ours"
    assert captions.beside(folder, ["a.png"]) == {"a.png": ("mine",)}
