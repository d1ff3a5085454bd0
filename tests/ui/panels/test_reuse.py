"""A recipe, or a part of it, is used again in the panel that suits its kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtGui import QUndoGroup

from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.requests import Request
from aigc_studio.ui.shell.panel_host import PanelHost

PICTURE = Request("image", "generate", "painter", prompt="sea", seed=70, params={"contrast": 1.4})
WORDS = Request("speech", "speak", "espeak", prompt="Good morning", seed=70, params={"speed": 200})


@pytest.fixture
def host(qtbot, studio):
    host = PanelHost(studio, QUndoGroup())
    qtbot.addWidget(host)
    host.resize(1100, 700)
    host.show()
    return host


def recipe(request: Request, **more: object) -> dict:
    made = make_recipe("a" * 32, 2, request.changed(count=3), engine={"family": request.family})
    return {**made, **more}


def picture_state(host) -> tuple[str, int, float]:
    inspector = host.panel("picture").inspector
    form = inspector.form
    return inspector.prompt.edit.toPlainText(), form.seed_field.value(), form.values()["contrast"]


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (None, ("sea", 72, 1.4)),
        (["prompt"], ("sea", 5, 1.0)),
        (["seed"], ("before", 72, 1.0)),
        (["settings"], ("before", 5, 1.4)),
    ],
    ids=str,
)
def test_picture(host, use, expected):
    panel = host.show_panel("picture")
    panel.inspector.prompt.set_text("before")
    panel.inspector.form.seed_field.set_value(5)
    host.reuse(recipe(PICTURE, **({"use": use} if use else {})))
    assert host.current == "picture"
    assert picture_state(host) == expected


def test_voice(qtbot, host, studio):
    panel = host.show_panel("voice")
    values: Callable[[], dict] = panel.inspector.form.values
    before = values()["speed"]
    host.reuse(recipe(WORDS, use=["prompt"]))
    assert values()["speed"] == before
    host.reuse(recipe(WORDS))
    assert values()["speed"] == 200
    assert host.current == "voice"
