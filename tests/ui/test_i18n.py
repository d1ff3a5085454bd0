"""The live language switch: bound texts follow, bindings of dead widgets go, nothing English is left in Chinese."""

from __future__ import annotations

import gc
import re

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLabel, QLineEdit, QPushButton, QWidget

from aigc_studio.core import i18n
from aigc_studio.core.i18n import tr
from aigc_studio.ui.i18n import Translated, TranslatedObject, switch_language


class Panel(Translated, QWidget):
    """Two bound texts, one with a field that is itself translated."""

    def __init__(self) -> None:
        super().__init__()
        self.label, self.other = QLabel(self), QLabel(self)
        self.tr_bind(self.label.setText, "Queue")
        self.tr_bind(self.other.setText, "{count} running", count=3)


@pytest.fixture(autouse=True)
def english_again(qapp: QApplication):
    """Qt's translator goes with the test."""
    yield
    switch_language(qapp, "en")
    qapp.processEvents()


def test_bound_texts_follow_and_come_back(qtbot, qapp: QApplication) -> None:
    """English, Chinese, English."""
    panel = Panel()
    qtbot.addWidget(panel)
    assert panel.label.text() == "Queue"
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.label.text() == "队列")
    assert panel.other.text() == "3 个运行中"
    switch_language(qapp, "en")
    qtbot.waitUntil(lambda: panel.label.text() == "Queue")
    assert panel.other.text() == "3 running"


def test_binding_again_replaces(qtbot, qapp: QApplication) -> None:
    """A setter shows one text, the last one; an unbound one is left alone."""
    panel = Panel()
    qtbot.addWidget(panel)
    panel.tr_bind(panel.label.setText, "Settings")
    panel.tr_unbind(panel.other.setText)
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.label.text() == "设置")
    assert panel.other.text() == "3 running"


def test_a_widget_that_is_gone_is_forgotten(qtbot, qapp: QApplication) -> None:
    """Its setter would raise; the others are still set."""
    panel = Panel()
    qtbot.addWidget(panel)
    panel.other.deleteLater()
    qapp.sendPostedEvents(None, 0)
    qapp.processEvents()
    gc.collect()
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.label.text() == "队列")


def test_an_object_that_is_no_widget_hears_through_its_parent(qtbot, qapp: QApplication) -> None:
    """QActions are held by one."""

    class Holder(TranslatedObject):
        def __init__(self, parent: QWidget) -> None:
            super().__init__(parent)
            self.action = QAction(self)
            self.tr_bind(self.action.setText, "Undo")

    window = QWidget()
    qtbot.addWidget(window)
    holder = Holder(window)
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: holder.action.text() == "撤销")


def test_qt_speaks_the_language_too(qtbot, qapp: QApplication) -> None:
    """Buttons that Qt itself names."""
    switch_language(qapp, "zh_CN")
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    qtbot.addWidget(box)
    assert re.search(r"[\u4e00-\u9fff]", box.buttons()[0].text())


def test_a_field_can_be_translated_each_time(qtbot, qapp: QApplication) -> None:
    """A callable field is asked again."""
    panel = Panel()
    qtbot.addWidget(panel)
    panel.tr_bind(panel.label.setText, "{number} of 4: {title}", number=1, title=lambda: tr("Picture"))
    assert panel.label.text() == "1 of 4: Picture"
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.label.text() == "第 1/4 步：图片")


def test_an_unknown_language_is_english(qapp: QApplication) -> None:
    """A settings file of a version with more languages."""
    switch_language(qapp, "fr")
    assert i18n.current_language() == "en"


def test_qts_own_dialogs_and_menus_speak_chinese(qtbot, qapp) -> None:
    """Labels of its file dialog, standard buttons, menus of text fields; and English again, live."""
    dialog = QFileDialog()
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
    edit = QLineEdit()
    for widget in (dialog, buttons, edit):
        qtbot.addWidget(widget)
        widget.show()

    def words() -> list[str]:
        menu = edit.createStandardContextMenu()
        found = [label.text() for label in dialog.findChildren(QLabel) if label.text()]
        found += [button.text() for button in (*dialog.findChildren(QPushButton), *buttons.buttons()) if button.text()]
        found += [action.text().partition("\t")[0] for action in menu.actions() if action.text()]
        menu.deleteLater()
        return [text.replace("&", "") for text in found]

    english = words()
    switch_language(qapp, "zh_CN")
    qapp.processEvents()
    assert len(words()) == len(english)
    assert not [text for text in words() if not any("\u4e00" <= letter <= "\u9fff" for letter in text)]
    switch_language(qapp, "en")
    qapp.processEvents()
    assert words() == english
