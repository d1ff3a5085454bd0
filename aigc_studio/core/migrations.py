"""The format of a project's index, as the steps that led to it. A new project runs all of them.

Changing the format: add one step here, and keep a project of the former format under `tests/data/projects/`. The
triggers that note changes are no step: they are made anew with each format, from what the journal keeps by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from . import jobs
from .errors import StudioError
from .i18n import N_
from .store import journal
from .store.database import Connection

__all__ = ["APPLICATION_ID", "check_version", "format_of", "migrate", "migration", "newest_format"]

APPLICATION_ID = 0x41494743
"""Marks the file as ours for `file(1)` and for us ("AIGC")."""

Step = Callable[[Connection], None]
_S = TypeVar("_S", bound=Step)
_steps: dict[int, Step] = {}


def migration(version: int) -> Callable[[_S], _S]:
    """Declare the step that brings an index from format `version - 1` to `version`."""

    def register(step: _S) -> _S:
        if version in _steps:
            raise ValueError(f"two steps for format {version}")
        _steps[version] = step
        return step

    return register


def newest_format() -> int:
    """The format this version of the app writes."""
    return max(_steps)


def format_of(connection: Connection) -> int:
    """The format of an index, 0 for an empty one."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def check_version(connection: Connection) -> None:
    """Raise StudioError when the index was written by a newer version of the app."""
    if format_of(connection) > newest_format():
        raise StudioError(
            N_("This project was made with a newer version of AIGC Studio; update the app to open it."),
            code="newer-format",
            detail=f"format {format_of(connection)}",
        )


def migrate(connection: Connection) -> int:
    """Bring an index to the newest format, all steps in one transaction; returns the format it had."""
    check_version(connection)
    before = format_of(connection)
    if before == newest_format():
        return before
    with connection.change():
        for version in range(before + 1, newest_format() + 1):
            _steps[version](connection)
            connection.execute(f"PRAGMA user_version={version}")
        _make_triggers(connection)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    return before


def _run(connection: Connection, script: str) -> None:
    """Statements one by one: executescript() would commit the surrounding transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if _complete(statement):
            connection.execute(statement)
            statement = ""


def _complete(statement: str) -> bool:
    # A trigger ends with "END;"; other statements with ";".
    text = statement.strip()
    trigger = text.upper().startswith("CREATE TRIGGER")
    return text.upper().endswith("END;") if trigger else text.endswith(";")


_TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE assets(
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, title TEXT NOT NULL,
    file TEXT NOT NULL UNIQUE, created REAL NOT NULL, starred INTEGER NOT NULL DEFAULT 0, origin TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, seconds REAL NOT NULL, job_id TEXT NOT NULL, idx INTEGER NOT NULL,
    bytes INTEGER NOT NULL, trashed REAL NOT NULL DEFAULT 0, renamed INTEGER NOT NULL DEFAULT 0,
    labelled INTEGER NOT NULL, recipe TEXT NOT NULL
);
CREATE INDEX assets_shown ON assets(trashed, created, seq, kind, starred) WHERE kind<>'mask';
CREATE INDEX assets_starred ON assets(trashed, created, seq, kind, starred) WHERE starred=1 AND kind<>'mask';
CREATE INDEX assets_titles ON assets(title COLLATE NOCASE, seq, trashed, kind, starred) WHERE kind<>'mask';
CREATE INDEX assets_jobs ON assets(job_id, idx) WHERE job_id <> '';
CREATE VIRTUAL TABLE assets_text USING fts5(
    title, prompt, body, prefix='1 2 3', tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
CREATE TABLE lineage(child TEXT NOT NULL, parent TEXT NOT NULL, PRIMARY KEY(child, parent)) WITHOUT ROWID;
CREATE INDEX lineage_parents ON lineage(parent);
CREATE TABLE boards(id TEXT PRIMARY KEY, title TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE board_assets(
    board TEXT NOT NULL, asset TEXT NOT NULL, added REAL NOT NULL, PRIMARY KEY(board, asset)
) WITHOUT ROWID;
CREATE INDEX board_assets_asset ON board_assets(asset);
CREATE TABLE documents(
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, modified REAL NOT NULL, mirrored REAL NOT NULL,
    deleted REAL NOT NULL, body TEXT NOT NULL
);
CREATE TABLE revisions(
    document TEXT NOT NULL, number INTEGER NOT NULL, saved REAL NOT NULL, characters INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY(document, number)
);
CREATE TABLE changes(n INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL);
"""


