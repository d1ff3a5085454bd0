"""From what was found to rows of the list: each place read by `detect`, each model with an id that stays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from . import detect, store
from .entry import Entry, Finding
from .reading import shown, told_licence, told_title
from .store import Library, Row
from .walk import Candidate

__all__ = ["numbered", "read_row", "with_ids"]


def read_row(candidate: Candidate, root: Path, type: str) -> Row | None:
    """What is at a place, as the type that a person chose ("" for none); None when it is no model. It has no id yet."""
    finding = detect.read_model(candidate.path)
    if finding is None or (candidate.beside and finding.kind == "other" and not type):
        return None
    if type:
        finding = detect.apply_type(finding, type)
    return Row(candidate.key, candidate.stamp, str(root), type, _entry(candidate, finding))


def _entry(candidate: Candidate, finding: Finding) -> Entry:
    """A finding as an entry; its id is given later, when all are known."""
    single = bool(finding.facts.get("single_file"))
    given = "" if single else told_title(finding.path)
    title = given or shown(Path(candidate.name))
    languages = finding.facts.get("languages", ())
    licence = "" if single else told_licence(finding.path)
    facts = {"found": True, "trained": bool(given), "bytes": 0, "digest": "", "architecture": "", **finding.facts}
    return Entry(
        id="",
        family=finding.family,
        kind=finding.kind,
        titles=MappingProxyType({"en": title}),
        folder=None if single else finding.path,
        languages=tuple(languages),
        licence=licence,
        facts=MappingProxyType(facts),
        file=finding.path if single else None,
        fault=None if finding.problem is None else MappingProxyType(finding.problem.to_json()),
    )


# Ids ------------------------------------------------------------------------------------------------------------------


def with_ids(rows: tuple[Row, ...], others: Collection[str]) -> tuple[Row, ...]:
    """The rows with the ids that their models have had before, and new ones for the new; both are remembered.

    others: ids that are taken by models that are not found on the disk.
    """
    known = store.read_library().ids
    present = {row.key for row in rows}
    kept = {row.key: known[row.key][0] for row in rows if row.key in known}
    # A model that was moved comes under the id it had: same files, and nothing is left at the old place.
    moved = {
        (detect.slug(Path(key).stem), digest): key
        for key, (_, digest) in known.items()
        if digest and key not in present and not Path(key).exists()
    }
    gone = []
    for row in rows:
        old = moved.pop((detect.slug(Path(row.key).stem), str(row.entry.facts["digest"])), None)
        if row.key not in kept and old is not None:
            kept[row.key] = known[old][0]
            gone.append(old)
    taken = {id for key, (id, _) in known.items() if key not in gone} | set(others)
    ready = [replace(row, entry=replace(row.entry, id=kept.get(row.key, ""))) for row in rows]
    named = tuple(numbered(ready, taken))
    ids = {row.key: (row.entry.id, str(row.entry.facts["digest"])) for row in named}
    if any(known.get(key) != value for key, value in ids.items()) or gone:

        def change(library: Library) -> None:
            library.ids = {key: value for key, value in library.ids.items() if key not in gone} | ids

        store.change_library(change)
    return named


def numbered(rows: list[Row], taken: set[str]) -> list[Row]:
    """The rows, those without an id given one after their name that no other has."""
    taken = taken | {row.entry.id for row in rows}
    named = []
    for row in rows:
        if not row.entry.id:
            # Names that people give to their models are alike more often than the folders of these.
            trained = bool(row.entry.facts.get("trained"))
            name = detect.slug(Path(row.key).name if trained else row.entry.title.rpartition("/")[2])
            id, number = name, 2
            while id in taken:
                id, number = f"{name}-{number}", number + 1
            taken.add(id)
            row = replace(row, entry=replace(row.entry, id=id))
        named.append(row)
    return named
