"""The painter's mathematics: a compositional pattern-producing network with random weights, numpy only.

Each pixel's coordinates (x, y, r and a few random constants, or a point on a torus for a tile) pass through a domain
warp and a small network with mixed activations (Stanley, "Compositional pattern producing networks", 2007). Its outputs
are a softmax over palette colours blended in linear light, an exposure and a height, from whose slope a soft light is
computed. The network knows no pixels: the same painting at another size is the same picture.

**Equal pixels however the work is cut.** Matrix products and vectorised functions may round differently in the last
place when an array has another shape. Everything is therefore computed in blocks of `BLOCK` pixels at fixed places of
the picture, each of the same shape, and a band is any run of whole blocks.

float32 throughout, except coordinates and weights, which are made in float64. Random numbers come from the raw output
of PCG64 (Dice), which numpy keeps stable where it may change its distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from .palette import from_hex

__all__ = ["BLOCK", "SYMMETRIES", "Dice", "Network", "Paint", "Painting", "Style"]

BLOCK = 8192
"""Pixels computed together: 16 float32 rows of them fit a core's level-2 cache."""

SYMMETRIES = ("none", "horizontal", "vertical", "both", "radial")
"""Mirror left to right, top to bottom, both, or around the middle."""

PATTERNS = ("stripes", "waves", "rings", "rays", "cells")
"""Fields of Style that add regular patterns, in the order of the network's inputs."""

_RULE = np.array([0.75, 0.24, 0.5, 0.6, 0.4])
"""How far each pattern of an amount of 1 rules the picture: stripes are strict, waves are water."""

ACTIVATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "gauss": lambda x: np.exp(-x * x),
    "ripple": lambda x: np.sin(np.float32(3) * x) * np.float32(0.6),
    "ridge": lambda x: np.float32(1) - np.sqrt(np.sin(x) ** 2 + np.float32(0.03)) * np.float32(1.9),
    "linear": lambda x: np.float32(0.7) * x / np.sqrt(np.float32(1) + x * x * np.float32(0.2)),
}
"""What a neuron may do with its sum. All bounded, so that no weight can make a picture overflow,
and all smooth, because the light shows every kink as a hair."""


SPAN = 256
"""Columns of one matrix product: few enough that no BLAS starts threads for it."""


def product(matrix: np.ndarray, level: np.ndarray) -> np.ndarray:
    """`matrix` @ `level`, float32, in spans of columns.

    A BLAS splits larger products among threads, which collapses by a factor of ten on a busy machine and lets the
    rounding depend on the number of cores; the painter spreads whole blocks over threads instead.
    """
    result = np.empty((matrix.shape[0], level.shape[1]), np.float32)
    for start in range(0, level.shape[1], SPAN):
        part = np.s_[:, start : start + SPAN]
        np.matmul(matrix, level[part], out=result[part])
    return result


class Dice:
    """Random numbers that are the same in every version of numpy."""

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([int(part) for part in seed]))

    def uniform(self, *shape: int) -> np.ndarray:
        """Float64 in [0, 1)."""
        count = int(np.prod(shape))
        raw = self._bits.random_raw(count) if count else np.zeros(0, np.uint64)
        return (raw >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        """One number in [low, high)."""
        return low + (high - low) * float(self.uniform(1)[0])

    def normal(self, *shape: int) -> np.ndarray:
        """Standard normal, float64 (Box-Muller)."""
        radius = np.sqrt(-2 * np.log(1 - self.uniform(*shape)))
        return radius * np.cos(2 * np.pi * self.uniform(*shape))

    def pick(self, weights: Mapping[str, float]) -> str:
        """One key, with the probability of its weight."""
        names = list(weights)
        edges = np.cumsum([max(0.0, weights[name]) for name in names])
        place = int(np.searchsorted(edges, self.between(0, float(edges[-1])), side="right"))
        return names[min(place, len(names) - 1)]


@dataclass(frozen=True)
class Style:
    """How to paint: numbers that the prompt's moods move. Neutral values are the defaults.

    scale: size of the shapes, 1 as a whole picture of a few large ones. detail: 0 bare to 1 rich. contrast: how
    sharply colours meet. ramp: 0 colours anywhere, 1 ordered like a gradient. warp: how far space is stirred.
    relief: depth of the soft light. gloss: highlights. exposure: light and shade of its own. The patterns (stripes,
    waves, rings, rays, cells) are amounts. grain: film grain. vignette: darkening of the corners.
    """

    scale: float = 1.0
    detail: float = 0.5
    contrast: float = 1.0
    ramp: float = 0.5
    warp: float = 0.5
    relief: float = 0.35
    gloss: float = 0.15
    exposure: float = 0.35
    stripes: float = 0.0
    waves: float = 0.0
    rings: float = 0.0
    rays: float = 0.0
    cells: float = 0.0
    grain: float = 0.2
    vignette: float = 0.25
    symmetry: str = "none"
    folds: int = 6
    seamless: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Style:
        """From a recipe; unknown fields of another version are ignored."""
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})


