"""A job that ran out of memory: what is offered, step by step, and that nothing is offered where nothing is lower."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Choice, Param
from aigc_studio.ui.jobs.delegate import buttons_of
from aigc_studio.ui.jobs.less_memory import can_use_less, less_memory

REQUEST = Request("image", "generate", "painter", "painter", "waves", {"detail": 0.5})


@pytest.fixture
def sparing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family with the choice of memory that the diffusion families have."""
    choices = tuple(Choice(value, value) for value in ("auto", "full", "low", "lowest"))
    family = registry.family("painter")
    declared = replace(family, params=(*family.params, Param.choice("memory", "Memory", "auto", choices)))
    monkeypatch.setattr(registry, "declared", lambda _id, _facts: declared)


def failed(request: Request, code: str = "memory") -> Job:
    """A failed job."""
    return Job("a" * 32, request, JobState.FAILED, 1.0, error=StudioError("Too large.", code=code))


def test_each_try_takes_one_step_less(sparing: None) -> None:
    """From automatic or full to low, to lowest, and no further; the rest stays as it was."""
    first = less_memory(REQUEST)
    assert first is not None
    assert first.params == {"detail": 0.5, "memory": "low"}
    second = less_memory(first)
    assert second is not None
    assert second.params["memory"] == "lowest"
    assert less_memory(second) is None
    ran = StudioError("Too large.", code="memory", memory="low")
    third = less_memory(REQUEST, ran)  # automatic had come down to low by itself
    assert third is not None
    assert third.params["memory"] == "lowest"
    assert less_memory(REQUEST, StudioError("Too large.", code="memory", memory="lowest")) is None
    full = less_memory(REQUEST.changed(params={"memory": "full"}))
    assert full is not None
    assert full.params["memory"] == "low"


def test_only_want_of_memory_is_helped_so(sparing: None) -> None:
    """In the queue's row, too."""
    assert can_use_less(failed(REQUEST))
    assert buttons_of(failed(REQUEST)) == ("less", "retry")
    assert buttons_of(failed(REQUEST, "unexpected")) == ("retry",)
    assert not can_use_less(replace(failed(REQUEST), state=JobState.DONE, error=None))


def test_nothing_is_offered_where_there_is_no_choice() -> None:
    """The painter has none; an unknown model has none either."""
    assert less_memory(REQUEST) is None
    assert less_memory(REQUEST.changed(model="gone")) is None
    assert less_memory(REQUEST.changed(family="of-the-future")) is None
