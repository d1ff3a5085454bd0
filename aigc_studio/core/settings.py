"""What a person chose, and what the window remembers: two JSON files in the user's configuration folder.

`settings.json` holds the rows of `SETTINGS`; its page in the window is generated from them. `state.json` holds what
nobody sets on purpose: form values, layout, recent projects. Values of a newer version and unknown keys are kept as
they are. A file that cannot be read is set aside ("settings.broken.json") and the defaults are used.
To add a setting: one row in `SETTINGS`, its texts in the translations, and the place that reads it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import platformdirs

from .errors import StudioError
from .i18n import LANGUAGES, N_
from .paths import config_dir
from .store import files

__all__ = ["SECTIONS", "SETTINGS", "Setting", "Settings", "stored"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setting:
    """One row: kind is "choice" (values with titles), "bool", "int" (low..high, unit), "folder" or "device" (what
    `core.hardware` finds, "" for the best; one that is not here now is kept).

    title and help are marked with N_(); titles of choices too, where they are not names.
    """

    id: str
    section: str
    kind: str
    title: str
    default: Any
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    low: int = 0
    high: int = 0
    unit: str = ""

    def accepts(self, value: Any) -> bool:
        """Whether `value` can be this setting's."""
        match self.kind:
            case "bool":
                return isinstance(value, bool)
            case "int":
                return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
            case "choice":
                return value in [known for known, _ in self.choices]
            case _:
                return isinstance(value, str)


SECTIONS = {
    "general": N_("General"),
    "projects": N_("Projects"),
    "models": N_("Models"),
    "engine": N_("Engine"),
}
"""Sections of the settings page, in order."""

SETTINGS: dict[str, Setting] = {
    row.id: row
    for row in (
        Setting(
            "language", "general", "choice", N_("Language"), "",
            choices=(("", N_("As the system")), *LANGUAGES.items()),
        ),
        Setting(
            "theme", "general", "choice", N_("Appearance"), "system",
            choices=(("system", N_("As the system")), ("light", N_("Light")), ("dark", N_("Dark"))),
        ),
        Setting(
            "notify", "general", "choice", N_("Desktop notification"), "queue",
            help=N_("Shown while another window is in front."),
            choices=(
                ("never", N_("Never")), ("queue", N_("When the queue is done")), ("job", N_("When a job is done")),
            ),
        ),
        Setting(
            "projects_folder", "projects", "folder", N_("Folder for new projects"), "",
            help=N_("New projects are made here unless you choose another place."),
        ),
        Setting(
            "reopen", "projects", "bool", N_("Open the last project at the start"), False,
        ),
        Setting(
            "device", "engine", "device", N_("Models run on"), "",
            help=N_("Models that are loaded already move when they have nothing to do."),
        ),
        Setting(
            "models_folder", "models", "folder", N_("Folder for models"), "",
            help=N_("Models are large: choose a drive with room. What lies there is found; what you add is copied."),
        ),
        Setting(
            "idle_minutes", "engine", "int", N_("Free the memory of an idle engine after"), 10,
            low=1, high=240, unit=N_("min##minutes"),
            help=N_("A model that has not been used for so long is unloaded; it is loaded again when it is needed."),
        ),
    )
}  # fmt: skip
"""Setting id to its row, in the order of the page."""

RECENT_LIMIT = 12


def stored(id: str) -> Any:
    """The saved value of a setting, for code that has no `Settings`: the library, the command line. Cheap."""
    file = config_dir() / "settings.json"
    try:
        state = file.stat()
        value = _saved(file, state.st_mtime_ns, state.st_size, state.st_ino).get(id)
    except OSError:
        value = None
    row = SETTINGS[id]
    return value if value is not None and row.accepts(value) else row.default


@lru_cache(maxsize=2)
def _saved(file: Path, changed: int, size: int, number: int) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


