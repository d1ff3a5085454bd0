"""What a model is asked for, with the real family of language models (which needs no torch to say what it takes)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aigc_studio.core import catalogue
from aigc_studio.ui.documents.inspector import TaskInspector, TaskTexts
from aigc_studio.ui.studio import Studio


def test_forms_are_asked_for_only_where_a_model_has_them(
    qtbot, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = catalogue.find("starter-writer")
    other = replace(entry, id="other", facts={})
    monkeypatch.setattr(catalogue.Entry, "problem", None)
    monkeypatch.setattr(catalogue, "models", lambda kind="": (entry, other))
    inspector = TaskInspector(studio, "text", "continue", TaskTexts("Continue", "Continue", "stop", "None"))
    qtbot.addWidget(inspector)
    inspector.form.set_values({"form": "wujue"})
    assert inspector.request("x", {}).params["form"] == "wujue"
    assert inspector.model.choose("other")
    assert "form" not in inspector.form.fields
    assert "form" not in inspector.request("x", {}).params
    assert inspector.model.choose(entry.id)
    assert "form" in inspector.form.fields
