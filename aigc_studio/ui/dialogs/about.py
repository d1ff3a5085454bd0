"""What this program is, which version, under which licence, and what it stands on."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import QSize, Qt, qVersion
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHBoxLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

from aigc_studio import __version__
from aigc_studio.core.i18n import N_
from aigc_studio.core.paths import resources

from .dialog import StudioDialog

__all__ = ["AboutDialog"]


class AboutDialog(StudioDialog):
    """The notices of third parties are the file that is shipped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(N_("About AIGC Studio"), parent, width=560)
        mark = QLabel(self)
        mark.setPixmap(QIcon(str(resources() / "icons" / "app.svg")).pixmap(QSize(64, 64), self.devicePixelRatioF()))
        mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        name, what, licence = QLabel(f"AIGC Studio {__version__}", self), QLabel(self), QLabel(self)
        name.setProperty("role", "heading")
        licence.setProperty("role", "faint")
        for label in (what, licence):
            label.setWordWrap(True)
        self.tr_bind(what.setText, N_("Copy, pictures and voice, made on your own computer, in one project."))
        self.tr_bind(
            licence.setText,
            N_(
                "Free software under the GNU General Public License, version 3 or later. It comes without any warranty."
            ),
        )
        base = QLabel(f"Python {platform.python_version()} · Qt {qVersion()} · {platform.system()}", self)
        base.setProperty("role", "faint")
        base.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for label in (name, what, base, licence):
            words.addWidget(label)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(mark)
        line.addLayout(words, 1)
        self.body.addLayout(line)
        self.notices = QTextBrowser(self)
        self.notices.setMarkdown(_notices())
        self.notices.setOpenExternalLinks(True)
        self.notices.setMinimumHeight(240)
        self.tr_bind(self.notices.setAccessibleName, N_("Notices of third parties"))
        self.body.addWidget(self.notices, 1)
        close = self.add_button(N_("Close"), "primary")
        close.clicked.connect(self.accept)
        close.setFocus()


def _notices() -> str:
    """THIRD_PARTY.md of the checkout or of the installed package; the packages in use where it is not there."""
    for folder in (resources().parent, Path(sys.prefix)):
        file = folder / "THIRD_PARTY.md"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    try:
        for file in metadata.files("aigc-studio") or []:
            if file.name == "THIRD_PARTY.md":
                return file.read_text(encoding="utf-8")
        return "\n".join(metadata.requires("aigc-studio") or [])
    except metadata.PackageNotFoundError:
        return ""