class Settings:
    """The values. One thread (the UI's). Changes are written by `save()`, which the window calls a moment later."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: of the two files, by default the user's."""
        self._folder = folder or config_dir()
        self._listeners: list[Callable[[str], None]] = []
        self.set_aside: list[Path] = []
        """Files that could not be read at the start and were renamed."""
        self.given: dict[str, Any] = {}
        """What this start was told on the command line; it counts until another value is chosen."""
        self._values = self._read("settings")
        self._state = self._read("state")
        self._dirty: set[str] = set()

    def get(self, id: str) -> Any:
        """The value of a setting: what was chosen, or its default."""
        row = SETTINGS[id]
        value = self._values.get(id, row.default)
        return value if row.accepts(value) else row.default

    def set(self, id: str, value: Any) -> None:
        """Choose a value; ValueError for one that does not fit. Listeners hear of a change at once."""
        row = SETTINGS[id]
        if not row.accepts(value):
            raise ValueError(f"{id} cannot be {value!r}")
        told = self.given.pop(id, None)
        if value == self.get(id) and told is None:
            return
        self._values[id] = value
        self._dirty.add("settings")
        for listener in list(self._listeners):
            listener(id)

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call `listener(id)` after every change of a setting."""
        self._listeners.append(listener)

    def forget_listener(self, listener: Callable[[str], None]) -> None:
        """Call it no longer; one that is not known is ignored."""
        with suppress(ValueError):
            self._listeners.remove(listener)

    def state(self, key: str, default: Any = None) -> Any:
        """What the window remembers under `key`. Do not change the returned value in place."""
        return self._state.get(key, default)

    def set_state(self, key: str, value: Any) -> None:
        """Remember a value of JSON types."""
        if key not in self._state or self._state[key] != value:
            self._state[key] = value
            self._dirty.add("state")

    @property
    def projects_folder(self) -> Path:
        """Where new projects go: the chosen folder, or "AIGC Studio" in the user's documents. It may not exist yet."""
        chosen = self.get("projects_folder")
        return Path(chosen) if chosen else Path(platformdirs.user_documents_dir()) / "AIGC Studio"

    def recent(self) -> list[Path]:
        """Folders of projects opened last, the newest first; some may be gone."""
        known = self.state("recent", [])
        return [Path(item) for item in known if isinstance(item, str)] if isinstance(known, list) else []

    def opened(self, folder: Path) -> None:
        """Put a project first in the list of recent ones."""
        others = [str(item) for item in self.recent() if item != folder]
        self.set_state("recent", [str(folder), *others][:RECENT_LIMIT])

    def forget(self, folder: Path) -> None:
        """Take a project off the list of recent ones."""
        self.set_state("recent", [str(item) for item in self.recent() if item != folder])

    def save(self) -> None:
        """Write what has changed: beside the old file, then renamed over it. StudioError when that is not possible."""
        for name in sorted(self._dirty):
            data = self._values if name == "settings" else self._state
            file = self._folder / f"{name}.json"
            beside = self._folder / f"{name}.json.new"
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with open(beside, "w", encoding="utf-8") as stream:
                    json.dump(data, stream, ensure_ascii=False, indent=1, sort_keys=True)
                    stream.flush()
                    if name == "settings":  # what was set on purpose survives a power cut; a layout may be old
                        os.fsync(stream.fileno())
                files.replace(beside, file)
            except OSError as error:
                with suppress(OSError):
                    beside.unlink(missing_ok=True)
                raise StudioError(
                    N_("The settings could not be saved in {folder}; check its disk and its permissions."),
                    code="settings",
                    detail=repr(error),
                    folder=str(self._folder),
                ) from error
            self._dirty.discard(name)

    def _read(self, name: str) -> dict[str, Any]:
        file = self._folder / f"{name}.json"
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(data, dict):
                raise ValueError("not an object")
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            log.info("%s cannot be read (%s); the defaults are used", file, error)
            aside = file.with_name(f"{name}.broken.json")
            with suppress(OSError):
                file.replace(aside)
                self.set_aside.append(aside)
            return {}
        return data
