"""The curves: which are shown, how they are drawn, what is read from them, with mouse and keys."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.training.curves import CurvesView, Source
from aigc_studio.ui.training.record import Piece, Record


def record(count: int = 200, level: float = 1.0, *, held_out: bool = True) -> Record:
    """A record of `count` steps."""
    steps = np.arange(1.0, count + 1)
    values = {
        "loss": (steps, level * np.exp(-steps / 60)),
        "error": (steps, level * np.exp(-steps / 60) / 2),
        "rate": (steps, np.full(count, 1e-3)),
        "images_per_second": (steps, np.full(count, 81.0)),
        "seconds": (steps, steps * 2),
    }
    if held_out:
        values["validation/loss"] = (steps[19::20], level * np.exp(-steps[19::20] / 60) + 0.1)
    made = Record()
    made.take(Piece(None, values))
    return made


@pytest.fixture
def view(qtbot, studio: Studio) -> CurvesView:
    view = CurvesView(studio)
    qtbot.addWidget(view)
    view.resize(600, 340)
    view.show()
    view.show_sources([Source("a", "Leaves", record())])
    qtbot.waitUntil(lambda: view.plot is not None and "loss" in shown(view))
    return view


def plot_of(view: CurvesView) -> Any:
    """The plot, once it is there."""
    assert view.plot is not None
    return view.plot


def shown(view: CurvesView) -> set[str]:
    return set(plot_of(view)._items)


def test_training_and_validation_stand_together_and_the_rest_is_a_switch_away(qtbot, view: CurvesView) -> None:
    assert list(view.chips.buttons) == ["loss", "validation/loss", "error"]
    assert shown(view) == {"loss", "loss/raw", "validation/loss"}
    qtbot.mouseClick(view.chips.buttons["error"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "error" in shown(view))
    qtbot.mouseClick(view.chips.buttons["loss"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "loss" not in shown(view))
    assert view.state()["shown"] == {"error": True, "loss": False}


def test_other_measures_have_plots_of_their_own(qtbot, view: CurvesView) -> None:
    assert [view.group.itemText(place) for place in range(view.group.count())] == [
        "Losses",
        "Throughput",
        "Learning rate",
    ]
    view.group.setCurrentIndex(1)
    view.group.activated.emit(1)
    qtbot.waitUntil(lambda: "images_per_second" in shown(view))
    assert "loss" not in shown(view)
    assert not view.chips.isVisible()


def test_smoothing_and_logarithms_change_what_is_drawn(qtbot, view: CurvesView) -> None:
    view.smooth.setValue(0)
    qtbot.waitUntil(lambda: "loss/raw" not in shown(view))
    y = plot_of(view)._items["loss"].yData
    assert np.allclose(y, np.exp(-np.arange(1, 201) / 60))
    view.log.click()
    qtbot.waitUntil(lambda: plot_of(view)._items["loss"].yData.min() < -1)
    assert np.allclose(plot_of(view)._items["loss"].yData, -np.arange(1, 201) / 60 / np.log(10))


def test_values_below_zero_have_no_logarithm(qtbot, studio: Studio, view: CurvesView) -> None:
    bad = Record()
    bad.take(Piece(None, {"loss": (np.arange(4.0), np.array([-1.0, 0.0, 1.0, 10.0]))}))
    view.log.setChecked(True)
    view.smooth.setValue(0)
    view.show_sources([Source("b", "Odd", bad)])
    qtbot.waitUntil(lambda: len(plot_of(view)._items["loss"].yData) == 2)
    only = Record()
    only.take(Piece(None, {"loss": (np.arange(3.0), np.array([-1.0, -2.0, 0.0]))}))
    view.show_sources([Source("c", "None", only)])
    qtbot.waitUntil(lambda: "loss" not in shown(view))


def test_over_time_the_same_curve_is_wider(qtbot, view: CurvesView) -> None:
    view.time.click()
    qtbot.waitUntil(lambda: plot_of(view)._items["loss"].xData.max() == 400)
    assert plot_of(view).in_sight()[1] >= 400
    plot_of(view).point_at(200.0)
    assert "Step 100" in view.readout.text()


def test_the_cursor_reads_all_curves(qtbot, view: CurvesView) -> None:
    plot_of(view).point_at(60.2)
    assert view.readout.isVisible()
    assert view.readout.text() == "Step 60 | Loss 0.3679 | Loss (validation) 0.4679"
    assert view.rect().contains(view.readout.geometry())
    plot_of(view).point_at(199.0)
    assert view.rect().contains(view.readout.geometry())
    plot_of(view).point_at(None)
    assert not view.readout.isVisible()


def test_mouse_over_the_plot_moves_the_cursor(qtbot, view: CurvesView) -> None:
    plot = plot_of(view)
    point = plot._box.mapViewToScene(QPointF(100.0, 0.5))
    plot.scene().sigMouseMoved.emit(point)
    assert plot.cursor_at == pytest.approx(100, abs=1.5)
    assert plot.left_of(100.0) == pytest.approx(point.x(), abs=1.5)


def test_keys_move_zoom_and_show_all(qtbot, view: CurvesView) -> None:
    plot = plot_of(view)
    plot.setFocus()
    whole = plot.in_sight()
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert plot.cursor_at == 0
    for _ in range(10):
        qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert 10 < plot.cursor_at < 30
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    low, high = plot.in_sight()
    assert high - low < (whole[1] - whole[0]) / 1.3
    assert not plot.whole
    qtbot.keyClick(plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert plot.in_sight()[0] > low
    qtbot.keyClick(plot, Qt.Key.Key_0)
    assert plot.whole
    assert plot.in_sight() == pytest.approx(whole)


def test_who_zoomed_stays_there_while_it_grows_and_who_sees_all_sees_the_new(qtbot, view: CurvesView) -> None:
    plot, source = plot_of(view), view._sources[0]
    steps = np.arange(201.0, 301)
    more = {"loss": (steps, np.exp(-steps / 60)), "seconds": (steps, steps * 2)}
    source.record.take(Piece(None, more))
    view.grown()
    qtbot.waitUntil(lambda: plot.in_sight()[1] >= 300)
    plot.zoom(4.0, 50.0)
    seen = plot.in_sight()
    steps = steps + 100
    source.record.take(Piece(None, {"loss": (steps, np.exp(-steps / 60)), "seconds": (steps, steps * 2)}))
    view.grown()
    qtbot.waitUntil(lambda: plot._end == 400)
    assert plot.in_sight() == pytest.approx(seen)


def test_a_new_curve_is_listed_when_it_first_has_a_value(qtbot, view: CurvesView) -> None:
    view.show_sources([Source("b", "New", fresh := record(20, held_out=False))])
    qtbot.waitUntil(lambda: list(view.chips.buttons) == ["loss", "error"])
    fresh.take(Piece(None, {"validation/loss": (np.array([20.0]), np.array([0.5]))}))
    view.grown()
    qtbot.waitUntil(lambda: list(view.chips.buttons) == ["loss", "validation/loss", "error"])
    qtbot.waitUntil(lambda: "validation/loss" in shown(view))


def test_several_runs_have_a_colour_each(qtbot, view: CurvesView) -> None:
    view.show_sources([Source("a", "One", record()), Source("b", "Two", record(400, 2.0))])
    qtbot.waitUntil(lambda: "b/loss" in shown(view))
    colours = {plot_of(view)._items[key].opts["pen"].color().name() for key in ("a/loss", "b/loss")}
    assert len(colours) == 2
    assert "a/error" not in shown(view)
    view.chips.buttons["run/a"].click()
    qtbot.waitUntil(lambda: "a/loss" not in shown(view))
    assert plot_of(view).in_sight()[1] >= 400


def test_half_a_million_points_are_drawn_as_few(qtbot, view: CurvesView) -> None:
    view.show_sources([Source("b", "Big", record(500_000))])
    qtbot.waitUntil(lambda: plot_of(view)._end == 500_000 and "loss" in shown(view))
    assert all(len(item.xData) <= plot_of(view).points() + 2 for item in plot_of(view)._items.values())


def test_the_theme_reaches_the_plot_at_once(qtbot, view: CurvesView) -> None:
    theme = theme_of(view)
    try:
        theme.choose("dark")
        qtbot.waitUntil(lambda: plot_of(view).backgroundBrush().color() == theme.color("panel"))
        qtbot.waitUntil(lambda: plot_of(view)._items["loss"].opts["pen"].color() == theme.color("series-1"))
    finally:
        theme.choose("light")


def test_the_plotting_library_is_not_imported_with_the_panel(checkout) -> None:
    """It takes half a second, which the window's start has not."""
    import subprocess

    code = "import sys, aigc_studio.ui.panels.train; sys.exit('pyqtgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=checkout, timeout=60, check=False).returncode == 0
    assert QApplication.instance() is not None


