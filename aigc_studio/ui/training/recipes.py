"""Choosing what to make: a list that opens from the form, and cards that say what each recipe is good for."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QStandardItem,
    QStandardItemModel,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from aigc_studio.core.i18n import N_, tr
from aigc_studio.engines.base import Family
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import icon, paint_icon
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.widgets.elided_combo import ElidedCombo

from .words import GROUPS, group_of, recipe_icon, recipes

__all__ = ["RecipeGallery", "RecipePicker"]

_CARD = (236, 92)
"""Least width and height of a card."""
_GAP = 12
_COLUMNS = 3


class RecipePicker(Translated, QWidget):
    """The chosen recipe with its sentence; the list has a heading for each group."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._families = {family.id: family for family in recipes()}
        self.combo = ElidedCombo(self)
        self.combo.setIconSize(QSize(18, 18))
        self.combo.setMaxVisibleItems(16)
        self.combo.setSizeAdjustPolicy(ElidedCombo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(8)
        self.tr_bind(self.combo.setAccessibleName, N_("What to make"))
        label = QLabel(self)
        label.setProperty("role", "label")
        label.setBuddy(self.combo)
        self.tr_bind(label.setText, N_("What to make"))
        self.about = QLabel(self, wordWrap=True)
        self.about.setProperty("role", "faint")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (label, self.combo, self.about):
            column.addWidget(widget)
        self.setFocusProxy(self.combo)
        self._fill()
        self.combo.currentIndexChanged.connect(self._chosen)

    @property
    def family(self) -> Family | None:
        """The chosen recipe; None where this version has none."""
        return self._families.get(self.combo.currentData() or "")

    def choose(self, id: str) -> bool:
        """Choose a recipe; False for one that is not here."""
        place = self.combo.findData(id) if id in self._families else -1
        if place >= 0:
            self.combo.setCurrentIndex(place)
        return place >= 0

    def retranslate(self) -> None:
        """Titles and headings."""
        super().retranslate()
        self._fill()

    def _fill(self) -> None:
        chosen = self.combo.currentData()
        model = QStandardItemModel(self.combo)
        for group, title in GROUPS.items():
            families = [family for family in self._families.values() if group_of(family) == group]
            if families:
                head = QStandardItem(tr(title))
                head.setFlags(Qt.ItemFlag.NoItemFlags)
                model.appendRow(head)
            for family in families:
                item = QStandardItem(icon(recipe_icon(family.id)), tr(family.title))
                item.setData(family.id, Qt.ItemDataRole.UserRole)
                item.setToolTip(tr(family.summary))
                model.appendRow(item)
        with QSignalBlocker(self.combo):
            self.combo.setModel(model)
            first = next((row for row in range(model.rowCount()) if model.item(row).data(Qt.ItemDataRole.UserRole)), -1)
            place = self.combo.findData(chosen) if chosen else -1
            self.combo.setCurrentIndex(place if place >= 0 else first)
        self._describe()

    def _chosen(self, _index: int) -> None:
        self._describe()
        self.changed.emit()

    def _describe(self) -> None:
        family = self.family
        self.combo.setToolTip(tr(family.title) if family is not None else "")
        self.about.setText(tr(family.summary) if family is not None else tr("This version has no recipes."))


class _Card(QAbstractButton):
    """Icon, title and the sentence, drawn; checked while its recipe is the chosen one."""

    def __init__(self, family: Family, parent: QWidget) -> None:
        super().__init__(parent)
        self.family = family
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(*_CARD)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.say()

    def say(self) -> None:
        """In the current language."""
        self.setText(tr(self.family.title))
        self.setAccessibleName(tr(self.family.title))
        self.setAccessibleDescription(tr(self.family.summary))
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """The sentence is as long as it is."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Room for title and sentence."""
        _title, words = self._places(width)
        return max(72, words.bottom() + 14)

    def _places(self, width: int) -> tuple[QRect, QRect]:
        """Where the title and the sentence stand in a card of this width."""
        room, wrap = max(40, width - 66), int(Qt.TextFlag.TextWordWrap)
        title = QFontMetrics(self._bold()).boundingRect(0, 0, room, 1000, wrap, self.text())
        words = QFontMetrics(self._small()).boundingRect(0, 0, room, 1000, wrap, tr(self.family.summary))
        first = QRect(52, 13, room, title.height())
        return first, QRect(52, first.bottom() + 5, room, words.height())

    def _bold(self) -> QFont:
        font = self.font()
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def _small(self) -> QFont:
        font = self.font()
        font.setPixelSize(12)
        return font

    def sizeHint(self) -> QSize:
        """As wide as it may be."""
        return QSize(_CARD[0], self.heightForWidth(max(_CARD[0], self.width())))

    def nextCheckState(self) -> None:
        """A click chooses; it never takes the choice back."""
        self.setChecked(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Card, icon, words."""
        theme = theme_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = self.rect().adjusted(1, 1, -1, -1)
        chosen, over = self.isChecked(), self.underMouse()
        painter.setBrush(theme.color("accent-soft" if chosen else "hover" if over else "panel"))
        line = "focus" if self.hasFocus() else "accent-line" if chosen else "line-strong" if over else "line"
        pen = painter.pen()
        pen.setColor(theme.color(line))
        pen.setWidthF(2.0 if self.hasFocus() else 1.0)
        painter.setPen(pen)
        painter.drawRoundedRect(frame, 8, 8)
        colour = "accent-text" if chosen else "icon"
        paint_icon(painter, QRect(frame.left() + 14, frame.top() + 14, 24, 24), recipe_icon(self.family.id), colour)
        title, words = self._places(self.width())
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop) | int(Qt.TextFlag.TextWordWrap)
        painter.setPen(theme.color("text"))
        painter.setFont(self._bold())
        painter.drawText(title, flags, self.text())
        painter.setFont(self._small())
        painter.setPen(theme.color("text-muted"))
        painter.drawText(words, flags, tr(self.family.summary))
        painter.end()


class RecipeGallery(Translated, QScrollArea):
    """All recipes as cards in as many columns as there is room for; arrow keys go through them."""

    chosen = Signal(str)
    """Id of a recipe that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.cards: dict[str, _Card] = {}
        self._columns = 0
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        title, text = QLabel(inside), QLabel(inside, wordWrap=True)
        title.setProperty("role", "title")
        text.setProperty("role", "muted")
        self.tr_bind(title.setText, N_("Make a model of your own"))
        self.tr_bind(
            text.setText,
            N_("Choose what to make, drop a folder of your pictures or texts here, and watch the model learn."),
        )
        column.addWidget(title)
        column.addWidget(text)
        self._grid = QGridLayout()
        self._grid.setSpacing(_GAP)
        self._groups: list[tuple[QLabel, list[_Card]]] = []
        for group, name in GROUPS.items():
            families = [family for family in recipes() if group_of(family) == group]
            if not families:
                continue
            head = QLabel(inside)
            head.setProperty("role", "section")
            head.setContentsMargins(0, 8, 0, 0)
            self.tr_bind(head.setText, name)
            cards = [_Card(family, inside) for family in families]
            for card in cards:
                card.installEventFilter(self)
                card.clicked.connect(lambda _on=False, id=card.family.id: self._clicked(id))
                self.cards[card.family.id] = card
            self._groups.append((head, cards))
        column.addLayout(self._grid)
        column.addStretch(1)
        self.setWidget(inside)
        self._arrange(1)

    def mark(self, id: str) -> None:
        """Show which recipe is the chosen one."""
        for name, card in self.cards.items():
            card.setChecked(name == id)

    def retranslate(self) -> None:
        """The cards draw their words."""
        super().retranslate()
        for card in self.cards.values():
            card.say()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as fit, three at most: sentences want to be read."""
        super().resizeEvent(event)
        room = self.viewport().width() - 48
        self._arrange(max(1, min(_COLUMNS, (room + _GAP) // (_CARD[0] + _GAP))))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys between the cards."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and isinstance(watched, _Card):
            keys = {
                Qt.Key.Key_Left: -1,
                Qt.Key.Key_Right: 1,
                Qt.Key.Key_Up: -self._columns,
                Qt.Key.Key_Down: self._columns,
            }
            step = keys.get(Qt.Key(event.key()), 0)
            if step:
                cards = list(self.cards.values())
                place = min(len(cards) - 1, max(0, cards.index(watched) + step))
                cards[place].setFocus(Qt.FocusReason.TabFocusReason)
                self.ensureWidgetVisible(cards[place])
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
                watched.click()
                return True
        return super().eventFilter(watched, event)

    def _clicked(self, id: str) -> None:
        self.mark(id)
        self.chosen.emit(id)

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        grid = self._grid
        while grid.takeAt(0) is not None:
            pass
        for number in range(_COLUMNS):
            grid.setColumnStretch(number, int(number < columns))
            grid.setColumnMinimumWidth(number, _CARD[0] if number < columns else 0)
        row = 0
        for head, cards in self._groups:
            grid.addWidget(head, row, 0, 1, columns)
            for place, card in enumerate(cards):
                grid.addWidget(card, row + 1 + place // columns, place % columns)
            row += 1 - (-len(cards) // columns)
