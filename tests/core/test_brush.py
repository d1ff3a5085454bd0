"""Strokes, rectangles and outlines change exactly the pixels they should, and patches take them back bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.brush import EMPTY, Patch, fill_polygon, fill_rectangle, join_boxes, stroke

SIZE = (60, 90)
coordinate = st.floats(-40, 130, allow_nan=False)
point = st.tuples(coordinate, coordinate)
diameter = st.floats(1, 60)
hardness = st.floats(0, 1)


def distances(start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Of every pixel centre from the piece, in float64: the slow way."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    a, b = np.array(start), np.array(end)
    length2 = ((b - a) ** 2).sum()
    along = np.clip(((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / length2, 0, 1) if length2 > 1e-12 else 0.0
    return np.hypot(x - (a[0] + along * (b - a)[0]), y - (a[1] + along * (b - a)[1]))


def random_mask(seed: int) -> np.ndarray:
    """Any mask at all."""
    return np.random.default_rng(seed).integers(0, 256, SIZE, np.uint8)


@given(point, point, diameter, hardness)
def test_a_stroke_reaches_as_far_as_its_brush_and_no_farther(
    start: tuple[float, float], end: tuple[float, float], width: float, hard: float
) -> None:
    """Full within the core, nothing beyond the reach, never more than the linear fall in between."""
    mask = np.zeros(SIZE, np.uint8)
    box = stroke(mask, start, end, width, hard)
    far = distances(start, end)
    radius = max(0.5, width / 2)
    soft = max(1.0, (1 - hard) * radius)
    wanted = 255 * np.clip((radius + 0.5 - far) / soft, 0, 1)
    assert np.abs(mask.astype(float) - wanted).max(initial=0) <= 1.0
    outside = np.ones(SIZE, bool)
    outside[box[1] : box[3], box[0] : box[2]] = False
    assert not mask[outside].any()


@given(st.integers(0, 9), point, point, diameter, hardness)
def test_drawing_only_adds_and_erasing_only_takes(
    seed: int, start: tuple[float, float], end: tuple[float, float], width: float, hard: float
) -> None:
    """And what was drawn with a hard brush is erased without a rest."""
    before = random_mask(seed)
    drawn, erased = before.copy(), before.copy()
    stroke(drawn, start, end, width, hard)
    stroke(erased, start, end, width, hard, erase=True)
    assert (drawn >= before).all()
    assert (erased <= before).all()
    both = np.zeros(SIZE, np.uint8)
    stroke(both, start, end, width, 1.0)
    stroke(both, start, end, width + 4, 1.0, erase=True)
    assert not both.any()


@given(point, point, st.floats(0, 1), diameter, hardness)
def test_a_stroke_is_the_same_in_however_many_pieces_it_comes(
    start: tuple[float, float], end: tuple[float, float], where: float, width: float, hard: float
) -> None:
    """Pieces join by maximum: no darker spots where they meet."""
    middle = (start[0] + (end[0] - start[0]) * where, start[1] + (end[1] - start[1]) * where)
    whole, pieces = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    stroke(whole, start, end, width, hard)
    stroke(pieces, start, middle, width, hard)
    stroke(pieces, middle, end, width, hard)
    assert np.abs(whole.astype(int) - pieces).max() <= 1


@given(st.integers(0, 9), point, point, st.booleans())
def test_a_rectangle_changes_its_pixels_alone(
    seed: int, corner: tuple[float, float], opposite: tuple[float, float], erase: bool
) -> None:
    """Whatever corner it was begun from, inside the picture or not."""
    before = random_mask(seed)
    mask = before.copy()
    fill_rectangle(mask, corner, opposite, erase=erase)
    left, right = sorted(round(v) for v in (corner[0], opposite[0]))
    top, bottom = sorted(round(v) for v in (corner[1], opposite[1]))
    inside = np.zeros(SIZE, bool)
    inside[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    assert (mask[inside] == (0 if erase else 255)).all()
    assert (mask[~inside] == before[~inside]).all()


def test_an_outline_selects_its_inside() -> None:
    """A triangle: its inside, to a pixel, and nothing beyond; two points enclose nothing."""
    mask = np.zeros(SIZE, np.uint8)
    assert fill_polygon(mask, [(10, 10), (50, 10)]) == EMPTY
    fill_polygon(mask, [(10, 10), (50, 10), (10, 50)])
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    depth = np.minimum(np.minimum(x - 10, y - 10), (60 - x - y) / np.sqrt(2))
    assert (mask[depth > 1] == 255).all()
    assert not mask[depth < -1].any()
    fill_polygon(mask, [(0, 0), (90, 0), (90, 60), (0, 60)], erase=True)
    assert not mask.any()


@given(st.integers(0, 99), st.integers(0, 99), st.tuples(st.integers(0, 30), st.integers(0, 40)))
def test_a_patch_takes_an_edit_back_and_makes_it_again(seed: int, other: int, origin: tuple[int, int]) -> None:
    """Bit for bit, wherever it lies, and an edit that changed nothing is no patch."""
    before, after = random_mask(seed), random_mask(other)
    whole = np.zeros((SIZE[0] + 40, SIZE[1] + 30), np.uint8)
    part = whole[origin[1] : origin[1] + SIZE[0], origin[0] : origin[0] + SIZE[1]]
    part[...] = after
    done = whole.copy()
    patch = Patch.between(before, after, origin)
    assert bool(patch) == bool((before != after).any())
    patch.apply(whole)
    assert (part == before).all()
    patch.apply(whole)
    assert (whole == done).all()


def test_a_patch_of_a_large_mask_is_small() -> None:
    """Inverting 16 million pixels is remembered in a few bytes a tile."""
    before = np.zeros((4096, 4096), np.uint8)
    patch = Patch.between(before, 255 - before)
    assert patch.size <= 256
    patch.apply(before)
    assert (before == 255).all()


def test_boxes_join() -> None:
    """The empty one counts for nothing."""
    assert join_boxes(EMPTY, (1, 2, 3, 4)) == join_boxes((1, 2, 3, 4), EMPTY) == (1, 2, 3, 4)
    assert join_boxes((1, 2, 3, 4), (0, 3, 2, 9)) == (0, 2, 3, 9)