def test_the_first_step_does_not_press_the_others_flat(qtbot, view: CurvesView) -> None:
    """As with two networks that compete; all of it is a key away, and away again."""
    steps = np.arange(1.0, 201)
    values = 1.0 + 0.2 * np.sin(steps)
    values[0] = 400.0
    made = Record()
    made.take(Piece(None, {"generator": (steps, values), "seconds": (steps, steps)}))
    view.show_sources([Source("g", "Faces", made)])
    qtbot.waitUntil(lambda: shown(view) >= {"generator"} and plot_of(view).cut)
    plot = plot_of(view)

    def top() -> float:
        return plot.getPlotItem().getViewBox().viewRange()[1][1]

    assert 1.2 <= top() < 3
    qtbot.keyClick(plot, Qt.Key.Key_0)
    assert top() >= 400
    qtbot.wait(40)
    assert top() >= 400
    view.fit.click()
    assert top() < 3
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton)
    assert top() >= 400


def test_a_loss_that_falls_is_shown_from_its_beginning(qtbot, view: CurvesView) -> None:
    steps = np.arange(1.0, 301)
    made = Record()
    made.take(Piece(None, {"loss": (steps, 0.2 + 0.7 * np.exp(-steps / 20))}))
    view.show_sources([Source("f", "Falls", made)])
    qtbot.waitUntil(lambda: abs(plot_of(view).getPlotItem().getViewBox().viewRange()[1][1] - 0.9) < 0.1)


def test_few_values_are_all_shown(qtbot, view: CurvesView) -> None:
    made = Record()
    made.take(Piece(None, {"loss": (np.arange(1.0, 6), np.array([400.0, 1, 1, 1, 1]))}))
    view.show_sources([Source("f", "Few", made)])
    qtbot.waitUntil(lambda: plot_of(view).getPlotItem().getViewBox().viewRange()[1][1] > 390)


def test_there_is_nothing_to_choose_from_before_the_first_step(qtbot, studio: Studio) -> None:
    view = CurvesView(studio)
    qtbot.addWidget(view)
    view.resize(600, 340)
    view.show()
    made = Record()
    view.show_sources([Source("a", "Leaves", made)])
    assert not view.tools.isVisible()
    made.take(Piece(None, {"loss": (np.arange(1.0, 6), np.ones(5))}))
    view.grown()
    qtbot.waitUntil(view.tools.isVisible)
    assert view.group.currentText()
