"""Forms of verse: recognised, guessed from a beginning, and kept or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.forms import FORMS, SPECIAL_TOKENS, form_of_verse, frame, keeps_form

WUJUE = "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"
QIJUE = "朝辞白帝彩云间，千里江陵一日还。\n两岸猿声啼不住，轻舟已过万重山。"


@pytest.mark.parametrize(
    ("verse", "form"),
    [
        (WUJUE, "wujue"),
        (QIJUE, "qijue"),
        (WUJUE + "\n" + WUJUE, "wulv"),
        (QIJUE + QIJUE, "qilv"),
        (WUJUE + QIJUE, "gushi"),
        ("床前明月光，", "gushi"),
        ("", "gushi"),
        ("举头望明月？低头思故乡！举头望明月；低头思故乡", "wujue"),
    ],
)
def test_regular_verse_is_recognised(verse: str, form: str) -> None:
    """By the number and length of its clauses, whatever the marks between them."""
    assert form_of_verse(verse) == form
    assert keeps_form(verse, form)
    assert all(keeps_form(verse, other) == (other == form or not FORMS[other].length) for other in FORMS)


@pytest.mark.parametrize(
    ("prompt", "form", "title", "text"),
    [
        ("春眠不觉晓，", "wujue", "", "春眠不觉晓，"),
        ("春眠", "wujue", "", "春眠"),
        ("朝辞白帝彩云间", "qijue", "", "朝辞白帝彩云间"),
        (WUJUE + "\n春", "wulv", "", WUJUE + "\n春"),
        (QIJUE + "\n春", "qilv", "", QIJUE + "\n春"),
        ("君不见黄河之水天上来，", "gushi", "", "君不见黄河之水天上来，"),
        ("床前明月光，千里江陵一日还。", "gushi", "", "床前明月光，千里江陵一日还。"),
        (WUJUE * 3, "gushi", "", WUJUE * 3),
        ("There was once", "fable", "", "There was once"),
        ("", "qijue", "", ""),
        ("，。", "qijue", "", "，。"),
        ("《静夜思》\n床前明月光，", "wujue", "静夜思", "床前明月光，"),
        ("《静夜思》", "qijue", "静夜思", ""),
        ("# The Fox\nOne day", "fable", "The Fox", "One day"),
        ("## 春雪", "qijue", "春雪", ""),
        ("#NoHeading here", "fable", "", "#NoHeading here"),
        ("读《静夜思》有感", "gushi", "", "读《静夜思》有感"),
    ],
)
def test_a_prompt_is_framed(prompt: str, form: str, title: str, text: str) -> None:
    """The form as the text begins; a title in its two notations."""
    framed = frame(prompt)
    assert (framed.form, framed.title, framed.text) == (form, title, text)


@given(st.text(max_size=60), st.sampled_from(["auto", *FORMS]))
def test_any_prompt_has_a_frame(prompt: str, form: str) -> None:
    """Nothing is lost: the body is the end of the prompt; a form that was asked for stays."""
    framed = frame(prompt, form)
    assert prompt.endswith(framed.text)
    assert framed.form in FORMS
    assert form in ("auto", framed.form)


def test_the_tokens_are_distinct() -> None:
    """Each form opens with a token of its own."""
    assert len(set(SPECIAL_TOKENS)) == len(SPECIAL_TOKENS) == len(FORMS) + 3
