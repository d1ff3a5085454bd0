"""What the pictures of a finished model are worth, beside those it learned from: likeness, variety, copying, words.

Every figure stands beside what the same count says of the data itself, without which it tells little.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.runs import RunFolder
from aigc_studio.core.store.files import write_atomically

from ..bookkeeping import on_a_full_disk
from .diversity import mean_distance, mean_pixel_difference
from .features import Network, clip_model, features, network, rgb
from .frechet import frechet
from .inception_score import inception_score
from .kernel import kernel_distance
from .nearest import Near, copying, nearest, shares

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ..prepared import PreparedImages

__all__ = ["Judged", "Pair", "compare", "measure_pictures", "report"]

Draw = Callable[[int], "Iterable[Tensor]"]
"""At most so many further pictures of the model, in batches (n, c, h, w) in [-1, 1]."""

_FEW = 8
"""Fewer pictures than that are no cloud."""
_DRAWN = 256
"""Pictures that are compared on a processor; a card compares as many as the network allows."""
_PATIENCE = 60.0
"""Seconds after which no further pictures are drawn: a slow model is compared by fewer."""
_SHOWN = 128
"""Pictures between which the variety of pixels is counted."""
_USUAL = 256
_THUMB = 16
_PAIRS = 16
"""The most suspicious pairs are kept to be looked at."""


@dataclass(frozen=True)
class Pair:
    """A sample and the learned picture it comes nearest to. learned: its index among the prepared ones.

    distance: in features, or of pixels as a share of the range. share: of usual pictures that come as near, relative to
    what lies around. by: "features" or "pixels", whichever finds the pair less usual.
    """

    sample: int
    learned: int
    distance: float
    share: float
    by: str


@dataclass(frozen=True)
class Judged:
    """figures: name to number, for the run and the card; see `evaluation.figures`. pairs: the least usual ones first.
    usual: what distances were compared with, "held out" or "learned"."""

    figures: Mapping[str, Any]
    pairs: tuple[Pair, ...] = ()
    usual: str = ""


def measure_pictures(
    images: Sequence[Image],
    data: PreparedImages,
    *,
    more: Draw | None = None,
    prompts: Sequence[str] = (),
    device: str = "cpu",
    check: Callable[[], Any] = lambda: None,
    net: Network | None = None,
) -> Judged:
    """Judge the samples of a model by the pictures it learned from.

    more: draws further pictures like the samples, so that there are enough for a cloud. prompts: of the samples, where
    they were made from words. net: which network looks, by default the best one that is here.
    """
    if not len(images) or not len(data.train):
        return Judged({})
    net = net or network(device)
    rng = np.random.default_rng(0)
    most = net.most if device.startswith("cuda") else min(net.most, _DRAWN)
    drawn = _Kept(more(most - len(images)) if more is not None and most > len(images) else ())
    made, logits = features(net, _both(_tensors(images), drawn), check)
    learned_at = rng.permutation(data.train)[: net.most]
    learned, _ = features(net, _prepared(data, learned_at), check)
    figures: dict[str, Any] = {"network": net.title, "compared": len(made), "compared_with": len(learned)}
    figures |= _clouds(net, made, learned)
    if net.published and logits is not None and len(logits) >= _FEW:
        score, spread = inception_score(logits)
        figures |= {"inception_score": _rounded(score), "inception_score_spread": _rounded(spread)}
    figures |= _varieties(images, drawn.pixels, made, learned, data, learned_at)
    score = _words(images, prompts, net, device, check)
    if score is not None:
        figures["clip_score"] = _rounded(score)
    pairs, usual, copied = _copies(images, made, learned, data, learned_at, net, rng, check)
    return Judged(figures | copied, pairs, usual)


def compare(
    drawn: Iterable[Tensor],
    data: PreparedImages,
    *,
    device: str = "cpu",
    check: Callable[[], Any] = lambda: None,
    net: Network | None = None,
) -> dict[str, Any]:
    """The distances alone between pictures in batches (n, c, h, w) in [-1, 1] and learned ones, with the network's
    name: of a model whose pictures are made from others."""
    net = net or network(device)
    made, _ = features(net, drawn, check)
    learned_at = np.random.default_rng(0).permutation(data.train)[: net.most]
    learned, _ = features(net, _prepared(data, learned_at), check)
    return {"network": net.title, **_clouds(net, made, learned)}


def report(run: RunFolder, judged: Judged, data: PreparedImages, files: Sequence[str]) -> None:
    """Write report.json, and the learned pictures of the least usual pairs as `nearest/<number of the sample>.png`.

    files: of the samples, below the run's folder, in their order. {"figures": {...}, "usual": "held out" | "learned",
    "nearest": [{"sample", "training", "source", "distance", "share", "by"}, ...]}, the least usual pair first;
    "training" lies below the run's folder, "source" names the file in the folder of data. StudioError on a full disk.
    """
    with on_a_full_disk():
        rows = []
        for pair in judged.pairs[:_PAIRS]:
            if pair.sample >= len(files):
                continue
            place = run.path / "nearest"
            place.mkdir(parents=True, exist_ok=True)
            name = f"{pair.sample:04d}.png"
            data.image(pair.learned).save(place / name)
            row = {name: value for name, value in asdict(pair).items() if name not in ("sample", "learned")}
            row |= {"sample": files[pair.sample], "training": f"nearest/{name}", "source": data.files[pair.learned]}
            rows.append(row)
        found = {"figures": dict(judged.figures), "usual": judged.usual, "nearest": rows}
        with write_atomically(run.path / "report.json") as file:
            file.write((json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace"))


# Clouds ---------------------------------------------------------------------------------------------------------------


def _clouds(net: Network, made: np.ndarray, learned: np.ndarray) -> dict[str, Any]:
    """The two distances, and the first one between two halves of the data: as small as it can be expected to become.

    The kernel was made for features of the published network; those of others are first brought to its scale, as the
    learned pictures have them.
    """
    if min(len(made), len(learned)) < _FEW:
        return {}
    first, second = ("fid", "kid") if net.published else ("frechet", "kernel")
    middle, scale = (0.0, 1.0) if net.published else (learned.mean(0), learned.std(0) + 1e-6)
    middle, spread = kernel_distance((made - middle) / scale, (learned - middle) / scale)
    found = {first: _rounded(frechet(made, learned)), second: _rounded(middle), f"{second}_spread": _rounded(spread)}
    half = min(len(made), len(learned) // 2)
    if half >= _FEW:
        found[f"{first}_of_the_data"] = _rounded(frechet(learned[:half], learned[half:]))
    return found


def _varieties(
    images: Sequence[Image],
    drawn: list[np.ndarray],
    made: np.ndarray,
    learned: np.ndarray,
    data: PreparedImages,
    learned_at: np.ndarray,
) -> dict[str, Any]:
    """How far pictures lie apart, in features and in pixels, beside the data's."""
    found: dict[str, Any] = {}
    if len(made) > 1:
        found["diversity"] = _rounded(mean_distance(made))
        pixels = [np.asarray(image.convert("RGB").resize(images[0].size)) for image in images[:_SHOWN]]
        pixels += [each for each in drawn if each.shape == pixels[0].shape][: _SHOWN - len(pixels)]
        found["variety"] = _rounded(mean_pixel_difference(np.stack(pixels)))
    if len(learned) > 1:
        found["diversity_of_the_data"] = _rounded(mean_distance(learned))
        size = images[0].size
        pixels = [np.asarray(data.image(index).convert("RGB").resize(size)) for index in learned_at[:_SHOWN].tolist()]
        found["variety_of_the_data"] = _rounded(mean_pixel_difference(np.stack(pixels)))
    return found


