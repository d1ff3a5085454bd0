"""What an engine is: something that is given an Order, reports to a Listener and stops when a CancelToken says so.

`LocalEngine` does the work in this process; `ChildEngine` has it done in another. Whoever holds an Engine cannot tell.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import WORKSHOPS

from .base import Model

__all__ = ["CancelToken", "Engine", "Listener", "Order", "Preview", "missing_input"]

_MISSING = {
    "image": N_("There is no picture to work on; choose one, then try again."),
    "mask": N_("There is no part to change; paint over it first, then try again."),
    "voice": N_("There is no recording of the voice; choose one, then try again."),
}


def missing_input(role: str) -> StudioError:
    """What to tell when an input that a task needs was not chosen."""
    other = N_('This needs "{role}" as an input; choose one, then try again.')
    return StudioError(_MISSING.get(role, other), code="input", role=role)


@dataclass(frozen=True)
class Order:
    """Everything an engine is told about one job.

    done: indices of results that are stored already. folder: where finished files are put (`<project>/incoming`).
    inputs: role to file. model: what the family loads, None for one with nothing to load. parts: other models that
    parameters name, by id.
    """

    job_id: str
    request: Request
    folder: Path
    done: tuple[int, ...] = ()
    inputs: Mapping[str, Path] = field(default_factory=dict)
    model: Model | None = None
    parts: Mapping[str, Model] = field(default_factory=dict)

    @property
    def start(self) -> int:
        """The first index that is not stored."""
        index = 0
        while index in self.done:
            index += 1
        return index

    @property
    def workshop(self) -> Path:
        """The folder of this job alone in its project, beside where finished files are put."""
        return self.folder.parent / WORKSHOPS / self.job_id

    def moved(self, folder: Path) -> Order:
        """The same order with its files put into another folder."""
        return replace(self, folder=folder)

    def dumps(self) -> bytes:
        """As UTF-8 JSON for the pipe."""
        data = {
            "job_id": self.job_id,
            "request": self.request.to_json(),
            "folder": str(self.folder),
            "done": list(self.done),
            "inputs": {role: str(path) for role, path in self.inputs.items()},
            "model": None if self.model is None else self.model.to_json(),
            "parts": {id: part.to_json() for id, part in self.parts.items()},
        }
        return json.dumps(data, separators=(",", ":")).encode()  # ASCII: lone surrogates and odd paths survive

    @classmethod
    def loads(cls, data: bytes) -> Order:
        """The inverse of `dumps`."""
        fields = json.loads(data)
        model = fields["model"]
        return cls(
            fields["job_id"],
            Request.from_json(fields["request"]),
            Path(fields["folder"]),
            tuple(fields["done"]),
            {role: Path(path) for role, path in fields["inputs"].items()},
            None if model is None else Model.from_json(model),
            {id: Model.from_json(part) for id, part in fields["parts"].items()},
        )


@dataclass(frozen=True)
class Preview:
    """A small picture of work in progress: `pixels` are width x height x 3 bytes, RGB, row by row."""

    width: int
    height: int
    pixels: bytes


class Listener(Protocol):
    """Hears what an engine does, on the thread that called `run`."""

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """Result `index` is at step `done` of `total` (0: unknown)."""

    def partial(self, index: int, piece: str) -> None:
        """A piece of text of result `index`."""

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """Something to tell the person about this job that is no error; `text` marked with N_()."""

    def output(self, index: int, path: Path) -> None:
        """Result `index` lies in `path`, whole and on the disk."""

    def silent(self, seconds: float) -> None:
        """The engine has not been heard for so long; only the user decides to end it."""


class CancelToken:
    """The one cancel of one run of one job. Set from any thread; it stays set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._callbacks: list[Callable[[], Any]] = []

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._set

    def check(self) -> None:
        """Raise Cancelled when it was."""
        if self._set:
            raise Cancelled

    def cancel(self) -> None:
        """Ask the run to stop. Returns at once; a second call does nothing."""
        with self._lock:
            if self._set:
                return
            self._set = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], Any]) -> None:
        """Call `callback` once, in the thread that cancels; at once when that has happened. It must not block."""
        with self._lock:
            if not self._set:
                self._callbacks.append(callback)
                return
        callback()


class Engine(Protocol):
    """Runs one order at a time, called by one thread."""

    def run(self, order: Order, listener: Listener, token: CancelToken) -> None:
        """Make what is ordered. Cancelled when the token stopped it, StudioError when it failed."""

    def warm(self, family: str) -> None:
        """Import what this family will import, without waiting for it where that is possible."""

    def unload(self) -> None:
        """Give memory back; the next run loads again."""

    def close(self) -> None:
        """End for good."""
