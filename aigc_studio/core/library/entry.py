"""One model that a person can choose: what the list of models, the pickers and the engines are told about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import StudioError
from ..i18n import N_, current_language
from .reading import shown

__all__ = ["Entry", "Finding"]


@dataclass(frozen=True)
class Finding:
    """What a folder or a file turned out to be.

    kind: one of `KINDS`, "part" for what other models work with, "other" for what nothing here can use. family: id, ""
    for parts and others. facts: JSON types. problem: why it cannot be used, None when it can.
    """

    path: Path
    kind: str
    family: str
    facts: dict[str, Any] = field(default_factory=dict)
    problem: StudioError | None = None


@dataclass(frozen=True)
class Entry:
    """One model that a person can choose.

    folder: its files, None for a family that needs none. file: the one file that it is, instead. titles, notes:
    language code to text. languages: of the texts it understands or makes. facts: everything else models.toml says,
    or that was found in its files. fault: what is wrong with its files, as `StudioError.to_json` tells it. missing:
    whether the last look at the disk did not find its folder or file.
    """

    id: str
    family: str
    kind: str
    titles: Mapping[str, str]
    folder: Path | None = None
    languages: tuple[str, ...] = ()
    licence: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None
    fault: Mapping[str, Any] | None = None
    missing: bool = False

    @property
    def title(self) -> str:
        """Its name in the current language."""
        return _in_language(self.titles) or self.id

    @property
    def note(self) -> str:
        """One sentence about it in the current language: what it is good for, or "starter model"."""
        return _in_language(self.notes)

    @property
    def path(self) -> Path | None:
        """Its folder or its file, None for a family that needs none."""
        return self.folder or self.file

    @property
    def found(self) -> bool:
        """Whether it was found on the disk, not listed in models.toml."""
        return bool(self.facts.get("found"))

    @property
    def problem(self) -> StudioError | None:
        """Why it cannot be used, None when it can, as of the last look at the disk: quick, for the window's thread."""
        if self.missing:
            return self._missing()
        return None if self.fault is None else StudioError.from_json(dict(self.fault))

    def problem_now(self) -> StudioError | None:
        """The same with a look at the disk, as folders come and go: before it is used, never in the window's thread
        (a drive on the network that does not answer takes its time)."""
        gone = (self.folder is not None and not self.folder.is_dir()) or (
            self.file is not None and not self.file.is_file()
        )
        return self._missing() if gone else replace(self, missing=False).problem

    def _missing(self) -> StudioError:
        place = self.file.parent if self.file is not None else self.folder
        return StudioError(
            N_('The files of "{model}" are not in {folder}; choose another model or put them back.'),
            code="model-missing",
            model=self.title,
            folder="" if place is None else shown(place),
        )

    def to_json(self) -> dict[str, Any]:
        """A plain dict: for the snapshot of what was found, and for other programs."""
        return {
            "id": self.id,
            "family": self.family,
            "kind": self.kind,
            "titles": dict(self.titles),
            "folder": None if self.folder is None else str(self.folder),
            "file": None if self.file is None else str(self.file),
            "languages": list(self.languages),
            "licence": self.licence,
            "notes": dict(self.notes),
            "facts": dict(self.facts),
            "fault": None if self.fault is None else dict(self.fault),
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """The inverse of `to_json`."""
        return cls(
            id=data["id"],
            family=data["family"],
            kind=data["kind"],
            titles=MappingProxyType(data["titles"]),
            folder=None if data["folder"] is None else Path(data["folder"]),
            languages=tuple(data["languages"]),
            licence=data["licence"],
            notes=MappingProxyType(data["notes"]),
            facts=MappingProxyType(data["facts"]),
            file=None if data["file"] is None else Path(data["file"]),
            fault=None if data["fault"] is None else MappingProxyType(data["fault"]),
            missing=bool(data.get("missing")),
        )


def _in_language(texts: Mapping[str, str]) -> str:
    return texts.get(current_language()) or texts.get("en", "")
