"""The card of a trained model: whole tables whatever was written into the form, in the language of the window."""

from __future__ import annotations

from typing import Any

from aigc_studio.core.i18n import set_language
from aigc_studio.training.model_card import model_card
from aigc_studio.training.vae import FAMILY

FACTS: dict[str, Any] = {
    "title": "Shapes",
    "request": {"seed": 4, "params": {"name": "Shapes", "steps": 60, "latent": 8}},
    "data": {"data": {"folder": "drawings", "files": 12}},
    "licence": "CC0 | mine",
    "figures": {"held_out_error": 0.12345},
    "steps": 60,
    "seconds": 90.0,
    "ended": "patience",
    "device": "cpu",
}


def test_the_card_tells_data_settings_and_figures() -> None:
    card = model_card(FAMILY, FACTS, ["one\ntwo"], pictures=True)
    for line in (
        "# Shapes",
        "| Steps | 60 |",
        "| Time | 1.5 min on cpu |",
        "| Why it ended | nothing improved any more |",
        "| Licence of the data | CC0 \\| mine |",
        "| data.folder | drawings |",
        "| latent | 8 |",
        "| held_out_error | 0.1235 |",
        "![Samples](samples.png)",
        "> one  ",
        "> two",
    ):
        assert line in card.splitlines()
    assert "| name |" not in card


def test_the_card_speaks_the_language_of_the_window() -> None:
    set_language("zh_CN")
    card = model_card(FAMILY, FACTS, [], pictures=True)
    for line in ("| 步数 | 60 |", "| 结束原因 | 结果不再改善 |", "## 数据", "## 设置", "![样本](samples.png)"):
        assert line in card.splitlines()
    assert FAMILY.summary not in card


def test_a_run_without_figures_says_so() -> None:
    assert "Nothing was measured." in model_card(FAMILY, {**FACTS, "figures": {}, "ended": ""}, [], pictures=False)
