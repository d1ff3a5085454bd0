"""What is known of the chosen asset: picture, title, prompt, how it was made, what it came from and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QDateTime, QEvent, QLocale, QObject, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.assets import Asset
from aigc_studio.core.i18n import N_, current_language, tr
from aigc_studio.core.reader import ProjectReader
from aigc_studio.ui.canvas.pyramid import PictureLoader
from aigc_studio.ui.events import Notice
from aigc_studio.ui.history.words import model_title
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.viewer.picture_view import PictureView
from aigc_studio.ui.viewer.surface import LARGEST_FIT

from .model import shown_title
from .thumbnails import ThumbnailLoader

__all__ = ["AssetDetails", "duration_text", "size_text"]

_NARROW = 220
"""Least width in pixels."""

_LINEAGE_SHOWN = 5
_MARGIN = 16
_LARGEST_SHOWN = 1_000_000
_CHARACTERS_SHOWN = 600
_KINDS = {"image": N_("Picture"), "audio": N_("Recording"), "text": N_("Text"), "other": N_("File"), "mask": N_("Mask")}
_KIND_ICONS = {
    "image": "image-outline",
    "audio": "waveform",
    "text": "text-box-outline",
    "other": "file-outline",
    "mask": "select",
}


def duration_text(seconds: float) -> str:
    """1:05, or 1:02:03 from an hour on."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def size_text(count: int) -> str:
    """A file size as people read it."""
    return QLocale(current_language()).formattedDataSize(count, 1, QLocale.DataSizeFormat.DataSizeTraditionalFormat)


