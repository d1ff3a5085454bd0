"""The Voice panel with speech models of transformers: their forms, the recording of a voice, what they cannot say."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QMimeData, QPoint, Qt, QThread, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from aigc_studio.core import catalogue
from aigc_studio.core.documents import Segment
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Understanding
from aigc_studio.engines.speech import vits
from aigc_studio.ui.documents import inspector as inspector_module
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.panels.voice import VoicePanel
from aigc_studio.ui.voice.words import runs_in_words, voice_words
from tests.ui.hand_output import Hand


@pytest.fixture(autouse=True)
def models(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny voices in the models folder."""
    pytest.importorskip("torch")
    from tests.tiny.speech import MAKERS

    monkeypatch.setenv("AIGC_STUDIO_DEVICE", "cpu")
    for name in ("vits", "vits-multi", "speecht5", "speecht5-hifigan", "xvector"):
        MAKERS[name](catalogue.models_folder() / name)
    assert catalogue.rescan()


@pytest.fixture
def clip_hand() -> Hand:
    return Hand()


@pytest.fixture
def panel(qtbot, studio, models: None, clip_hand: Hand) -> VoicePanel:
    panel = VoicePanel(studio, output=Hand(), clip_output=clip_hand)
    qtbot.addWidget(panel)
    panel.resize(1200, 800)
    panel.show()
    return panel


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Five seconds of sound."""
    rate = 22_050
    time = np.arange(5 * rate) / rate
    path = tmp_path / "my voice.wav"
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * 150 * time) * np.sin(9 * time)).astype(np.float32), rate)
    return path


def begin(qtbot, panel: VoicePanel, text: str) -> None:
    with qtbot.waitSignal(panel.session.opened, timeout=5000):
        panel.session.create(segments=[Segment(text=text)])


def drop(widget, paths: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, buttons, keys = QPoint(5, 5), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(where, Qt.DropAction.CopyAction, data, buttons, keys)
    widget.dragEnterEvent(enter)
    assert enter.isAccepted()
    widget.dropEvent(QDropEvent(where, Qt.DropAction.CopyAction, data, buttons, keys))


def test_seed_and_count_are_shown_where_chance_has_a_part(panel: VoicePanel) -> None:
    form = panel.inspector.form
    assert form.seed_field is None
    assert panel.inspector.model.choose("vits")
    assert form.seed_field is not None
    assert form.count_field is not None
    assert "speaker" not in form.fields
    assert panel.inspector.model.choose("vits-multi")
    assert form.fields["speaker"].value() == "0"
    assert panel.inspector.model.choose("espeak")
    assert form.seed_field is None


def test_the_recording_is_asked_for_with_its_speaker_only(panel: VoicePanel) -> None:
    form = panel.inspector.form
    assert panel.clip.isHidden()
    panel.inspector.model.choose("speecht5")
    assert panel.clip.isHidden()
    assert form.fields["consent"].isHidden()
    assert form.fields["vector"].isHidden()
    form.set_values({"speaker": "clip"})
    assert not panel.clip.isHidden()
    assert panel.clip.parentWidget() is form.fields["speaker"].parentWidget()
    form.set_values({"speaker": "file"})
    assert panel.clip.isHidden()
    assert not form.fields["vector"].isHidden()
    panel.inspector.model.choose("vits")
    panel.inspector.model.choose("speecht5")
    form.set_values({"speaker": "clip"})
    assert not panel.clip.isHidden()  # it outlived the form it stood in


def test_a_voice_is_taken_from_a_dropped_recording(
    qtbot, panel: VoicePanel, studio, clip_hand: Hand, recording: Path
) -> None:
    begin(qtbot, panel, "Hello there. This is my voice.")
    panel.inspector.model.choose("speecht5")
    panel.inspector.form.set_values({"speaker": "clip"})
    panel.speak()
    assert "no recording" in panel.message.text()
    with qtbot.waitSignal(panel.clip.changed, timeout=10_000):
        drop(panel.clip, [recording])
    qtbot.waitUntil(lambda: panel.clip.asset is not None, timeout=5000)
    asset = panel.clip.asset
    assert asset is not None
    assert asset.kind == "audio"
    assert panel.clip.length.text() == "0:05.0"
    qtbot.mouseClick(panel.clip.play, Qt.MouseButton.LeftButton)
    assert clip_hand.playing
    clip_hand.over = True
    qtbot.waitUntil(lambda: not clip_hand.playing, timeout=3000)
    panel.speak()
    assert "may use the voice" in panel.message.text()
    panel.clip.consent.click()
    assert panel.inspector.form.values()["consent"] is True
    panel.inspector.form.set_values({"speed": 2.0})
    panel.speak()
    qtbot.waitUntil(lambda: not panel._job, timeout=60_000)
    qtbot.waitUntil(lambda: bool(panel.sound.takes.takes()), timeout=5000)
    take = panel.sound.takes.takes()[0]
    assert take.voice == "speecht5 · The voice of a recording · 2 ×"
    recipe = read_recipe(Path(take.path))
    assert recipe is not None
    assert recipe["request"]["inputs"] == {"voice": asset.id}
    assert recipe["request"]["params"]["consent"] is True
    assert recipe["info"]["speaker"]["consent"] is True
    assert asset.id in studio.reader.parents(take.asset.id)
    assert [marker.text for marker in panel.sound.wave.markers] == ["Hello there.", "This is my voice."]
    panel.clip.show_asset(None)
    assert panel.inspector.form.values()["consent"] is False
    panel.reuse(recipe)
    assert panel.clip.asset is not None
    assert panel.clip.consent.isChecked()


def test_consent_is_of_one_recording_and_of_this_time(qtbot, panel: VoicePanel, studio, recording: Path) -> None:
    panel.inspector.model.choose("speecht5")
    panel.inspector.form.set_values({"speaker": "clip"})
    with qtbot.waitSignal(panel.clip.changed, timeout=10_000):
        drop(panel.clip, [recording])
    qtbot.waitUntil(lambda: panel.clip.asset is not None, timeout=5000)
    panel.clip.consent.click()
    assert panel.inspector.form.values()["consent"] is True
    soundfile.write(recording.with_name("other.wav"), np.sin(np.arange(44_100)).astype(np.float32), 22_050)
    with qtbot.waitSignal(panel.clip.changed, timeout=10_000):
        drop(panel.clip, [recording.with_name("other.wav")])
    qtbot.waitUntil(lambda: panel.clip.title.text() == "other", timeout=5000)
    assert not panel.clip.consent.isChecked()
    assert panel.inspector.form.values()["consent"] is False
    assert "too short" in panel.clip.hint.text()
    asset = panel.clip.asset
    assert asset is not None
    studio.store(lambda project: project.trash([asset.id]))
    qtbot.waitUntil(lambda: panel.clip.asset is None, timeout=5000)
    fresh = VoicePanel(studio, output=Hand(), clip_output=Hand())
    qtbot.addWidget(fresh)
    assert fresh.inspector.form.values()["consent"] is False


def test_a_recording_dropped_on_the_panel_goes_where_it_can_be_used(
    qtbot, panel: VoicePanel, studio, recording: Path
) -> None:
    said: list[str] = []
    panel.noticed.connect(said.append)
    from aigc_studio.ui.dropping.payload import Payload

    panel.take_drop(Payload(paths=(recording,)))
    qtbot.waitUntil(lambda: any("takes no recording" in text for text in said), timeout=10_000)
    panel.inspector.model.choose("speecht5")
    panel.take_drop(Payload(paths=(recording,)))
    qtbot.waitUntil(lambda: panel.clip.asset is not None, timeout=10_000)
    assert panel.inspector.form.values()["speaker"] == "clip"
    other = VoicePanel(studio, output=Hand(), clip_output=Hand())
    qtbot.addWidget(other)
    other.restore_state(panel.save_state())
    assert other.clip.asset == panel.clip.asset
    panel.clip._fill_menu()
    titles = [action.text() for action in panel.clip.menu.actions()]
    assert titles[0] == "my voice   0:05.0"
    assert titles[-1] == "From a file…"


def test_a_slow_disk_holds_nobody_up(qtbot, panel: VoicePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a voice knows is in its folder: the window asks elsewhere, and what was stopped meanwhile stays stopped."""
    asked: list[QThread] = []
    go = threading.Event()

    def slow(request: Request) -> Understanding:
        asked.append(QThread.currentThread())
        assert go.wait(5)
        return Understanding((f"en: {request.prompt}",), ())

    panel.inspector.model.choose("vits")
    begin(qtbot, panel, "Hello")
    qtbot.waitUntil(lambda: "hello" in panel.preview.text(), timeout=5000)
    monkeypatch.setattr(vits, "understand", slow)
    panel.speak()
    panel.speak()
    qtbot.waitUntil(lambda: bool(asked), timeout=5000)
    assert not panel.studio.jobs()
    panel.cancel_or_pause()
    begin(qtbot, panel, "Hello again")
    go.set()
    qtbot.waitUntil(lambda: "Hello again" in panel.preview.text(), timeout=5000)
    assert panel.thread() not in asked
    assert not panel.studio.jobs()


