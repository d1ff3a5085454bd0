"""What a viewer shows of a text and of a sound: the words to read, the wave to hear."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from aigc_studio.core.assets import Asset
from aigc_studio.core.i18n import N_
from aigc_studio.core.reader import ProjectReader
from aigc_studio.ui.assets.model import shown_title
from aigc_studio.ui.i18n import Translated
from aigc_studio.ui.voice.sound_view import markers_of
from aigc_studio.ui.widgets.player import Output, PlayerBar
from aigc_studio.ui.widgets.waveform import Waveform

__all__ = ["SoundPage", "TextPage"]

_MOST = 100_000
"""Characters shown: an hour's reading; more is for the Write panel."""


class TextPage(Translated, QWidget):
    """The words in a column of a width that reads well."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QPlainTextEdit(readOnly=True)
        self.words.setProperty("role", "document")
        self.words.setFrameShape(QFrame.Shape.NoFrame)
        self.words.setMaximumWidth(760)
        self.tr_bind(self.words.setAccessibleName, N_("Text"))
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 72, 24, 72)
        row.addStretch(1)
        row.addWidget(self.words, 20)
        row.addStretch(1)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def show_asset(self, asset: Asset, reader: ProjectReader) -> None:
        """Read and show a text."""
        self.words.setPlainText(reader.text(asset.id)[:_MOST])


class SoundPage(Translated, QWidget):
    """Title, wave and player. output: what plays, for tests."""

    def __init__(self, output: Output | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setProperty("role", "heading")
        self.wave = Waveform()
        self.wave.setMinimumHeight(160)
        self.wave.setMaximumHeight(280)
        self.tr_bind(self.wave.setAccessibleName, N_("Waveform"))
        self.player = PlayerBar(output)
        self.wave.seekRequested.connect(self.player.seek)
        self.wave.toggleRequested.connect(self.player.toggle)
        self.wave.loaded.connect(self.player.set_seconds)
        self.player.positionChanged.connect(lambda seconds: self.wave.set_position(seconds, follow=self.player.playing))
        column = QVBoxLayout(self)
        column.setContentsMargins(64, 72, 64, 72)
        column.setSpacing(16)
        column.addStretch(1)
        for widget in (self.title, self.wave, self.player):
            column.addWidget(widget)
        column.addStretch(1)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def show_asset(self, asset: Asset, reader: ProjectReader) -> None:
        """Get a sound ready to be heard."""
        path = reader.path(asset)
        self.title.setText(shown_title(asset))
        self.wave.load(path, markers_of(reader.recipe(asset.id)))
        self.player.load(path, asset.seconds)

    def leave(self) -> None:
        """Be silent, and let go of the file."""
        self.player.load(None, 0.0)
        self.wave.clear()