class AssetDetails(Translated, QScrollArea):
    """Shows one asset, or how many are chosen."""

    renamed = Signal(str, str)  # asset id, new title
    openRequested = Signal(object)  # Asset
    viewRequested = Signal()  # the picture was double-clicked
    titleLeft = Signal()  # typed, or given up: the keyboard may go back
    restoreRequested = Signal(object)  # an Asset that is in the trash
    jumpRequested = Signal(str)  # id of an asset of its lineage
    reuseRequested = Signal(object)  # the recipe

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._reader: ProjectReader | None = None
        self._asset: Asset | None = None
        self._recipe: dict[str, Any] | None = None
        self._count = 0
        self._viewed = ""
        """Id of the picture in `view`."""
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setProperty("role", "panel")
        self._build()
        loader.ready.connect(self._thumbnail_ready)
        self.show_nothing()

    def _build(self) -> None:
        body = QWidget()
        body.setProperty("role", "panel")
        layout = QVBoxLayout(body)
        layout.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        layout.setSpacing(12)
        self._hint = QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
        self._hint.setProperty("role", "muted")
        self._picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True, margin=8)
        self._picture.setTextFormat(Qt.TextFormat.PlainText)
        self._picture.setMinimumSize(1, 160)  # the picture follows the column's width, not the other way round
        self._picture.setProperty("role", "sunken")
        self.loader = PictureLoader(self)
        self.view = PictureView(self.loader, lazy=True)
        self.view.background = "sunken"
        self.view.transform.largest_fit = LARGEST_FIT
        self.tr_bind(self.view.setToolTip, "Turn the wheel to zoom, double-click for the whole screen.")
        self.view.doubleClicked.connect(self.viewRequested)
        self._title = QLineEdit()
        self._title.editingFinished.connect(self._rename)
        self._title.returnPressed.connect(self.titleLeft)
        self.tr_bind(self._title.setAccessibleName, "Title")
        self.tr_bind(self._title.setPlaceholderText, "Untitled")
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self._title)
        leave.setContext(Qt.ShortcutContext.WidgetShortcut)
        leave.activated.connect(self._leave_title)
        self._open = QPushButton()
        self._open.setProperty("role", "primary")
        self._open.clicked.connect(self._opened)
        self._reuse = QPushButton()
        self.tr_bind(self._reuse.setText, "Use these settings")
        self._reuse.clicked.connect(lambda: self._recipe and self.reuseRequested.emit(self._recipe))
        self._folder = QToolButton()
        self._folder.setIcon(icon("folder-open-outline"))
        self.tr_bind(self._folder.setToolTip, "Show in folder")
        self.tr_bind(self._folder.setAccessibleName, "Show in folder")
        self._folder.clicked.connect(self._show_in_folder)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for widget, stretch in ((self._open, 1), (self._reuse, 1), (self._folder, 0)):
            buttons.addWidget(widget, stretch)
        self._facts = QFormLayout()
        self._facts.setHorizontalSpacing(12)
        self._facts.setVerticalSpacing(6)
        self._facts.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._prompt_title, self._prompt = self._section(N_("Prompt"))
        self._prompt.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._copy = QToolButton()
        self._copy.setIcon(icon("content-copy"))
        self.tr_bind(self._copy.setToolTip, "Copy the prompt")
        self.tr_bind(self._copy.setAccessibleName, "Copy the prompt")
        self._copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._prompt.text()))
        prompt_line = QHBoxLayout()
        prompt_line.addWidget(self._prompt_title, 1)
        prompt_line.addWidget(self._copy)
        self._from_title, _ = self._section(N_("Made from"))
        self._to_title, _ = self._section(N_("What came of it"))
        self._from, self._to = QHBoxLayout(), QHBoxLayout()
        layout.addWidget(self._hint)
        self._several = QHBoxLayout()
        layout.addLayout(self._several)
        layout.addWidget(self._picture)
        layout.addWidget(self.view)
        layout.addWidget(self._title)
        layout.addLayout(buttons)
        layout.addLayout(self._facts)
        layout.addLayout(prompt_line)
        layout.addWidget(self._prompt)
        for title, line in ((self._from_title, self._from), (self._to_title, self._to)):
            line.setSpacing(6)
            layout.addWidget(title)
            layout.addLayout(line)
        layout.addStretch(1)
        self.setWidget(body)

    def offer(self, action: QAction) -> None:
        """A button for what can be done with several chosen assets, shown while it can."""
        button = QPushButton()
        button.clicked.connect(action.trigger)

        def show() -> None:
            button.setText(action.text())
            button.setVisible(action.isEnabled())

        action.changed.connect(show)
        self._several.addStretch(1)
        self._several.addWidget(button)
        self._several.addStretch(1)
        show()

    def _section(self, title: str) -> tuple[QLabel, QLabel]:
        label = QLabel()
        label.setProperty("role", "section")
        self.tr_bind(label.setText, title)
        return label, QLabel(wordWrap=True)

    def set_reader(self, reader: ProjectReader | None) -> None:
        """Read from another project, or none."""
        self._reader = reader
        self.loader.wait()
        self.loader.forget()
        self.show_nothing()

    @property
    def asset(self) -> Asset | None:
        """What is shown."""
        return self._asset

    def edit_title(self) -> None:
        """Let the person type another title."""
        self._title.setFocus()
        self._title.selectAll()

    def show_nothing(self, count: int = 0) -> None:
        """Nothing chosen, or `count` assets."""
        self._asset, self._recipe, self._count = None, None, count
        self._viewed = ""
        self.view.show_nothing()
        self._fill()

    def show_asset(self, asset: Asset) -> None:
        """Show one asset."""
        self._asset, self._count = asset, 1
        self._recipe = self._reader.recipe(asset.id) if self._reader else None
        self._fill()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As wide as its buttons need, in every language: nothing can be scrolled sideways here."""
        inside = self.widget()
        if event.type() == QEvent.Type.LayoutRequest and inside is not None and watched is inside:
            self.setMinimumWidth(max(_NARROW, inside.minimumSizeHint().width()))
        return super().eventFilter(watched, event)

    def retranslate(self) -> None:
        """Labels and facts in the new language."""
        super().retranslate()
        self._fill()

    def _fill(self) -> None:
        asset = self._asset
        request = (self._recipe or {}).get("request") or {}
        self._hint.setVisible(asset is None)
        self._hint.setText(
            tr("{count} assets chosen", count=self._count)
            if self._count > 1
            else tr("Choose an asset to see how it was made.")
        )
        for widget in (self._title, self._open, self._folder):
            widget.setVisible(asset is not None)
        self._picture.setVisible(asset is not None and asset.kind != "image")
        self.view.setVisible(asset is not None and asset.kind == "image")
        self._reuse.setVisible(bool(request))
        prompt = str(request.get("prompt", ""))
        trained = request.get("kind") == "training"
        self.tr_bind(self._prompt_title.setText, N_("Name of the model") if trained else N_("Prompt"))
        for widget in (self._prompt_title, self._prompt, self._copy):
            widget.setVisible(bool(prompt))
        self._prompt.setText(prompt[:4000])
        while self._facts.rowCount():
            self._facts.removeRow(0)
        parents = self._reader.parents(asset.id) if asset and self._reader else []
        children = self._reader.children(asset.id) if asset and self._reader else []
        self._lineage(self._from_title, self._from, parents)
        self._lineage(self._to_title, self._to, children)
        if asset is None:
            return
        self._title.setText(asset.title)
        self._title.setCursorPosition(0)
        self._title.setReadOnly(asset.trashed)
        self._open.setText(tr("Put back") if asset.trashed else tr("Open"))
        self._show_picture()
        for name, value in self._fact_rows(asset, request):
            label, text = QLabel(name), QLabel(value, wordWrap=True)
            label.setProperty("role", "muted")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addRow(label, text)

    def _fact_rows(self, asset: Asset, request: dict[str, Any]) -> list[tuple[str, str]]:
        locale = QLocale(current_language())
        created = QDateTime.fromSecsSinceEpoch(int(asset.created))
        rows = [(tr("Kind"), tr(_KINDS.get(asset.kind, asset.kind)))]
        if asset.width and asset.height:
            rows.append((tr("Size"), f"{asset.width} × {asset.height} px"))
        if asset.seconds:
            rows.append((tr("Length"), duration_text(asset.seconds)))
        rows.append((tr("File"), size_text(asset.bytes)))
        rows.append((tr("Created"), locale.toString(created, QLocale.FormatType.ShortFormat)))
        if request:
            rows.append((tr("Made with"), model_title(str(request.get("family", "")), str(request.get("model", "")))))
            rows.append((tr("Seed"), str((self._recipe or {}).get("seed", request.get("seed", "")))))
            rows.append((tr("Origin"), tr("AI-generated")))
            if notices := Notice.of_recipe(self._recipe):
                rows.append((tr("Notes##of a job"), "\n".join(notice.words() for notice in notices)))
        elif asset.origin == "imported":
            rows.append((tr("Origin"), tr("Imported")))
        return rows

    def _lineage(self, title: QLabel, line: QHBoxLayout, ids: list[str]) -> None:
        while (item := line.takeAt(0)) is not None:
            if widget := item.widget():
                widget.deleteLater()
        title.setVisible(bool(ids))
        for id in ids[:_LINEAGE_SHOWN]:
            other = self._reader.asset(id) if self._reader else None
            if other is None:
                continue
            button = QToolButton()
            button.setIconSize(QSize(40, 40))
            pixmap = self._loader.pixmap(id)
            button.setIcon(
                icon(_KIND_ICONS.get(other.kind, "file-outline")) if pixmap is None or pixmap.isNull() else pixmap
            )
            button.setProperty("asset", id)
            button.setToolTip(shown_title(other))
            button.setAccessibleName(shown_title(other))
            button.clicked.connect(self._jump(id))
            line.addWidget(button)
        line.addStretch(1)

    def _jump(self, id: str) -> Callable[[], None]:
        return lambda: self.jumpRequested.emit(id)

    def _show_picture(self) -> None:
        asset = self._asset
        if asset is None:
            return
        if asset.kind == "text" and self._reader and asset.bytes < _LARGEST_SHOWN:
            self._picture.setText(self._reader.text(asset.id).strip()[:_CHARACTERS_SHOWN])
            return
        if asset.kind == "image" and self._reader:
            side = max(64, self.viewport().width() - 2 * _MARGIN)
            shape = asset.height / asset.width if asset.width else 1.0
            self.view.setFixedHeight(round(max(120, min(side * shape + 8, side * 1.25))))
            pixmap = self._loader.pixmap(asset.id)
            if self._viewed != asset.id:
                self._viewed = asset.id
                self.view.show_picture(asset.id, self._reader.path(asset), QSize(asset.width, asset.height), pixmap)
            elif pixmap is not None:
                self.view.set_thumbnail(asset.id, pixmap)
            return
        pixmap = icon(_KIND_ICONS.get(asset.kind, "file-outline")).pixmap(QSize(64, 64))
        self._picture.setPixmap(pixmap)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The picture follows the width."""
        super().resizeEvent(event)
        self._show_picture()

    def _thumbnail_ready(self, id: str) -> None:
        if self._asset and self._asset.id == id:
            self._show_picture()
        for line in (self._from, self._to):
            for place in range(line.count()):
                item = line.itemAt(place)
                button = item.widget() if item else None
                if (
                    isinstance(button, QToolButton)
                    and button.property("asset") == id
                    and (pixmap := self._loader.pixmap(id))
                    and not pixmap.isNull()
                ):
                    button.setIcon(pixmap)

    def _rename(self) -> None:
        asset, title = self._asset, self._title.text().strip()
        if asset is None or title == asset.title:
            return
        if title:
            self.renamed.emit(asset.id, title)
        else:
            self._title.setText(asset.title)

    def _opened(self) -> None:
        """The first button: opens, or puts back what is in the trash."""
        if self._asset is not None:
            (self.restoreRequested if self._asset.trashed else self.openRequested).emit(self._asset)

    def _leave_title(self) -> None:
        """Esc: the title stays what it was."""
        if self._asset is not None:
            self._title.setText(self._asset.title)
        self.titleLeft.emit()

    def _show_in_folder(self) -> None:
        if self._asset and self._reader:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._reader.path(self._asset).parent)))
