"""What was generated, one entry for each job, read from its results: it outlives the queue and a rebuilt index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .assets import Asset

__all__ = ["Generation", "GenerationQuery", "Lineage", "Link", "ModelUse"]


@dataclass(frozen=True)
class Generation:
    """One job that left at least one result, also where all of these are in the trash.

    kind: of its results ("image", "audio", "text"). task, family, model: ids as in the request. created: of its first
    result, seconds since 1970. count: how many were asked for; made: how many are in the project; shown: how many of
    these are not in the trash. state: the queue's while it knows the job ("running", "failed", ...), else "".
    request, seed: of the first result there is. assets: the first results by index, those in the trash among them.
    """

    job_id: str
    kind: str
    task: str
    family: str
    model: str
    prompt: str
    created: float
    count: int
    made: int
    shown: int
    state: str
    seed: int
    request: Mapping[str, Any]
    params: Mapping[str, Any]
    """Every parameter with the value it had, defaults among them."""
    assets: tuple[Asset, ...]

    @property
    def trashed(self) -> bool:
        """Whether nothing of it is left outside the trash."""
        return self.shown == 0


@dataclass(frozen=True)
class GenerationQuery:
    """Which generations, newest first. text: words in title, prompt or text. family, model: ids, "" for any.

    kinds: of results, () for any. since, until: seconds since 1970, from `since` on and before `until`; 0 for no bound.
    """

    text: str = ""
    kinds: tuple[str, ...] = ()
    family: str = ""
    model: str = ""
    since: float = 0.0
    until: float = 0.0


@dataclass(frozen=True, order=True)
class ModelUse:
    """A model that something was generated with: its family's and its own id ("" where a family has but one)."""

    kind: str
    family: str
    model: str


@dataclass(frozen=True)
class Link:
    """`child` was made from `parent` by `task` ("inpaint", "variation"; "" where no job made it)."""

    parent: str
    child: str
    task: str


@dataclass(frozen=True)
class Lineage:
    """What an asset came from (levels below 0) and what came of it (above 0), itself at level 0.

    assets: None for one that was deleted for ever. cut: whether there is more than was asked for.
    """

    levels: Mapping[str, int]
    assets: Mapping[str, Asset | None]
    links: tuple[Link, ...]
    cut: bool
