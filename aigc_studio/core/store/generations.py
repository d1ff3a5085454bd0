"""Questions about generations and lineage. The table `generations` follows `assets` by triggers (see migrations)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ..assets import Asset
from ..generations import Generation, GenerationQuery, Lineage, Link, ModelUse
from .database import Connection
from .queries import COLUMNS, asset_of
from .search import match_expression

__all__ = ["GenerationQueries"]

_RESULTS_LISTED = 24
_MATCHES_LISTED = 2_000  # above this, walking the generations in order is faster than sorting the matches

_FROM_ASSETS = """(SELECT job_id, min(seq) AS head, created, kind, made, shown,
    json_extract(recipe, '$.request.task') AS task, json_extract(recipe, '$.request.family') AS family,
    coalesce(json_extract(recipe, '$.request.model'), '') AS model
    FROM (SELECT *, count(*) OVER (PARTITION BY job_id) AS made, sum(trashed=0) OVER (PARTITION BY job_id) AS shown
        FROM assets WHERE job_id<>'' AND kind<>'mask' AND json_valid(recipe)) GROUP BY job_id)"""
"""The same rows for an index of an earlier format that cannot be brought up to date: on a medium that only reads."""


class GenerationQueries:
    """What a reader answers about what was generated, and what came of what."""

    _connection: Connection
    format: int

    def generations(self, query: GenerationQuery, offset: int = 0, limit: int = 60) -> list[Generation]:
        """One page, newest first."""
        where, values = self._condition(query)
        source = self._source
        # The inner query runs on the covering index alone, so that a far page does not read every row before it.
        rows = self._connection.execute(
            f"SELECT p.job_id, p.head, p.created, p.kind, p.made, p.shown FROM (SELECT g.job_id FROM {source} AS g"
            f" WHERE {where} ORDER BY g.created DESC, g.job_id DESC LIMIT ? OFFSET ?) AS page"
            f" CROSS JOIN {source} AS p ON p.job_id=page.job_id ORDER BY p.created DESC, p.job_id DESC",
            (*values, limit, offset),
        ).fetchall()
        return self._generations(rows)

    def generation(self, job_id: str) -> Generation | None:
        """The generation of one job; None when nothing of it is in the project."""
        row = self._connection.execute(
            f"SELECT g.job_id, g.head, g.created, g.kind, g.made, g.shown FROM {self._source} AS g WHERE g.job_id=?",
            (job_id,),
        ).fetchone()
        return self._generations([row])[0] if row is not None else None

    def count_generations(self, query: GenerationQuery) -> int:
        """How many a query asks for."""
        where, values = self._condition(query)
        return self._connection.execute(f"SELECT count(*) FROM {self._source} AS g WHERE {where}", values).fetchone()[0]

    def place_of_generation(self, query: GenerationQuery, job_id: str) -> int:
        """The row of a job among those a query asks for, -1 when it is not one of them."""
        where, values = self._condition(query)
        found = self._connection.execute(
            f"SELECT g.created FROM {self._source} AS g WHERE {where} AND g.job_id=?", (*values, job_id)
        ).fetchone()
        if found is None:
            return -1
        return self._connection.execute(
            f"SELECT count(*) FROM {self._source} AS g WHERE {where} AND (g.created, g.job_id)>(?, ?)",
            (*values, found[0], job_id),
        ).fetchone()[0]

    def models_used(self) -> list[ModelUse]:
        """Every model that something in the project was generated with."""
        rows = self._connection.execute(f"SELECT DISTINCT kind, family, model FROM {self._source}")
        return sorted(ModelUse(kind, str(family or ""), str(model or "")) for kind, family, model in rows)

    def lineage(self, asset_id: str, *, levels: int = 6, most: int = 80) -> Lineage:
        """What an asset came from and what came of it, `levels` steps each way, at most about `most` assets.

        Masks are left out: they say where something was changed, not what it came from.
        """
        found: dict[str, int] = {asset_id: 0}
        pairs: set[tuple[str, str]] = set()
        cut = False
        for step, column, other in ((-1, "child", "parent"), (1, "parent", "child")):
            front = [asset_id]
            for level in range(1, levels + 2):
                rows = self._linked(front, column, other)
                fresh = sorted({(row[1] if step > 0 else row[0]) for row in rows} - found.keys())
                if level > levels or len(found) + len(fresh) > most:
                    room = 0 if level > levels else max(0, most - len(found))
                    cut = cut or len(fresh) > room
                    fresh = fresh[:room]
                found.update((id, step * level) for id in fresh)
                pairs.update((parent, child) for parent, child in rows if parent in found and child in found)
                front = fresh
                if not fresh:
                    break
        assets = self._assets(tuple(found))
        tasks = self._tasks({child for _, child in pairs})
        links = tuple(Link(parent, child, tasks.get(child, "")) for parent, child in sorted(pairs))
        return Lineage(found, {id: assets.get(id) for id in found}, links, cut)

    # -- parts

    @property
    def _source(self) -> str:
        return "generations" if self.format >= 2 else _FROM_ASSETS

    def _condition(self, query: GenerationQuery) -> tuple[str, list[Any]]:
        parts, values = ["1"], []
        if query.kinds:
            parts.append(f"g.kind IN ({', '.join('?' * len(query.kinds))})")
            values += query.kinds
        for column, value in (("family", query.family), ("model", query.model)):
            if value:
                parts.append(f"g.{column}=?")
                values.append(value)
        if query.since:
            parts.append("g.created>=?")
            values.append(query.since)
        if query.until:
            parts.append("g.created<?")
            values.append(query.until)
        if query.text.strip():
            expression = match_expression(query.text)
            if not expression:
                return "0", []
            matches = "SELECT rowid FROM assets_text WHERE assets_text MATCH ?"
            few = self._connection.execute(
                f"SELECT count(*) FROM ({matches} LIMIT {_MATCHES_LISTED + 1})", (expression,)
            )
            if few.fetchone()[0] <= _MATCHES_LISTED:
                parts.append(f"g.job_id IN (SELECT job_id FROM assets WHERE job_id<>'' AND seq IN ({matches}))")
            else:  # all results of a job have one prompt: the first one speaks for it
                parts.append(f"+g.head IN ({matches})")
            values.append(expression)
        return " AND ".join(parts), values

    def _generations(self, rows: Sequence[tuple]) -> list[Generation]:
        """What is known of the jobs of some rows (job_id, head, created, kind, made, shown)."""
        jobs, marks = [row[0] for row in rows], ", ".join("?" * len(rows))
        results, states = self._results(jobs), self._states(jobs)
        heads = f"SELECT seq, recipe FROM assets WHERE seq IN ({marks})"
        recipes = dict(self._connection.execute(heads, tuple(row[1] for row in rows)))
        return [
            self._generation(row, recipes.get(row[1]) or "{}", results.get(row[0], ()), states.get(row[0], ""))
            for row in rows
        ]

    def _generation(self, row: tuple, text: str, assets: Sequence[Asset], state: str) -> Generation:
        job_id, _, created, kind, made, shown = row
        recipe = _object(json.loads(text))
        request = _object(recipe.get("request"))
        params = {**_object(request.get("params")), **_object(_object(recipe.get("engine")).get("params"))}
        count, seed = request.get("count", 1), recipe.get("seed", request.get("seed", 0))
        return Generation(
            job_id=job_id,
            kind=kind,
            task=str(request.get("task", "")),
            family=str(request.get("family", "")),
            model=str(request.get("model", "")),
            prompt=str(request.get("prompt", "")),
            created=created,
            count=max(made, count if isinstance(count, int) else 1),
            made=made,
            shown=shown,
            state=state,
            seed=seed if isinstance(seed, int) else 0,
            request=request,
            params=params,
            assets=tuple(assets),
        )

    def _results(self, jobs: Sequence[str]) -> dict[str, list[Asset]]:
        """The first results of each of these jobs."""
        if not jobs:
            return {}
        rows = self._connection.execute(
            f"SELECT {COLUMNS} FROM assets WHERE job_id IN ({', '.join('?' * len(jobs))}) AND job_id<>''"
            f" AND kind<>'mask' AND idx < (SELECT min(i.idx) + {_RESULTS_LISTED} FROM assets AS i"
            " WHERE i.job_id=assets.job_id AND i.job_id<>'') ORDER BY job_id, idx",
            tuple(jobs),
        )
        results: dict[str, list[Asset]] = defaultdict(list)
        for row in rows:
            asset = asset_of(row)
            results[asset.job_id].append(asset)
        return results

    def _states(self, jobs: Sequence[str]) -> dict[str, str]:
        marks = ", ".join("?" * len(jobs))
        return dict(self._connection.execute(f"SELECT id, state FROM jobs WHERE id IN ({marks})", tuple(jobs)))

    def _linked(self, ids: Sequence[str], column: str, other: str) -> list[tuple[str, str]]:
        """(parent, child) of every link whose `column` is one of `ids`, where neither is a mask."""
        marks = ", ".join("?" * len(ids))
        return self._connection.execute(
            f"SELECT l.parent, l.child FROM lineage AS l LEFT JOIN assets AS a ON a.id=l.{other}"
            f" WHERE l.{column} IN ({marks}) AND coalesce(a.kind, '')<>'mask' ORDER BY l.{other} LIMIT 2000",
            tuple(ids),
        ).fetchall()

    def _assets(self, ids: Sequence[str]) -> dict[str, Asset]:
        marks = ", ".join("?" * len(ids))
        rows = self._connection.execute(f"SELECT {COLUMNS} FROM assets WHERE id IN ({marks})", tuple(ids))
        return {asset.id: asset for asset in map(asset_of, rows)}

    def _tasks(self, ids: set[str]) -> dict[str, str]:
        marks = ", ".join("?" * len(ids))
        rows = self._connection.execute(
            f"SELECT id, json_extract(recipe, '$.request.task') FROM assets WHERE id IN ({marks})"
            " AND json_valid(recipe)",
            tuple(ids),
        )
        return {id: str(task or "") for id, task in rows}


def _object(value: Any) -> Mapping[str, Any]:
    """A recipe comes with a file, which may hold anything."""
    return value if isinstance(value, Mapping) else {}
