"""The window: its life with projects, its two languages, its keys, what it remembers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QUndoCommand
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QGroupBox, QLabel, QLineEdit, QMenu, QWidget

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import JobState
from aigc_studio.core.requests import Request
from aigc_studio.core.settings import Settings
from aigc_studio.demo import Demo
from aigc_studio.ui import demo_player
from aigc_studio.ui.actions import ACTIONS, MENUS
from aigc_studio.ui.dialogs.about import AboutDialog
from aigc_studio.ui.dialogs.install_engine import InstallEngineDialog
from aigc_studio.ui.dialogs.settings import SettingsDialog
from aigc_studio.ui.dialogs.shortcuts import ShortcutsDialog
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.main_window import MainWindow
from aigc_studio.ui.panels import PANELS
from aigc_studio.ui.shell.panel_host import available_panels
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.theme import theme_of

_SAME = re.compile(
    r"AIGC Studio|English|Python|Linux|Windows|Darwin|espeak-ng|Top-k|Top-p|Min-p|Apache-2.0"
    r"|(Ctrl|Alt|Shift|Page|PgUp|PgDown|Enter|Space|Del|Esc)\b"
)
"""What stays as it is in Chinese, beside abbreviations."""


@pytest.fixture
def window(qtbot, qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    """A window with no project yet, its settings in a folder of the test."""
    settings = Settings(tmp_path / "config")
    settings.set("projects_folder", str(tmp_path / "projects"))
    theme = theme_of()
    theme.choose("light")
    studio = Studio(settings)
    window = MainWindow(studio, settings, theme)
    window.show()
    yield window
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    studio.shutdown()
    window.deleteLater()
    theme.choose("light")
    switch_language(qapp, "en")
    qapp.processEvents()


def open_new(window: MainWindow, qtbot, name: str = "Test") -> Path:
    """A new project, opened in the window."""
    folder = window.settings.projects_folder / name
    with qtbot.waitSignal(window.studio.projectOpened, timeout=20_000):
        window.projects.create(folder, name)
    return folder


def texts(root: QWidget) -> list[tuple[str, str]]:
    """Every text a person could see under `root`: (where, text)."""
    found: list[tuple[str, str]] = []
    for widget in [root, *root.findChildren(QWidget)]:
        where = f"{type(widget).__name__} in {type(widget.parent()).__name__}"
        found += [(where, widget.toolTip()), (where, widget.accessibleName())]
        if isinstance(widget, QLabel | QAbstractButton):
            found.append((where, widget.text()))
        if isinstance(widget, QLineEdit):
            found.append((where, widget.placeholderText()))
        if isinstance(widget, QGroupBox | QMenu):
            found.append((where, widget.title()))
        if isinstance(widget, QComboBox):
            found += [(where, widget.itemText(n)) for n in range(widget.count())]
    for action in root.findChildren(QAction):
        found += [("action", action.text())]
    return [(where, text) for where, text in found if text]


def english(text: str) -> bool:
    """Whether a text is left in English: words without any Chinese, or two plain English words in a row."""
    rest = _SAME.sub("", re.sub(r"<[^>]+>|/\S+|&[A-Z]\b", "", text))
    chinese = re.search(r"[\u4e00-\u9fff]", rest)
    return bool(re.search(r"\b[a-z]{3,} [a-z]{3,}\b", rest) if chinese else re.search(r"[A-Z]?[a-z]{3,}", rest))


def test_the_window_begins_with_the_start_page(window: MainWindow) -> None:
    """No rail, no project's actions, the first button has the focus."""
    assert window.pages.currentWidget() is window.start_page
    assert not window.rail.isVisible()
    assert not window.actions_table["project.close"].isEnabled()
    assert window.focusWidget() is window.start_page.new


