"""Shows the installation of the engine group: how much, how far, what was said; the window stays usable meanwhile."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QProgressBar, QPushButton, QWidget

from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.installer import BACKENDS
from aigc_studio.ui.engine_install import EngineInstall, Stage

from .dialog import StudioDialog

__all__ = ["InstallEngineDialog", "size_text"]


def size_text(count: float) -> str:
    """Bytes as people read them: "820 MB", "2.4 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"


class InstallEngineDialog(StudioDialog):
    """A view of an `EngineInstall`; closing it lets the installation go on."""

    def __init__(self, install: EngineInstall, parent: QWidget | None = None) -> None:
        super().__init__(N_("Install the engine"), parent, width=560)
        self._install = install
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.about.setProperty("role", "muted")
        self.tr_bind(
            self.about.setText,
            N_(
                "The engine (PyTorch, Diffusers, Transformers) runs the writer and the large models. "
                "You can go on working while it is installed."
            ),
        )
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.log = QPlainTextEdit("\n".join(install.lines), self)
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(2000)
        self.log.setMinimumHeight(160)
        self.log.hide()
        self.tr_bind(self.log.setAccessibleName, N_("Log"))
        self.details = QPushButton(self)
        self.details.setProperty("role", "link")
        self.details.setAutoDefault(False)
        self.details.setCheckable(True)
        self.details.toggled.connect(self._show_log)
        self.tr_bind(self.details.setText, N_("Show the log"))
        for widget in (self.about, self.said, self.bar):
            self.body.addWidget(widget)
        self.body.addWidget(self.details, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.log, 1)
        self.body.addStretch(0)
        self.cancel = self.add_button(N_("Cancel"))
        self.cancel.clicked.connect(install.cancel)
        self.close_button = self.add_button(N_("Close"))
        self.close_button.clicked.connect(self.accept)
        self.go = self.add_button(N_("Install"), "primary")
        self.go.clicked.connect(install.install)
        self.close_button.setFocus()  # not the log; "Install" takes Enter as soon as it is there
        install.changed.connect(self._show)
        install.said.connect(self._line)
        if install.stage in (Stage.IDLE, Stage.FAILED):
            install.find_out()
        self._show()

    def retranslate(self) -> None:
        """The sentence about the state."""
        super().retranslate()
        self._show()

    def _show_log(self, on: bool) -> None:
        self.log.setVisible(on)
        self.adjustSize()

    def _line(self, text: str) -> None:
        self.log.appendPlainText(text)
        self.log.moveCursor(QTextCursor.MoveOperation.End)

    def _show(self) -> None:
        install = self._install
        stage, plan, progress = install.stage, install.plan, install.progress
        self.bar.setVisible(stage in (Stage.PLANNING, Stage.INSTALLING))
        self.bar.setRange(0, 1000 if stage == Stage.INSTALLING and progress and progress.total else 0)
        self.cancel.setVisible(install.busy)
        self.go.setVisible(stage in (Stage.PLANNED, Stage.FAILED))
        ready = plan is not None and not plan.packages
        self.go.setText(tr("Try again") if stage == Stage.FAILED else tr("Test it") if ready else tr("Install"))
        text = ""
        if stage == Stage.PLANNING:
            text = tr("Finding out what is needed…")
        elif stage == Stage.PLANNED and plan is not None:
            text = tr(
                "For this computer: {backend}. {download} will be downloaded; {disk} are needed on the disk.",
                backend=tr(BACKENDS[plan.backend]),
                download=size_text(plan.bytes),
                disk=size_text(plan.disk_bytes),
            )
            if plan.fallback:
                text += " " + tr("The faster build for this computer could not be reached.")
            if not plan.packages:
                text = tr("Everything is there already; it will only be tried.")
        elif stage == Stage.INSTALLING:
            text = tr(progress.stage) if progress else tr("Starting")
            if progress and progress.total:
                self.bar.setValue(round(1000 * progress.done / progress.total))
                text += f"  ·  {size_text(progress.done)} / {size_text(progress.total)}"
        elif stage == Stage.DONE:
            text = tr("The engine is installed and works.")
        elif stage == Stage.FAILED and install.error is not None:
            text = str(install.error)
        self.said.setText(text)
