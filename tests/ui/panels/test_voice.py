"""The Voice panel with a real Studio and the real basic voice in its own process."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor

from aigc_studio.core.documents import Segment
from aigc_studio.core.metadata import read_recipe
from aigc_studio.ui.assets.model import ASSET_MIME
from aigc_studio.ui.documents.session import SaveState
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.panels.voice import EXAMPLES, VoicePanel
from aigc_studio.ui.voice.sound_view import markers_of
from aigc_studio.ui.voice.takes import Take
from tests.ui.hand_output import Hand

SCRIPT = "你好，世界。\nThe quick brown fox jumps. 再见！"


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def panel(qtbot, studio, hand: Hand) -> VoicePanel:
    panel = VoicePanel(studio, output=hand)
    qtbot.addWidget(panel)
    panel.resize(1200, 800)
    panel.show()
    return panel


def current(panel: VoicePanel) -> Take:
    take = panel.sound.takes.current()
    assert take is not None
    return take


def begin(qtbot, panel: VoicePanel, text: str = SCRIPT, **values: object) -> None:
    with qtbot.waitSignal(panel.session.opened, timeout=5000):
        panel.session.create(segments=[Segment(text=text)])
    panel.inspector.form.set_values(values)


def speak(qtbot, panel: VoicePanel) -> None:
    before = len(panel.sound.takes.takes())
    panel.speak()
    qtbot.waitUntil(lambda: not panel._job, timeout=30_000)
    qtbot.waitUntil(lambda: len(panel.sound.takes.takes()) > before, timeout=5000)


def test_an_empty_project_offers_examples(qtbot, panel: VoicePanel) -> None:
    assert panel.pages.currentWidget() is panel.empty
    qtbot.mouseClick(panel.empty.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(panel.session.id), timeout=5000)
    assert panel.editor.toPlainText() == EXAMPLES[0]


def test_a_script_is_spoken_seen_and_kept(qtbot, panel: VoicePanel, studio, hand: Hand) -> None:
    begin(qtbot, panel)
    with qtbot.waitSignal(panel.sound.wave.loaded, timeout=30_000):
        speak(qtbot, panel)
    take = current(panel)
    samples, rate = soundfile.read(take.path)
    assert take.asset.seconds == pytest.approx(len(samples) / rate, abs=0.01)
    assert 2 < take.asset.seconds < 12
    assert np.sqrt((samples**2).mean()) > 0.01
    assert panel.sound.wave.scale.duration == pytest.approx(take.asset.seconds, abs=0.01)
    markers = panel.sound.wave.markers
    assert [m.text for m in markers] == ["你好，世界。", "The quick brown fox jumps.", "再见！"]
    for before, after in pairwise(markers):
        assert before.end <= after.start
    quiet = samples[int((markers[0].end + 0.05) * rate) : int((markers[1].start - 0.05) * rate)]
    assert np.abs(quiet).max() < 0.01
    assert hand.playing
    panel.flush()
    qtbot.waitUntil(lambda: panel.session.state is SaveState.SAVED, timeout=5000)
    (segment,) = studio.reader.document(panel.session.id).segments
    assert segment.asset_id == take.asset.id
    assert [v.asset_id for v in segment.variants] == [take.asset.id]
    assert segment.text == SCRIPT


def test_the_sentence_heard_is_marked_in_the_script(qtbot, panel: VoicePanel, hand: Hand) -> None:
    begin(qtbot, panel)
    speak(qtbot, panel)
    for number, words in enumerate(["你好，世界。", "The quick brown fox jumps.", "再见！"]):
        hand.at = panel.sound.wave.markers[number].start + 0.05
        qtbot.waitUntil(
            lambda words=words: [s.cursor.selectedText() for s in panel.editor.extraSelections()] == [words],
            timeout=3000,
        )
    panel.sound.player.stop()
    assert panel.editor.extraSelections() == []


def test_play_from_the_caret(qtbot, panel: VoicePanel, hand: Hand) -> None:
    begin(qtbot, panel)
    speak(qtbot, panel)
    panel.sound.player.stop()
    cursor = panel.editor.textCursor()
    cursor.setPosition(SCRIPT.index("brown"))
    panel.editor.setTextCursor(cursor)
    panel.play_from_caret()
    assert hand.at == pytest.approx(panel.sound.wave.markers[1].start)


def test_speed_changes_the_length_and_takes_are_listed_newest_first(qtbot, panel: VoicePanel) -> None:
    begin(qtbot, panel, speed=120)
    speak(qtbot, panel)
    panel.inspector.form.set_values({"speed": 300, "english": "en-gb"})
    speak(qtbot, panel)
    fast, slow = panel.sound.takes.takes()
    assert (fast.number, slow.number) == (2, 1)
    assert fast.asset.seconds < 0.75 * slow.asset.seconds
    assert "300" in fast.voice
    assert "British" in fast.voice


def test_only_the_selection_is_spoken(qtbot, panel: VoicePanel) -> None:
    begin(qtbot, panel)
    panel.editor.moveCursor(QTextCursor.MoveOperation.End)
    panel.editor.moveCursor(QTextCursor.MoveOperation.StartOfBlock, QTextCursor.MoveMode.KeepAnchor)
    speak(qtbot, panel)
    assert [m.text for m in panel.sound.wave.markers] == ["The quick brown fox jumps.", "再见！"]


def test_a_long_script_is_stopped(qtbot, panel: VoicePanel, studio) -> None:
    begin(qtbot, panel, "One more sentence to be spoken slowly by the voice. " * 250, speed=80)
    panel.speak()
    qtbot.waitUntil(lambda: panel.sound.progress.value() > 0, timeout=30_000)
    qtbot.keyClick(panel.editor, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not panel._job, timeout=5000)
    assert panel.sound.takes.takes() == []
    assert "Stopped" in panel.message.text()


def test_nothing_to_speak_is_said_before_and_after_asking(qtbot, panel: VoicePanel) -> None:
    begin(qtbot, panel, " \n ")
    panel.speak()
    assert "Write what is to be spoken" in panel.message.text()
    begin(qtbot, panel, "…")
    panel.speak()
    qtbot.waitUntil(lambda: not panel._job, timeout=30_000)
    assert "nothing to speak" in panel.message.text()


def test_a_take_is_starred_put_away_and_brought_back(qtbot, panel: VoicePanel) -> None:
    begin(qtbot, panel, "One.")
    speak(qtbot, panel)
    takes = panel.sound.takes
    takes.setFocus()
    qtbot.keyClick(takes, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: takes.takes()[0].asset.starred, timeout=5000)
    with qtbot.waitSignal(panel.undoOffered, timeout=5000) as offered:
        qtbot.keyClick(takes, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: takes.count() == 0, timeout=5000)
    assert panel.sound.hint.isVisible()
    offered.args[1]()
    qtbot.waitUntil(lambda: takes.count() == 1, timeout=5000)


def test_a_take_is_dragged_out_as_a_file(qtbot, panel: VoicePanel) -> None:
    begin(qtbot, panel, "One.")
    speak(qtbot, panel)
    takes = panel.sound.takes
    data = takes.mimeData([takes.item(0)])
    assert Path(data.urls()[0].toLocalFile()).is_file()
    assert takes.takes()[0].asset.id in bytes(data.data(ASSET_MIME).data()).decode()


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "opus"])
def test_export_keeps_sound_and_recipe(qtbot, panel: VoicePanel, tmp_path: Path, suffix: str) -> None:
    begin(qtbot, panel, "Export me.")
    speak(qtbot, panel)
    take = current(panel)
    target = tmp_path / f"out.{suffix}"
    with qtbot.waitSignal(panel.noticed, timeout=10_000):
        panel.export_take(take, target)
    samples, rate = soundfile.read(target)
    assert len(samples) / rate == pytest.approx(take.asset.seconds, abs=0.1)
    assert np.sqrt((samples**2).mean()) > 0.01
    recipe = read_recipe(target)
    assert recipe is not None
    assert recipe["request"]["prompt"] == "Export me."
    assert recipe["ai_generated"] is True


def test_what_will_be_spoken_is_shown(qtbot, panel: VoicePanel) -> None:
    begin(qtbot, panel, "Hello 你好 😀")
    qtbot.waitUntil(lambda: "Chinese “你好" in panel.preview.text(), timeout=5000)
    assert "English “Hello" in panel.preview.text()
    assert "not spoken: 😀" in panel.preview.text()


def test_without_an_output_all_but_playing_works(qtbot, panel: VoicePanel, hand: Hand) -> None:
    hand.there = False
    begin(qtbot, panel, "One.")
    with qtbot.waitSignal(panel.sound.wave.loaded, timeout=30_000):
        speak(qtbot, panel)
    assert not panel.sound.player.playing
    assert "No audio output" in panel.sound.player.note.text()
    qtbot.keyClick(panel.sound.wave, Qt.Key.Key_Right)
    assert panel.sound.player.position > 0


def test_a_take_made_for_a_closed_script_is_found_there(qtbot, panel: VoicePanel, studio) -> None:
    begin(qtbot, panel, "One more sentence. " * 40)
    first = panel.session.id
    panel.speak()
    begin(qtbot, panel, "Second")
    assert panel.sound.takes.takes() == []
    qtbot.waitUntil(lambda: not panel._job, timeout=30_000)
    qtbot.waitUntil(lambda: bool(studio.reader.document(first).segments[0].variants), timeout=5000)
    panel.session.open(first)
    assert len(panel.sound.takes.takes()) == 1


def test_a_sound_is_opened_in_its_script_or_in_a_new_one(qtbot, panel: VoicePanel, studio) -> None:
    begin(qtbot, panel, "One.")
    speak(qtbot, panel)
    asset = current(panel).asset
    first = panel.session.id
    begin(qtbot, panel, "Second")
    panel.open_asset(asset)
    assert panel.session.id == first
    studio.store(lambda project: project.documents.delete(first))
    qtbot.waitUntil(lambda: all(info.id != first for info in studio.reader.documents()), timeout=5000)
    panel.session.forget()
    with qtbot.waitSignal(panel.session.opened, timeout=5000):
        panel.open_asset(asset)
    qtbot.waitUntil(lambda: panel.editor.toPlainText() == "One.", timeout=5000)
    assert current(panel).asset.id == asset.id


def test_text_handed_over_becomes_a_script(qtbot, panel: VoicePanel) -> None:
    with qtbot.waitSignal(panel.session.opened, timeout=5000):
        panel.receive({"text": "从文稿来", "document": "x", "segment": ""})
    assert panel.editor.toPlainText() == "从文稿来"


def test_language_switches_live(qtbot, panel: VoicePanel, qapp) -> None:
    begin(qtbot, panel, "Hello")
    qtbot.waitUntil(lambda: "English" in panel.preview.text(), timeout=5000)
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: "英语" in panel.preview.text(), timeout=5000)
    assert panel._actions["speak"].text() == "朗读"
    switch_language(qapp, "en")


@pytest.mark.parametrize(
    "recipe", [None, {}, {"info": None}, {"info": {"segments": "x"}}, {"info": {"segments": [{}, 3]}}]
)
def test_recipes_without_sentences_have_no_marks(recipe) -> None:
    assert markers_of(recipe) == []
