"""How a job is drawn: its picture, its prompt, how it stands, a progress bar, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QHelpEvent, QMouseEvent, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QToolTip

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.ui.history.words import model_title, title_of
from aigc_studio.ui.icons import paint_icon
from aigc_studio.ui.theme import theme_of
from aigc_studio.ui.widgets.job_bar import progress_text

from .less_memory import LESS_MEMORY, can_use_less
from .model import STATE_TITLES, JobModel

__all__ = ["BUTTONS", "JobDelegate"]

ROW = 76
_PICTURE = 52
_BUTTON = 28
_KIND_ICONS = {
    "image": "image-outline",
    "speech": "microphone-outline",
    "text": "text-box-outline",
    "training": "school-outline",
    "captions": "closed-caption-outline",
}
_STATE_COLORS = {JobState.RUNNING: "accent-text", JobState.FAILED: "danger", JobState.DONE: "success"}

BUTTONS = {
    "pause": ("pause", N_("Pause")),
    "resume": ("play", N_("Go on")),
    "cancel": ("close", N_("Cancel")),
    "retry": ("refresh", N_("Try again")),
    "less": ("memory", LESS_MEMORY),
    "show": ("arrow-top-right", N_("Show the result")),
}
"""What a row's buttons do: icon and title."""


def buttons_of(job: Job) -> tuple[str, ...]:
    """The buttons of a job in its state, from left to right."""
    match job.state:
        case JobState.RUNNING | JobState.PENDING:
            return ("pause", "cancel")
        case JobState.PAUSED:
            return ("resume", "cancel")
        case JobState.DONE:
            return ("show",)
        case _:
            again = ("less", "retry") if can_use_less(job) else ("retry",)
            return (*again, "show") if job.done else again


