"""The right side of the History panel: one result, how it was made in words and as JSON, and what came from what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.assets import Asset
from aigc_studio.core.generations import Generation
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.reader import ProjectReader
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader
from aigc_studio.ui.canvas.pyramid import PictureLoader
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.viewer.facts import asset_rows, notices, recipe_rows
from aigc_studio.ui.viewer.picture_view import PictureView
from aigc_studio.ui.viewer.surface import LARGEST_FIT
from aigc_studio.ui.widgets.player import Output, PlayerBar
from aigc_studio.ui.widgets.waveform import Waveform

from .lineage_view import LineageView
from .words import state_text

__all__ = ["RecipeView"]

_PREVIEW = (112, 280)
_LOW = 720
"""Below this height (logical pixels) the JSON and the lineage take the preview's place."""
_TEXT_SHOWN = 1200
_TABS = (N_("Recipe"), N_("JSON"), N_("Lineage"))


class RecipeView(Translated, QFrame):
    """Shows one result of a generation. acts: the panel's actions by id, for the buttons. output: what plays sounds."""

    viewRequested = Signal()
    """The picture was double-clicked."""
    assetChosen = Signal(object)
    """An Asset of the lineage."""

    def __init__(
        self,
        acts: Mapping[str, QAction],
        thumbnails: ThumbnailLoader,
        output: Output | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._acts, self._thumbnails = acts, thumbnails
        self._reader: ProjectReader | None = None
        self._generation: Generation | None = None
        self._asset: Asset | None = None
        self._recipe: dict[str, Any] | None = None
        self.loader = PictureLoader(self)
        self._build(output)
        thumbnails.ready.connect(self._thumbnail_ready)
        self.show_nothing()

    # -- building
    def _build(self, output: Output | None) -> None:
        self._hint = QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
        self._hint.setProperty("role", "muted")
        self.view = PictureView(self.loader, lazy=True)
        self.view.background = "sunken"
        self.view.transform.largest_fit = LARGEST_FIT
        self.tr_bind(self.view.setToolTip, N_("Turn the wheel to zoom, double-click for the whole screen."))
        self.view.doubleClicked.connect(self.viewRequested)
        self._text = QLabel(wordWrap=True, margin=10, alignment=Qt.AlignmentFlag.AlignTop)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setProperty("role", "sunken")
        self._sound = QWidget()
        sound = QVBoxLayout(self._sound)
        sound.setContentsMargins(0, 0, 0, 0)
        self.wave = Waveform()
        self.wave.setFixedHeight(96)
        self.tr_bind(self.wave.setAccessibleName, N_("Waveform"))
        self.player = PlayerBar(output)
        sound.addWidget(self.wave)
        sound.addWidget(self.player)
        self.wave.seekRequested.connect(self.player.seek)
        self.wave.toggleRequested.connect(self.player.toggle)
        self.wave.loaded.connect(self.player.set_seconds)
        self.player.positionChanged.connect(lambda seconds: self.wave.set_position(seconds, follow=self.player.playing))
        self.note = QLabel(wordWrap=True)
        self.note.setProperty("role", "muted")
        self.note.hide()
        self._tabs = QButtonGroup(self)
        tabs = QHBoxLayout()
        tabs.setSpacing(2)
        for number, title in enumerate(_TABS):
            button = QPushButton()
            button.setCheckable(True)
            button.setChecked(number == 0)
            button.setProperty("role", "segment")
            self.tr_bind(button.setText, title)
            self._tabs.addButton(button, number)
            tabs.addWidget(button)
        tabs.addStretch(1)
        self.lineage = LineageView(self._thumbnails)
        self.lineage.chosen.connect(self.assetChosen)
        self.json = QPlainTextEdit(readOnly=True)
        self.json.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.json.setProperty("role", "code")
        self.json.setTabChangesFocus(True)
        self.tr_bind(self.json.setAccessibleName, N_("Recipe as JSON"))
        self.pages = QStackedWidget()
        for page in (self._build_words(), self._build_json(), self.lineage):
            self.pages.addWidget(page)
        self._tabs.idClicked.connect(self._choose_tab)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        top = QVBoxLayout()
        top.setContentsMargins(16, 16, 16, 0)
        top.setSpacing(12)
        for widget in (self.view, self._text, self._sound):
            top.addWidget(widget)
        top.addLayout(self._build_buttons())
        top.addWidget(self.note)
        top.addLayout(tabs)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._pair = self._button("compare")
        several = QHBoxLayout()
        several.addStretch(1)
        several.addWidget(self._pair)
        several.addStretch(1)
        layout.addStretch(1)
        layout.addWidget(self._hint)
        layout.addLayout(several)
        layout.addWidget(self._body, 1000)
        layout.addStretch(1)

    def _build_buttons(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(8)
        for place, id in enumerate(("use_all", "remix", "use_prompt", "use_seed")):
            grid.addWidget(self._button(id, "primary" if id == "use_all" else ""), place // 2, place % 2)
        line = QHBoxLayout()
        line.setSpacing(4)
        grid.addWidget(self._button("again"), 2, 0, 1, 2)
        for id in ("view", "open", "show", "compare", "copy_recipe"):
            button = QToolButton()
            button.setDefaultAction(self._acts[id])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setIconSize(QSize(18, 18))
            _follow(button, self._acts[id])
            line.addWidget(button)
        line.addStretch(1)
        grid.addLayout(line, 3, 0, 1, 2)
        return grid

    def _button(self, id: str, role: str = "") -> QPushButton:
        button, action = QPushButton(), self._acts[id]
        button.setProperty("role", role)
        button.setMinimumWidth(1)
        button.clicked.connect(action.trigger)
        _follow(button, action)
        return button

    def _build_words(self) -> QScrollArea:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setProperty("role", "panel")
        self.tr_bind(area.setAccessibleName, N_("Recipe"))
        body = QWidget()
        body.setProperty("role", "panel")
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 0, 16, 16)
        column.setSpacing(8)
        head = QHBoxLayout()
        self._prompt_title = QLabel()
        self._prompt_title.setProperty("role", "section")
        self.tr_bind(self._prompt_title.setText, N_("Prompt"))
        self._copy_prompt = QToolButton()
        self._copy_prompt.setIcon(icon("content-copy"))
        self.tr_bind(self._copy_prompt.setToolTip, N_("Copy the prompt"))
        self.tr_bind(self._copy_prompt.setAccessibleName, N_("Copy the prompt"))
        self._copy_prompt.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._prompt.text()))
        head.addWidget(self._prompt_title, 1)
        head.addWidget(self._copy_prompt)
        self._prompt, self._notices = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self._notices.setProperty("role", "muted")
        for label in (self._prompt, self._notices):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._facts = QFormLayout()
        self._facts.setHorizontalSpacing(12)
        self._facts.setVerticalSpacing(6)
        self._facts.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        column.addWidget(self._prompt)
        column.addWidget(self._notices)
        column.addLayout(self._facts)
        column.addStretch(1)
        area.setWidget(body)
        return area

    def _build_json(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 0, 16, 16)
        column.addWidget(self.json, 1)
        return page

    # -- what is shown
    @property
    def asset(self) -> Asset | None:
        """What is shown."""
        return self._asset

    @property
    def recipe(self) -> dict[str, Any] | None:
        """How it was made."""
        return self._recipe

    def set_reader(self, reader: ProjectReader | None) -> None:
        """Read from another project, or none."""
        self._reader = reader
        self.loader.forget()
        self.show_nothing()

    def show_nothing(self, count: int = 0) -> None:
        """Nothing chosen, or `count` generations."""
        self._generation = self._asset = self._recipe = None
        self._silence()
        self.view.show_nothing()
        self.lineage.show_lineage(None)
        self._body.hide()
        self._hint.show()
        self._pair.setVisible(count == 2)
        several = tr("{count} generations chosen", count=count)
        self._hint.setText(several if count > 1 else tr("Choose a generation to see how it was made."))

    def show_result(self, generation: Generation, asset: Asset) -> None:
        """One result of a generation."""
        reader = self._reader
        if reader is None or (generation == self._generation and asset == self._asset):
            return
        another = self._asset is None or self._asset.id != asset.id
        self._generation, self._asset = generation, asset
        self._recipe = reader.recipe(asset.id)
        self._hint.hide()
        self._pair.hide()
        self._body.show()
        if another:
            self.say("")
            self._show_preview(asset, reader)
        self._fill()

    def _show_preview(self, asset: Asset, reader: ProjectReader) -> None:
        self._silence()
        self._make_room()
        if asset.kind == "image":
            size, thumbnail = QSize(asset.width, asset.height), self._thumbnails.pixmap(asset.id)
            self.view.show_picture(asset.id, reader.path(asset), size, thumbnail)
        elif asset.kind == "text":
            self._text.setText(reader.text(asset.id).strip()[:_TEXT_SHOWN])
        elif asset.kind == "audio":
            self.wave.load(reader.path(asset))
            self.player.load(reader.path(asset), asset.seconds)

    def _make_room(self) -> None:
        """In a low window the preview is low, and leaves its place to what needs more."""
        kind = self._asset.kind if self._asset is not None else ""
        room = self.height() >= _LOW or self.pages.currentIndex() == 0
        self.view.setVisible(room and kind == "image")
        self._text.setVisible(room and kind == "text")
        self._sound.setVisible(room and kind == "audio")
        high = max(_PREVIEW[0], min(_PREVIEW[1], round(self.height() * 0.28)))
        self.view.setFixedHeight(high)
        self._text.setMaximumHeight(high)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """See `_make_room`."""
        super().resizeEvent(event)
        self._make_room()

    def _silence(self) -> None:
        self.player.load(None, 0.0)
        self.wave.clear()

    def say(self, text: str) -> None:
        """A sentence below the buttons, e.g. how making again went; "" for none."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def _fill(self) -> None:
        generation, asset, recipe = self._generation, self._asset, self._recipe
        if generation is None or asset is None:
            return
        request = (recipe or {}).get("request") or {}
        prompt = str(request.get("prompt", ""))
        trained = request.get("kind") == "training"
        self.tr_bind(self._prompt_title.setText, N_("Name of the model") if trained else N_("Prompt"))
        for widget in (self._prompt_title, self._prompt, self._copy_prompt):
            widget.setVisible(bool(prompt))
        self._prompt.setText(prompt[:8000])
        said = notices(recipe)
        self._notices.setVisible(bool(said))
        self._notices.setText("\n".join(said))
        while self._facts.rowCount():
            self._facts.removeRow(0)
        rows = recipe_rows(recipe)
        rows += [row for row in asset_rows(asset) if row not in rows]
        if trained:
            rows = [row for row in rows if row != (tr("Name"), prompt)]  # it stands above
        if generation.count > 1:
            place = next((n for n, other in enumerate(generation.assets) if other.id == asset.id), 0)
            rows.insert(0, (tr("Result"), tr("{index} of {count}", index=place + 1, count=generation.made)))
        if state := state_text(generation):
            rows.insert(0, (tr("State"), state))
        for name, value in rows:
            label, text = QLabel(name), QLabel(value[:600], wordWrap=True)
            label.setProperty("role", "muted")
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addRow(label, text)
        self._show_tab()

    def _choose_tab(self, number: int) -> None:
        self.pages.setCurrentIndex(number)
        self._make_room()
        self._show_tab()

    def _show_tab(self) -> None:
        """Fill the page in front; the others when they are chosen."""
        if self._asset is None or self._reader is None:
            return
        page = self.pages.currentIndex()
        if page == 1:
            text = json.dumps(self._recipe or {}, ensure_ascii=False, indent=2)
            if text != self.json.toPlainText():
                self.json.setPlainText(text)
        elif page == 2:
            self.lineage.show_lineage(self._reader.lineage(self._asset.id), self._asset.id)

    def retranslate(self) -> None:
        """All that is said."""
        super().retranslate()
        if self._asset is None:
            self.show_nothing()
        else:
            self._fill()

    def _thumbnail_ready(self, id: str) -> None:
        if self._asset is not None and self._asset.id == id and (pixmap := self._thumbnails.pixmap(id)) is not None:
            self.view.set_thumbnail(id, pixmap)


def _follow(button: QPushButton | QToolButton, action: QAction) -> None:
    """A button shows what its action says, in whatever language."""

    def show() -> None:
        button.setEnabled(action.isEnabled())
        button.setText(action.text())
        button.setToolTip(action.toolTip())
        button.setAccessibleName(action.text())

    action.changed.connect(show)
    show()
