"""Losing the index loses no text, variant, board, star or queued job; orphans are adopted once."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core import migrations
from aigc_studio.core.documents import Segment, Variant
from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import JobState
from aigc_studio.core.migrations import migration, newest_format
from aigc_studio.core.project import AssetQuery, Project, ProjectReader, is_project
from tests.core.project_kit import PICTURE, SPEECH, WORDS, check_whole, holdings, picture, result


def _fill(folder: Path) -> dict[str, Any]:
    """Make a project with something of everything; returns what it holds when it was closed."""
    project = Project.create(folder, "Campaign 春")
    job = project.queue.add(PICTURE)
    waiting = project.queue.add(SPEECH.changed(prompt="still to be spoken"))
    paused = project.queue.add(WORDS)
    project.queue.pause(paused.id)
    made = [project.commit_output(job.id, index, result(folder, job.id, index)) for index in range(3)]
    words = project.commit_output("w", 0, result(folder, "w", 0, WORDS))
    mask = project.store_image(picture().convert("L"), title="My mask", kind="mask", parents=[made[0].id])
    (folder.parent / "outside.txt").write_text("from outside")
    foreign = project.import_file(folder.parent / "outside.txt")
    project.rename(made[1].id, "Renamed")
    project.rename(foreign.id, "Brief")
    project.star([made[1].id, words.id, foreign.id], True)
    project.star([words.id], False)
    first, second, gone = (project.create_board(title) for title in ("First", "Second", "Gone"))
    project.add_to_board(first.id, [made[0].id, mask.id, foreign.id])
    project.add_to_board(second.id, [made[1].id])
    project.remove_from_board(first.id, [foreign.id])
    project.delete_board(gone.id)
    document = project.documents.create("text", "Slogans")
    segment = Segment(
        text="第二版", variants=[Variant(text="first wording"), Variant(text="第二版", asset_id=words.id)]
    )
    document.segments = [segment, Segment(text="locked", locked=True)]
    project.documents.save(document)
    dropped = project.documents.create("script", "Dropped")
    project.documents.delete(dropped.id)
    project.trash([made[2].id])
    project.queue.move(waiting.id, 1)
    before = holdings(project)
    project.close()
    return before


def _remove(index: Path) -> None:
    index.unlink()


def _truncate(index: Path) -> None:
    with open(index, "r+b") as file:
        file.truncate(index.stat().st_size // 2)


def _empty(index: Path) -> None:
    index.write_bytes(b"")


def _scribble(index: Path) -> None:
    rng = random.Random(1)
    data = bytearray(index.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = rng.randbytes(64)
    index.write_bytes(data)


def _overwrite(index: Path) -> None:
    index.write_bytes(os.urandom(30_000))


_DAMAGES = [_remove, _truncate, _empty, _scribble, _overwrite]


def _without_backups(folder: Path) -> None:
    for path in (folder / "backups").glob("project-*"):
        path.unlink()


def _without_state(folder: Path) -> None:
    for name in ("state.json", "changes.jsonl"):
        (folder / "backups" / name).unlink(missing_ok=True)


def _damaged_backup(folder: Path) -> None:
    for path in (folder / "backups").glob("project-*"):
        _scribble(path)


@pytest.mark.parametrize("damage", _DAMAGES)
@pytest.mark.parametrize("also", [lambda folder: None, _without_backups, _without_state, _damaged_backup])
def test_a_lost_index_is_rebuilt(tmp_path: Path, damage: Callable[[Path], None], also: Callable[[Path], None]) -> None:
    folder = tmp_path / "p"
    before = _fill(folder)
    damage(folder / "project.aigc")
    also(folder)
    project = Project.open(folder)
    assert project.report.rebuilt
    after = holdings(project)
    assert after == before
    check_whole(project)
    project.close()
    again = Project.open(folder)
    assert holdings(again) == before
    assert not again.report
    again.close()


def test_work_after_the_last_backup_survives_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    _fill(folder)
    project = Project.open(folder)
    for board in project.boards():
        project.delete_board(board.id)
    board = project.create_board("Late")
    job = project.queue.add(PICTURE.changed(prompt="late"))
    asset = project.commit_output(job.id, 0, result(folder, job.id, 0, PICTURE.changed(prompt="late")))
    project.add_to_board(board.id, [asset.id])
    starred = project.ids(AssetQuery(starred=True))
    project.star(starred, False)
    project.star([asset.id], True)
    document = project.documents.load(project.documents.all()[0].id)
    document.segments[0].variants.append(Variant(text="late variant"))
    project.documents.save(document)
    trashed = project.ids(AssetQuery(trashed=True))
    project.delete_forever(trashed)
    project.take_changes()
    before = holdings(project)
    crashed = Path(shutil.copytree(folder, tmp_path / "crashed"))
    project.close()
    for suffix in ("", "-wal", "-shm"):
        (crashed / f"project.aigc{suffix}").unlink()
    again = Project.open(crashed)
    after = holdings(again)
    assert after == before
    check_whole(again)
    again.close()


def test_half_a_line_of_the_journal_costs_that_line_only(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    project = Project.create(folder)
    for number in range(5):
        project.create_board(str(number))
    shutil.copytree(folder, tmp_path / "crashed")
    project.close()
    folder = tmp_path / "crashed"
    for suffix in ("", "-wal", "-shm"):
        (folder / f"project.aigc{suffix}").unlink()
    log = folder / "backups" / "changes.jsonl"
    log.write_bytes(log.read_bytes()[:-10])
    again = Project.open(folder)
    assert [board.title for board in again.boards()] == ["0", "1", "2", "3"]
    again.create_board("next")
    again.close()
    (folder / "project.aigc").unlink()
    again = Project.open(folder)
    assert [board.title for board in again.boards()] == ["0", "1", "2", "3", "next"]
    again.close()


def test_an_older_index_put_in_place_numbers_on(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    Project.create(folder).close()
    shutil.copy(folder / "project.aigc", tmp_path / "old")
    project = Project.open(folder)
    for number in range(9):
        project.create_board(str(number))
    project.close()
    shutil.copy(tmp_path / "old", folder / "project.aigc")
    project = Project.open(folder)
    project.create_board("after")
    project.close()
    (folder / "project.aigc").unlink()
    project = Project.open(folder)
    assert "after" in [board.title for board in project.boards()]
    project.close()


def test_a_journal_that_cannot_be_written_is_caught_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    project = Project.create(tmp_path / "p")
    with monkeypatch.context() as patch:
        real = os.fsync
        patch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        project.create_board("unwritten")
        patch.setattr(os, "fsync", real)
        project.create_board("written")
    assert "journal" in caplog.text
    lines = (tmp_path / "p" / "backups" / "changes.jsonl").read_text().splitlines()
    titles = [json.loads(line)["row"].get("title") for line in lines if '"boards"' in line]
    assert titles[-2:] == ["unwritten", "written"]
    project.close()


def test_orphans_are_adopted_once(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    project = Project.create(folder)
    job = project.queue.add(PICTURE)
    project.queue.claim("picture")
    kept = project.commit_output(job.id, 0, result(folder, job.id, 0))
    project.close()
    result(folder, job.id, 0)  # a second file of what is stored
    os.replace(result(folder, job.id, 1), folder / "assets" / "a-name-without-a-row.png")
    whole = result(folder, job.id, 2)
    cut = folder / "incoming" / "cut.png"
    cut.write_bytes(whole.read_bytes()[:-400])
    (folder / "incoming" / ".x.png.part").write_bytes(b"half")
    (folder / "assets" / "Thumbs.db").write_bytes(b"x")
    (folder / "assets" / "dropped in by hand.txt").write_text("hello")
    project = Project.open(folder)
    assert len(project.report.adopted) == 3
    assert project.count(AssetQuery()) == 4
    assert project.asset(kept.id) == kept
    [back] = project.queue.list()
    assert (back.state, back.done) == (JobState.DONE, (0, 1, 2))
    assert [path.name for path in (folder / "incoming").iterdir()] == ["cut.png.damaged"]
    assert project.ids(AssetQuery(text="dropped"))
    project.close()
    project = Project.open(folder)
    assert not project.report
    project.close()


def test_an_asset_may_be_called_document(tmp_path: Path) -> None:
    """Its file begins as mirrors in the trash once did; it is found again all the same."""
    folder = tmp_path / "p"
    project = Project.create(folder)
    for name in ("Document 1.txt", "Document 2.txt", "Other.txt"):
        (tmp_path / name).write_text(name)
        asset = project.import_file(tmp_path / name)
        if name == "Document 2.txt":
            project.trash([asset.id])
    document = project.documents.create("text", "Put away")
    project.documents.delete(document.id)
    project.close()
    trash = folder / "trash"
    for path in trash.glob("~document-*"):  # as an earlier version named them
        path.rename(path.with_name(path.name.removeprefix("~")))
    (folder / "project.aigc").unlink()
    _without_state(folder)
    for path in (folder / "backups").iterdir():
        path.write_bytes(b"damaged")
    project = Project.open(folder)
    after = holdings(project)
    assert sorted(asset[2] for asset in after["assets"]) == ["document-1", "other"]  # as their files are called
    assert [asset[1] for asset in after["trash"]] == ["document-2"]
    assert after["documents"] == []
    project.documents.restore(document.id)
    assert [path.suffix for path in trash.iterdir()] == [".txt"]
    project.documents.delete(document.id)
    assert len(list(trash.glob("~document-*"))) == 2
    project.close()


def test_files_that_are_gone_are_counted_and_their_rows_kept(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    _fill(folder)
    next((folder / "assets").glob("*.png")).unlink()
    project = Project.open(folder)
    assert project.report.missing == 1
    assert project.count(AssetQuery(kinds=("image", "mask"))) == 3
    project.close()


def test_a_reader_says_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    _fill(folder)
    _empty(folder / "project.aigc")
    with pytest.raises(StudioError, match="open it where it can be written"):
        Project.open(folder, read_only=True)
    _remove(folder / "project.aigc")
    assert is_project(folder)
    with pytest.raises(StudioError, match="holds no AIGC Studio project"):
        ProjectReader(folder)


def _work_on(project: Project) -> None:
    for _ in range(50):
        project.create_board("x")
        project.star([asset.id for asset in project.assets(AssetQuery())], True)
        project._connection.execute("PRAGMA shrink_memory")


def test_damage_found_while_open_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    _fill(folder)
    project = Project.open(folder)
    project.checkpoint()
    _scribble(folder / "project.aigc")
    project._connection.execute("PRAGMA shrink_memory")
    with pytest.raises(StudioError, match="damaged"):
        _work_on(project)
    project.close()
    again = Project.open(folder)
    assert again.report.rebuilt
    check_whole(again)
    again.close()


def test_a_project_of_a_newer_version_is_refused_and_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    _fill(folder)
    connection = sqlite3.connect(folder / "project.aigc")
    connection.execute(f"PRAGMA user_version={newest_format() + 1}")
    connection.close()
    before = (folder / "project.aigc").read_bytes()
    for opening in (
        lambda: Project.open(folder),
        lambda: Project.open(folder, read_only=True),
        lambda: ProjectReader(folder),
    ):
        with pytest.raises(StudioError, match="newer version"):
            opening()
    assert (folder / "project.aigc").read_bytes() == before


def test_a_project_of_each_older_version_opens(tmp_path: Path, checkout: Path) -> None:
    kept = sorted((checkout / "tests" / "data" / "projects").glob("format-*"))
    assert [path.name for path in kept] == [f"format-{n}" for n in range(1, newest_format() + 1)]
    for path in kept:
        folder = Path(shutil.copytree(path, tmp_path / path.name))
        expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        (folder / "expected.json").unlink()
        project = Project.open(folder)
        assert json.loads(json.dumps(holdings(project))) == expected
        check_whole(project)
        project.close()


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "p"
    before = _fill(folder)
    monkeypatch.setattr(migrations, "_steps", dict(migrations._steps))
    version = newest_format() + 1

    @migration(version)
    def add_a_table(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE news(id)")
        if fail:
            raise sqlite3.OperationalError("cannot")

    fail = True
    with pytest.raises(StudioError):
        Project.open(folder)
    fail = False
    assert len(list((folder / "backups").glob("project-*.aigc"))) >= 1
    project = Project.open(folder)
    assert project._connection.execute("PRAGMA user_version").fetchone()[0] == version
    assert holdings(project) == before
    project.close()
    with pytest.raises(ValueError, match="two steps"):
        migration(version)(add_a_table)