def _words(
    images: Sequence[Image], prompts: Sequence[str], net: Network, device: str, check: Callable[[], Any]
) -> float | None:
    """The mean CLIP score of the samples that were made from words; None without such samples or such a model."""
    told = [(image, prompt) for image, prompt in zip(images, prompts, strict=False) if prompt.strip()]
    clip = clip_model(net, device) if told else None
    if clip is None:
        return None
    scores = []
    for image, prompt in told:
        check()
        scores.append(float(clip.scores(rgb(next(_tensors([image]))), [prompt])[0]))
    return float(np.mean(scores))


# Copies ---------------------------------------------------------------------------------------------------------------


def _copies(
    images: Sequence[Image],
    made: np.ndarray,
    learned: np.ndarray,
    data: PreparedImages,
    learned_at: np.ndarray,
    net: Network,
    rng: np.random.Generator,
    check: Callable[[], Any],
) -> tuple[tuple[Pair, ...], str, dict[str, Any]]:
    """The samples' nearest learned pictures: in features among those that were looked at, in pixels among all of them,
    also mirrored."""
    held_out = rng.permutation(data.validation)[:_USUAL]
    if len(held_out) >= _FEW:
        usual, own = "held out", None
        seen = features(net, _prepared(data, held_out), check)[0]
    elif len(learned_at) >= _FEW:
        usual, own = "learned", np.arange(min(_USUAL, len(learned_at)))
        held_out, seen = learned_at[own], learned[own]
    else:
        return (), "", {}
    thumbs = _thumbs(_prepared(data, data.train, check))
    places = None if own is None else np.searchsorted(data.train, held_out)
    ways = {
        "features": (nearest(made, learned), nearest(seen, learned, apart=own), learned_at),
        "pixels": (
            _by_pixels(_thumbs(_tensors(images)), thumbs),
            _by_pixels(_thumbs(_prepared(data, held_out)), thumbs, places),
            data.train,
        ),
    }
    pairs = []
    for number in range(len(images)):
        told = [
            (float(shares(near.relative[[number]], typical.relative)[0]), near.relative[number], by)
            for by, (near, typical, _) in ways.items()
        ]
        share, relative, by = min(told)
        near, _, at = ways[by]
        distance = _rounded(near.distances[number])
        pairs.append((share, relative, Pair(number, int(at[near.indices[number]]), distance, _rounded(share), by)))
    pairs.sort(key=lambda each: each[:2])
    figures = {
        name: _rounded(copying(near.relative, typical.relative))
        for name, (near, typical, _) in zip(("copying", "copying_of_pixels"), ways.values(), strict=True)
    }
    return tuple(pair for *_, pair in pairs), usual, figures


