"""Questions to the index, for the writer and the readers alike. Lists are asked for by page, never whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..assets import Asset, AssetQuery, Board, is_stored_file
from ..errors import StudioError
from ..i18n import N_
from .database import Connection
from .search import match_expression

__all__ = ["COLUMNS", "Queries", "asset_of", "thumbnail_file"]

COLUMNS = "id, kind, title, file, created, starred, origin, width, height, seconds, job_id, idx, bytes, trashed"
_VISIBLE = frozenset({"image", "audio", "text", "other"})
_MATCHES_LISTED = 2_000  # above this, walking the index in order is faster than sorting the matches


def asset_of(row: tuple) -> Asset:
    """A row of `COLUMNS` as an Asset."""
    values = list(row)
    values[5], values[13] = bool(row[5]), bool(row[13])
    return Asset(*values)


def thumbnail_file(folder: Path, asset_id: str) -> Path:
    """Where the thumbnail of an asset lies, whether it is made or not."""
    return folder / "thumbs" / asset_id[:2] / f"{asset_id}.webp"


class Queries:
    """What both `Project` and `ProjectReader` answer."""

    folder: Path
    _connection: Connection

    def asset(self, asset_id: str) -> Asset | None:
        """One asset, also when it is in the trash."""
        row = self._connection.execute(f"SELECT {COLUMNS} FROM assets WHERE id=?", (asset_id,)).fetchone()
        return asset_of(row) if row else None

    def assets(self, query: AssetQuery, offset: int = 0, limit: int = 200) -> list[Asset]:
        """One page of the assets a query asks for."""
        where, values, source = self._where(query)
        columns = ", ".join(f"a.{name.strip()}" for name in COLUMNS.split(","))
        # The inner query runs on covering indexes alone, so that a far page does not read every row before it.
        rows = self._connection.execute(
            f"SELECT {columns} FROM (SELECT s.seq FROM {source} WHERE {where} ORDER BY {self._order(query)}"
            f" LIMIT ? OFFSET ?) AS page CROSS JOIN assets AS a ON a.seq=page.seq",
            (*values, limit, offset),
        )
        return [asset_of(row) for row in rows]

    def count(self, query: AssetQuery) -> int:
        """How many assets a query asks for."""
        where, values, source = self._where(query)
        return self._connection.execute(f"SELECT count(*) FROM {source} WHERE {where}", values).fetchone()[0]

    def ids(self, query: AssetQuery) -> list[str]:
        """All ids a query asks for, in its order."""
        where, values, source = self._where(query)
        rows = self._connection.execute(
            f"SELECT s.id FROM {source} WHERE {where} ORDER BY {self._order(query)}", values
        )
        return [row[0] for row in rows]

    def recipe(self, asset_id: str) -> dict[str, Any] | None:
        """How an asset was made; None when it was not made here."""
        row = self._connection.execute("SELECT recipe FROM assets WHERE id=?", (asset_id,)).fetchone()
        return json.loads(row[0]) if row and row[0] else None

    def parents(self, asset_id: str) -> list[str]:
        """Ids of what an asset was made from."""
        return self._column("SELECT parent FROM lineage WHERE child=? ORDER BY parent", asset_id)

    def children(self, asset_id: str) -> list[str]:
        """Ids of what was made from an asset."""
        return self._column("SELECT child FROM lineage WHERE parent=? ORDER BY child", asset_id)

    def boards(self) -> list[Board]:
        """All boards in the order they were made."""
        rows = self._connection.execute(
            # All members by the key alone, less the few in the trash: a look at each member would take 80 ms at 70,000.
            "SELECT b.id, b.title, (SELECT count(*) FROM board_assets AS m WHERE m.board=b.id) -"
            " (SELECT count(*) FROM board_assets AS m WHERE m.board=b.id AND m.asset IN (SELECT a.id FROM assets AS a"
            " INDEXED BY assets_shown WHERE a.trashed>0 AND a.kind<>'mask')) FROM boards AS b ORDER BY b.created, b.id"
        )
        return [Board(*row) for row in rows]

    def boards_of(self, asset_id: str) -> list[str]:
        """Ids of the boards an asset is on."""
        return self._column("SELECT board FROM board_assets WHERE asset=?", asset_id)

    def view_state(self, key: str) -> Any:
        """What the window remembered under `key`; None when nothing."""
        row = self._connection.execute("SELECT value FROM meta WHERE key=?", (f"view/{key}",)).fetchone()
        return json.loads(row[0]) if row else None

    def path(self, asset: Asset) -> Path:
        """Where an asset's file is; StudioError when its row names a place outside the project."""
        if not is_stored_file(asset.file):
            raise StudioError(
                N_("This asset's entry in the index is not one of this app; close the project and open it again."),
                code="unsafe",
                detail=asset.file,
            )
        return self.folder / asset.file

    def thumbnail_path(self, asset_id: str) -> Path:
        """Where an asset's thumbnail is, if it is made already."""
        return thumbnail_file(self.folder, asset_id)

    def _column(self, sql: str, value: str) -> list[str]:
        return [row[0] for row in self._connection.execute(sql, (value,))]

    def _order(self, query: AssetQuery) -> str:
        match query.order:
            case "oldest":
                return "s.created, s.seq"
            case "title":
                return "s.title COLLATE NOCASE, s.seq"
            case _:
                return "s.created DESC, s.seq DESC"

    def _where(self, query: AssetQuery) -> tuple[str, tuple[Any, ...], str]:
        """Condition, its values, and the table expression for the alias `s`."""
        parts = ["s.trashed>0" if query.trashed else "s.trashed=0"]
        values: list[Any] = []
        index = "assets_titles" if query.order == "title" else "assets_starred" if query.starred else "assets_shown"
        if set(query.kinds) == _VISIBLE:
            parts.append("s.kind<>'mask'")  # what the indexes say of every row they hold: no check per row
        else:
            parts.append(f"s.kind IN ({', '.join('?' * len(query.kinds))})")
            values += query.kinds
            if "mask" in query.kinds:
                index = ""
            else:
                parts.append("s.kind<>'mask'")
        if query.starred:
            parts.append("s.starred=1")
        if query.board:
            parts.append("s.id IN (SELECT asset FROM board_assets WHERE board=?)")
            values.append(query.board)
            index = ""
        if query.text.strip():
            expression = match_expression(query.text)
            if not expression:
                return "0", (), "assets AS s"
            # Few matches: look each up and sort. Many: walk the index in order and keep those that match.
            few = self._few(expression)
            parts.append(f"{'' if few else '+'}s.seq IN (SELECT rowid FROM assets_text WHERE assets_text MATCH ?)")
            values.append(expression)
            index = "" if few else index
        if query.trashed:
            index = ""
        return " AND ".join(parts), tuple(values), f"assets AS s INDEXED BY {index}" if index else "assets AS s"

    def _few(self, expression: str) -> bool:
        row = self._connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM assets_text WHERE assets_text MATCH ? LIMIT ?)",
            (expression, _MATCHES_LISTED + 1),
        ).fetchone()
        return row[0] <= _MATCHES_LISTED
