"""The Write panel with the bundled starter writer: real torch in a real child, streamed, stopped, kept."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt

from aigc_studio.core import catalogue
from aigc_studio.core.documents import Segment
from aigc_studio.engines.interpreter import missing_engine
from aigc_studio.ui.panels.write import EXAMPLES, WritePanel
from tests.tiny import text as tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing_engine("torch") is not None, reason="the engine group is not installed"),
    pytest.mark.skipif(catalogue.find("starter-writer").problem is not None, reason="the starter writer is not there"),
]


def test_a_poem_and_a_stopped_fable(qtbot, studio) -> None:
    panel = WritePanel(studio)
    qtbot.addWidget(panel)
    panel.resize(1200, 800)
    panel.show()
    editor = panel.editor
    panel.session.create(segments=[Segment(text=EXAMPLES[0])])
    panel.continue_text()
    qtbot.waitUntil(lambda: panel._run is None, timeout=120_000)
    poem = editor.toPlainText()
    assert poem.startswith(EXAMPLES[0])
    assert sum("\u4e00" <= character <= "\u9fff" for character in poem) >= 15  # the couplet is complete, at the least
    editor.undo()
    assert editor.toPlainText() == EXAMPLES[0]

    panel.session.create(segments=[Segment(text=EXAMPLES[1])])
    panel.inspector.form.set_values({"max_tokens": 2000})
    panel.continue_text()
    qtbot.waitUntil(lambda: len(editor.toPlainText()) > len(EXAMPLES[1]) + 20, timeout=60_000)
    pressed = time.perf_counter()
    with qtbot.waitSignal(studio.jobFinished, timeout=10_000):
        qtbot.keyClick(editor, Qt.Key.Key_Escape)
        assert panel._run is None
        assert time.perf_counter() - pressed < 0.1
        kept = editor.toPlainText()
    assert editor.toPlainText() == kept
    assert len(kept) > len(EXAMPLES[1]) + 20


def test_a_translation_and_a_summary_by_models_found_on_the_disk(qtbot, studio) -> None:
    folder = catalogue.models_folder()
    tiny.make_nllb(folder / "nllb")
    tiny.make_bart(folder / "bart")
    catalogue.rescan()
    panel = WritePanel(studio)
    qtbot.addWidget(panel)
    panel.resize(1200, 800)
    panel.show()
    text = "A king saw the fox.\n\nShe went away."
    panel.session.create(segments=[Segment(text=text)])
    for task, model in (("translate", "nllb"), ("summarise", "bart")):
        panel.show_task(task)
        entry = panel.inspector.entry()
        assert entry is not None
        assert entry.id == model
        panel.inspector.form.set_values({"max_tokens": 6, "beams": 2})
        panel.start()
        qtbot.waitUntil(lambda: not panel.busy, timeout=120_000)
        (result,) = panel.rewriter.results
        assert result.asset_id
        assert panel.card.view.toPlainText() == result.text
        assert panel.editor.toPlainText() == text
        panel.rewriter.reject()
    panel.inspector.model.choose("bart")
    panel.show_task("translate")
    panel.inspector.form.set_values({"source": "en", "target": "en"})
    panel.start()
    qtbot.waitUntil(lambda: not panel.busy, timeout=60_000)
    assert panel.message.text().startswith("The text is to be translated from English into the same language")
