"""The switch between tasks."""

from __future__ import annotations

from PySide6.QtCore import Qt

from aigc_studio.ui.documents.task_switch import TaskSwitch
from aigc_studio.ui.i18n import switch_language


def test_a_press_chooses_and_showing_does_not(qtbot, qapp) -> None:
    switch = TaskSwitch()
    qtbot.addWidget(switch)
    heard: list[str] = []
    switch.chosen.connect(heard.append)
    assert switch.task == "continue"
    switch.show_task("chat")
    assert (switch.task, heard) == ("chat", [])
    qtbot.mouseClick(switch.buttons["translate"], Qt.MouseButton.LeftButton)
    assert (switch.task, heard) == ("translate", ["translate"])
    switch.show_possible({"continue"})
    assert switch.buttons["summarise"].isEnabled()
    switch_language(qapp, "zh_CN")
    switch.show()
    qtbot.waitUntil(lambda: switch.buttons["translate"].text() == "翻译", timeout=5000)
    switch_language(qapp, "en")
