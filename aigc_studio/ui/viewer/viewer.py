"""Looking at results over the whole screen: pictures to zoom into, texts to read, sounds to hear, one after another."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMimeData, QObject, QRect, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication, QKeyEvent, QKeySequence, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.assets import Asset
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.assets.actions import AssetActions
from aigc_studio.ui.assets.model import shown_title
from aigc_studio.ui.canvas.pyramid import PictureLoader
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.elided_label import ElidedLabel
from aigc_studio.ui.widgets.player import Output
from aigc_studio.ui.widgets.toast import Toast

from .facts import asset_rows, notices, recipe_rows
from .pages import SoundPage, TextPage
from .picture_view import PictureView
from .reel import Reel
from .surface import LARGEST_FIT

__all__ = ["Viewer"]

_IDLE_MS = 2500
"""So long after the mouse last moved, the bars over a picture go."""
_SETTLE_MS = 150
"""What the reel's own list needs to hear of a change."""
_SEARCHED = 200
_INFO = 320

_COMMANDS = (
    ("previous", N_("Previous"), "chevron-left", ("PgUp", "Backspace")),
    ("next", N_("Next"), "chevron-right", ("PgDown",)),
    ("zoom_out", N_("Zoom out"), "magnify-minus-outline", ()),
    ("zoom_in", N_("Zoom in"), "magnify-plus-outline", ()),
    ("fit", N_("Fit"), "fit-to-page-outline", ()),
    ("star", N_("Star"), "star-outline", ("S",)),
    ("copy", N_("Copy"), "content-copy", ("Ctrl+C",)),
    ("reuse", N_("Use these settings"), "recycle-variant", ("R",)),
    ("compare", N_("Compare with the one before"), "compare", ("C",)),
    ("trash", N_("Move to trash"), "trash-can-outline", ("Del",)),
    ("info", N_("Information"), "information-outline", ("I",)),
    ("undo", N_("Undo"), "undo", ("Ctrl+Z",)),
    ("close", N_("Close"), "close", ("Esc", "F", "F11")),
)
"""id, title, icon and keys of all that can be done here, in the order of the bar."""

_ZOOMS = ("zoom_out", "zoom_in", "fit")


