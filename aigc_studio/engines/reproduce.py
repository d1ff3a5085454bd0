"""Makes an asset again from its own recipe and says whether it is the same: pixel by pixel, sample by sample, letter by
letter. Nothing of the project is changed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from PIL import Image

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.jobs import Job, JobState, new_job_id
from aigc_studio.core.metadata import read_recipe, read_text
from aigc_studio.core.requests import Request

from .engine import CancelToken, Engine, Order, Preview
from .local import file_hash
from .runner import Find, order_for

if TYPE_CHECKING:
    from aigc_studio.core.project import Project
    from aigc_studio.core.reader import ProjectReader

__all__ = ["Reproduction", "compare", "job_again", "reproduce"]


_MOST = 10_000  # no family makes as many at once


@dataclass(frozen=True)
class Reproduction:
    """What came of making an asset again.

    same: every pixel, sample or letter is equal. difference: the share of them that differ, 0..1 (1 when the sizes
    differ). largest: by how much at most, in parts of full scale (0 for text). changed: what the two recipes say
    differently of the engine ("versions.numpy": ("2.1", "2.2")), which is why a result may differ. file: the new
    result, where it was to be kept.
    """

    asset: Asset
    same: bool
    difference: float
    largest: float
    changed: Mapping[str, tuple[Any, Any]]
    file: Path | None = None


def job_again(recipe: Mapping[str, Any]) -> Job:
    """The job that makes exactly this one result: the whole batch it belongs to, with every other result made already
    (what a family makes may depend on how many are asked for), and the values that its defaults had then.

    KeyError, TypeError or ValueError for what is no recipe.
    """
    request = Request.from_json(recipe["request"])
    index = recipe["index"]
    if not 0 <= index < request.count <= _MOST:
        raise ValueError(f"result {index} of {request.count}")
    params = recipe.get("engine", {}).get("params", {})
    others = tuple(other for other in range(request.count) if other != index)
    return Job(new_job_id(), request.changed(params={**request.params, **params}), JobState.RUNNING, 0.0, others)


def reproduce(
    project: Project | ProjectReader,
    asset_id: str,
    engine: Engine,
    token: CancelToken | None = None,
    *,
    find: Find | None = None,
    keep: Path | None = None,
) -> Reproduction:
    """Make an asset again and compare. StudioError when it was not generated, or cannot be generated here.

    find: how its models are found, by default in the catalogue. keep: a folder that the new result is left in.
    """
    asset = project.asset(asset_id)
    if asset is None:
        raise StudioError(N_("This asset is not in the project any more; choose another one."), code="missing")
    recipe = read_recipe(project.path(asset)) or project.recipe(asset_id) or {}
    try:
        job = job_again(recipe)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise StudioError(
            N_('"{title}" carries no recipe to make it again; choose something that was generated.'),
            code="no-recipe",
            title=asset.title or asset.file,
        ) from None
    if job.request.kind == "training":  # hours, and a second model in the models folder
        raise StudioError(
            N_("A training is not made again to be compared; start it again in the Train panel."), code="training"
        )
    order = order_for(project, job, find)
    _check_inputs(order, recipe)
    with tempfile.TemporaryDirectory(prefix="aigc-reproduce-") as folder:
        heard = _Heard()
        token = token or CancelToken()
        token.on_cancel(heard.enough.cancel)
        try:
            engine.run(order.moved(Path(folder)), heard, heard.enough)
        except Cancelled:
            token.check()
        difference, largest = compare(asset.kind, project.path(asset), heard.path)
        changed = _differences(recipe.get("engine", {}), (read_recipe(heard.path) or {}).get("engine", {}))
        file = Path(shutil.copy(heard.path, keep)) if keep is not None else None
    return Reproduction(asset, difference == 0.0, difference, largest, changed, file)


def _check_inputs(order: Order, recipe: Mapping[str, Any]) -> None:
    """StudioError when a file that the result was made from is not the same any more."""
    hashes = recipe.get("engine", {}).get("inputs", {})
    for role, path in order.inputs.items():
        if role in hashes and file_hash(path) != hashes[role]:
            raise StudioError(
                N_('"{name}" has changed since this was made from it; bring the earlier file back, then try again.'),
                code="input-changed",
                detail=f"{role} {path}",
                name=path.name,
            )


def compare(kind: str, one: Path, two: Path) -> tuple[float, float]:
    """Share of pixels, samples or letters that differ, and by how much at most (parts of full scale)."""
    if kind == "text":
        return (0.0, 0.0) if read_text(one) == read_text(two) else (1.0, 0.0)
    read = _sound if kind == "audio" else _picture
    (a, form_a), (b, form_b) = read(one), read(two)
    if form_a != form_b:
        return 1.0, 1.0
    distance = np.abs(a - b).max(axis=-1, initial=0.0)
    return float(np.mean(distance > 0)) if distance.size else 0.0, float(distance.max(initial=0.0))


def _picture(path: Path) -> tuple[np.ndarray, tuple[Any, ...]]:
    """(height, width, channels) in 0..1, and what must be equal besides."""
    with Image.open(path) as image:
        values = np.asarray(image, dtype=np.float64) / 255.0
        form = (image.mode, image.size)
    return np.atleast_3d(values), form


def _sound(path: Path) -> tuple[np.ndarray, tuple[Any, ...]]:
    """(frames, channels) in -1..1, and what must be equal besides."""
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return samples, (rate, samples.shape)


def _differences(before: Any, after: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found: dict[str, tuple[Any, Any]] = {}
        for key in sorted({*before, *after}):
            found |= _differences(before.get(key), after.get(key), f"{path}.{key}" if path else key)
        return found
    return {} if before == after else {path: (before, after)}


class _Heard:
    """A listener that keeps the one file, and has enough then: what would follow is made already."""

    def __init__(self) -> None:
        self.path = Path()
        self.enough = CancelToken()

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """Nobody watches."""

    def partial(self, index: int, piece: str) -> None:
        """The whole text follows."""

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """It was told then."""

    def output(self, index: int, path: Path) -> None:
        self.path = path
        self.enough.cancel()

    def silent(self, seconds: float) -> None:
        """Who waits in the foreground sees that nothing moves."""
