"""The Write panel with a real Studio: a real project, the storage thread, an engine in its own process."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QPushButton

from aigc_studio.core.assets import Asset
from aigc_studio.core.documents import Document, Segment, Variant
from aigc_studio.core.errors import StudioError
from aigc_studio.core.project import Project
from aigc_studio.demo import Demo
from aigc_studio.engines import registry
from aigc_studio.ui.documents.session import SaveState
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.panels import voice
from aigc_studio.ui.panels.write import WritePanel

pytestmark = pytest.mark.usefixtures("echo_writer")


@pytest.fixture
def panel(qtbot, studio) -> WritePanel:
    panel = WritePanel(studio)
    qtbot.addWidget(panel)
    panel.resize(1200, 800)
    panel.show()
    return panel


def begin(qtbot, panel: WritePanel, text: str = "Once ", **values: object) -> None:
    with qtbot.waitSignal(panel.session.opened, timeout=5000):
        panel.session.create(segments=[Segment(text=text)])
    panel.inspector.form.set_values(values)


def whole(panel: WritePanel) -> str:
    return panel.editor.passages.text(0, panel.editor.passages.length())


def finish(qtbot, panel: WritePanel) -> None:
    qtbot.waitUntil(lambda: panel._run is None, timeout=20_000)


def saved(qtbot, panel: WritePanel) -> None:
    panel.flush()
    qtbot.waitUntil(lambda: panel.session.state is SaveState.SAVED, timeout=5000)


def test_a_project_without_documents_says_how_to_begin(qtbot, panel) -> None:
    assert panel.pages.currentWidget() is panel.empty
    qtbot.mouseClick(panel.empty.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(panel.session.id), timeout=5000)
    assert whole(panel) == "春眠不觉晓，"
    assert panel.pages.currentIndex() == 0


def test_text_streams_into_the_document_and_is_one_undo_step(qtbot, panel, studio) -> None:
    begin(qtbot, panel, words=6)
    panel.continue_text()
    finish(qtbot, panel)
    assert whole(panel) == "Once 0-0 0-1 0-2 0-3 0-4 0-5 "
    saved(qtbot, panel)
    document = studio.reader.document(panel.session.id)
    passage = document.segments[1]
    assert [v.text for v in passage.variants] == ["0-0 0-1 0-2 0-3 0-4 0-5 "]
    asset = studio.reader.asset(passage.variants[0].asset_id)
    assert asset is not None
    assert asset.kind == "text"
    assert studio.reader.recipe(asset.id)["request"]["prompt"] == "Once "
    panel.editor.undo()
    assert whole(panel) == "Once "
    panel.editor.redo()
    assert whole(panel).endswith("0-5 ")


def test_pieces_appear_while_they_are_made(qtbot, panel) -> None:
    begin(qtbot, panel, words=200, pause_ms=10)
    panel.continue_text()
    qtbot.waitUntil(lambda: "0-3 " in whole(panel), timeout=20_000)
    assert "0-150" not in whole(panel)
    assert panel.editor.extraSelections()
    assert panel.strip.isVisible()
    panel.stop()
    assert not panel.editor.extraSelections()


def test_stop_is_at_once_and_keeps_the_part(qtbot, panel, studio) -> None:
    begin(qtbot, panel, words=5000, pause_ms=5)
    panel.continue_text()
    qtbot.waitUntil(lambda: "0-5 " in whole(panel), timeout=20_000)
    job = panel._run.job_id
    started = time.perf_counter()
    with qtbot.waitSignal(studio.jobFinished, timeout=5000):
        qtbot.keyClick(panel.editor, Qt.Key.Key_Escape)
        assert panel._run is None
        assert time.perf_counter() - started < 0.1
        text = whole(panel)
    assert whole(panel) == text
    assert text.startswith("Once 0-0 0-1 0-2 0-3 0-4 0-5 ")
    saved(qtbot, panel)
    document = studio.reader.document(panel.session.id)
    assert document.text() == text
    assert document.segments[1].variants[0].text == text.removeprefix("Once ")
    assert studio.job(job).state.ended


def test_several_variants_are_kept_and_browsed(qtbot, panel) -> None:
    begin(qtbot, panel, words=2)
    panel.inspector.form.count_field.set_value(3)
    panel.continue_text()
    finish(qtbot, panel)
    assert whole(panel) == "Once 0-0 0-1 "
    panel.editor.setFocus()
    qtbot.keyClick(panel.editor, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert whole(panel) == "Once 1-0 1-1 "
    panel.browse(1)
    panel.browse(1)
    assert whole(panel) == "Once 2-0 2-1 "
    panel.keep()
    assert not panel.strip.isVisible()
    saved(qtbot, panel)
    passage = panel.session._studio.reader.document(panel.session.id).segments[1]
    assert (len(passage.variants), passage.locked) == (3, True)
    assert passage.asset_id == passage.variants[2].asset_id != ""


def test_try_again_adds_a_variant_and_shows_it(qtbot, panel) -> None:
    begin(qtbot, panel, words=2)
    panel.continue_text()
    finish(qtbot, panel)
    panel.editor.moveCursor(QTextCursor.MoveOperation.End)
    panel.inspector.form.set_values({"words": 3})
    panel.try_again()
    finish(qtbot, panel)
    assert whole(panel) == "Once 0-0 0-1 0-2 "
    assert len(panel.editor.current_passage().variants) == 2
    panel.editor.undo()
    assert whole(panel) == "Once 0-0 0-1 "


def test_dismissed_text_is_gone_and_comes_back(qtbot, panel) -> None:
    begin(qtbot, panel, words=2)
    panel.continue_text()
    finish(qtbot, panel)
    panel.dismiss()
    assert whole(panel) == "Once "
    panel.editor.undo()
    assert whole(panel) == "Once 0-0 0-1 "


def test_beam_search_streams_nothing_and_still_arrives(qtbot, panel) -> None:
    begin(qtbot, panel, words=3, beam=True)
    panel.continue_text()
    finish(qtbot, panel)
    assert whole(panel).strip() == "Once 0-0 0-1 0-2"


def test_a_failure_is_said_and_the_part_stays(qtbot, panel) -> None:
    begin(qtbot, panel, words=3, fail=True)
    panel.continue_text()
    finish(qtbot, panel)
    assert whole(panel) == "Once 0-0 0-1 0-2 "
    assert "echo is broken" in panel.message.text()


def test_undo_while_it_writes_stops_it(qtbot, panel) -> None:
    begin(qtbot, panel, words=5000, pause_ms=5)
    panel.continue_text()
    qtbot.waitUntil(lambda: "0-2 " in whole(panel), timeout=20_000)
    panel.editor.undo()
    finish(qtbot, panel)
    assert whole(panel) == "Once "


def test_typing_elsewhere_while_it_writes(qtbot, panel) -> None:
    begin(qtbot, panel, words=60, pause_ms=5)
    panel.continue_text()
    qtbot.waitUntil(lambda: "0-2 " in whole(panel), timeout=20_000)
    panel.editor.moveCursor(QTextCursor.MoveOperation.Start)
    qtbot.keyClicks(panel.editor, "Hm. ")
    finish(qtbot, panel)
    assert whole(panel) == "Hm. Once " + "".join(f"0-{n} " for n in range(60))


def test_nothing_is_written_under_a_composition(qtbot, panel) -> None:
    begin(qtbot, panel, words=20, pause_ms=5)
    panel.continue_text()
    qtbot.waitUntil(lambda: "0-2 " in whole(panel), timeout=20_000)
    QApplication.sendEvent(panel.editor, QInputMethodEvent("ni", []))
    before = whole(panel)
    qtbot.waitUntil(lambda: panel.studio.job(panel._run.job_id).state == "done", timeout=20_000)
    assert whole(panel) == before
    event = QInputMethodEvent("", [])
    event.setCommitString("")
    QApplication.sendEvent(panel.editor, event)
    finish(qtbot, panel)
    assert whole(panel).endswith("0-19 ")


def test_an_empty_page_asks_for_the_first_words(qtbot, panel) -> None:
    begin(qtbot, panel, "  ")
    panel.continue_text()
    assert panel._run is None
    assert "first words" in panel.message.text()


def test_another_document_stops_the_writing_and_loses_nothing(qtbot, panel, studio) -> None:
    begin(qtbot, panel, words=5000, pause_ms=5)
    first = panel.session.id
    panel.continue_text()
    qtbot.waitUntil(lambda: "0-2 " in whole(panel), timeout=20_000)
    begin(qtbot, panel, "Second")
    assert panel._run is None
    saved(qtbot, panel)
    qtbot.waitUntil(lambda: "0-2 " in studio.reader.document(first).text(), timeout=5000)


def test_titles_follow_the_first_line_until_one_is_typed(qtbot, panel, studio) -> None:
    begin(qtbot, panel, "The fox and the grapes\nOnce")
    panel.editor.moveCursor(QTextCursor.MoveOperation.End)
    qtbot.keyClicks(panel.editor, " x")
    saved(qtbot, panel)
    assert studio.reader.documents()[0].title == "The fox and the grapes"
    panel.title.setFocus()
    panel.title.insert("狐狸")
    panel.title.textEdited.emit("狐狸")
    saved(qtbot, panel)
    assert studio.reader.documents()[0].title == "狐狸"


def test_deleted_document_comes_back(qtbot, panel, studio) -> None:
    begin(qtbot, panel, "keep me")
    id = panel.session.id
    with qtbot.waitSignal(panel.undoOffered, timeout=5000) as offered:
        panel.shelf.delete(id, "keep me")
    assert panel.session.id == ""
    offered.args[1]()
    qtbot.waitUntil(lambda: panel.session.id == id, timeout=5000)
    assert whole(panel) == "keep me"


def test_dropped_files_become_documents_in_any_encoding(qtbot, panel, studio, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("你好，世界".encode("gb18030"))
    (tmp_path / "b.md").write_bytes("\ufeff# Title\r\ntext".encode())
    with qtbot.waitSignal(panel.session.opened, timeout=5000):
        panel.shelf.import_files([tmp_path / "b.md", tmp_path / "a.txt"])
    assert whole(panel) == "你好，世界"
    assert {info.title for info in studio.reader.documents()} == {"a", "b"}


def test_our_own_text_files_come_back_without_their_front_matter(qtbot, panel, studio) -> None:
    begin(qtbot, panel, words=2)
    panel.continue_text()
    finish(qtbot, panel)
    asset = studio.reader.asset(panel.editor.passages.live()[0].variants[0].asset_id)
    with qtbot.waitSignal(panel.session.opened, timeout=5000):
        panel.shelf.import_files([studio.reader.path(asset)])
    assert whole(panel).strip() == "0-0 0-1"


@pytest.mark.parametrize("content", [b"\x00\x01\x02binary", None])
def test_a_file_that_is_no_text_is_refused_in_words(
    qtbot, panel, studio, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    with qtbot.waitSignal(studio.problem, timeout=5000) as problem:
        panel.shelf.import_files([tmp_path / "a.txt"])
    assert "a.txt" in str(problem.args[0])


def test_export_writes_text_and_markdown(qtbot, panel, tmp_path: Path) -> None:
    begin(qtbot, panel, "第一行\nsecond")
    panel.title.setText("T")
    panel._title_edited()
    saved(qtbot, panel)
    for name, expected in (("o.txt", "第一行\nsecond\n"), ("o.md", "# T\n\n第一行\nsecond\n")):
        done: list[bool] = []
        panel.shelf.export_to(panel.session.id, tmp_path / name, lambda done=done: done.append(True))
        qtbot.waitUntil(lambda done=done: bool(done), timeout=5000)
        assert (tmp_path / name).read_text(encoding="utf-8") == expected


def test_an_older_version_is_restored_as_one_undo_step(qtbot, panel, studio) -> None:
    begin(qtbot, panel, "the long first version of this text " * 50)
    panel.editor.selectAll()
    qtbot.keyClicks(panel.editor, "new")
    saved(qtbot, panel)
    revisions: list = []
    studio.store(lambda project: project.documents.history(panel.session.id), revisions.extend)
    qtbot.waitUntil(lambda: bool(revisions), timeout=5000)
    panel.restore_revision(panel.session.id, revisions[0].id)
    qtbot.waitUntil(lambda: whole(panel).startswith("the long"), timeout=5000)
    panel.editor.undo()
    assert whole(panel) == "new"


def test_hand_over_takes_the_selection(qtbot, panel) -> None:
    begin(qtbot, panel, "one two three")
    panel.editor.moveCursor(QTextCursor.MoveOperation.Start)
    panel.editor.moveCursor(QTextCursor.MoveOperation.EndOfWord, QTextCursor.MoveMode.KeepAnchor)
    with qtbot.waitSignal(panel.handOver) as sent:
        panel.hand_over("voice")
    assert sent.args[0] == "voice"
    assert sent.args[1]["text"] == "one"
    assert sent.args[1]["document"] == panel.session.id


def test_a_result_nobody_waits_for_becomes_a_variant(qtbot, panel, studio) -> None:
    """A job from before a restart, paused or retried in the queue; its document may be open or not."""
    begin(qtbot, panel, words=2)
    panel.continue_text()
    finish(qtbot, panel)
    saved(qtbot, panel)
    first, passage = panel.session.id, panel.editor.passages.live()[0]
    request = panel.inspector.request("Once ", {"document": first, "segment": passage.id})
    with qtbot.waitSignal(studio.jobOutput, timeout=20_000):
        studio.submit(request.changed(params={"words": 3}))
    qtbot.waitUntil(lambda: len(passage.variants) == 2, timeout=5000)
    assert whole(panel) == "Once 0-0 0-1 "
    assert passage.variants[1].text.strip() == "0-0 0-1 0-2"
    begin(qtbot, panel, "Second")
    studio.submit(request.changed(params={"words": 4}))
    qtbot.waitUntil(lambda: len(studio.reader.document(first).segments[1].variants) == 3, timeout=20_000)


def test_without_the_engine_one_can_write_all_the_same(qtbot, panel, studio, monkeypatch) -> None:
    begin(qtbot, panel, "Once ")
    missing = StudioError("not there", code="engine-missing")
    monkeypatch.setattr("aigc_studio.ui.documents.inspector.missing_engine", lambda needs: missing)
    family = registry.family("causal-lm")
    monkeypatch.setattr(registry, "declared", lambda id, facts: replace(family, needs="torch"))
    panel.continue_text()
    assert panel._run is None
    assert panel.inspector._missing.isVisible()
    with qtbot.waitSignal(panel.installRequested):
        panel.inspector._missing.findChild(QPushButton).click()
    panel.editor.moveCursor(QTextCursor.MoveOperation.End)
    qtbot.keyClicks(panel.editor, "more")
    saved(qtbot, panel)
    assert studio.reader.document(panel.session.id).text() == "Once more"
    monkeypatch.setattr("aigc_studio.ui.documents.inspector.missing_engine", lambda needs: None)
    assert panel.inspector.check_engine()
    assert not panel.inspector._missing.isVisible()


def test_language_switches_live(qtbot, panel, qapp) -> None:
    begin(qtbot, panel, "一二三")
    qtbot.waitUntil(lambda: panel.counter.text() == "3 words", timeout=5000)
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.counter.text() == "3 字", timeout=5000)
    assert panel._actions["continue"].text() == "续写"
    switch_language(qapp, "en")
    qtbot.waitUntil(lambda: panel.counter.text() == "3 words", timeout=5000)


def test_a_long_text_stays_smooth(qtbot, panel) -> None:
    """1 MB: a key costs the window less than a frame, collecting for a save less than 50 ms, a slice of counting 5."""
    begin(qtbot, panel, ("秋风萧瑟天气凉，草木摇落露为霜。The fox walked on. \n" * 30_000)[:1_000_000])
    panel.editor.moveCursor(QTextCursor.MoveOperation.End)

    def cost(act) -> float:
        """Time of this thread alone, the best of five: other processes of a loaded machine are not ours to measure."""
        times = []
        for _ in range(5):
            started = time.thread_time()
            act()
            times.append(time.thread_time() - started)
        return min(times)

    assert cost(lambda: qtbot.keyClick(panel.editor, "x")) < 0.016
    assert cost(lambda: panel._collect(panel.session.document)) < 0.05
    panel.counter.recount()
    assert cost(panel.counter._slice) < 0.005


def test_a_reopened_project_shows_the_same_document(qtbot, panel, studio, tmp_path: Path) -> None:
    begin(qtbot, panel, "hello", words=2)
    panel.continue_text()
    finish(qtbot, panel)
    panel.flush()
    with qtbot.waitSignal(studio.projectClosed, timeout=10_000):
        studio.close_project()
    assert panel.session.id == ""
    project = Project.open(tmp_path / "project")
    (info,) = project.documents.all()
    assert project.documents.load(info.id).text() == "hello0-0 0-1 "
    project.close()


def test_a_document_of_many_passages_is_opened_between_events(qtbot, panel: WritePanel, studio) -> None:
    passages = [Segment(text=f"{number} 月\n", variants=[Variant(text="x")]) for number in range(2000)]
    document = Document(segments=passages, title="Many", meta={"titled": True})
    studio.store(lambda project: project.documents.save(document))
    filling: list[bool] = []
    panel.session.opened.connect(lambda shown: shown and filling.append(panel.editor.passages.filling))
    panel.shelf.refresh()
    qtbot.waitUntil(lambda: panel.session.id == document.id, timeout=5000)
    assert filling == [True]
    panel.restore_state({"document": document.id, "position": 5000})
    qtbot.waitUntil(lambda: not panel.editor.passages.filling, timeout=10_000)
    assert panel.editor.textCursor().position() == 5000
    assert panel.session.state is SaveState.SAVED
    assert [segment.text for segment in panel.segments()] == [segment.text for segment in passages]


def test_the_title_of_a_document_made_elsewhere_is_shown(qtbot, panel: WritePanel, studio) -> None:
    studio.store(lambda project: project.documents.create("text", "Opening line"))
    qtbot.waitUntil(lambda: panel.title.text() == "Opening line", timeout=5000)


def test_the_demo_shows_one_variant_behind_the_first_words(qtbot, panel: WritePanel, studio) -> None:
    demo = Demo("zh_CN", True)
    request = demo.line_request()
    assert request is not None
    line = demo.line_of(f"{request.prompt}青山绿水间。")
    written = Asset("a" * 32, "text", "海", "assets/a.md", 1.0, False, "generated", 0, 0, 0.0, "b" * 32, 0, 10, False)
    studio.store(lambda project: demo.write(project, line, written))
    qtbot.waitUntil(lambda: panel.title.text() == "开篇", timeout=5000)
    assert [segment.text for segment in panel.segments()] == ["碧海金波起，", "青山绿水间。"]
    document = panel.session.id
    spoken = Variant(text=line, asset_id="c" * 32)
    studio.store(lambda project: voice._store_take(project, document_id=document, variant=spoken))
    done: list[int] = []
    studio.store(lambda _: 0, done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=5000)
    stored = studio.reader.document(document)
    assert [len(segment.variants) for segment in stored.segments] == [0, 1]


def test_escape_closes_the_finding_bar_first(qtbot, panel: WritePanel) -> None:
    begin(qtbot, panel, "one two three")
    panel._actions["find_words"].trigger()
    assert panel.finder.isVisible()
    qtbot.keyClicks(panel.finder.query, "two")
    assert panel.editor.selected_text() == "two"
    qtbot.keyClick(panel.finder.query, Qt.Key.Key_Escape)
    assert not panel.finder.isVisible()
    panel._actions["replace_words"].trigger()
    assert panel.finder.replacement.isVisible()
