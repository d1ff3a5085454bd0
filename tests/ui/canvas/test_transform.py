"""Coordinates are right at every zoom, offset and screen resolution."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QSizeF

from aigc_studio.ui.canvas.transform import ZOOM_STOPS, ViewTransform

side = st.integers(1, 8192)
ratio = st.sampled_from([1.0, 1.25, 1.5, 2.0])
position = st.floats(0, 900)


def make(width: int, height: int, ratio: float) -> ViewTransform:
    """A picture in a view of 900 x 600, fitted."""
    transform = ViewTransform(ratio=ratio, view=QSizeF(900, 600), picture=QSizeF(width, height))
    transform.fit()
    return transform


@given(side, side, ratio, st.floats(0.01, 64), position, position)
def test_there_and_back(width: int, height: int, ratio: float, scale: float, x: float, y: float) -> None:
    """A point of the view is the same point after a trip to the picture."""
    transform = make(width, height, ratio)
    transform.zoom_to(scale, QPointF(x, y))
    back = transform.to_view(transform.to_picture(QPointF(x, y)))
    assert back.x() == pytest.approx(x, abs=1e-6)
    assert back.y() == pytest.approx(y, abs=1e-6)


@given(side, side, ratio, st.lists(st.floats(0.02, 64), min_size=1, max_size=6))
def test_the_point_under_the_pointer_stays_there(width: int, height: int, ratio: float, scales: list[float]) -> None:
    """To half a screen pixel a step, as long as the picture is held nowhere."""
    transform = make(max(400, width), max(400, height), ratio)
    anchor = QPointF(450, 300)
    for scale in scales:
        under = transform.to_picture(anchor)
        transform.zoom_to(scale, anchor)
        moved = (transform.to_view(under) - anchor) * ratio
        assert abs(moved.x()) <= 0.51
        assert abs(moved.y()) <= 0.51


@given(side, side, ratio, st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_nobody_loses_the_picture(width: int, height: int, ratio: float, dx: float, dy: float) -> None:
    """However far it is dragged, part of it stays in the view."""
    transform = make(width, height, ratio)
    transform.pan(QPointF(dx, dy))
    rect = transform.device_rect()
    assert rect.right() >= 0
    assert rect.left() <= 900 * ratio
    assert rect.bottom() >= 0
    assert rect.top() <= 600 * ratio


@given(side, side, ratio)
def test_fitted_means_all_of_it_and_never_enlarged(width: int, height: int, ratio: float) -> None:
    """Centred, inside the view, at most one screen pixel per pixel."""
    transform = make(width, height, ratio)
    rect = transform.device_rect()
    assert transform.scale <= 1
    assert rect.left() >= 0
    assert rect.top() >= 0
    assert rect.right() <= 900 * ratio
    assert rect.bottom() <= 600 * ratio


def test_resizing_keeps_fitting_or_keeps_the_middle() -> None:
    """A fitted picture follows the view; a zoomed one keeps its middle in the middle."""
    transform = make(2000, 1000, 1)
    transform.resize(QSizeF(500, 500), 1)
    assert transform.fitted
    assert transform.scale == pytest.approx(transform.fit_scale())
    transform.zoom_to(1.0, QPointF(250, 250))
    middle = transform.to_picture(QPointF(250, 250))
    transform.resize(QSizeF(800, 700), 1)
    after = transform.to_picture(QPointF(400, 350))
    assert abs(after.x() - middle.x()) <= 1
    assert abs(after.y() - middle.y()) <= 1


def test_zoom_stops_go_up_and_down() -> None:
    """Every stop is reached from its neighbours, and the ends hold."""
    transform = make(8192, 8192, 1)
    transform.zoom_to(1.0, QPointF(0, 0))
    assert transform.step(1) == 1.5
    assert transform.step(-1) == 0.667
    transform.zoom_to(1e9, QPointF(0, 0))
    assert transform.scale == ZOOM_STOPS[-1] == transform.step(1)
    transform.zoom_to(0, QPointF(0, 0))
    assert transform.scale == transform.bounds()[0]
