"""The details of one asset: what was said while it was made stands among its facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QLabel

from aigc_studio.core.assets import Asset
from aigc_studio.core.requests import Request
from aigc_studio.ui.assets.details import AssetDetails
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader


class Reader:
    """One asset with its recipe."""

    def __init__(self, info: dict[str, Any], model: str = "") -> None:
        self._recipe = {"request": Request("image", "generate", "painter", model).to_json(), "seed": 1, "info": info}

    def recipe(self, _id: str) -> dict[str, Any]:
        return self._recipe

    def parents(self, _id: str) -> list[str]:
        return []

    def children(self, _id: str) -> list[str]:
        return []


def shown(qtbot, info: dict[str, Any], model: str = "") -> str:
    """Every text of the details of a sound with this info in its recipe."""
    loader = ThumbnailLoader(lambda _id: None, lambda _id, then: then(None), None, kept=2)
    details = AssetDetails(loader)
    qtbot.addWidget(details)
    details.set_reader(Reader(info, model))  # pyright: ignore[reportArgumentType]
    sound = Asset("a", "audio", "Fox", "assets/fox.wav", 0.0, False, "generated", 0, 0, 2.0, "j", 0, 10, False)
    details.show_asset(sound)
    texts = "\n".join(label.text() for label in details.findChildren(QLabel))
    loader.wait()
    return texts


def test_what_was_said_of_a_job_is_kept_with_what_it_made(qtbot, tmp_path: Path) -> None:
    """One line for each; no row where nothing was said."""
    text = shown(qtbot, {"notices": [["{size} free", {"size": "3 GB"}], ["Built in", {}]]})
    assert "Notes" in text
    assert "3 GB free\nBuilt in" in text
    assert "Notes" not in shown(qtbot, {})


def test_the_model_is_named(qtbot) -> None:
    """Its title where it is known, its id where it is gone, the family's title where there is but one model."""
    assert "Starter writer" in shown(qtbot, {}, "starter-writer")
    assert "some-model-of-another-machine" in shown(qtbot, {}, "some-model-of-another-machine")
    assert "Abstract painter" in shown(qtbot, {})


def test_all_of_it_can_be_seen(qtbot) -> None:
    """It is never narrower than its buttons: nothing can be scrolled sideways."""
    loader = ThumbnailLoader(lambda _id: None, lambda _id, then: then(None), None, kept=2)
    details = AssetDetails(loader)
    qtbot.addWidget(details)
    details.set_reader(Reader({}))  # pyright: ignore[reportArgumentType]
    details.show()
    sound = Asset("a", "audio", "Fox", "assets/fox.wav", 0.0, False, "generated", 0, 0, 2.0, "j", 0, 10, False)
    details.show_asset(sound)
    inside = details.widget()
    assert inside is not None
    qtbot.waitUntil(lambda: details.minimumWidth() >= inside.minimumSizeHint().width() > 0)
    loader.wait()
