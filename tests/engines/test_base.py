"""What a parameter takes: values in its own type, and one sentence for everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.errors import StudioError
from aigc_studio.engines.base import Choice, Param

PARAMS = (
    Param.text("stop", "Stop at"),
    Param.lines("negative", "Negative prompt"),
    Param.choice("scheduler", "Sampler", "model", (Choice("model", "As made"), Choice("1", "One"))),
    Param.bool("clip", "Clip", True),
    Param.int("steps", "Steps", 4, 1, 50),
    Param.float("guidance", "Guidance", 7.5, 0.0, 30.0),
    Param.size("size", "Size", (64, 64), 64, 512),
    Param.model("vocoder", "Vocoder", ("vocoder:speecht5",)),
    Param.loras("loras", "LoRA", ("lora:sd1",)),
)


def deep(levels: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.id)
@pytest.mark.parametrize(
    "value",
    [None, {"a": 1}, deep(2), deep(100_000), 10**5000, float("nan"), [float("nan")] * 2, [10**5000] * 2, [["a", {}]]],
    ids=["none", "object", "lists", "abyss", "digits", "nan", "nans", "many-digits", "pairs"],
)
def test_what_is_no_value_is_refused_in_a_short_sentence(param: Param, value: Any) -> None:
    with pytest.raises(StudioError) as refused:
        param.check(value)
    assert refused.value.code == "param"
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("param", [param for param in PARAMS if param.kind in ("text", "lines", "choice")])
def test_only_a_text_is_a_text(param: Param) -> None:
    for value in (1, True, 1.5, ["model"], []):
        with pytest.raises(StudioError):
            param.check(value)


def test_half_a_surrogate_can_be_stored() -> None:
    for param in PARAMS[:2]:
        assert param.check("fox \ud83d") == "fox ?"
        assert param.check("fox \U0001f98a") == "fox \U0001f98a"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_whatever_is_taken_can_be_stored_and_sent(value: Any) -> None:
    for param in PARAMS:
        try:
            checked = param.check(value)
        except StudioError as error:
            str(error).encode("utf-8")
        else:
            if param.kind not in ("model", "loras"):  # ids are looked up by whoever takes them from strangers
                json.dumps(checked, allow_nan=False, ensure_ascii=False).encode("utf-8")
