"""What is told beside a picture: what the engine said, and what the device does not promise."""

from __future__ import annotations

import pytest

from aigc_studio.ui.viewer.facts import notices


@pytest.mark.parametrize(("device", "told"), [("cpu", 0), ("cuda", 1), ("cuda:1", 1), ("mps", 1), ("", 0)])
def test_what_a_graphics_card_does_not_promise_is_said(device: str, told: int) -> None:
    assert len(notices({"engine": {"device": device}})) == told


def test_what_the_engine_said_comes_first_and_broken_notices_do_no_harm() -> None:
    recipe = {"engine": {"device": "cuda"}, "info": {"notices": [["{count} words", {"count": 3}], ["{gone}", {}], 5]}}
    assert [line[:7] for line in notices(recipe)] == ["3 words", "{gone}", "Made on"]
    assert notices(None) == notices({"info": 3, "engine": []}) == []