class JobDelegate(QStyledItemDelegate):
    """`pressed(action, job id)` for a click on a button. picture(job): a pixmap, or None for the icon of its kind."""

    pressed = Signal(str, str)

    def __init__(
        self, progress: Callable[[str], object], picture: Callable[[Job], QPixmap | None], view: QAbstractItemView
    ) -> None:
        super().__init__(view)
        self._progress, self._picture, self._view = progress, picture, view
        view.setMouseTracking(True)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """All rows are alike."""
        return QSize(320, ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one job."""
        job: Job = index.data(JobModel.JobRole)
        theme = theme_of(self._view)
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        card = QRectF(rect).adjusted(4.5, 2.5, -4.5, -2.5)
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        painter.setBrush(theme.color("accent-soft" if chosen else "panel"))
        painter.setPen(theme.color("focus" if focused else "accent-line" if chosen else "line"))
        painter.drawRoundedRect(card, 8, 8)
        self._paint_picture(painter, job, QRectF(card.left() + 12, card.top() + 9, _PICTURE, _PICTURE))
        right = rect.right() - 16 - len(buttons_of(job)) * (_BUTTON + 4)
        left = rect.left() + 16 + _PICTURE + 14
        words = QRect(left, rect.top() + 14, max(0, right - left - 8), 20)
        font = QFont(painter.font())
        painter.setPen(theme.color("text"))
        prompt = title_of(job.request) or tr("Without a prompt")
        metrics = painter.fontMetrics()
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(words, align, metrics.elidedText(prompt[:500], Qt.TextElideMode.ElideRight, words.width()))
        font.setPixelSize(12)
        painter.setFont(font)
        words.translate(0, 21)
        self._paint_words(painter, job, words)
        if job.state in (JobState.RUNNING, JobState.PAUSED):
            self._paint_bar(painter, job, QRectF(left, rect.bottom() - 15, words.width(), 4))
        self._paint_buttons(painter, job, rect)
        painter.restore()

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """A click on a button belongs to it and does not select or drag."""
        kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease, QEvent.Type.MouseButtonDblClick)
        if isinstance(event, QMouseEvent) and event.type() in kinds and event.button() == Qt.MouseButton.LeftButton:
            job: Job = index.data(JobModel.JobRole)
            action = self._button_at(job, option.rect, event.position().toPoint())  # pyright: ignore[reportAttributeAccessIssue]
            if action and event.type() == QEvent.Type.MouseButtonRelease:
                self.pressed.emit(action, job.id)
            return bool(action)
        return super().editorEvent(event, model, option, index)

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """Say what a button does, or the whole prompt and error."""
        if event.type() != QEvent.Type.ToolTip or not index.isValid():
            return super().helpEvent(event, view, option, index)
        job: Job = index.data(JobModel.JobRole)
        action = self._button_at(job, option.rect, event.pos())  # pyright: ignore[reportAttributeAccessIssue]
        text = tr(BUTTONS[action][1]) if action else job.request.prompt[:600] or title_of(job.request)
        if not action and job.error is not None:
            text += f"\n\n{job.error}"
        QToolTip.showText(event.globalPos(), text, view)
        return True

    def button_rects(self, job: Job, row: QRect) -> dict[str, QRect]:
        """Where the buttons of a job are in its row."""
        names = buttons_of(job)
        left = row.right() - 14 - len(names) * (_BUTTON + 4)
        top = row.top() + (row.height() - _BUTTON) // 2
        return {name: QRect(left + n * (_BUTTON + 4), top, _BUTTON, _BUTTON) for n, name in enumerate(names)}

    def _button_at(self, job: Job, row: QRect, point: QPoint) -> str:
        return next((name for name, place in self.button_rects(job, row).items() if place.contains(point)), "")

    def _paint_buttons(self, painter: QPainter, job: Job, row: QRect) -> None:
        theme = theme_of(self._view)
        mouse = self._view.viewport().mapFromGlobal(self._view.cursor().pos())
        for name, place in self.button_rects(job, row).items():
            if place.contains(mouse) and self._view.underMouse():
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("hover"))
                painter.drawRoundedRect(place, 6, 6)
            paint_icon(painter, place.adjusted(5, 5, -5, -5), BUTTONS[name][0])

    def _paint_words(self, painter: QPainter, job: Job, words: QRect) -> None:
        theme = theme_of(self._view)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        state = tr(STATE_TITLES[job.state])
        painter.setPen(theme.color(_STATE_COLORS.get(job.state, "text-muted")))
        painter.drawText(words, align, state)
        rest = words.adjusted(painter.fontMetrics().horizontalAdvance(state) + 8, 0, 0, 0)
        painter.setPen(theme.color("danger" if job.error else "text-muted"))
        text = "·  " + self._about(job)
        painter.drawText(rest, align, painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rest.width()))

    def _about(self, job: Job) -> str:
        if job.state == JobState.FAILED and job.error is not None:
            return str(job.error)
        if job.state == JobState.RUNNING:
            return progress_text(self._progress(job.id))
        parts = [model_title(job.request.family, job.request.model)]
        training = job.request.kind == "training"  # how far a paused one is, is known to its run
        if job.request.count > 1 or (job.state == JobState.PAUSED and not training):
            parts.append(tr("{done} of {count} made", done=len(job.done), count=job.request.count))
        if job.state == JobState.DONE and job.started and job.finished > job.started:
            parts.append(_duration(job.finished - job.started))
        if job.finished:
            parts.append(time.strftime("%H:%M", time.localtime(job.finished)))
        return "  ·  ".join(parts)

    def _paint_bar(self, painter: QPainter, job: Job, place: QRectF) -> None:
        theme = theme_of(self._view)
        progress = self._progress(job.id) if job.state == JobState.RUNNING else None
        fraction = getattr(progress, "fraction", len(job.done) / max(1, job.request.count))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("track"))
        painter.drawRoundedRect(place, 2, 2)
        if fraction > 0:
            done = QRectF(place.left(), place.top(), max(4.0, place.width() * fraction), place.height())
            painter.setBrush(theme.color("accent" if job.state == JobState.RUNNING else "text-faint"))
            painter.drawRoundedRect(done, 2, 2)

    def _paint_picture(self, painter: QPainter, job: Job, place: QRectF) -> None:
        theme = theme_of(self._view)
        outline = QPainterPath()
        outline.addRoundedRect(place, 6, 6)
        painter.fillPath(outline, theme.color("sunken"))
        pixmap = self._picture(job)
        if pixmap is None or pixmap.isNull():
            inner = QRectF(0, 0, 24, 24)
            inner.moveCenter(place.center())
            paint_icon(painter, inner, _KIND_ICONS.get(job.request.kind, "creation-outline"), "text-faint")
            return
        painter.save()
        painter.setClipPath(outline)
        side = min(pixmap.width(), pixmap.height())
        source = QRectF(0, 0, side, side)
        source.moveCenter(QRectF(pixmap.rect()).center())
        painter.drawPixmap(place, pixmap, source)
        painter.restore()


def _duration(seconds: float) -> str:
    """How long it took."""
    if seconds < 60:
        return tr("{seconds} s", seconds=f"{seconds:.1f}" if seconds < 10 else round(seconds))
    return tr("{minutes} min {seconds} s", minutes=int(seconds // 60), seconds=int(seconds % 60))
