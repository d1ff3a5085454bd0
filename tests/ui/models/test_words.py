"""What is said of models, and what is taken from a former request for another task of its model."""

from __future__ import annotations

import pytest

from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.requests import Request
from aigc_studio.ui.models.words import kept_params, model_does

CHOSEN = {
    "negative": "snow",
    "guidance": 4.0,
    "scheduler": "euler",
    "loras": [["ink", 0.8]],
    "memory": "low",
    "steps": 12,
    "size": [640, 512],
    "strength": 0.9,
    "feather": 30,
    "unheard-of": 1,
}


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model of Stable Diffusion."""
    entry = Entry("mine", "stable-diffusion", "image", {"en": "Mine"}, facts={"type": "sd1"})
    monkeypatch.setattr(catalogue, "known", lambda id: entry if id == "mine" else None)


def test_a_variation_keeps_what_means_the_same(mine: None) -> None:
    """LoRA files, the negative prompt, less memory; not the size, nor how much of a part was painted over."""
    kept = {name: CHOSEN[name] for name in ("negative", "guidance", "scheduler", "loras", "memory", "steps")}
    for task in ("generate", "inpaint"):
        former = Request("image", task, "stable-diffusion", "mine", "a fox", CHOSEN)
        assert model_does(former, "variation")
        assert kept_params(former, "variation") == kept
    former = Request("image", "variation", "stable-diffusion", "mine", "a fox", CHOSEN)
    assert kept_params(former, "variation") == kept | {"strength": 0.9}


def test_of_a_model_that_is_gone_nothing_is_kept(mine: None) -> None:
    for family, model in (("stable-diffusion", "other"), ("unheard-of", "mine")):
        former = Request("image", "generate", family, model, "a fox", CHOSEN)
        assert not model_does(former, "variation")
        assert kept_params(former, "variation") == {}
