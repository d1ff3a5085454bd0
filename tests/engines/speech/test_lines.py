"""What the voices share: pieces that fit, seeds, sentences put together, with a speaker that needs no model."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Family, Task
from aigc_studio.engines.speech.lines import SHARED, SPEED, divide, piece_seed, prepare, say, understood
from aigc_studio.engines.speech.spelling import Spelling
from tests.engines.context import FakeContext

FAMILY = Family("tone", "speech", "Tone", "", (Task("speak", "Speak"),), (SPEED, *SHARED))


class Tone:
    """A tone of the seed's pitch, as long as the text. harm: what comes instead."""

    rate = 16_000

    def __init__(self, harm: Any = None) -> None:
        self.harm = harm
        self.asked: list[tuple[str, int]] = []

    def render(self, text: str, seed: int) -> np.ndarray:
        self.asked.append((text, seed))
        if self.harm is not None:
            return np.full(16_000, self.harm, np.float32)
        time = np.arange(len(text) * 800) / self.rate
        return (3.0 * np.sin(2 * np.pi * (200 + seed % 200) * time)).astype(np.float32)


def speak(text: str, tone: Tone, context: FakeContext | None = None, count: int = 1, **params: Any) -> FakeContext:
    context = context or FakeContext()
    script = prepare(text, Spelling, lambda piece: len(piece) <= 40)
    request = Request("speech", "speak", "tone", prompt=text, count=count)
    say(script, lambda: tone, request, FAMILY.values("speak", params), context)
    return context


@given(st.text(max_size=300), st.integers(1, 60))
def test_pieces_fit_and_lose_nothing(text: str, most: int) -> None:
    pieces = divide(text, lambda piece: len(piece) <= most)
    assert all(len(piece) <= most and piece == piece.strip() for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_pieces_end_at_commas_where_they_can() -> None:
    assert divide("one two three, four five six", lambda piece: len(piece) < 20) == ["one two three,", "four five six"]
    assert divide("一二三，四五六", lambda piece: len(piece) < 5) == ["一二三，", "四五六"]


@given(st.integers(0, 2**32 - 1), st.text(max_size=20), st.text(max_size=20))
def test_a_piece_has_its_own_seed(seed: int, one: str, two: str) -> None:
    assert (piece_seed(seed, one) == piece_seed(seed, two)) == (one == two)
    assert 0 <= piece_seed(seed, one) < 2**56


def test_loud_sound_is_brought_to_the_level_of_speech_and_never_clips() -> None:
    for volume in (1, 100, 150):
        (saved,) = speak("One here. Two there.", Tone(), volume=volume).audio
        assert np.abs(saved.value).max() <= 10 ** (-1 / 20) + 1e-5


@settings(max_examples=20)
@given(st.lists(st.text("ab ,", min_size=1, max_size=90), min_size=1, max_size=4), st.floats(0, 1), st.floats(0, 1))
def test_segments_cover_the_sound_in_order(texts: list[str], pause: float, paragraph: float) -> None:
    text = "a.\n" + ".\n".join(texts)
    (saved,) = speak(text, Tone(), pause=pause, paragraph_pause=paragraph).audio
    segments = saved.info["segments"]
    assert segments[0]["start"] == 0
    assert segments[-1]["end"] == pytest.approx(saved.info["seconds"], abs=0.002)
    for before, after in pairwise(segments):
        gap = pause if before["paragraph"] == after["paragraph"] else paragraph
        assert after["start"] - before["end"] == pytest.approx(gap, abs=0.001)
    for segment in segments:
        parts = segment["parts"]
        assert parts[0]["start"] == pytest.approx(segment["start"], abs=1e-4)
        assert parts[-1]["end"] == pytest.approx(segment["end"], abs=1e-4)
        assert all(one["end"] < two["start"] for one, two in pairwise(parts))


@pytest.mark.parametrize(("harm", "code"), [(np.nan, "nan"), (np.inf, "nan"), (0.0, "silent")])
def test_no_sound_is_told(harm: float, code: str) -> None:
    context = FakeContext()
    with pytest.raises(StudioError) as told:
        speak("Hello.", Tone(harm), context)
    assert told.value.code == code
    assert not context.audio


def test_a_silent_sentence_is_named_and_the_others_are_kept() -> None:
    tone = Tone()
    loud = tone.render
    tone.render = lambda text, seed: loud(text, seed) * (0 if "quiet" in text else 1)  # type: ignore[method-assign]
    context = speak("One here. Be quiet. Two here.", tone)
    assert context.notices[0][1] == {"sentence": "Be quiet."}
    assert [segment["text"] for segment in context.audio[0].info["segments"]] == ["One here.", "Two here."]


def test_cancelled_between_pieces_of_one_sentence() -> None:
    tone = Tone()
    context = FakeContext(cancel_after=3)
    with pytest.raises(Cancelled):
        speak("word " * 40, tone, context)
    assert len(tone.asked) == 1


def test_a_long_text_is_understood_in_part_and_its_signs_in_whole() -> None:
    text = "This is a sentence. " * 100 + "The end ж."

    def spell(part: str) -> Spelling:
        return Spelling(part.replace("ж", ""), {"ж": 1} if "ж" in part else {})

    found = understood(text, spell)
    assert found.ignored == ("ж",)
    assert found.understood == ("en: This is a sentence.",)