def test_a_project_opens_closes_and_is_remembered(window: MainWindow, qtbot) -> None:
    """Its name in the title, its card on the start page, its panel in front again."""
    folder = open_new(window, qtbot, "春天")
    assert window.windowTitle() == "春天 — AIGC Studio"
    assert window.rail.isVisible()
    assert window.panels.current == window.panels.ids()[0]
    window.show_panel("queue")
    with qtbot.waitSignal(window.studio.projectClosed, timeout=20_000):
        window.projects.close()
    assert window.pages.currentWidget() is window.start_page
    assert [(card.folder, card.text()) for card in window.start_page.cards] == [(folder, "春天")]
    with qtbot.waitSignal(window.studio.projectOpened, timeout=20_000):
        window.start_page.cards[0].click()
    assert window.panels.current == "queue"


@pytest.mark.parametrize("content", ["folder", "file", "nothing"])
def test_what_is_no_project_gets_one_sentence(window: MainWindow, qtbot, tmp_path: Path, content: str) -> None:
    """In a banner with the way on; the window stays usable."""
    path = tmp_path / "something"
    if content == "folder":
        path.mkdir()
    elif content == "file":
        path.write_text("not a project", encoding="utf-8")
    with qtbot.waitSignal(window.studio.problem, timeout=20_000):
        window.projects.open(path)
    assert len(window.banners.banners()) == 1
    assert window.banners.banners()[0].level == "error"
    open_new(window, qtbot)


def test_every_panel_is_built_and_shown_by_its_key(window: MainWindow, qtbot) -> None:
    """Ctrl+1 to Ctrl+5, the rail, and round with next and previous."""
    open_new(window, qtbot)
    for info in available_panels():
        action = window.actions_table[f"panel.{info.id}"]
        assert action.shortcut().toString() == info.shortcut
        action.trigger()
        assert window.panels.current == info.id
        assert action.isChecked()
        assert window.rail.buttons[info.id].isChecked()
        focused = QApplication.focusWidget()
        assert focused is None or window.panels.isAncestorOf(focused)
    window.actions_table["view.next"].trigger()
    assert window.panels.current == available_panels()[0].id
    window.actions_table["view.previous"].trigger()
    assert window.panels.current == available_panels()[-1].id


def test_chinese_leaves_no_english(window: MainWindow, qtbot, qapp: QApplication) -> None:
    """Every widget and action of the window, all panels and dialogs; and English leaves no Chinese behind."""
    open_new(window, qtbot, "x")
    for id in window.panels.ids():
        window.show_panel(id)
    window.banners.show_error(StudioError("The disk is full; free some space and try again."))
    dialogs = [SettingsDialog(window.settings, window), AboutDialog(window)]
    for dialog in dialogs:
        dialog.show()
    window.settings.set("language", "zh_CN")
    qtbot.waitUntil(lambda: window.rail.settings.text() == "设置")
    dialogs.append(ShortcutsDialog(window.shortcuts, (), window))
    dialogs.append(InstallEngineDialog(window.engine_install, window))
    left = sorted({f"{where}: {text[:80]}" for where, text in texts(window) if english(text)})
    for dialog in dialogs:
        dialog.close()
    window.engine_install.close()
    assert not left, "\n".join(left)
    window.settings.set("language", "en")
    qtbot.waitUntil(lambda: window.rail.settings.text() == "Settings")
    qapp.processEvents()
    names = {"中文 / English", "简体中文"}
    back = sorted({f"{w}: {t[:80]}" for w, t in texts(window) if re.search(r"[\u4e00-\u9fff]", t) and t not in names})
    assert [line for line in back if "(" not in line] == []


def test_the_theme_switches_live_and_is_kept(window: MainWindow, qtbot) -> None:
    """By the button in the bar and by the menu."""
    window.start_page.themeWanted.emit()
    assert window.theme.dark
    assert window.settings.get("theme") == "dark"
    assert window.actions_table["theme.dark"].isChecked()
    assert not window.actions_table["theme.light"].isChecked()
    window.actions_table["theme.light"].trigger()
    assert not window.theme.dark
    assert not window.grab().isNull()


def test_every_action_is_in_a_menu_and_does_something(window: MainWindow) -> None:
    """None is declared and forgotten."""
    heads = set(MENUS)
    for info, action in window.actions_table:
        assert info.menu.partition("/")[0] in heads
        menu = window.actions_table.menus[info.menu]
        assert action in menu.actions()
        connected = action.receivers("2triggered(bool)") + action.receivers("2toggled(bool)")
        assert connected > (1 if info.id.startswith("panel.") else 0), info.id


