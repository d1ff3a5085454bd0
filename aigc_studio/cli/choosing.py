"""Which model a command works with: the one named by id, the one that lies at a path, or the first that can do it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.engines import registry
from aigc_studio.engines.base import Family
from aigc_studio.engines.listing import first_model, no_model

__all__ = ["Choosing"]


class Choosing:
    """Models by id or path. What was given by path is known for as long as this object lives, without being added."""

    def __init__(self) -> None:
        self._given: dict[str, Entry] = {}

    def find(self, id: str) -> Entry:
        """The model with this id, one given by path included; StudioError for an unknown one."""
        return self._given.get(id) or catalogue.find(id)

    def named(self, text: str, kind: str = "") -> Entry:
        """The model that a person named by its id, or by the path of its folder or file.

        Of an id that is not known the disk may know: it is looked at then, once. kind: which one is meant of several
        in a folder.
        """
        path = Path(text).expanduser()
        if len(path.parts) <= 1:
            try:
                return self.find(text)
            except StudioError:
                if not path.exists():
                    if not catalogue.rescan():
                        raise
                    return self.find(text)
        elif not path.exists():
            return self.find(text)
        path = path.resolve()
        for entry in catalogue.models():  # those of the list say more than their files do
            if not entry.found and entry.path == path:
                return entry
        found = catalogue.inspect(path)
        found = [entry for entry in found if entry.kind == kind] or found
        if len(found) > 1:
            names = [entry.path.name for entry in found if entry.path is not None]
            raise StudioError(
                N_('There are several models in "{name}"; give the path of one of them: {names}.'),
                code="model-several",
                name=path.name,
                names=", ".join(names[:8]) + (" …" if len(names) > 8 else ""),
            )
        self._given[found[0].id] = found[0]
        return found[0]

    def id_of(self, text: str) -> str:
        """As `named`: the id alone."""
        return self.named(text).id

    def model(self, kind: str, tasks: Sequence[str], chosen: str = "") -> tuple[Entry, Family, str]:
        """The model for one of these tasks, the family as it declares itself for it, and the task it will do.

        chosen: id or path; without it the first model of this kind that can be used and does one of the tasks.
        """
        if not chosen:
            return first_model(kind, tasks)
        entry = self.named(chosen, kind)
        if (problem := entry.problem_now()) is not None:
            raise problem
        if entry.kind != kind:
            raise no_model(chosen)
        family = registry.declared(entry.family, entry.facts)
        there = {task.id for task in family.tasks}
        task = next((task for task in tasks if task in there), tasks[0])
        return entry, family, family.task(task).id
