"""The journal keeps what no file can tell: the same columns everywhere, in small pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core import migrations
from aigc_studio.core.migrations import migrate, newest_format
from aigc_studio.core.project import Project
from aigc_studio.core.store import journal
from aigc_studio.core.store.database import open_writer


def _columns(project: Project) -> dict[str, set[str]]:
    """Of each table that has notes: the columns of its notes."""
    notes = [json.loads(row[0]) for row in project._connection.execute("SELECT entry FROM changes")]
    return {note["put"]: set(note["row"]) for note in notes if "put" in note}


def test_notes_and_state_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    project = Project.create(tmp_path / "p")
    asset = project.import_file(tmp_path / "a.txt")
    board = project.create_board("Board")
    project.add_to_board(board.id, [asset.id])
    project.star([asset.id], True)
    project._connection.execute(
        "INSERT INTO jobs(id, lane, state, position, request, created) VALUES('a', 'text', 'done', 1, '{}', 1)"
    )
    noted = {name: table for name, table in journal.TABLES.items() if not table.silent}
    assert _columns(project) == {name: set(table.columns) for name, table in noted.items()}
    project.close()
    state = json.loads((tmp_path / "p" / "backups" / "state.json").read_bytes())
    for name, table in journal.TABLES.items():
        assert all(len(row) == len(table.columns) for row in state["tables"][name])
    assert [row[0] for row in state["tables"]["boards"]] == [board.id]


def test_a_new_format_notes_what_the_journal_keeps_by_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that a later format adds needs to be named once."""
    Project.create(tmp_path / "p").close()
    monkeypatch.setattr(migrations, "_steps", dict(migrations._steps))
    boards = journal.TABLES["boards"]
    later = journal.Table((*boards.columns, "colour"), boards.keys)
    monkeypatch.setattr(journal, "TABLES", {**journal.TABLES, "boards": later})

    @migrations.migration(newest_format() + 1)
    def colours(connection: Any) -> None:
        connection.execute("ALTER TABLE boards ADD COLUMN colour TEXT NOT NULL DEFAULT ''")

    connection = open_writer(tmp_path / "p", shared_place=False)
    migrate(connection)
    connection.close()
    project = Project.open(tmp_path / "p")
    project.create_board("Board")
    assert "colour" in _columns(project)["boards"]
    project.close()


def test_the_state_is_written_in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No single call holds the interpreter while 30,000 rows become text."""
    project = Project.create(tmp_path / "p")
    with project._connection.change():
        project._connection.executemany(
            "INSERT INTO boards(id, title, created) VALUES(?,?,?)", ((f"{n:032}", f"标题 {n}", n) for n in range(2_000))
        )
    longest = 0
    real = json.dumps

    def measured(*args: Any, **named: Any) -> str:
        nonlocal longest
        text = real(*args, **named)
        longest = max(longest, len(text))
        return text

    monkeypatch.setattr(journal.json, "dumps", measured)
    project.close()
    assert 0 < longest < 500
    state = json.loads((tmp_path / "p" / "backups" / "state.json").read_bytes())
    assert [row[1] for row in state["tables"]["boards"]] == [f"标题 {n}" for n in range(2_000)]
    assert journal._state_number(tmp_path / "p" / "backups" / "state.json") == state["n"] > 0
