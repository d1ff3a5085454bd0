"""Everything about one generation in one frozen value: what the form makes, the queue keeps and the engine reads."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from .places import names_only

__all__ = ["KINDS", "LANES", "MAX_SEED", "Request", "new_seed"]

KINDS = ("text", "image", "speech", "training", "captions")
"""What an engine can make; "training" makes models, with a sheet of samples as its result; "captions" are words about
the pictures of a folder."""

LANES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"text": ("text",), "picture": ("image",), "sound": ("speech",), "train": ("training", "captions")}
)
"""Lane to the kinds it makes; each lane has its own worker and its own child process."""

_LANE_OF = {kind: lane for lane, kinds in LANES.items() for kind in kinds}

MAX_SEED = 2**32 - 1
"""Seeds are unsigned 32-bit: every generator of numpy and torch takes them, and people can read them aloud."""


def new_seed() -> int:
    """A fresh random seed."""
    return secrets.randbelow(MAX_SEED + 1)


@dataclass(frozen=True)
class Request:
    """One generation: `count` results of `family` for `prompt`.

    kind: one of `KINDS`. task: a task id of the family ("generate", "inpaint", "continue", "speak").
    family: id in the registry. model: id in the catalogue, "" for a family with nothing to load.
    params: values for the family's parameters, JSON types only; what is missing takes the default.
    seed: of the first result; result i uses `item_seed(i)`, so that a resumed job equals an uninterrupted one.
    inputs: role ("image", "mask", "voice") to the id of a stored asset.
    context: what the result belongs to ({"document": id, "segment": id}, {"board": id}); engines do not read it.
    """

    kind: str
    task: str
    family: str
    model: str = ""
    prompt: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    count: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def lane(self) -> str:
        """The lane that runs this request."""
        return _LANE_OF[self.kind]

    def item_seed(self, index: int) -> int:
        """The seed of result `index`."""
        return (self.seed + index) % (MAX_SEED + 1)

    def changed(self, **changes: Any) -> Request:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def public(self) -> Request:
        """As files tell of it that may leave this machine: folders of training and describing by name alone."""
        return self.changed(params=names_only(self.params)) if self.lane == "train" else self

    def to_json(self) -> dict[str, Any]:
        """A plain dict; fields at their defaults are left out."""
        data: dict[str, Any] = {"kind": self.kind, "task": self.task, "family": self.family, "seed": self.seed}
        for name in ("model", "prompt"):
            if value := getattr(self, name):
                data[name] = value
        for name in ("params", "inputs", "context"):
            if value := getattr(self, name):
                data[name] = dict(value)
        if self.count != 1:
            data["count"] = self.count
        return data

    def dumps(self) -> str:
        """`to_json` as one canonical line."""
        return json.dumps(self.to_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        """The inverse of `to_json`; unknown fields of a newer version are ignored.

        ValueError for what is no request of this version: an unknown kind, a field of another type, one missing.
        """
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        for name, value in known.items():
            if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
                raise ValueError(f"{name} cannot be {value!r:.60}")
        if known.get("kind") not in KINDS or "task" not in known or "family" not in known:
            raise ValueError(f"no request of this version: kind {known.get('kind')!r}")
        return cls(**known)


_TYPES: dict[str, type] = {
    **dict.fromkeys(("kind", "task", "family", "model", "prompt"), str),
    **dict.fromkeys(("seed", "count"), int),
    **dict.fromkeys(("params", "inputs", "context"), Mapping),
}