def test_shortcuts_are_used_once() -> None:
    """In the table; a panel's own are scoped to it."""
    keys = [info.shortcut for info in ACTIONS if info.shortcut]
    assert sorted(keys) == sorted(set(keys))
    assert len({info.id for info in ACTIONS}) == len(ACTIONS)
    assert [panel.id for panel in PANELS] == ["write", "picture", "voice", "assets", "queue", "history", "train"]


def test_the_window_comes_back_as_it_was(window: MainWindow, qtbot, tmp_path: Path) -> None:
    """Size and place, through the state file."""
    window.resize(1000, 700)
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    kept = Settings(tmp_path / "config")
    studio = Studio(kept)
    again = MainWindow(studio, kept, window.theme)
    qtbot.addWidget(again)
    height = again.height()  # Qt narrows a window that is wider than the test's screen
    studio.shutdown()
    assert height == 700


@pytest.mark.parametrize("geometry", ["", "zz", "00ff", 5, None, {"a": 1}])
def test_a_broken_layout_gives_the_default_one(window: MainWindow, qtbot, tmp_path: Path, geometry: object) -> None:
    """The state file may hold anything."""
    settings = Settings(tmp_path / "other")
    settings.set_state("window/geometry", geometry)
    settings.set_state("project_names", geometry)
    again = MainWindow(window.studio, settings, window.theme)
    qtbot.addWidget(again)
    assert again.width() >= 960


@pytest.mark.allow_log("ERROR")
def test_a_panel_that_cannot_be_built_does_not_break_the_window(window: MainWindow, qtbot, monkeypatch) -> None:
    """A banner, and the other panels work."""

    def fail(*_: object) -> None:
        raise RuntimeError("broken panel")

    monkeypatch.setattr("aigc_studio.ui.panels.queue.QueuePanel.__init__", fail)
    open_new(window, qtbot)
    before = window.panels.current
    window.actions_table["panel.queue"].trigger()
    assert "RuntimeError" in window.banners.banners()[-1].text.text()
    assert window.panels.current == before


def test_undo_belongs_to_the_field_that_has_the_focus(window: MainWindow, qtbot) -> None:
    """The menu's Undo takes back typing."""
    edit = QLineEdit(window)
    edit.show()
    window.activateWindow()
    edit.setFocus()
    qtbot.keyClicks(edit, "abc")
    if QApplication.focusWidget() is not edit:
        pytest.skip("this platform gives the window no focus")
    window.actions_table["edit.undo"].trigger()
    assert edit.text() == ""
    window.actions_table["edit.redo"].trigger()
    assert edit.text() == "abc"


def test_undo_takes_back_what_was_just_offered(window: MainWindow, qtbot) -> None:
    """Ctrl+Z is the toast's button while it is shown, until something that can be undone is done."""
    open_new(window, qtbot)
    window.show_panel("queue")
    undone: list[int] = []
    window.panels.undoOffered.emit("Moved.", lambda: undone.append(1))
    window.panels.setFocus()
    window.actions_table["edit.undo"].trigger()
    assert undone == [1]
    assert not window.toast.offers
    window.actions_table["edit.undo"].trigger()
    assert undone == [1]
    window.panels.undoOffered.emit("Moved.", lambda: undone.append(2))
    window.show_panel("picture")
    stack: Any = window.undo_group.activeStack()
    stack.push(QUndoCommand("a stroke"))
    window.panels.setFocus()
    window.actions_table["edit.undo"].trigger()
    assert undone == [1]


def test_the_panel_menu_shows_only_what_there_is(window: MainWindow, qtbot) -> None:
    """It has no empty list on the start page, and no entry without a text in any panel."""
    menu = window.actions_table.menus["panel"]
    assert not menu.menuAction().isVisible()
    open_new(window, qtbot)
    for id in window.panels.ids():
        window.show_panel(id)
        assert menu.menuAction().isVisible(), id
        assert all(action.text() or action.isSeparator() for action in menu.actions()), id
    with qtbot.waitSignal(window.studio.projectClosed, timeout=20_000):
        window.projects.close()
    assert not menu.menuAction().isVisible()