def _by_pixels(thumbs: np.ndarray, learned: np.ndarray, apart: np.ndarray | None = None) -> Near:
    """The nearest, as it is or mirrored, by the root of the mean squared difference as a share of the range.

    thumbs, learned: uint8 (n, h, w, 3).
    """
    rows = learned.reshape(len(learned), -1)
    mirrored = thumbs[:, :, ::-1].reshape(len(thumbs), -1)
    found = nearest(thumbs.reshape(len(thumbs), -1), rows, also=mirrored, apart=apart)
    return replace(found, distances=found.distances / np.sqrt(rows.shape[1]) / 255)


def _thumbs(batches: Iterable[Tensor]) -> np.ndarray:
    """uint8 (all, 16, 16, 3)."""
    from torch.nn import functional

    small = [functional.interpolate(rgb(batch.float()), (_THUMB, _THUMB), mode="area") for batch in batches]
    whole = [((batch + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy() for batch in small]
    return np.concatenate(whole)


# Batches --------------------------------------------------------------------------------------------------------------


def _tensors(images: Sequence[Image]) -> Iterator[Tensor]:
    """Each picture as a batch of one: they may have several sizes."""
    import torch

    for image in images:
        pixels = np.array(image if image.mode in ("RGB", "RGBA") else image.convert("RGB"))
        yield torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1


def _prepared(data: PreparedImages, indices: np.ndarray, check: Callable[[], Any] = lambda: None) -> Iterator[Tensor]:
    """Batches of prepared pictures in the order of the indices, each of one size."""
    at = 0
    while at < len(indices):
        check()
        size, end = data.sizes[indices[at]], at + 1
        while end < len(indices) and end - at < 64 and data.sizes[indices[end]] == size:
            end += 1
        yield data.batch(indices[at:end])
        at = end


class _Kept:
    """Drawn batches as they come, as long as there is time, with the pixels of the first ones."""

    def __init__(self, batches: Iterable[Tensor]) -> None:
        self._batches = batches
        self.pixels: list[np.ndarray] = []

    def __iter__(self) -> Iterator[Tensor]:
        until = time.monotonic() + _PATIENCE
        for batch in self._batches:
            wanted = rgb(batch[: max(0, _SHOWN - len(self.pixels))].float())
            self.pixels += list(((wanted + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy())
            yield batch
            if time.monotonic() > until:
                return


def _both(one: Iterable[Tensor], other: Iterable[Tensor]) -> Iterator[Tensor]:
    yield from one
    yield from other


def _rounded(value: float) -> float:
    """Four figures: more are not measured."""
    return float(f"{value:.4g}")