def test_characters_the_voice_cannot_say_are_underlined_and_refused(qtbot, panel: VoicePanel) -> None:
    panel.inspector.model.choose("vits")
    begin(qtbot, panel, "Hello 你 42 and 你 😀")
    qtbot.waitUntil(lambda: "forty-two" in panel.preview.text(), timeout=5000)
    assert "not spoken: " in panel.preview.text()
    marked = [selection.cursor.selectedText() for selection in panel.editor.extraSelections()]
    assert sorted(marked) == ["你", "你", "😀"]
    begin(qtbot, panel, "你好")
    panel.speak()
    qtbot.waitUntil(lambda: "knows none of these characters" in panel.message.text(), timeout=5000)
    assert not panel.studio.jobs()
    assert not panel._job
    qtbot.waitUntil(lambda: "nothing" in panel.preview.text(), timeout=5000)
    panel.inspector.model.choose("espeak")
    qtbot.waitUntil(lambda: panel.editor.extraSelections() == [], timeout=5000)


def test_without_the_engine_the_note_offers_it(panel: VoicePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector_module, "missing_engine", lambda needs: RuntimeError(needs))
    panel.inspector.model.choose("vits")
    note = panel.inspector._missing
    assert not note.isHidden()
    from PySide6.QtWidgets import QPushButton

    (button,) = note.findChildren(QPushButton)
    assert button.text() == "Install the engine…"
    panel.inspector.model.choose("espeak")
    assert note.isHidden()


def test_the_panel_speaks_chinese(qtbot, panel: VoicePanel, qapp) -> None:
    panel.inspector.model.choose("speecht5")
    panel.inspector.form.set_values({"speaker": "clip"})
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.clip.consent.text() == "我有权使用这个声音", timeout=3000)
    assert panel.clip.menu.actions() == []
    switch_language(qapp, "en")


def test_voices_in_words() -> None:
    recipe = {
        "request": {"family": "vits", "model": "vits-multi", "params": {"speaker": "2", "speed": 1.25}},
        "engine": {"model": {"title": "vits-multi"}},
    }
    assert voice_words(recipe) == "vits-multi · Speaker 3 · 1.25 ×"
    assert voice_words({"request": {"family": "gone", "model": "x"}}) == "x"
    assert voice_words(None) == ""
    assert runs_in_words(["deu: hallo", "deu: welt", "zh: 你"]) == ["“hallo welt”", "Chinese “你”"]
