"""What a run has come to: figures in words, suspicious pairs side by side, texts before and after, the model's card."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QFont,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextTable,
)
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.widgets.elided_label import ElidedLabel
from aigc_studio.ui.widgets.empty_state import EmptyState

from .figure_words import Row, rows_of
from .results import NearPair, Results

__all__ = ["FiguresView", "follow"]

_PAIRS = 6
_TEXTS = 4
_CARD_WIDTH = 760
_HEADINGS = {1: 17, 2: 14}
_TEXT_PX = 13
_SHEET_PX = 420


class _Table(QWidget):
    """Title and meaning on the left, value and what it is read beside on the right."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)

    def show_rows(self, rows: list[Row]) -> None:
        """Show these."""
        if rows == self.rows:
            return
        self.rows = rows
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for line, row in enumerate(rows):
            self._grid.addWidget(_words(self, row.title, row.about), line, 0)
            value = _words(self, row.value, row.beside, right=True)
            self._grid.addWidget(value, line, 1)


def _words(parent: QWidget, first: str, second: str, *, right: bool = False) -> QWidget:
    """A word and what is said about it, below it."""
    holder = QWidget(parent)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 2, 0, 2)
    column.setSpacing(0)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    for text, role in ((first, "" if not right else "heading"), (second, "faint")):
        if text:
            label = QLabel(text, holder, alignment=side | Qt.AlignmentFlag.AlignVCenter)
            label.setProperty("role", role)
            label.setWordWrap(not right)
            label.setTextFormat(Qt.TextFormat.PlainText)
            column.addWidget(label)
    column.addStretch(1)
    return holder


class _Pictures(QWidget):
    """Two pictures beside each other, each in its square."""

    def __init__(self, pictures: Sequence[QImage], parent: QWidget) -> None:
        super().__init__(parent)
        self._pictures = pictures
        self.setFixedSize(2 * 128 + 8, 128)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Whole pictures, none cut."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for place, picture in enumerate(self._pictures):
            room = QRect(place * 136, 0, 128, 128)
            size = picture.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(room.center())
            painter.fillRect(QRectF(room), theme_of(self).color("sunken"))
            painter.drawImage(target, picture)
        painter.end()


def follow(link: QUrl) -> None:
    """Open a link of a card in the browser; a link to a file could start anything."""
    if link.scheme() in ("http", "https"):
        QDesktopServices.openUrl(link)


class _Card(QTextBrowser):
    """A model's card as it is read, its picture from memory, as high as its text."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("role", "document")
        self.setOpenLinks(False)
        self.anchorClicked.connect(follow)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._sheet = QImage()
        self._text = ""
        self.document().contentsChanged.connect(self._fit)

    def show_card(self, text: str, sheet: QImage) -> None:
        """Markdown, and the picture that it calls samples.png."""
        if text != self._text or sheet.cacheKey() != self._sheet.cacheKey():
            self._text, self._sheet = text, sheet
            self._set()

    def loadResource(self, type: int, name: QUrl | str) -> object:  # noqa: A002  Qt's name
        """Pictures from memory alone: nothing is fetched, and nothing is read from the disk here."""
        url = name if isinstance(name, QUrl) else QUrl(name)
        if type == QTextDocument.ResourceType.ImageResource.value and url.fileName() == "samples.png":
            width = min(self._sheet.width(), _SHEET_PX)
            return self._sheet.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation) if width else QImage()
        return None

    def resizeEvent(self, event) -> None:  # noqa: ANN001  QResizeEvent
        """As high as all of it."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Links have the theme's colour when they are read anew."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_text"):
            self._set()

    def _set(self) -> None:
        document = self.document()
        document.clear()
        font = self.font()
        font.setPixelSize(_TEXT_PX)  # smaller than what is written here
        document.setDefaultFont(font)
        self.setMarkdown(self._text)
        for frame in document.rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                _quiet(frame)
        block = document.begin()
        while block.isValid():
            if level := block.blockFormat().headingLevel():
                cursor = QTextCursor(block)
                cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
                letters = QTextCharFormat()
                letters.setProperty(QTextFormat.Property.FontPixelSize, _HEADINGS.get(level, _TEXT_PX))
                letters.setFontWeight(QFont.Weight.DemiBold)
                cursor.mergeCharFormat(letters)
                space = block.blockFormat()
                space.setTopMargin(10)
                space.setBottomMargin(4)
                cursor.setBlockFormat(space)
            block = block.next()
        self._fit()

    def _fit(self) -> None:
        self.document().setTextWidth(self.viewport().width())
        height = round(self.document().size().height()) + 8
        if height != self.height():
            self.setFixedHeight(height)


def _quiet(table: QTextTable) -> None:
    """A table without lines, and without the empty head that Markdown asks for."""
    empty = all(
        not table.cellAt(0, column).firstCursorPosition().block().text().strip() for column in range(table.columns())
    )
    if empty and table.rows() > 1:
        table.removeRows(0, 1)
    look = table.format()
    look.setBorder(0)
    look.setCellPadding(3)
    look.setCellSpacing(0)
    look.setBottomMargin(8)
    table.setFormat(look)


