"""Recipes in words, and what two of them differ in."""

from __future__ import annotations

import pytest

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.generations import Generation
from aigc_studio.core.i18n import set_language
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Param
from aigc_studio.ui.history.words import (
    differences,
    inputs_text,
    model_title,
    parameter_rows,
    state_text,
    summary,
    task_title,
    value_text,
)

PICTURE = {"kind": "image", "task": "generate", "family": "painter", "prompt": "sea", "seed": 3}


def generation(**changes) -> Generation:
    values = {
        "job_id": "0" * 32,
        "kind": "image",
        "task": "generate",
        "family": "painter",
        "model": "",
        "prompt": "sea",
        "created": 0.0,
        "count": 1,
        "made": 1,
        "shown": 1,
        "state": "",
        "seed": 3,
        "request": PICTURE,
        "params": {},
        "assets": (),
    }
    return Generation(**{**values, **changes})


@pytest.mark.parametrize(
    ("param", "value", "text"),
    [
        (None, True, "On"),
        (None, 0.30000001, "0.3"),
        (None, [1, 2], "1, 2"),
        (None, "", "–"),
        (Param.choice("a", "A", "x", (Choice("x", "Ex"),)), "x", "Ex"),
        (Param.choice("a", "A", "x", (Choice("x", "Ex"),)), "gone", "gone"),
        (Param.size("a", "A", (8, 8), 8, 64), [512, 768], "512 × 768 px"),
        (Param.size("a", "A", (8, 8), 8, 64), "broken", "broken"),
        (Param.int("a", "A", 1, 0, 9, unit="px"), 4, "4 px"),
        (Param.model("a", "A", ("vae:sd1",)), "", "None"),
        (Param.loras("a", "A", ("lora:sd1",)), [["ink", 0.8]], "ink × 0.8"),
        (Param.loras("a", "A", ("lora:sd1",)), [["ink"], 3, ["x", "y"]], "–"),
    ],
)
def test_values_in_words(param, value, text):
    assert value_text(param, value) == text


def test_what_this_version_does_not_know_is_shown_by_its_id():
    later = {"task": "animate", "family": "from-the-future", "params": {"warp": 2}}
    assert task_title(later) == "animate"
    assert model_title("from-the-future", "") == "from-the-future"
    assert model_title("painter", "gone-model") == "gone-model"
    assert parameter_rows(later, {"warp": 2}) == [("warp", "2")]
    assert summary(generation(request=later, task="animate", family="from-the-future")).startswith("animate")


def test_a_line_names_task_model_size_and_what_was_chosen():
    line = summary(generation(params={"size": [512, 512], "contrast": 1.5}))
    assert line == "New picture · Abstract painter · 512 × 512 px · Contrast 1.5 · Seed 3"
    set_language("zh_CN")
    assert "抽象画师" in summary(generation())


def test_how_far_it_came():
    assert state_text(generation()) == ""
    assert state_text(generation(count=4, made=2, shown=2, state="cancelled")) == "2 of 4 · Cancelled"
    assert state_text(generation(shown=0)) == "In the trash"


def test_differences_are_listed_in_words():
    one = {"request": PICTURE, "seed": 3, "engine": {"params": {"contrast": 1.0, "grain": 0.2}, "device": "cpu"}}
    two = {
        "request": {**PICTURE, "params": {"contrast": 1.4}, "prompt": "sky"},
        "seed": 9,
        "engine": {"params": {"contrast": 1.4, "grain": 0.2}, "device": "cuda"},
    }
    assert differences(one, two) == [
        ("Prompt", "sea", "sky"),
        ("Seed", "3", "9"),
        ("Contrast", "1", "1.4"),
        ("Device", "cpu", "cuda"),
    ]
    assert differences(one, one) == []


def test_what_another_task_does_not_know_is_no_difference():
    one = {"request": PICTURE, "seed": 3, "engine": {"params": {"size": [64, 64]}}}
    edit = {**PICTURE, "task": "inpaint", "inputs": {"image": "a" * 32, "mask": "b" * 32}}
    two = {"request": edit, "seed": 3, "engine": {"params": {"feather": 12}}}
    assert differences(one, two) == [("Task", "New picture", "Change this part"), ("Made from", "–", "picture, mask")]
    other = {**edit, "inputs": {"image": "c" * 32, "mask": "b" * 32}}
    assert [row[0] for row in differences(two, {**two, "request": other})] == ["Made from"]
    assert inputs_text({"inputs": {"image": "x", "style": "y"}}) == "picture, style"


@pytest.mark.parametrize("broken", [{}, {"request": None}, {"request": [], "engine": 3}, {"engine": {"params": "x"}}])
def test_a_broken_recipe_has_differences_too(broken):
    assert ("Seed", "–", "3") in differences(broken, {"request": PICTURE, "seed": 3})


def test_request_and_words_agree():
    request = Request.from_json(PICTURE)
    assert task_title(request.to_json()) == "New picture"


def test_values_are_named_as_the_models_own_form_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speakers, defaults and the meaning of a value belong to the model and the task, not to the family."""
    voice = Entry("mms", "vits", "speech", {"en": "MMS"}, facts={"speakers": ["Anna", "Bo"], "rate": 16000})
    turbo = Entry("turbo", "sdxl", "image", {"en": "Turbo"}, facts={"type": "sdxl", "steps": 4, "guidance": 1.0})
    monkeypatch.setattr(catalogue, "known", {"mms": voice, "turbo": turbo}.get)
    spoken = {"kind": "speech", "task": "speak", "family": "vits", "model": "mms"}
    assert ("Speaker", "Bo") in parameter_rows(spoken, {"speaker": "1"})
    made = {"kind": "image", "task": "variation", "family": "sdxl", "model": "turbo"}
    line = summary(generation(**made, request=made, params={"steps": 4, "guidance": 1.0, "strength": 0.6}))
    assert line == "Variation · Turbo · Steps 4 · Seed 3"
