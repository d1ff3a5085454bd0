"""What a log says: curves, samples and ends, also where a run went back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.ui.training.record import Record, Series, pieces_of


def told(*batches: list[dict[str, Any]]) -> Record:
    """A record of lines that came in these batches."""
    record, last = Record(), 0
    for batch in batches:
        pieces, last = pieces_of(batch, last)
        for piece in pieces:
            record.take(piece)
    return record


def value(step: int, **values: Any) -> dict[str, Any]:
    return {"step": step, "seconds": step / 2, "values": values}


def test_values_become_curves_with_a_clock() -> None:
    record = told([value(1, loss=3.0), value(2, loss=2.0, rate=0.1)], [value(3, loss=1.0)])
    assert record.series["loss"].steps.tolist() == [1, 2, 3]
    assert record.series["loss"].values.tolist() == [3.0, 2.0, 1.0]
    assert record.series["rate"].steps.tolist() == [2]
    assert record.clock.values.tolist() == [0.5, 1.0, 1.5]
    assert record.last == 3
    assert record.latest("loss") == 1.0
    assert record.latest("nothing") is None


def test_what_was_lost_before_a_resume_is_dropped() -> None:
    lost = [value(step, loss=float(step)) for step in range(1, 8)]
    lost += [{"step": 6, "event": "sample", "file": "samples/6.png"}, {"step": 7, "event": "stop", "reason": "disk"}]
    record = told(lost, [{"step": 4, "event": "resume"}, value(5, loss=50.0)])
    assert record.series["loss"].steps.tolist() == [1, 2, 3, 4, 5]
    assert record.series["loss"].values.tolist()[-1] == 50.0
    assert record.shots == []
    assert record.ended == ""
    assert record.last == 5


def test_a_run_that_begins_again_without_a_checkpoint_has_no_old_curves() -> None:
    record = told([value(1, loss=1.0), value(2, loss=2.0)], [value(1, loss=9.0)])
    assert record.series["loss"].values.tolist() == [9.0]


def test_resuming_where_it_was_keeps_all() -> None:
    record = told([value(1, loss=1.0), value(2, loss=2.0)], [{"step": 2, "event": "resume"}, value(3, loss=3.0)])
    assert record.series["loss"].steps.tolist() == [1, 2, 3]


@pytest.mark.parametrize("reason", ["steps", "minutes", "patience", "asked", "paused", "training-nan", "disk"])
def test_the_end_is_known_until_it_goes_on(reason: str) -> None:
    record = told([value(1, loss=1.0), {"step": 1, "event": "end", "reason": reason}])
    assert record.ended == reason
    pieces, _ = pieces_of([{"step": 1, "event": "resume"}], 1)
    for piece in pieces:
        record.take(piece)
    assert record.ended == ""


def test_samples_notices_and_the_best_step() -> None:
    record = told(
        [
            {"step": 10, "event": "sample", "file": "samples/10.png"},
            {"step": 10, "event": "sample", "texts": ["a", "b"]},
            {"step": 11, "event": "notice", "text": "Small {count}", "params": {"count": 2}},
            {"step": 12, "event": "best", "of": 9},
        ]
    )
    assert [(shot.step, shot.texts) for shot in record.shots] == [(10, ("a", "b"))]
    assert record.notices[0].params == {"count": 2}
    assert record.best == 9


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"step": "3", "values": {"loss": 1}},
        {"step": True, "values": {"loss": 1}},
        {"step": 1, "values": {"loss": None, "error": "x", "good": True}},
        {"step": 1, "values": [1]},
        {"step": 1, "event": 4},
        {"step": 1, "event": "sample"},
        {"step": 1, "event": "sample", "file": 3},
        {"step": 1, "event": "sample", "file": "../../secret.png"},
        {"step": 1, "event": "sample", "file": "/etc/secret.png"},
        {"step": 1, "event": "sample", "file": "\\\\host\\share\\x.png"},
        {"step": 1, "event": "sample", "file": "C:secret.png"},
        {"step": 10**400, "values": {"loss": 1.0}},
        {"step": 1, "values": {"loss": 10**400}, "seconds": 10**400},
        {"step": 1, "event": "notice"},
    ],
)
def test_damaged_lines_do_no_harm(line: dict[str, Any]) -> None:
    record = told([value(1, loss=1.0), line, value(2, loss=2.0)])
    assert record.series["loss"].values.tolist() == [1.0, 2.0]
    assert record.shots == []


steps = st.integers(0, 40)
lines = st.lists(
    st.one_of(
        st.builds(lambda step, loss: value(step, loss=loss), steps, st.floats(allow_nan=True, allow_infinity=True)),
        st.builds(lambda step: {"step": step, "event": "resume"}, steps),
    ),
    max_size=60,
)


@given(lines, st.integers(1, 7))
def test_curves_rise_in_steps_and_do_not_depend_on_how_the_log_was_cut(
    given_lines: list[dict[str, Any]], at_once: int
) -> None:
    whole = told(given_lines)
    parts = told(*[given_lines[start : start + at_once] for start in range(0, len(given_lines), at_once)])
    for record in (whole, parts):
        for series in record.series.values():
            assert (np.diff(series.steps) >= 0).all()
            assert all(math.isfinite(number) for number in series.values)
    assert {name: series.values.tolist() for name, series in whole.series.items()} == {
        name: series.values.tolist() for name, series in parts.series.items()
    }


@given(st.lists(st.integers(0, 1000), max_size=700), st.integers(0, 1000))
def test_a_series_grows_is_cut_and_finds_the_nearest(numbers: list[int], cut: int) -> None:
    numbers = sorted(numbers)
    series = Series()
    for start in range(0, len(numbers), 100):
        part = np.array(numbers[start : start + 100], float)
        series.extend(part, -part)
    assert series.steps.tolist() == numbers
    series.cut(cut)
    kept = [number for number in numbers if number <= cut]
    assert series.steps.tolist() == kept
    assert series.values.tolist() == [-number for number in kept]
    found = series.at(500)
    assert (found is None) == (not kept)
    if found is not None:
        assert abs(found[0] - 500) == min(abs(number - 500) for number in kept)
