"""What came from what, as a tree: ancestors above, descendants below, lines between them, the keyboard goes along."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QScrollArea, QToolButton, QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.core.generations import Lineage, Link
from aigc_studio.core.i18n import N_, tr
from aigc_studio.ui.assets.model import shown_title
from aigc_studio.ui.assets.thumbnails import ThumbnailLoader
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.icons import paint_icon
from aigc_studio.ui.theme import theme_of

__all__ = ["LineageView", "arranged"]

_NODE = 72
_ACROSS = 92
_DOWN = 124
_EDGE = 20
_SIGNS = {"image": "image-outline", "audio": "waveform", "text": "text-box-outline"}
_TASKS = {"inpaint": N_("changed part"), "variation": N_("variation"), "generate": N_("made with it")}


def arranged(levels: Mapping[str, int], links: tuple[Link, ...]) -> dict[str, tuple[int, int]]:
    """(column, line) of each node: a line for each level, those above one another that belong together."""
    near: dict[str, list[str]] = {}
    for link in links:
        near.setdefault(link.child, []).append(link.parent)
        near.setdefault(link.parent, []).append(link.child)
    lines: dict[int, list[str]] = {}
    for id, level in levels.items():
        lines.setdefault(level, []).append(id)
    places: dict[str, tuple[int, int]] = {}
    first = min(lines)
    for level in sorted(lines, key=lambda level: (abs(level), level)):
        known = {id: [places[other][0] for other in near.get(id, ()) if other in places] for id in lines[level]}
        order = sorted(
            lines[level], key=lambda id: (sum(known[id]) / len(known[id]) if known[id] else 0.0, lines[level].index(id))
        )
        for column, id in enumerate(order):
            places[id] = (column, level - first)
    return places


class _Node(QToolButton):
    """One asset of the tree."""

    def __init__(self, view: LineageView, id: str, asset: Asset | None, central: bool) -> None:
        super().__init__(view.board)
        self._view, self.id, self.asset, self.central = view, id, asset, central
        self.setFixedSize(_NODE, _NODE)
        name = shown_title(asset) if asset is not None else tr("Deleted")
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setEnabled(asset is not None)
        self.clicked.connect(lambda: view.chosen.emit(self.asset))
        self.installEventFilter(view)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A thumbnail; dim in the trash, a frame where the keyboard is."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        theme, rect = theme_of(self), self.rect().adjusted(2, 2, -2, -2)
        path = QPainterPath()
        path.addRoundedRect(QRectF(rect), 6, 6)
        painter.fillPath(path, theme.color("sunken"))
        painter.save()
        painter.setClipPath(path)
        if self.asset is not None and self.asset.trashed:
            painter.setOpacity(0.4)
        pixmap = self._view.loader.pixmap(self.id) if self.asset is not None and self.asset.kind == "image" else None
        if pixmap is not None and not pixmap.isNull():
            target = QRect(
                QPoint(0, 0), pixmap.size().scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
            )
            target.moveCenter(rect.center())
            painter.drawPixmap(target, pixmap)
        else:
            sign = "image-off-outline" if self.asset is None else _SIGNS.get(self.asset.kind, "file-outline")
            side = QRect(0, 0, 24, 24)
            side.moveCenter(rect.center())
            paint_icon(painter, side, sign, "text-faint")
        painter.restore()
        color = "focus" if self.hasFocus() else "accent" if self.central else "line-strong"
        painter.setPen(QPen(theme.color(color), 3 if self.hasFocus() or self.central else 1))
        painter.drawRoundedRect(QRectF(rect), 6, 6)
        painter.end()


class _Board(QWidget):
    """Where the nodes stand; it draws the lines between them."""

    def __init__(self, view: LineageView) -> None:
        super().__init__()
        self._view = view
        self.setProperty("role", "panel")

    def paintEvent(self, event: QPaintEvent) -> None:
        """Curves from the lower edge of a parent to the upper edge of its child, and what was done."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = theme_of(self)
        painter.fillRect(event.rect(), theme.color("panel"))
        small = QFont(self.font())
        small.setPixelSize(11)
        painter.setFont(small)
        said: set[str] = set()
        for link in self._view.lineage.links if self._view.lineage is not None else ():
            parent, child = self._view.nodes.get(link.parent), self._view.nodes.get(link.child)
            if parent is None or child is None or parent is child:
                continue
            self._line(painter, parent, child, theme.color("line-strong"))
            if link.child not in said and link.task in _TASKS:
                said.add(link.child)
                room = QRectF(child.x() - 10, child.y() - 20, _NODE + 20, 16)
                text = tr(_TASKS[link.task])
                width = painter.fontMetrics().horizontalAdvance(text) + 8
                back = QRectF(room.center().x() - width / 2, room.top(), width, room.height())
                painter.fillRect(back, theme.color("panel"))
                painter.setPen(theme.color("text-faint"))
                painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def _line(self, painter: QPainter, parent: QWidget, child: QWidget, color: QColor) -> None:
        start = QPointF(parent.x() + _NODE / 2, parent.y() + _NODE)
        end = QPointF(child.x() + _NODE / 2, child.y())
        bend = max(20.0, (end.y() - start.y()) / 2)
        path = QPainterPath(start)
        path.cubicTo(start + QPointF(0, bend), end - QPointF(0, bend), end)
        painter.setPen(QPen(color, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)


class LineageView(Translated, QScrollArea):
    """Shows a `Lineage`. Arrows go from node to node, Enter or a click chooses one."""

    chosen = Signal(object)
    """An Asset."""

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loader = loader
        self.lineage: Lineage | None = None
        self.nodes: dict[str, _Node] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._central = ""
        self.board = _Board(self)
        self.setWidget(self.board)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the nodes take the keyboard
        self.setProperty("role", "panel")
        self.tr_bind(self.setAccessibleName, N_("Lineage"))
        loader.ready.connect(self._thumbnail_ready)
        theme_of(self).changed.connect(self.board.update)

    def show_lineage(self, lineage: Lineage | None, central: str = "") -> None:
        """Another tree, or none. central: id of the asset it is about."""
        if lineage == self.lineage and central == self._central:
            return
        for node in self.nodes.values():
            node.hide()
            node.deleteLater()
        self.nodes, self.lineage, self._central = {}, lineage, central
        self._places = arranged(lineage.levels, lineage.links) if lineage is not None and lineage.levels else {}
        if lineage is not None:
            for id in sorted(self._places, key=lambda id: (self._places[id][1], self._places[id][0])):
                node = self.nodes[id] = _Node(self, id, lineage.assets.get(id), id == central)
                node.show()
        self._arrange()

    def _arrange(self) -> None:
        width = self.viewport().width()
        counts: dict[int, int] = {}
        for _, line in self._places.values():
            counts[line] = counts.get(line, 0) + 1
        widest = max(counts.values(), default=1) * _ACROSS - (_ACROSS - _NODE) + 2 * _EDGE
        lines = max(counts, default=0) + 1
        self.board.resize(QSize(max(width, widest), max(self.viewport().height(), lines * _DOWN + 2 * _EDGE)))
        for id, (column, line) in self._places.items():
            length = counts[line] * _ACROSS - (_ACROSS - _NODE)
            left = (self.board.width() - length) // 2 + column * _ACROSS
            self.nodes[id].move(left, _EDGE + 16 + line * _DOWN)
        self.board.update()
        if (node := self.nodes.get(self._central)) is not None:
            self.ensureWidgetVisible(node, 40, 60)

    def _thumbnail_ready(self, id: str) -> None:
        if (node := self.nodes.get(id)) is not None:
            node.update()

    def resizeEvent(self, event) -> None:  # noqa: ANN001  Qt's signature
        """Keep the tree in the middle."""
        super().resizeEvent(event)
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrows of a node."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and isinstance(watched, _Node):
            step = {
                Qt.Key.Key_Left: (-1, 0),
                Qt.Key.Key_Right: (1, 0),
                Qt.Key.Key_Up: (0, -1),
                Qt.Key.Key_Down: (0, 1),
            }.get(Qt.Key(event.key()))
            if step is not None:
                self._go(watched, *step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                watched.click()
                return True
        if isinstance(watched, _Node) and event.type() == QEvent.Type.FocusIn:
            self.ensureWidgetVisible(watched)
        return super().eventFilter(watched, event)

    def _go(self, node: _Node, across: int, down: int) -> None:
        """To the neighbour in the line, or the nearest in the next one."""
        line = self._places[node.id][1] + down
        there = [other for other in self.nodes.values() if self._places[other.id][1] == line and other.isEnabled()]
        if across:
            there = [other for other in there if (other.x() - node.x()) * across > 0]
        if there:
            min(there, key=lambda other: abs(other.x() - node.x())).setFocus(Qt.FocusReason.TabFocusReason)