def _make_triggers(connection: Connection) -> None:
    """What no asset's file can tell is noted in `changes` by the database itself, in the same transaction, whoever
    writes. core.store.journal copies these notes into a file beside the index, and says what is worth one.
    """
    for name, table in journal.TABLES.items():
        for event in ("added", "changed", "dropped"):
            connection.execute(f"DROP TRIGGER IF EXISTS {name}_{event}")
        if not table.silent:
            _run(connection, _triggers(name, table))


def _triggers(name: str, table: journal.Table) -> str:
    def note(verb: str, side: str, columns: tuple[str, ...]) -> str:
        row = ", ".join(f"'{column}', {side}.{column}" for column in columns)
        return f"INSERT INTO changes(entry) VALUES(json_object('{verb}', '{name}', 'row', json_object({row})));"

    when = f" WHEN {table.noted}" if table.noted else ""
    of = f" OF {', '.join(table.watched)}" if table.watched else ""
    put, gone = note("put", "new", table.columns), note("drop", "old", table.keys)
    # A change that is watched is worth a note in every row: a generated asset may be starred.
    every = "" if table.watched else when
    return (
        f"CREATE TRIGGER {name}_added AFTER INSERT ON {name}{when} BEGIN {put} END;\n"
        f"CREATE TRIGGER {name}_changed AFTER UPDATE{of} ON {name}{every} BEGIN {put} END;\n"
        f"CREATE TRIGGER {name}_dropped AFTER DELETE ON {name}{when.replace('new.', 'old.') if every else ''}"
        f" BEGIN {gone} END;\n"
    )


@migration(1)
def first_format(connection: Connection) -> None:
    """The first format: assets with full-text search and lineage, boards, documents, the queue, the journal."""
    _run(connection, _TABLES)
    _run(connection, jobs.SCHEMA)


_COUNTED = """
INSERT INTO generations(job_id, head, created, kind, task, family, model, made, shown)
    SELECT job_id, min(seq), created, kind, coalesce(json_extract(recipe, '$.request.task'), ''),
        coalesce(json_extract(recipe, '$.request.family'), ''), coalesce(json_extract(recipe, '$.request.model'), ''),
        count(*), sum(trashed=0)
    FROM assets WHERE {which} AND job_id<>'' AND kind<>'mask' AND json_valid(recipe) GROUP BY job_id;
"""
_COUNT_OLD, _COUNT_NEW = (
    f"DELETE FROM generations WHERE job_id={side}.job_id;{_COUNTED.format(which=f'job_id={side}.job_id')}"
    for side in ("old", "new")
)

_GENERATIONS = f"""
CREATE TABLE generations(
    job_id TEXT PRIMARY KEY, head INTEGER NOT NULL, created REAL NOT NULL, kind TEXT NOT NULL, task TEXT NOT NULL,
    family TEXT NOT NULL, model TEXT NOT NULL, made INTEGER NOT NULL, shown INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER generations_of_new AFTER INSERT ON assets WHEN new.job_id<>'' BEGIN
    {_COUNT_NEW} END;
CREATE TRIGGER generations_of_gone AFTER DELETE ON assets WHEN old.job_id<>'' BEGIN
    {_COUNT_OLD} END;
CREATE TRIGGER generations_of_changed AFTER UPDATE OF job_id, kind, trashed, created, recipe ON assets
    WHEN new.job_id<>'' OR old.job_id<>'' BEGIN
    {_COUNT_OLD} {_COUNT_NEW} END;
{_COUNTED.format(which="1")}
CREATE INDEX generations_time ON generations(created, job_id, kind, family, model, head);
"""


@migration(2)
def generations(connection: Connection) -> None:
    """The second format: a row for each job that left results, kept by the database itself, for the history."""
    _run(connection, _GENERATIONS)
