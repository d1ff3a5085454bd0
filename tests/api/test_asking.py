"""Whatever a program asks for becomes a request that an engine can be given, or one sentence."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aigc_studio.api.asking import known, request_of
from aigc_studio.api.shapes import Generate
from aigc_studio.core.errors import StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.runner import check_request

PARAMS = sorted({param.id for family in registry.families() for param in family.params})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["image", "speech", "text", None]) | JSON,
        "task": st.sampled_from(["generate", "inpaint", "speak", "continue"]) | JSON,
        "model": st.sampled_from(["painter", "espeak", "starter-writer", "", "/etc", ".."]) | JSON,
        "prompt": st.text(max_size=20) | JSON,
        "params": st.dictionaries(st.sampled_from(PARAMS), JSON, max_size=3) | JSON,
        "seed": st.integers() | JSON,
        "count": st.integers() | JSON,
        "inputs": st.dictionaries(st.sampled_from(["image", "mask", "voice"]), st.text(max_size=40), max_size=2) | JSON,
    },
)


@given(BODIES)
def test_any_body_is_a_request_or_a_sentence(body: dict[str, Any]) -> None:
    """Nothing else is raised, and a request that comes of it survives its way through the queue."""
    with contextlib.suppress(ValidationError, StudioError):
        request = request_of(Generate.model_validate(body))
        check_request(request)
        assert Request.from_json(request.to_json()) == request
        json.dumps(request.to_json(), allow_nan=False, ensure_ascii=False).encode("utf-8")
        for name, value in registry.family(request.family).values(request.task, request.params).items():
            if name in request.params:
                assert request.params[name] == (list(value) if isinstance(value, tuple) else value)


@given(st.text(max_size=60))
def test_a_model_is_known_by_its_id_alone(text: str) -> None:
    """No other text finds one."""
    try:
        assert known(text).id == text
    except StudioError as error:
        assert error.code == "model-unknown"  # noqa: PT017


@pytest.mark.parametrize(
    ("inputs", "task"),
    [({}, "generate"), ({"image": "0" * 32}, "variation"), ({"image": "0" * 32, "mask": "1" * 32}, "inpaint")],
)
def test_the_task_follows_from_the_inputs(inputs: dict[str, str], task: str) -> None:
    """Where none is named."""
    assert request_of(Generate(kind="image", inputs=inputs)).task == task
    assert request_of(Generate(kind="speech")).task == "speak"
