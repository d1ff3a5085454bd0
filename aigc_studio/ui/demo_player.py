"""Makes the demo project in front of the person: each step in its panel, through the studio's own queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from aigc_studio.core.assets import Asset
from aigc_studio.core.documents import Document
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.demo import STEPS, Demo

from .studio import Studio

__all__ = ["DemoPlayer"]

LOOK_MS = 900
"""How long a result stays before the next step begins, so that a person can see it."""


class DemoPlayer(QObject):
    """Plays `Demo` once in the open project. show(panel id) brings a panel to the front.

    `step(number, title)` when a step begins, `finished(done)` at the end; False: it was stopped or a step failed, and
    what was made stays.
    """

    step = Signal(int, str)
    finished = Signal(bool)

    def __init__(
        self,
        studio: Studio,
        demo: Demo,
        show: Callable[[str], object],
        open_asset: Callable[[Asset], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._studio, self._demo, self._show, self._open = studio, demo, show, open_asset
        self._waiting: dict[str, Callable[[Job], None]] = {}
        self._asset: Asset | None = None
        self._over = False
        self._line = demo.given_line
        self._document: Document | None = None
        studio.jobOutput.connect(self._output)
        studio.jobFinished.connect(self._job_finished)
        studio.projectClosed.connect(self.stop)

    def start(self) -> None:
        """Begin with the line."""
        self._begin(0, "write")
        request = self._demo.line_request()
        if request is None:
            self._write(None)
        else:
            self._run(request, self._line_written)

    def stop(self) -> None:
        """Begin no further step."""
        self._end(False)

    # -- the steps
    def _line_written(self, job: Job) -> None:
        written = self._asset if job.state == JobState.DONE else None
        reader = self._studio.reader
        if written is not None and reader is not None:
            self._line = self._demo.line_of(reader.text(written.id))
        self._write(written)

    def _write(self, written: Asset | None) -> None:
        line = self._line
        self._studio.store(lambda project: self._demo.write(project, line, written), self._written, self._failed)

    def _written(self, document: Document) -> None:
        self._document = document
        self._later(self._paint)

    def _paint(self) -> None:
        self._begin(1, "picture")
        self._run(self._demo.picture_request(), self._painted)

    def _painted(self, job: Job) -> None:
        picture = self._asset
        if job.state != JobState.DONE or picture is None:
            self._end(False)
            return
        self._open(picture)
        drawn = self._demo.mask((picture.width, picture.height))
        title = tr("Mask for {title}", title=picture.title)

        def store(project: Any) -> Asset:
            return project.store_image(drawn, title=title, kind="mask", parents=(picture.id,))

        self._later(lambda: self._studio.store(store, lambda mask: self._edit(picture, mask), self._failed))

    def _edit(self, picture: Asset, mask: Asset) -> None:
        self._begin(2, "picture")
        self._run(self._demo.edit_request(picture.id, mask.id), self._edited)

    def _edited(self, job: Job) -> None:
        if job.state != JobState.DONE or self._asset is None:
            self._end(False)
            return
        self._open(self._asset)
        self._later(self._speak)

    def _speak(self) -> None:
        self._begin(3, "voice")
        line, document = self._line, self._document
        self._studio.store(lambda project: self._demo.script(project, line, document), self._script_there, self._failed)

    def _script_there(self, script: Document) -> None:
        self._run(self._demo.voice_request(self._line, script), self._spoken)

    def _spoken(self, job: Job) -> None:
        self._end(job.state == JobState.DONE)
        if job.state == JobState.DONE and self._asset is not None:
            self._open(self._asset)

    # -- how they run
    def _begin(self, number: int, panel: str) -> None:
        if not self._over:
            self._show(panel)
            self.step.emit(number, STEPS[number])

    def _run(self, request: Request, then: Callable[[Job], None]) -> None:
        if self._over:
            return
        self._asset = None
        self._waiting[self._studio.submit(request)] = then

    def _later(self, call: Callable[[], object]) -> None:
        QTimer.singleShot(LOOK_MS, self, lambda: None if self._over else call())

    def _output(self, id: str, _index: int, asset: Asset) -> None:
        if id in self._waiting:
            self._asset = asset

    def _job_finished(self, id: str, job: Job) -> None:
        if id in self._waiting and job.state.ended:
            then = self._waiting.pop(id)
            if not self._over:
                then(job)

    def _failed(self, error: StudioError) -> None:
        self._studio.problem.emit(error)
        self._end(False)

    def _end(self, done: bool) -> None:
        if not self._over:
            self._over = True
            self.finished.emit(done)
