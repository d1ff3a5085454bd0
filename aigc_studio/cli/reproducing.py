"""`aigc-studio project reproduce`: assets made again from their own recipes, and how the two differ."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aigc_studio.core.assets import Asset, AssetQuery
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.project import Project
from aigc_studio.engines.reproduce import Reproduction, reproduce

from .choosing import Choosing
from .codes import DIFFERENT, DONE
from .making import device_of, engine
from .output import Output
from .stopping import stoppable

__all__ = ["run"]

_PAGE = 500


def run(options: argparse.Namespace) -> int:
    """Make again and compare; DIFFERENT when one is not the same or cannot be made."""
    output = Output.of(options)
    choosing = Choosing()
    counts = {"same": 0, "different": 0, "failed": 0}
    with (
        contextlib.closing(Project.open(options.project, read_only=True)) as project,
        device_of(options.device),
        engine() as runner,
        stoppable() as token,
    ):
        find = _Find(choosing, options.model)
        for asset in _chosen(project, options.assets):
            token.check()
            try:
                with output.alone():
                    made = reproduce(project, asset.id, runner, token, find=find)
            except StudioError as error:
                counts["failed"] += 1
                line = tr("cannot be made: {file} ({reason})", file=asset.file, reason=str(error))
                problem = {"code": error.code, "message": str(error)}
                output.result({"id": asset.id, "file": asset.file, "result": "failed", "error": problem}, line)
                continue
            counts["same" if made.same else "different"] += 1
            output.result(_row(made), _line(made))
    output.say(
        tr("{same} the same, {different} different, {failed} could not be made.", **counts)
        if sum(counts.values())
        else tr("There is nothing in this project that was generated.")
    )
    return DONE if counts["different"] + counts["failed"] == 0 else DIFFERENT


class _Find:
    """Models by id as the catalogue knows them, and one that was named for those that it does not know."""

    def __init__(self, choosing: Choosing, instead: str) -> None:
        self._choosing = choosing
        self._instead = instead

    def __call__(self, id: str) -> Any:
        try:
            return self._choosing.find(id)
        except StudioError:
            if not self._instead:
                raise
            return self._choosing.named(self._instead)


def _row(made: Reproduction) -> dict[str, Any]:
    return {
        "id": made.asset.id,
        "file": made.asset.file,
        "result": "same" if made.same else "different",
        "difference": made.difference,
        "largest": made.largest,
        "changed": {name: list(pair) for name, pair in made.changed.items()},
    }


def _line(made: Reproduction) -> str:
    if made.same:
        return tr("the same: {file}", file=made.asset.file)
    share = f"{made.difference:.2%}"
    lines = [tr("different: {file} ({share} of it)", file=made.asset.file, share=share)]
    lines += [f"    {reason}" for reason in _reasons(made.changed)]
    return "\n".join(lines)


_NAMES = (
    ("device", N_("another device")),
    ("dtype", N_("another number format")),
    ("threads", N_("another number of threads")),
    ("versions.", N_("another version of {name}")),
    ("model.", N_("another model")),
    ("params.", N_("another value of {name}")),
    ("inputs.", N_("another input")),
)


def _reasons(changed: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """Why two results may differ, in the words of the recipe: what is known to matter first."""
    if not changed:
        return [tr("the recipe does not say why: the file was changed, or the device never computes the same twice")]
    found = []
    for prefix, text in _NAMES:
        for key, (before, now) in changed.items():
            if key == prefix or (prefix.endswith(".") and key.startswith(prefix)):
                name = key.removeprefix(prefix)
                found.append(f"{tr(text, name=name)}: {_short(before)} -> {_short(now)}")
    named = [prefix for prefix, _ in _NAMES]
    for key, (before, now) in changed.items():
        if not any(key == each or (each.endswith(".") and key.startswith(each)) for each in named):
            found.append(f"{key}: {_short(before)} -> {_short(now)}")
    return found


def _short(value: Any) -> str:
    return str(value)[:60]


def _chosen(project: Project, wanted: Sequence[str]) -> list[Asset]:
    """The assets named by id, the beginning of an id or file; without names all that were generated."""
    everything: list[Asset] = []
    query = AssetQuery(kinds=("image", "audio", "text", "other", "mask"), order="oldest")
    while page := project.assets(query, len(everything), _PAGE):
        everything += page
    if not wanted:
        return [asset for asset in everything if asset.origin == "generated"]
    found = []
    for name in wanted:
        matching = [asset for asset in everything if asset.id.startswith(name) or _named(asset, name)]
        if len(matching) != 1:
            raise StudioError(
                N_('"{name}" names {count} assets of this project; give an id as "project assets" shows it.'),
                code="asset",
                name=name,
                count=len(matching),
            )
        found += matching
    return found


def _named(asset: Asset, name: str) -> bool:
    return Path(asset.file).name == Path(name).name
