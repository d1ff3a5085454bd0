"""Values as they are typed: whatever a model can take can be typed, and comes out as it was."""

from __future__ import annotations

import contextlib
import math
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.cli import values
from aigc_studio.core.errors import StudioError
from aigc_studio.engines.base import Choice, Family, Param, Task

PARAMS = {
    param.id: param
    for param in (
        Param.int("steps", "Steps", 20, 1, 150),
        Param.float("guidance", "Guidance", 7.0, 0.0, 30.0),
        Param.bool("tiled", "Tiled", False),
        Param.choice("scheduler", "Scheduler", "ddim", (Choice("ddim", "DDIM"), Choice("dpm++ 2m", "DPM"))),
        Param.text("stop", "Stop"),
        Param.lines("negative", "Negative"),
        Param.size("size", "Size", (512, 512), 8, 4096),
        Param.model("vocoder", "Vocoder", ("vocoder:speecht5",)),
        Param.loras("loras", "LoRA", ("lora:sd1",)),
    )
}
FAMILY = Family("tried", "image", "Tried", "", (Task("generate", "Generate"),), tuple(PARAMS.values()))

IDS = st.text(string.ascii_lowercase + string.digits + "-._", min_size=1, max_size=20)
WEIGHTS = st.floats(-4, 4, allow_nan=False)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "steps": st.integers(1, 150),
    "guidance": st.floats(0, 30, allow_nan=False),
    "tiled": st.booleans(),
    "scheduler": st.sampled_from(["ddim", "dpm++ 2m"]),
    "stop": st.text(),
    "negative": st.text(),
    "size": st.lists(st.integers(8, 4096), min_size=2, max_size=2),
    "vocoder": IDS,
    "loras": st.lists(st.tuples(IDS, WEIGHTS).map(list), max_size=4),
}


def same(id: str) -> str:
    """The models of these tests are known by their ids."""
    return id


@given(st.data(), st.sampled_from(sorted(PARAMS)))
def test_what_can_be_taken_can_be_typed(data: st.DataObject, name: str) -> None:
    """NAME=VALUE, written out and read again, for every kind of parameter."""
    given_ = data.draw(VALUES[name])
    param = PARAMS[name]
    text = f"{name}={values.typed(param, given_)}"
    assert values.assignment(FAMILY, "generate", text, same) == (name, given_)


@given(st.text(max_size=60))
def test_no_typed_text_is_more_than_a_sentence(text: str) -> None:
    """Whatever is typed is a value that the parameter takes, or a StudioError; nothing else is raised."""
    for param in PARAMS.values():
        with contextlib.suppress(StudioError):
            param.check(values.value(param, text, same))
    for line in (text, f"steps={text}", f"={text}"):
        with contextlib.suppress(StudioError):
            values.assignment(FAMILY, "generate", line, same)


@given(IDS, WEIGHTS)
def test_a_lora_with_its_weight(id: str, weight: float) -> None:
    """ID alone weighs 1; a path with a colon of its own needs none."""
    assert values.lora(f"{id}:{weight!r}", same) == (id, weight)
    assert values.lora(id, same) == (id, 1.0)
    assert values.lora(f"C:\\models\\{id}.safetensors:0.5", same) == (f"C:\\models\\{id}.safetensors", 0.5)
    assert values.lora(f"C:\\models\\{id}.safetensors", same) == (f"C:\\models\\{id}.safetensors", 1.0)


@pytest.mark.parametrize("text", ["style:heavy", "style:", "style:1:two"])
def test_a_weight_that_is_no_number(text: str) -> None:
    """It is named."""
    with pytest.raises(StudioError, match="ID:WEIGHT") as raised:
        values.lora(text, same)
    assert raised.value.code == "value"


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "0x20", "", "1_000_000", "²"])
def test_numbers_that_are_none(text: str) -> None:
    """No value of these gets to a model."""
    for name in ("steps", "guidance"):
        with pytest.raises(StudioError):
            values.value(PARAMS[name], text, same)
    with pytest.raises(StudioError):
        values.value(PARAMS["loras"], f"style:{text or 'x'}", same)


@given(st.integers(0, 10**8), st.integers(0, 10**8), st.sampled_from("xX×"))
def test_sizes(width: int, height: int, by: str) -> None:
    """Two numbers with an x between them, or one for a square."""
    assert values.size(f" {width}{by}{height} ") == [width, height]
    assert values.size(str(width)) == [width, width]


def test_weights_are_numbers_a_model_takes() -> None:
    """Not NaN, which would pass no comparison."""
    with pytest.raises(StudioError):
        PARAMS["loras"].check([["style", math.nan]])