@dataclass(frozen=True)
class Painting:
    """All that decides a picture but its size: kept in the recipe, so that it can be made again or varied.

    palette: "#rrggbb" colours, in the order of the ramp. weights: how much of each. nudges: (seed, amount) of each
    step away from the first network: a variation is a neighbour, and its variation a neighbour's neighbour.
    """

    seed: int
    palette: tuple[str, ...]
    weights: tuple[float, ...] = ()
    style: Style = field(default_factory=Style)
    nudges: tuple[tuple[int, float], ...] = ()

    def nudged(self, seed: int, amount: float) -> Painting:
        """A neighbour of this painting; `amount` 0 is this one, 1 hardly related."""
        return replace(self, nudges=(*self.nudges, (seed, round(float(amount), 4))))

    def to_json(self) -> dict[str, Any]:
        """For the recipe."""
        return {
            "seed": self.seed,
            "palette": list(self.palette),
            "weights": list(self.weights),
            "style": asdict(self.style),
            "nudges": [list(nudge) for nudge in self.nudges],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Painting:
        """The inverse of `to_json`; KeyError, TypeError or ValueError when it is not one."""
        palette = tuple(str(colour) for colour in data["palette"])
        from_hex(palette)
        if not 2 <= len(palette) <= 16:
            raise ValueError("a palette has 2 to 16 colours")
        return cls(
            int(data["seed"]),
            palette,
            tuple(float(weight) for weight in data.get("weights", ())),
            Style.from_json(data.get("style", {})),
            tuple((int(seed), float(amount)) for seed, amount in data.get("nudges", ())),
        )


class Network:
    """The weights of one painting, and what they make of coordinates. `inside` is (half width, half height)."""

    def __init__(self, painting: Painting, inside: tuple[float, float]) -> None:
        self.painting = painting
        self.style = style = painting.style
        self.inside = inside
        self.colours = len(painting.palette)
        detail = float(np.clip(style.detail, 0, 1))
        self.hidden = 12 + int(round(detail * 12))
        self.depth = 2 + int(round(detail * 2))
        self._build()
        self._calibrate()

    # ---- weights

    def _build(self) -> None:
        detail = float(np.clip(self.style.detail, 0, 1))
        dice = Dice(self.painting.seed, 1)
        # One draw order whatever the style: a slider moves the picture, it does not replace it.
        self.angle = dice.between(0, 2 * np.pi)
        self.turn = dice.between(0, 2 * np.pi)
        self.offset = dice.normal(2) * 0.6
        self.phases = dice.uniform(12) * 2 * np.pi
        self.centre = (dice.uniform(2) - 0.5) * 0.8
        self.light = dice.between(-2.6, -0.6)
        self.mixture = {
            "tanh": 2.0,
            "sin": 1.4 + detail,
            "cos": 1.2,
            "gauss": 1.2,
            "ripple": 0.9 * detail,
            "ridge": 0.5 * detail,
            "linear": 0.8,
        }
        widest = 24
        dimensions = 4
        self.warp_in = dice.normal(2, widest, dimensions)
        self.warp_phase = dice.uniform(2, widest) * 2 * np.pi
        self.warp_out = dice.normal(2, dimensions, widest)
        kinds = dice.uniform(4, widest)
        first = dice.normal(widest, 16)
        middle = dice.normal(4, widest, widest)
        biases = dice.normal(5, widest)
        last = dice.normal(24, widest)
        for seed, amount in self.painting.nudges:
            other = Dice(seed, 2)
            keep = np.sqrt(max(0.0, 1 - amount * amount))
            self.warp_in = self.warp_in * keep + other.normal(*self.warp_in.shape) * amount
            self.warp_phase = self.warp_phase + other.normal(*self.warp_phase.shape) * amount
            first = first * keep + other.normal(*first.shape) * amount
            middle = middle * keep + other.normal(*middle.shape) * amount
            biases = biases * keep + other.normal(*biases.shape) * amount
            last = last * keep + other.normal(*last.shape) * amount
            self.phases = self.phases + other.normal(12) * amount * 2
            self.offset = self.offset + other.normal(2) * amount * 0.5
        hidden = self.hidden
        names = list(self.mixture)
        edges = np.cumsum([self.mixture[name] for name in names])
        self.kinds: list[list[tuple[str, slice]]] = []
        self.layers: list[tuple[np.ndarray, np.ndarray]] = []
        inputs = self._inputs()
        for depth in range(self.depth):
            chosen = np.searchsorted(edges, kinds[depth][:hidden] * edges[-1], side="right")
            order = np.argsort(chosen, kind="stable")
            spans = [(names[k], np.flatnonzero(chosen[order] == k)) for k in range(len(names))]
            self.kinds.append([(name, slice(span[0], span[-1] + 1)) for name, span in spans if span.size])
            if depth == 0:
                matrix = first[:hidden, :inputs] * self._input_gains()
                bias = biases[0][:hidden] * 0.8
            else:
                matrix = middle[depth - 1][:hidden, :hidden] * ((1.25 + 0.55 * detail) / np.sqrt(hidden))
                bias = biases[depth][:hidden] * 0.5
            self.layers.append((matrix[order].astype(np.float32), bias[order][:, None].astype(np.float32)))
        rows = self.colours + 3
        # Patterns also reach the outputs directly: through the network alone, stripes turn into streaks.
        direct = dice.normal(24, len(PATTERNS))
        direct[self.colours] = np.sign(direct[self.colours]) * 1.7  # the ramp follows them in order
        direct[self.colours + 2] = np.sign(direct[self.colours + 2])  # and so does the height
        # Squared, so that a hint of waves stays a hint and only a pattern that was asked for rules the picture.
        amounts = np.array(list(self._amounts.values()))
        self.direct = (direct[:rows] * amounts * amounts * _RULE).astype(np.float32)
        self.last = (last[:rows, :hidden] / np.sqrt(hidden)).astype(np.float32)
        self.mean = np.zeros((rows, 1), np.float32)
        self.gain = np.ones((rows, 1), np.float32)

    @property
    def _amounts(self) -> dict[str, float]:
        style = self.style
        return {
            "stripes": style.stripes,
            "waves": style.waves,
            "rings": style.rings,
            "rays": style.rays,
            "cells": style.cells,
        }

    def _inputs(self) -> int:
        return 5 + 2 * len(self._amounts)

    def _input_gains(self) -> np.ndarray:
        base = [0.85, 0.85, 0.85, 0.85, 0.5]
        for amount in self._amounts.values():
            base += [amount, amount * 0.5]
        return np.array(base)

    # ---- coordinates

    def _place(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coordinates in [-inside, inside] to four network coordinates (4, n), the plane (2, n) patterns live in, r."""
        style = self.style
        frequency = 1.0 / max(0.05, style.scale)
        if style.seamless:
            return self._torus(x, y, frequency)
        radius = np.sqrt(x * x + y * y + 0.004)  # without the tip of a cone in the middle
        if style.symmetry == "radial":
            angle = np.arctan2(y, x) + np.pi / 2
            wedge = np.pi / max(1, style.folds)
            angle = np.abs((angle + wedge) % (2 * wedge) - wedge)
            # The fold is rounded: a crease where two mirrors meet looks cut out of paper.
            angle = np.sqrt(angle * angle + 0.0016)
            x, y = radius * np.cos(angle), radius * np.sin(angle)
        if style.symmetry in ("horizontal", "both"):
            x = np.sqrt(x * x + 0.0025)
        if style.symmetry in ("vertical", "both"):
            y = np.sqrt(y * y + 0.0025)
        c, s = np.cos(self.turn), np.sin(self.turn)
        u = (c * x - s * y) * frequency * 1.5 + self.offset[0]
        v = (s * x + c * y) * frequency * 1.5 + self.offset[1]
        # Two more directions make diagonal shapes as likely as upright ones.
        space = np.stack([u, v, (u + v) * 0.5 + 0.7, (u - v) * 0.5 - 0.4])
        return space, np.stack([u, v]) / 1.5, radius * frequency

    def _torus(self, x: np.ndarray, y: np.ndarray, frequency: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        style = self.style
        a, b = x / self.inside[0] * np.pi, y / self.inside[1] * np.pi
        ra, rb = (0.75 * frequency * min(2.5, max(0.6, side)) for side in self.inside)
        ca, sa, cb, sb = np.cos(a), np.sin(a), np.cos(b), np.sin(b)
        if style.symmetry == "radial":  # the wallpaper group p4m: both mirrors and the diagonal
            space = np.stack(
                [
                    (ca + cb) * ra,
                    ca * cb * 2 * ra,
                    np.cos(2 * a) * 0.5 * ra + np.cos(2 * b) * 0.5 * ra,
                    sa * sa * sb * sb * ra,
                ]
            )
        else:
            if style.symmetry in ("horizontal", "both"):
                sa = ca * ca * 1.4 - 0.7
            if style.symmetry in ("vertical", "both"):
                sb = cb * cb * 1.4 - 0.7
            space = np.stack([ca * ra, sa * ra, cb * rb, sb * rb])
        shift = np.array([self.offset[0], self.offset[1], -self.offset[1], self.offset[0]])[:, None] * 0.5
        if style.symmetry == "radial":
            shift = shift * 0
        return space + shift, np.stack([a, b]), np.sqrt(2.004 - ca - cb) * frequency

    def _patterns(self, plane: np.ndarray, stirred: np.ndarray, radius: np.ndarray) -> list[np.ndarray]:
        """Two rows for each pattern of the style; a pattern with amount 0 costs nothing (its gain is 0)."""
        style = self.style
        zero = np.zeros_like(radius)
        rows: list[np.ndarray] = []
        push = (stirred[0] + stirred[1]) * style.warp
        frequency = 1.0 / max(0.05, style.scale)

        def wave(turns: float, angle: float, phase: float) -> np.ndarray:
            """Phase of `turns` bands across the picture at `angle`."""
            if style.seamless:
                across = max(1, round(turns * frequency))
                i, j = round(across * np.cos(angle)), round(across * np.sin(angle))
                if i == 0 and j == 0:
                    i = across
                if style.symmetry != "none":
                    return np.cos(plane[0] * i) * 2.2 + np.cos(plane[1] * j) * 2.2 + phase
                return plane[0] * i + plane[1] * j + phase
            return (plane[0] * np.cos(angle) + plane[1] * np.sin(angle)) * turns * np.pi + phase

        for name, amount in self._amounts.items():
            if amount == 0:
                rows += [zero, zero]
            elif name == "stripes":
                phase = wave(4, self.angle, self.phases[0]) + push * 0.6
                rows += [np.sin(phase) * 2.2, np.sin(phase * 2 + self.phases[1])]
            elif name == "waves":
                # Waves lie, more or less: their crests run from side to side.
                upright = np.pi / 2 + (self.angle / np.pi - 1) * 0.5
                upright += 0.0 if style.seamless else self.turn
                along = wave(1.5, upright + np.pi / 2, self.phases[2])
                phase = wave(3.4, upright, self.phases[3]) + np.sin(along) * 1.3 + push * 0.6
                rows += [np.sin(phase) * 2.0, np.cos(phase * 2 + along)]
            elif name == "rings":
                phase = radius * 9 + self.phases[4] + push * 0.6
                rows += [np.sin(phase) * 2.0, np.cos(phase * 0.5)]
            elif name == "rays":
                if style.seamless:
                    phase = wave(2, 0.8, 0.0) + wave(2, -0.8, 0.0)
                else:
                    phase = np.arctan2(plane[1] - self.centre[1], plane[0] - self.centre[0]) * 8
                rows += [np.sin(phase + push * 0.4) * 1.8, np.cos(phase * 2) * np.exp(-radius)]
            else:
                one, two = wave(3, self.angle, self.phases[6]), wave(3, self.angle + 1.8, self.phases[7])
                three = wave(3, self.angle + 3.9, self.phases[8])
                total = np.cos(one + push * 0.5) + np.cos(two) + np.cos(three + push * 0.5)
                rows += [total, np.abs(total) * 1.2]
        return rows

    # ---- evaluation

    def _raw(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Outputs (colours + 3, n) before calibration; x and y float64 (n,)."""
        style = self.style
        space, plane, radius = self._place(x, y)
        stirred = np.zeros((2, x.size))
        space = space.astype(np.float32)
        if style.warp > 0:
            detail = float(np.clip(style.detail, 0, 1))
            for turn, strength in ((0, 0.55), (1, 0.22 + 0.3 * detail)):
                reach = (0.8, 1.3)[turn]
                waves = product((self.warp_in[turn, :8] * reach * 0.5).astype(np.float32), space)
                waves = np.sin(waves + self.warp_phase[turn, :8, None].astype(np.float32))
                out = self.warp_out[turn, :, :8] * (strength * style.warp / np.sqrt(8) * 1.8)
                flow = product(out.astype(np.float32), waves)
                space = space + flow
                stirred = stirred + flow[:2]
        level = np.empty((self._inputs(), x.size), np.float32)
        level[:4] = space
        level[4] = radius * 1.2 - 0.8
        for row, values in enumerate(self._patterns(plane, stirred, radius), 5):
            level[row] = values
        patterns = np.ascontiguousarray(level[5::2])
        for (matrix, bias), spans in zip(self.layers, self.kinds, strict=True):
            total = product(matrix, level)
            total += bias
            level = np.empty_like(total)
            for name, span in spans:
                level[span] = ACTIVATIONS[name](total[span])
        result = product(self.last, level)
        if any(self._amounts.values()):
            result += product(self.direct, patterns)
        return result

    def _calibrate(self) -> None:
        """Give each output mean 0 and deviation 1 over the picture, so that every seed uses its whole palette."""
        side = 72
        grid = (np.arange(side) + 0.5) / side * 2 - 1
        x, y = np.meshgrid(grid * self.inside[0], grid * self.inside[1])
        raw = self._raw(x.ravel(), y.ravel())
        self.mean = raw.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
        deviation = raw.std(axis=1, keepdims=True, dtype=np.float64)
        self.gain = (1 / np.maximum(deviation, 0.02)).astype(np.float32)

    def outputs(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Calibrated outputs (colours + 3, n): colour scores, then ramp place, exposure and height."""
        return (self._raw(x, y) - self.mean) * self.gain


class Paint:
    """One painting at one size, painted block by block.

    `part` (left, top, right, bottom): the part of the picture it is painted for; nothing else is painted then. The
    composition has its middle there, and a small part is seen from nearer, so that it is not one flat shape.
    """

    def __init__(
        self, painting: Painting, width: int, height: int, part: tuple[int, int, int, int] | None = None
    ) -> None:
        self.width, self.height = width, height
        self.part = left, top, right, bottom = part or (0, 0, width, height)
        self.columns, self.rows = right - left, bottom - top
        share = min(1.0, max(right - left, bottom - top) / min(width, height))
        self.unit = min(width, height) / 2 * (1.0 if part is None else max(0.4, share**0.5))
        self.middle = (left + right) / 2, (top + bottom) / 2
        self.inside = (right - left) / 2 / self.unit, (bottom - top) / 2 / self.unit
        self.painting, self.style = painting, painting.style
        self.network = Network(painting, self.inside)
        self.colours = from_hex(painting.palette).astype(np.float32)
        weights = np.array(painting.weights or (1,) * len(self.colours), dtype=np.float64)
        self.bias = np.log(np.maximum(weights, 1e-3) / weights.mean()).astype(np.float32)[:, None]
        self.blocks = -(-self.columns * self.rows // BLOCK)

    def block(self, index: int) -> np.ndarray:
        """Pixels `index * BLOCK` to `(index + 1) * BLOCK` of the part in reading order, uint8 (n, 3); the last block
        may be shorter."""
        row, column = np.divmod(np.arange(index * BLOCK, (index + 1) * BLOCK, dtype=np.int64), self.columns)
        row, column = row + self.part[1], column + self.part[0]
        x = (column + 0.5 - self.middle[0]) / self.unit
        y = (row + 0.5 - self.middle[1]) / self.unit
        pixels = self._encode(self._linear(x, y), row * self.width + column)
        return pixels[: self.columns * self.rows - index * BLOCK]

    def whole(self) -> np.ndarray:
        """The part at once, uint8 (rows, columns, 3): for small ones."""
        blocks = [self.block(index) for index in range(self.blocks)]
        return np.concatenate(blocks).reshape(self.rows, self.columns, 3)

    def _linear(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Linear light (3, n), not clipped."""
        style, count = self.style, len(self.colours)
        out = self.network.outputs(x, y)
        score = out[:count] * np.float32(1 - style.ramp)
        if style.ramp > 0:
            # The place on the ramp is spread evenly (a logistic curve is near the normal distribution's).
            place = 1 / (1 + np.exp(np.float32(-1.6) * out[count]))
            stops = ((np.arange(count) + 0.5) / count).astype(np.float32)[:, None]
            away = (place - stops) * np.float32(count)
            score -= np.float32(0.9 * style.ramp) * away * away
        score = score * np.float32(2.2 * style.contrast) + self.bias
        score -= score.max(axis=0)
        np.exp(score, out=score)
        score /= score.sum(axis=0)
        light = self.colours.T @ score
        stops = np.float32(0.55 * style.exposure) * np.tanh(out[count + 1])
        if style.relief > 0 or style.gloss > 0:
            shade, shine = self._lit(x, y, out[count + 2])
            stops = stops + np.float32(style.relief) * shade
            light *= np.exp2(stops)
            light += np.float32(style.gloss) * shine * (np.float32(0.6) * light + np.float32(0.4) * light.max(axis=0))
        else:
            light *= np.exp2(stops)
        if style.vignette > 0 and not style.seamless:
            edge = ((x / self.inside[0]) ** 2 + (y / self.inside[1]) ** 2).astype(np.float32)
            light *= np.exp2(np.float32(-0.45 * style.vignette) * edge)
        return light

    def _lit(self, x: np.ndarray, y: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shade in about [-1, 1] stops and highlight in [0, 1] from the height's slope, by finite differences."""
        style, network = self.style, self.network
        step = 0.004
        count = len(self.colours)
        dx = (network.outputs(x + step, y)[count + 2] - height) / np.float32(step)
        dy = (network.outputs(x, y + step)[count + 2] - height) / np.float32(step)
        steep = np.float32(0.22 * min(2.0, max(0.3, style.scale)))
        dx, dy = dx * steep, dy * steep
        norm = 1 / np.sqrt(1 + dx * dx + dy * dy)
        lx, ly, lz = 0.62 * np.cos(network.light), 0.62 * np.sin(network.light), 0.785
        facing = (lz - dx * np.float32(lx) - dy * np.float32(ly)) * norm
        # Halfway between the light and the eye, which looks straight down.
        hx, hy, hz = lx / 1.89, ly / 1.89, (lz + 1) / 1.89
        half = np.clip((hz - dx * np.float32(hx) - dy * np.float32(hy)) * norm, 0, 1)
        return (facing - np.float32(lz)) * np.float32(1.6), half ** np.float32(24)

    def _encode(self, light: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Linear light (3, n) to dithered sRGB bytes (n, 3)."""
        # A shoulder instead of a hard clip keeps the hue of what is too bright.
        light = np.maximum(light, 0)
        high = light > np.float32(0.8)
        light = np.where(high, 1 - np.float32(0.2) / (1 + (light - np.float32(0.8)) / np.float32(0.2)), light)
        srgb = np.sqrt(light)
        srgb = _SRGB[np.minimum((srgb * np.float32(len(_SRGB) - 1) + np.float32(0.5)).astype(np.int32), len(_SRGB) - 1)]
        noise = _noise(place, self.painting.seed)
        luminance = srgb.mean(axis=0)
        amount = np.float32(0.055 * self.style.grain) * (
            np.float32(0.35) + luminance * (1 - luminance) * np.float32(2.6)
        )
        # Even without grain half a step of noise hides the banding of smooth gradients.
        srgb = (srgb + noise * amount) * 255 + noise * np.float32(0.5)
        return np.clip(np.rint(srgb), 0, 255).astype(np.uint8).T


_SRGB = np.where(
    (t := (np.arange(4096) / 4095) ** 2) <= 0.0031308, t * 12.92, 1.055 * np.maximum(t, 1e-9) ** (1 / 2.4) - 0.055
).astype(np.float32)
"""sRGB by the square root of linear light: 4,096 steps are finer than half a byte step everywhere."""


def _noise(place: np.ndarray, seed: int) -> np.ndarray:
    """Triangular noise in (-1, 1), float32, one value for each pixel's place (a hash, so that bands agree)."""
    key = place.astype(np.uint32) * np.uint32(0x9E3779B1) + np.uint32((seed * 0x85EBCA6B + 0x165667B1) & 0xFFFFFFFF)
    key ^= key >> np.uint32(16)
    key *= np.uint32(0x7FEB352D)
    key ^= key >> np.uint32(15)
    key *= np.uint32(0x846CA68B)
    key ^= key >> np.uint32(16)
    one = (key & np.uint32(0xFFFF)).astype(np.float32)
    two = (key >> np.uint32(16)).astype(np.float32)
    return (one + two) / np.float32(65535) - 1
