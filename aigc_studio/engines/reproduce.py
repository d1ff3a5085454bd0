"""Makes an asset again from its own recipe and says whether it is the same: pixel by pixel, sample by sample, letter by
letter. Nothing of the project is changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from PIL import Image

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.jobs import Job, JobState, new_job_id
from aigc_studio.core.metadata import read_recipe, read_text
from aigc_studio.core.requests import MAX_SEED, Request

from .engine import CancelToken, Engine, Preview
from .runner import order_for

if TYPE_CHECKING:
    from aigc_studio.core.project import Project

__all__ = ["Reproduction", "compare", "reproduce", "request_again"]


@dataclass(frozen=True)
class Reproduction:
    """What came of making an asset again.

    same: every pixel, sample or letter is equal. difference: the share of them that differ, 0..1 (1 when the sizes
    differ). largest: by how much at most, in parts of full scale (0 for text). changed: what the two recipes say
    differently of the engine ("versions.numpy": ("2.1", "2.2")), which is why a result may differ.
    """

    asset: Asset
    same: bool
    difference: float
    largest: float
    changed: Mapping[str, tuple[Any, Any]]


def request_again(recipe: Mapping[str, Any]) -> Request:
    """The request that makes exactly this one result: each result of a batch has a seed of its own.

    KeyError, TypeError or ValueError for what is no recipe.
    """
    request = Request.from_json(recipe["request"])
    seed = recipe.get("seed", request.item_seed(recipe["index"]))
    return request.changed(seed=int(seed) % (MAX_SEED + 1), count=1)


def reproduce(project: Project, asset_id: str, engine: Engine, token: CancelToken | None = None) -> Reproduction:
    """Make an asset again and compare. StudioError when it was not generated, or cannot be generated here."""
    asset = project.asset(asset_id)
    if asset is None:
        raise StudioError(N_("This asset is not in the project any more; choose another one."), code="missing")
    recipe = read_recipe(project.path(asset)) or project.recipe(asset_id) or {}
    try:
        request = request_again(recipe)
    except (KeyError, TypeError, ValueError):
        raise StudioError(
            N_('"{title}" carries no recipe to make it again; choose something that was generated.'),
            code="no-recipe",
            title=asset.title or asset.file,
        ) from None
    job = Job(new_job_id(), request, JobState.RUNNING, 0.0)
    order = order_for(project, job)
    with tempfile.TemporaryDirectory(prefix="aigc-reproduce-") as folder:
        heard = _Heard()
        engine.run(order.moved(Path(folder)), heard, token or CancelToken())
        difference, largest = compare(asset.kind, project.path(asset), heard.path)
        changed = _differences(recipe.get("engine", {}), (read_recipe(heard.path) or {}).get("engine", {}))
    return Reproduction(asset, difference == 0.0, difference, largest, changed)


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
    """A listener that keeps the one file."""

    path = Path()

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """Nobody watches."""

    def partial(self, index: int, piece: str) -> None:
        """The whole text follows."""

    def output(self, index: int, path: Path) -> None:
        self.path = path

    def silent(self, seconds: float) -> None:
        """Who waits in the foreground sees that nothing moves."""
