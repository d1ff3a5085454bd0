"""A model that is not there and a model that failed at its work are told apart, to shells and over HTTP alike."""

from __future__ import annotations

import pytest

from aigc_studio.api.problems import status_of
from aigc_studio.cli import codes
from aigc_studio.core.errors import RUN_FAILED, StudioError


@pytest.mark.parametrize(
    ("code", "status", "http"),
    [
        ("model-nan", codes.FAILED, 422),
        ("model-run", codes.FAILED, 422),
        ("model-class", codes.MISSING, 503),
        ("model-missing", codes.MISSING, 503),
        ("model-unknown", codes.MISSING, 404),
        ("engine-missing", codes.MISSING, 503),
        ("param", codes.BAD_INPUT, 422),
        ("memory", codes.FAILED, 507),
    ],
)
def test_what_went_wrong(code: str, status: int, http: int) -> None:
    error = StudioError("It did not work.", code=code)
    assert (codes.exit_status(error), status_of(error)) == (status, http)


def test_every_code_of_a_failed_run_is_one_that_is_raised() -> None:
    assert {"model-nan", "model-run"} == RUN_FAILED
