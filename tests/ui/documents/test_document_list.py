"""The list of documents: search, open, rename and put away, by mouse and by keys; the dialog of earlier versions."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent
from PySide6.QtWidgets import QApplication, QLineEdit

from aigc_studio.core.documents import DocumentInfo, Revision
from aigc_studio.core.i18n import N_, set_language
from aigc_studio.ui.documents.document_list import DocumentList, age
from aigc_studio.ui.documents.history_dialog import HistoryDialog
from aigc_studio.ui.documents.shelf import decode, first_line

NOW = 1_800_000_000.0


@pytest.fixture
def listed(qtbot) -> DocumentList:
    widget = DocumentList(N_("Documents"), N_("New document"))
    qtbot.addWidget(widget)
    widget.resize(240, 400)
    widget.set_documents(
        [DocumentInfo(id, title, "text", NOW) for id, title in (("a", "春天 Spring"), ("b", "冬天"), ("c", ""))]
    )
    widget.show()
    return widget


def titles(listed: DocumentList) -> list[str]:
    return [listed.view.item(row).text() for row in range(listed.view.count())]


def test_search_finds_every_word_in_any_case(listed: DocumentList) -> None:
    listed.search.setText("spring 春")
    assert titles(listed) == ["春天 Spring"]
    listed.search.setText("天")
    assert titles(listed) == ["春天 Spring", "冬天"]
    listed.search.clear()
    assert len(titles(listed)) == 3


def test_filling_the_list_opens_nothing_choosing_does(qtbot, listed: DocumentList) -> None:
    opened: list[str] = []
    listed.openRequested.connect(opened.append)
    listed.set_current("b")
    listed.set_documents(list(reversed(listed._documents)))
    assert opened == []
    assert listed.view.currentRow() == 1
    qtbot.keyClick(listed.view, Qt.Key.Key_Down)
    assert opened == ["a"]


def test_rename_with_f2(qtbot, listed: DocumentList) -> None:
    listed.view.setCurrentRow(1)
    listed.view.setFocus()
    with qtbot.waitSignal(listed.renamed) as renamed:
        qtbot.keyClick(listed.view, Qt.Key.Key_F2)
        field = listed.view.findChild(QLineEdit)
        assert field is not None
        field.setText("  夏天 ")
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert renamed.args == ["b", "夏天"]


def test_a_list_that_changes_while_a_title_is_typed_waits(qtbot, listed: DocumentList) -> None:
    listed.view.setCurrentRow(0)
    qtbot.keyClick(listed.view, Qt.Key.Key_F2)
    listed.set_documents([])
    assert listed.view.findChild(QLineEdit) is not None
    assert len(titles(listed)) == 3


def test_delete_key_puts_away(qtbot, listed: DocumentList) -> None:
    listed.view.setCurrentRow(0)
    with qtbot.waitSignal(listed.deleteRequested) as deleted:
        qtbot.keyClick(listed.view, Qt.Key.Key_Delete)
    assert deleted.args == ["a", "春天 Spring"]


@pytest.mark.parametrize(("name", "taken"), [("a.txt", True), ("a.MD", True), ("a.png", True), ("", False)])
def test_files_of_every_kind_are_taken(listed: DocumentList, tmp_path, name: str, taken: bool) -> None:
    data = QMimeData()
    if name:
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
    event = QDragEnterEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    event.ignore()
    QApplication.sendEvent(listed, event)
    assert event.isAccepted() is taken


@pytest.mark.parametrize(
    ("seconds", "text", "translated"),
    [
        (-5, "just now", "刚刚"),
        (59, "just now", "刚刚"),
        (61, "1 min ago", "1 分钟前"),
        (3 * 3600, "3 h ago", "3 小时前"),
        (2 * 86_400, "2 d ago", "2 天前"),
        (30 * 86_400, time.strftime("%Y-%m-%d", time.localtime(NOW - 30 * 86_400)), None),
    ],
)
def test_age(seconds: float, text: str, translated: str | None) -> None:
    assert age(NOW - seconds, NOW) == text
    set_language("zh_CN")
    assert age(NOW - seconds, NOW) == (translated or text)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", ""),
        ("\n  \n## 春日海报\n正文", "春日海报"),
        ("- 1. milk", "milk"),
        ("A hungry Fox saw some fine ripe grapes hanging high", "A hungry Fox saw some fine ripe grapes…"),
        ("床" * 60, "床" * 40 + "…"),
        ("***", ""),
    ],
)
def test_first_line(text: str, title: str) -> None:
    assert first_line(text) == title


def test_decode_never_fails() -> None:
    assert decode("你好\r\n".encode("utf-16")) == "你好\n"
    assert decode("你好".encode("gb18030")) == "你好"
    assert decode(b"\xef\xbb\xbfhi") == "hi"
    assert decode(bytes(range(256)))


def test_history_loads_what_is_looked_at_and_gives_back_the_chosen(qtbot) -> None:
    asked: list[int] = []

    def load(id: int, then: Callable[[str], None]) -> None:
        asked.append(id)
        then(f"text {id}")

    dialog = HistoryDialog("T", [Revision(3, time.time(), 10), Revision(2, time.time() - 7200, 1234)], load)
    dialog.show()
    assert dialog.preview.toPlainText() == "text 3"
    assert "1,234" in dialog.list.item(1).text()
    dialog.list.setCurrentRow(1)
    dialog.list.setCurrentRow(0)
    dialog.list.setCurrentRow(1)
    assert asked == [3, 2]
    dialog.restore_button.click()
    assert dialog.chosen is not None
    assert dialog.chosen.id == 2