class Viewer(Translated, QWidget):
    """A window of its own over the whole screen. `reel` is what the arrows go through, from `row` on.

    locate(id): the thumbnail at hand, or None. output: what plays sounds, for tests.
    """

    reuseRequested = Signal(object)
    """The recipe whose settings are to be used again; the viewer has closed."""
    compareRequested = Signal(object, object)
    """Two picture assets."""
    closed = Signal(str)
    """Id of what was shown last."""

    def __init__(
        self,
        studio: Studio,
        reel: Reel,
        row: int,
        parent: QWidget | None = None,
        *,
        thumbnail: Callable[[str], QPixmap | None] = lambda _id: None,
        output: Output | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._studio, self._reel, self._row = studio, reel, row
        self._thumbnail = thumbnail
        self._asset: Asset | None = None
        self._former: Asset | None = None
        self._step = 1
        self._loader = PictureLoader(self)
        self._doing = AssetActions(studio, self)
        self._build(output)
        self._connect()
        self._show_row(row)

    # -- building
    def _build(self, output: Output | None) -> None:
        self.view = PictureView(self._loader)
        self.view.transform.largest_fit = LARGEST_FIT
        self.text = TextPage()
        self.sound = SoundPage(output)
        self.pages = QStackedWidget(self)
        for page in (self.view, self.text, self.sound):
            self.pages.addWidget(page)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.pages)
        self.acts: dict[str, QAction] = {}
        for id, title, name, keys in _COMMANDS:
            action = QAction(icon(name), "", self)
            action.setShortcuts([QKeySequence(key) for key in keys])
            self.tr_bind(action.setText, title)
            self.addAction(action)
            self.acts[id] = action
        self.acts["info"].setCheckable(True)
        self.head, self._title, self._place = self._build_head()
        self.bar, self._zoom = self._build_bar()
        self.info = self._build_info()
        self.toast = Toast(self)

    def _build_head(self) -> tuple[QFrame, ElidedLabel, QLabel]:
        frame = QFrame(self)
        frame.setProperty("role", "card")
        line = QHBoxLayout(frame)
        line.setContentsMargins(16, 6, 16, 6)
        line.setSpacing(12)
        title, place = ElidedLabel(frame), QLabel(frame)
        place.setProperty("role", "muted")
        line.addWidget(title, 1)
        line.addWidget(place)
        return frame, title, place

    def _build_bar(self) -> tuple[QFrame, QLabel]:
        frame = QFrame(self)
        frame.setProperty("role", "card")
        line = QHBoxLayout(frame)
        line.setContentsMargins(8, 4, 8, 4)
        line.setSpacing(2)
        self._zoom_parts: list[QWidget] = []
        zoom = QLabel(frame, alignment=Qt.AlignmentFlag.AlignCenter)
        zoom.setProperty("role", "muted")
        zoom.setMinimumWidth(48)
        self._zoom_parts.append(zoom)
        for id, action in self.acts.items():
            if id == "undo":
                continue
            button = QToolButton(frame)
            button.setDefaultAction(action)
            button.setIconSize(QSize(20, 20))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            self.tr_bind(_Tip(button, action), next(title for known, title, _, _ in _COMMANDS if known == id))
            line.addWidget(button)
            if id in _ZOOMS:
                self._zoom_parts.append(button)
            if id == "zoom_out":
                line.addWidget(zoom)
            if id in ("next", "fit", "copy", "compare"):
                line.addSpacing(8)
        return frame, zoom

    def _build_info(self) -> QScrollArea:
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setProperty("role", "list")
        body = QWidget()
        body.setProperty("role", "panel")
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        self._prompt = QLabel(wordWrap=True)
        self._prompt.setTextFormat(Qt.TextFormat.PlainText)
        self._notices = QLabel(wordWrap=True)
        self._notices.setTextFormat(Qt.TextFormat.PlainText)
        self._notices.setProperty("role", "muted")
        for label in (self._prompt, self._notices):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._facts = QFormLayout()
        self._facts.setHorizontalSpacing(12)
        self._facts.setVerticalSpacing(6)
        column.addWidget(self._prompt)
        column.addWidget(self._notices)
        column.addLayout(self._facts)
        column.addStretch(1)
        area.setWidget(body)
        area.hide()
        self.tr_bind(area.setAccessibleName, N_("Information"))
        return area

    def _connect(self) -> None:
        calls: dict[str, Callable[[], object]] = {
            "previous": lambda: self.step(-1),
            "next": lambda: self.step(1),
            "zoom_out": lambda: self.view.zoom_step(-1),
            "zoom_in": lambda: self.view.zoom_step(1),
            "fit": self.view.fit,
            "star": lambda: self._asset and self._doing.star([self._asset]),
            "copy": self._copy,
            "reuse": self._reuse,
            "compare": self._compare,
            "trash": lambda: self._asset and self._doing.trash([self._asset]),
            "undo": self.toast.take_back,
            "close": self.close,
        }
        for id, call in calls.items():
            self.acts[id].triggered.connect(lambda _on=False, call=call: call())
        self.acts["info"].toggled.connect(self._show_info)
        self.view.zoomChanged.connect(lambda _scale: self._show_zoom())
        self.view.doubleClicked.connect(self._toggle_zoom)
        self.view.shown.connect(lambda _key: self._read_neighbours())
        self._doing.undoOffered.connect(self.toast.show_undo)
        self._settle = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._settle.timeout.connect(self._follow)
        self._studio.assetsChanged.connect(self._changed)  # no lambda: it would outlive the window
        self._studio.projectClosed.connect(self.close)
        self._idle = QTimer(self, singleShot=True, interval=_IDLE_MS)
        self._idle.timeout.connect(self._hide_bars)
        for widget in (self, self.view, self.text, self.sound):
            widget.setMouseTracking(True)
            widget.installEventFilter(self)
        self._idle.start()

    # -- what is shown
    @property
    def asset(self) -> Asset | None:
        """What is on the screen."""
        return self._asset

    @property
    def row(self) -> int:
        """Its row in the reel."""
        return self._row

    def step(self, by: int) -> None:
        """The next (1) or the previous (-1); at an end it stays."""
        self._step = by
        row = self._row + by
        while 0 <= row < self._reel.count():
            if self._fresh(self._reel.asset(row)) is not None:
                self._former = self._asset
                self._show_row(row)
                return
            row += by

    def _fresh(self, asset: Asset | None) -> Asset | None:
        """The asset as it is now; None when it was deleted, or moved to the trash since the reel was made."""
        reader = self._studio.reader
        now = reader.asset(asset.id) if asset is not None and reader is not None else None
        return now if now is not None and asset is not None and (not now.trashed or asset.trashed) else None

    def _show_row(self, row: int) -> None:
        asset, reader = self._fresh(self._reel.asset(row)), self._studio.reader
        if asset is None or reader is None:
            return
        another = self._asset is None or asset.id != self._asset.id
        self._row, self._asset = row, asset
        if another:
            self.sound.leave()
            if asset.kind == "image":
                self.pages.setCurrentWidget(self.view)
                size = QSize(asset.width, asset.height)
                self.view.show_picture(asset.id, reader.path(asset), size, self._thumbnail(asset.id), keep_view=True)
                self.view.setFocus()
            elif asset.kind == "audio":
                self.pages.setCurrentWidget(self.sound)
                self.sound.show_asset(asset, reader)
                self.sound.wave.setFocus()
            else:
                self.pages.setCurrentWidget(self.text)
                self.text.show_asset(asset, reader)
                self.text.words.setFocus()
        self._sync()
        self.show_bars()

    def _sync(self) -> None:
        """Titles, actions and facts follow what is shown."""
        asset, reader = self._asset, self._studio.reader
        if asset is None or reader is None:
            return
        title = shown_title(asset)
        self.setWindowTitle(f"{title} — AIGC Studio")
        self._title.setText(title)
        count = self._reel.count()
        self._place.setText(f"{self._row + 1:,} / {count:,}" if count > 1 else "")
        recipe, writable = reader.recipe(asset.id), self._studio.info is not None and not self._studio.info.read_only
        picture = asset.kind == "image"
        for id in _ZOOMS:
            self.acts[id].setEnabled(picture)
        for part in self._zoom_parts:
            part.setVisible(picture)
        self.acts["previous"].setEnabled(self._row > 0)
        self.acts["next"].setEnabled(self._row + 1 < count)
        self.acts["star"].setEnabled(writable and not asset.trashed)
        self.acts["star"].setIcon(icon("star", "star") if asset.starred else icon("star-outline"))
        self.acts["trash"].setEnabled(writable and not asset.trashed)
        self.acts["reuse"].setEnabled(bool(recipe and recipe.get("request")))
        former = self._former
        self.acts["compare"].setEnabled(bool(picture and former and former.kind == "image" and former.id != asset.id))
        request = (recipe or {}).get("request") or {}
        self._prompt.setText(str(request.get("prompt", ""))[:4000] or title)
        said = notices(recipe)
        self._notices.setText("\n".join(said))
        self._notices.setVisible(bool(said))
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in dict.fromkeys([*asset_rows(asset), *recipe_rows(recipe)]):
            label, text = QLabel(name), QLabel(value[:400], wordWrap=True)
            label.setProperty("role", "muted")
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addRow(label, text)
        self._show_zoom()
        self._arrange()

    def _changed(self, _change: object) -> None:
        self._settle.start()

    def _follow(self) -> None:
        """Something in the project changed: find what is shown again, or go on to what took its place."""
        if self._asset is None or self._studio.reader is None:
            return
        now = self._studio.reader.asset(self._asset.id)
        if now is not None and now.trashed == self._asset.trashed:
            near = range(max(0, self._row - _SEARCHED), min(self._reel.count(), self._row + _SEARCHED))
            rows = [row for row in near if (asset := self._reel.asset(row)) and asset.id == now.id]
            self._asset, self._row = now, rows[0] if rows else self._row
            self._sync()
            return
        here = self._fresh(self._reel.asset(self._row))
        if here is not None and here.id != self._asset.id:
            self._show_row(self._row)
            return
        before = self._asset.id
        for by in (self._step, -self._step):
            self.step(by)
            if self._asset.id != before:
                return
        self.close()

    def _read_neighbours(self) -> None:
        reader = self._studio.reader
        for row in (self._row - self._step, self._row + self._step):  # the wanted one last: newer wishes come first
            asset = self._reel.asset(row) if 0 <= row < self._reel.count() else None
            if asset is not None and reader is not None and asset.kind == "image":
                self._loader.load(asset.id, reader.path(asset))

    def _show_zoom(self) -> None:
        picture = self._asset is not None and self._asset.kind == "image"
        self._zoom.setText(f"{self.view.transform.scale:.0%}" if picture else "")

    def retranslate(self) -> None:
        """Everything that is said, in the new language."""
        super().retranslate()
        self._sync()

    # -- doing
    def _toggle_zoom(self) -> None:
        """A double click: the whole picture, or pixel for pixel."""
        if self.view.transform.fitted:
            self.view.zoom(1.0 if self.view.transform.scale < 1 else 2.0)
        else:
            self.view.fit()

    def _copy(self) -> None:
        asset, reader = self._asset, self._studio.reader
        if asset is None or reader is None:
            return
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(reader.path(asset)))])
        if asset.kind == "text":
            data.setText(reader.text(asset.id))
        elif (picture := self.view.picture) is not None and asset.kind == "image":
            data.setImageData(picture.region(QRect(0, 0, picture.size.width(), picture.size.height())))
        QGuiApplication.clipboard().setMimeData(data)
        self.toast.show_undo(tr("Copied."), None)

    def _reuse(self) -> None:
        asset, reader = self._asset, self._studio.reader
        recipe = reader.recipe(asset.id) if asset is not None and reader is not None else None
        if recipe is not None:
            self.close()
            self.reuseRequested.emit(recipe)

    def _compare(self) -> None:
        if self._asset is not None and self._former is not None:
            self.compareRequested.emit(self._former, self._asset)

    def _show_info(self, on: bool) -> None:
        self.info.setVisible(on)
        self._column.setContentsMargins(0, 0, _INFO if on else 0, 0)
        self._arrange()

    # -- bars
    def show_bars(self) -> None:
        """Let title and buttons be seen for a while."""
        self.head.show()
        self.bar.show()
        self.view.unsetCursor()
        self._idle.start()

    def _hide_bars(self) -> None:
        """Only over a picture, and not while one of them is being used."""
        used = self.bar.underMouse() or self.head.underMouse() or self.bar.isAncestorOf(self.focusWidget() or self)
        if self.pages.currentWidget() is not self.view or used:
            return
        self.head.hide()
        self.bar.hide()
        if self.isActiveWindow() and self.view.underMouse():
            self.view.setCursor(Qt.CursorShape.BlankCursor)

    def _arrange(self) -> None:
        width, height = self.width(), self.height()
        room = 0 if self.info.isHidden() else _INFO
        self.head.setFixedWidth(min(640, width - 32 - room))
        self.head.adjustSize()
        self.head.move((width - room - self.head.width()) // 2, 16)
        self.bar.adjustSize()
        self.bar.move((width - room - self.bar.width()) // 2, height - self.bar.height() - 16)
        self.info.setGeometry(width - _INFO, 0, _INFO, height)
        for widget in (self.head, self.bar, self.info):
            widget.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The bars keep their places."""
        super().resizeEvent(event)
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The mouse moved: the bars are wanted."""
        if event.type() in (QEvent.Type.MouseMove, QEvent.Type.Wheel):
            self.show_bars()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go on where the page had no use for them; Space closes, as it opened; Home and End are the ends."""
        keys = {
            Qt.Key.Key_Left: lambda: self.step(-1),
            Qt.Key.Key_Up: lambda: self.step(-1),
            Qt.Key.Key_Right: lambda: self.step(1),
            Qt.Key.Key_Down: lambda: self.step(1),
            Qt.Key.Key_Home: lambda: self._show_row(0),
            Qt.Key.Key_End: lambda: self._show_row(self._reel.count() - 1),
            Qt.Key.Key_Space: self.close,
        }
        call = keys.get(Qt.Key(event.key()))
        if call is not None and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            call()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Silence, and no reading goes on."""
        self._idle.stop()
        self._settle.stop()
        self.sound.leave()
        self._loader.wait()
        super().closeEvent(event)
        self.closed.emit(self._asset.id if self._asset is not None else "")


class _Tip:
    """Sets a button's tool tip and accessible name: the title of its action with its first key."""

    def __init__(self, button: QToolButton, action: QAction) -> None:
        self.__self__, self._action = button, action

    def __call__(self, text: str) -> None:
        keys = self._action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        self.__self__.setToolTip(f"{text} ({keys})" if keys else text)
        self.__self__.setAccessibleName(text)