def test_the_picture_panel_begins_in_its_prompt(window: MainWindow, qtbot) -> None:
    """A person who opens it can type."""
    open_new(window, qtbot)
    panel: Any = window.show_panel("picture")
    assert panel.focusWidget() is panel.inspector.prompt.edit


def test_a_failure_is_said_until_the_job_is_tried_again_or_gone(window: MainWindow, qtbot) -> None:
    """What else was said stays."""
    open_new(window, qtbot)
    request = Request("image", "inpaint", "painter", "painter", "red", inputs={"image": "gone", "mask": "gone"})
    with qtbot.waitSignal(window.studio.jobFinished, timeout=20_000):
        id = window.studio.submit(request)
    qtbot.waitUntil(lambda: [banner.about for banner in window.banners.banners()] == [id])
    window.studio.jobsChanged.emit()
    assert [banner.about for banner in window.banners.banners()] == [id]
    window.show_problem(StudioError("Another."))
    window.studio.clear_finished()
    qtbot.waitUntil(lambda: [banner.text.text() for banner in window.banners.banners()] == ["Another."])


def test_a_failure_is_forgotten_when_what_was_asked_for_later_succeeds(window: MainWindow, qtbot) -> None:
    """Not when it stood in line already, and not for something of another kind."""
    open_new(window, qtbot)
    failing = Request("image", "inpaint", "painter", "painter", "red", inputs={"image": "gone", "mask": "gone"})
    fine = Request("image", "generate", "painter", "painter", "red", params={"size": (64, 64)})
    ends: dict[str, JobState] = {}
    window.studio.jobFinished.connect(lambda id, job: ends.update({id: job.state}))
    window.studio.pause_all(True)
    failed, waited = window.studio.submit(failing), window.studio.submit(fine)
    window.studio.pause_all(False)
    qtbot.waitUntil(lambda: set(ends) == {failed, waited}, timeout=20_000)
    assert ends == {failed: JobState.FAILED, waited: JobState.DONE}
    assert [banner.about for banner in window.banners.banners()] == [failed]
    later = window.studio.submit(fine)
    qtbot.waitUntil(lambda: later in ends, timeout=20_000)
    assert window.banners.banners() == []


def test_opening_a_project_ends_what_was_said_on_the_start_page(window: MainWindow, qtbot, tmp_path: Path) -> None:
    """A folder that holds no project is forgotten when one is open."""
    with qtbot.waitSignal(window.studio.problem, timeout=20_000):
        window.projects.open(tmp_path / "nothing")
    assert [banner.level for banner in window.banners.banners()] == ["error"]
    open_new(window, qtbot)
    assert window.banners.banners() == []