class FiguresView(Translated, QWidget):
    """Give it `show_results`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.results = Results()
        self._running = False
        self.table = _Table(self)
        self.pairs = QWidget(self)
        self._pair_grid = QVBoxLayout(self.pairs)
        self.texts = QWidget(self)
        self._text_grid = QGridLayout(self.texts)
        for layout in (self._pair_grid, self._text_grid):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(12)
        self.card = _Card(self)
        self.folder = QPushButton(self, autoDefault=False)
        self.folder.setIcon(icon("folder-eye-outline"))
        self.tr_bind(self.folder.setText, N_("Show the model's folder"))
        self.folder.clicked.connect(self.open_folder)
        self.path = ElidedLabel(self)
        self.path.setProperty("role", "faint")
        self.path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._sections: dict[QWidget, QLabel] = {}
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        model = QHBoxLayout()
        model.setSpacing(12)
        model.addWidget(self.folder)
        model.addWidget(self.path, 1)
        column.addLayout(model)
        for title, part in (
            (N_("Measured"), self.table),
            (N_("Nearest to the data"), self.pairs),
            (N_("The same prompts before and after"), self.texts),
            (N_("Model card"), self.card),
        ):
            label = QLabel(inside)
            label.setProperty("role", "section")
            self.tr_bind(label.setText, title)
            label.setContentsMargins(0, 8, 0, 0)
            self._sections[part] = label
            column.addWidget(label)
            column.addWidget(part)
        column.addStretch(1)
        inside.setMaximumWidth(_CARD_WIDTH)
        self.area = QScrollArea(self, widgetResizable=True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tr_bind(self.area.setAccessibleName, N_("Results"))
        self.area.setWidget(inside)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.empty = EmptyState("clipboard-text-outline", "", "")
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.area)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)
        self.setFocusProxy(self.area)
        self._say()

    def show_results(self, results: Results, *, running: bool = False) -> None:
        """A run as it was read. running: whether it goes on."""
        other = results.pairs != self.results.pairs or (results.before, results.after) != (
            self.results.before,
            self.results.after,
        )
        self.results, self._running = results, running
        if other:
            self._fill()
        self._say()

    def open_folder(self) -> None:
        """In the system's file manager."""
        if self.results.model is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.results.model)))

    def retranslate(self) -> None:
        """Figures and pairs, too."""
        super().retranslate()
        if hasattr(self, "stack"):
            self._fill()
            self._say()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Home and End; the other keys are the scroll area's own."""
        bar = self.area.verticalScrollBar()
        ends = {Qt.Key.Key_Home: bar.minimum(), Qt.Key.Key_End: bar.maximum()}
        if event.key() in ends and not event.modifiers():
            bar.setValue(ends[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _say(self) -> None:
        results = self.results
        rows = rows_of(results.figures)
        there = {
            self.table: bool(rows),
            self.pairs: bool(results.pairs),
            self.texts: bool(results.after),
            self.card: bool(results.card),
        }
        self.stack.setCurrentIndex(1 if any(there.values()) else 0)
        for part, shown in there.items():
            part.setVisible(shown)
            self._sections[part].setVisible(shown)
        self.table.show_rows(rows)
        if results.card:
            self.card.show_card(results.card, results.sheet)
        self.folder.setVisible(results.model is not None)
        self.path.setText(str(results.model or ""))
        if self._running:
            text = N_("When the training ends, the model is measured and written; what it is worth is said here.")
            self.empty.set_text(N_("No results yet"), text)
        else:
            self.empty.set_text(N_("No results"), N_("This training has not made a model."))

    def _fill(self) -> None:
        """Pairs and texts."""
        for layout in (self._pair_grid, self._text_grid):
            while (item := layout.takeAt(0)) is not None:
                if (widget := item.widget()) is not None:
                    widget.hide()
                    widget.deleteLater()
        for pair in self.results.pairs[:_PAIRS]:
            self._pair_grid.addWidget(self._pair(pair))
        before, after = self.results.before, self.results.after
        for line, text in enumerate(after[:_TEXTS]):
            for place, words in enumerate((before[line] if line < len(before) else "", text)):
                if words or before:
                    title = tr("After") if place else tr("Before")
                    self._text_grid.addWidget(self._text(title, words), line, place)

    def _pair(self, pair: NearPair) -> QWidget:
        holder = QWidget(self.pairs)
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(12)
        line.addWidget(_Pictures((pair.sample, pair.training), holder))
        words = [tr("A sample, and the learned picture nearest to it: {file}", file=pair.source or "—")]
        if pair.share is not None:
            share = f"{100 * pair.share:.0f}" if pair.share >= 0.005 else "<1"
            if self.results.usual == "held out":
                words.append(tr("{share} % of held-out pictures come as near.", share=share))
            else:
                words.append(tr("{share} % of the data's own pictures come as near to another one.", share=share))
        label = QLabel("\n".join(words), holder)
        label.setProperty("role", "muted")
        label.setWordWrap(True)
        line.addWidget(label, 1)
        return holder

    def _text(self, title: str, words: str) -> QWidget:
        card = QFrame(self.texts)
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(12, 8, 12, 8)
        head = QLabel(title, card)
        head.setProperty("role", "label")
        column.addWidget(head)
        label = QLabel(words[:800] or "—", card)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(label)
        column.addStretch(1)
        return card

    def sizeHint(self) -> QSize:
        """It scrolls."""
        return QSize(480, 320)