def test_a_second_demo_has_a_name_of_its_own(window: MainWindow, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start page shows names, not folders."""
    name = Demo.here("en").name
    (window.settings.projects_folder / name).mkdir(parents=True)
    made: list[tuple[Path, str]] = []
    monkeypatch.setattr(window.projects, "create", lambda folder, title: made.append((folder, title)))
    window.projects.make_demo()
    assert made == [(window.settings.projects_folder / made[0][1], made[0][1])]
    assert made[0][1] != name


def test_tab_and_enter_are_enough_on_the_start_page(window: MainWindow, qtbot) -> None:
    """From the first button to the next ones, and Enter does it."""
    window.activateWindow()
    window.start_page.focus_first()
    order = [window.start_page.new, window.start_page.open, window.start_page.demo]
    for card in order:
        assert window.focusWidget() is card
        window.focusNextChild()
    window.start_page.openWanted.disconnect()  # no file dialog here
    with qtbot.waitSignal(window.start_page.openWanted):
        qtbot.keyClick(window.start_page.open, Qt.Key.Key_Return)


def test_everything_on_the_start_page_can_be_reached_with_tab(window: MainWindow, qtbot) -> None:
    """And has a name for screen readers."""
    wanted = set(window.start_page.findChildren(QAbstractButton))
    reached: set[QWidget] = set()
    child = window.start_page.nextInFocusChain()
    while child is not None and child is not window.start_page:
        if child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.isVisible():
            reached.add(child)
        child = child.nextInFocusChain()
    assert wanted <= reached
    assert [button for button in wanted if not (button.accessibleName() or button.text())] == []


def test_a_second_window_says_why_it_cannot_write(window: MainWindow, qtbot, tmp_path: Path) -> None:
    """Read only, with the sentence; nothing is asked to be stored when it closes."""
    folder = open_new(window, qtbot, "shared")
    settings = Settings(tmp_path / "second")
    studio = Studio(settings)
    second = MainWindow(studio, settings, window.theme)
    qtbot.addWidget(second)
    second.show()
    with qtbot.waitSignal(studio.projectOpened, timeout=20_000):
        second.projects.open(folder)
    assert studio.info is not None
    assert studio.info.read_only
    assert second.top_bar.read_only.isVisible()
    assert [banner.level for banner in second.banners.banners()] == ["warning"]
    second.close()
    qtbot.waitUntil(lambda: not second.isVisible(), timeout=20_000)
    studio.shutdown()


def test_a_package_is_saved_and_opened_again(window: MainWindow, qtbot, tmp_path: Path) -> None:
    """Through banners that show how far it is; the unpacked project opens."""
    open_new(window, qtbot, "春茶")
    package = tmp_path / "tea.aigcpack"
    with qtbot.waitSignal(window.projects.packages.packed, timeout=20_000):
        window.projects.pack(tmp_path / "tea")
    assert package.exists()
    with qtbot.waitSignal(window.studio.projectOpened, timeout=20_000):
        window.projects.open(package)
    assert window.studio.info is not None
    assert window.studio.info.folder.name == "tea"
    qtbot.waitUntil(lambda: not window.projects.packages.busy)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_a_broken_package_gets_one_sentence(window: MainWindow, qtbot, tmp_path: Path, content: bytes) -> None:
    """And leaves no half project."""
    package = tmp_path / "broken.aigcpack"
    package.write_bytes(content)
    with qtbot.waitSignal(window.studio.problem, timeout=20_000):
        window.projects.open(package)
    qtbot.waitUntil(lambda: not window.projects.packages.busy)
    assert [banner.level for banner in window.banners.banners()] == ["error"]
    assert not (window.settings.projects_folder / "broken").exists()


@pytest.mark.qt_log_ignore("PulseAudioService", extend=True)  # a machine without sound
def test_the_demo_is_made_in_the_window(window: MainWindow, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The given line, a picture, a change of it and a voice, each in its panel, then a word about it."""
    monkeypatch.setattr(Demo, "here", classmethod(lambda cls, language: Demo(language, writer=False)))
    monkeypatch.setattr(demo_player, "LOOK_MS", 1)
    seen: list[str] = []
    window.panels.shown.connect(seen.append)
    window.start_page.demo.click()
    qtbot.waitUntil(lambda: any(b.level == "success" for b in window.banners.banners()), timeout=60_000)
    reader = window.studio.reader
    assert reader is not None
    assert {asset.kind for asset in reader.assets(AssetQuery(), 0, 10)} == {"image", "audio"}
    assert "Opening line" in [document.title for document in reader.documents()]
    order = list(dict.fromkeys(seen))
    assert order[-3:] == ["write", "picture", "voice"]
    assert not [banner for banner in window.banners.banners() if banner.level == "task"]


def test_a_demo_that_is_stopped_leaves_what_was_made(
    window: MainWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And begins no further step."""
    monkeypatch.setattr(Demo, "here", classmethod(lambda cls, language: Demo(language, writer=False)))
    monkeypatch.setattr(demo_player, "LOOK_MS", 1)
    window.projects.make_demo()
    qtbot.waitUntil(lambda: any(b.level == "task" for b in window.banners.banners()), timeout=20_000)
    task = next(banner for banner in window.banners.banners() if banner.level == "task")
    task.button.click()
    qtbot.waitUntil(lambda: not any(b.level == "task" for b in window.banners.banners()), timeout=20_000)
    assert not any(banner.level == "success" for banner in window.banners.banners())
