"""What the Picture panel works on: the picture kept, the one on show, the candidates, the jobs that make them.

No widget here. `base` is the picture the person has decided for; `shown` is what the canvas shows, which is the base or
a candidate for its place. Deciding for a candidate is one undo step, and so is opening another picture; the mask that
was drawn on the former picture comes back with it.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from aigc_studio.core.assets import Asset, AssetQuery
from aigc_studio.core.brush import Patch
from aigc_studio.core.i18n import tr
from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.project import Project
from aigc_studio.core.requests import Request
from aigc_studio.ui.canvas.mask import MaskLayer
from aigc_studio.ui.events import AssetsChange, Progress
from aigc_studio.ui.studio import Studio

__all__ = ["PictureSession"]

WAITED_FOR = (JobState.PENDING, JobState.RUNNING)
"""States in which results are on their way; a paused job may bring some later, when somebody resumes it."""

_REMEMBERED_MASK = 1 << 20

_RECENT = 24
"""How many pictures are listed when a project is opened that remembers nothing."""

_LINEAGE = 24
"""How many ancestors of a picture are listed."""


def _age(asset: Asset) -> tuple[float, int]:
    return asset.created, asset.index


class _Decide(QUndoCommand):
    """The base becomes another picture; the masks of both are kept in a few kilobytes."""

    def __init__(self, session: PictureSession, new: Asset, text: str) -> None:
        super().__init__(text)
        self._session, self._old, self._new = session, session.base, new
        self._mask = _Frozen(session.mask)

    def redo(self) -> None:
        self._session._settle(self._new, None)

    def undo(self) -> None:
        self._session._settle(self._old, self._mask)


class _Frozen:
    """A mask, compressed. Tile by tile, so that one of a large picture takes a frame or two and not a blink."""

    def __init__(self, mask: MaskLayer) -> None:
        self._shape = mask.pixels.shape
        nothing = np.broadcast_to(np.uint8(0), self._shape)
        self._patch = Patch(()) if mask.empty else Patch.between(nothing, mask.pixels)

    def pixels(self) -> np.ndarray | None:
        """The mask's pixels, None for an empty one."""
        if not self._patch:
            return None
        pixels = np.zeros(self._shape, np.uint8)
        self._patch.apply(pixels)
        return pixels


class PictureSession(QObject):
    """The state behind the panel. Every change ends in a signal."""

    shownChanged = Signal()
    """`shown` or `base` is another picture, or was renamed or starred."""
    candidatesChanged = Signal()
    jobChanged = Signal()
    """The job being waited for began, moved on or ended; see `job` and `progress`."""
    jobEnded = Signal(object)
    """Job, in its final state."""

    def __init__(self, studio: Studio, mask: MaskLayer, undo_stack: QUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.mask = mask
        self._undo = undo_stack
        self.base: Asset | None = None
        self.shown: Asset | None = None
        self.candidates: list[Asset] = []
        self.progress: Progress | None = None
        self._jobs: dict[str, Request] = {}
        self._fresh: set[str] = set()
        self._mask_asset: tuple[str, str] | None = None
        self._dropped: set[str] = set()
        studio.jobProgress.connect(self._job_progress)
        studio.jobOutput.connect(self._job_output)
        studio.jobFinished.connect(self._job_finished)
        studio.jobsChanged.connect(self._jobs_changed)
        studio.assetsChanged.connect(self._assets_changed)

    # -- pictures
    @property
    def proposing(self) -> bool:
        """Whether the picture on show is a candidate and not the base."""
        return self.shown is not None and self.base is not None and self.shown.id != self.base.id

    def asset(self, id: str) -> Asset | None:
        """An asset of the open project that is not in the trash."""
        reader = self._studio.reader
        asset = reader.asset(id) if reader is not None and id else None
        return asset if asset is not None and not asset.trashed else None

    def open(self, asset: Asset) -> None:
        """Work on another picture; its ancestors and descendants become the candidates. One undo step."""
        if self.base is not None and asset.id == self.base.id:
            self.show(asset)
            return
        if self.base is None:
            self._settle(asset, None)
        else:
            self._undo.push(_Decide(self, asset, tr("Open picture")))
        self._gather()

    def show(self, asset: Asset) -> None:
        """Show a candidate (or the base) without deciding for it."""
        if self.base is None:
            self._settle(asset, None)
        elif self.shown is None or self.shown.id != asset.id:
            self.shown = asset
            self.shownChanged.emit()

    def choose(self, asset: Asset) -> None:
        """Show what the person picked; results still to come do not push themselves before it."""
        self._fresh.clear()
        self.show(asset)

    def keep(self) -> None:
        """Decide for the picture on show."""
        if self.proposing and self.shown is not None:
            self._undo.push(_Decide(self, self.shown, tr("Keep picture")))

    def back(self) -> None:
        """Show the base again."""
        if self.proposing and self.base is not None:
            self.show(self.base)

    def step(self, direction: int) -> None:
        """Show the next (1) or former (-1) candidate."""
        ids = [asset.id for asset in self.candidates]
        if not ids:
            return
        here = ids.index(self.shown.id) if self.shown is not None and self.shown.id in ids else -1
        self.choose(self.candidates[min(len(ids) - 1, max(0, here + direction))])

    def restore(self, base: str, shown: str, candidates: list[str]) -> None:
        """Take up again what was remembered; what is gone is left out."""
        found = self.asset(base)
        if found is None:
            return
        remembered = [asset for id in candidates if (asset := self.asset(id)) and asset.kind == "image"]
        self._settle(found, None)
        self._gather()
        known = {asset.id for asset in self.candidates}
        self.candidates += [asset for asset in remembered if asset.id not in known]
        self.candidates.sort(key=_age)
        self.candidatesChanged.emit()
        if other := self.asset(shown):
            self.show(other)

    def mask_text(self) -> str:
        """The mask in letters, to be remembered; "" for an empty one or one that would take more than a megabyte."""
        data = b"" if self.mask.empty else zlib.compress(self.mask.pixels.tobytes(), 1)
        text = base64.b64encode(data).decode("ascii")
        return text if len(text) <= _REMEMBERED_MASK else ""

    def restore_mask(self, text: str) -> None:
        """The inverse of `mask_text`, when it fits the base; anything else is left out."""
        if self.base is None or not text:
            return
        shape = (self.base.height, self.base.width)
        try:
            pixels = np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), np.uint8).reshape(shape)
        except (ValueError, zlib.error):
            return
        self.mask.reset(self._size(self.base), pixels)

    def close(self) -> None:
        """Nothing is open (the project was closed)."""
        self.base = self.shown = None
        self.candidates = []
        self._dropped.clear()
        self._jobs.clear()
        self._fresh.clear()
        self._mask_asset = None
        self.progress = None
        self._undo.clear()
        self.mask.reset(QSize(1, 1))
        self.shownChanged.emit()
        self.candidatesChanged.emit()
        self.jobChanged.emit()

    def _settle(self, base: Asset | None, mask: _Frozen | None) -> None:
        self.base = self.shown = base
        if base is not None and all(asset.id != base.id for asset in self.candidates):
            self.candidates.append(base)
            self.candidatesChanged.emit()
        pixels = mask.pixels() if mask is not None else None
        self.mask.reset(self._size(base), pixels)
        self.shownChanged.emit()

    @staticmethod
    def _size(asset: Asset | None) -> QSize:
        return QSize(asset.width, asset.height) if asset is not None else QSize(1, 1)

    def _gather(self) -> None:
        """List the base's ancestors, its own children and the results so far, oldest first."""
        reader = self._studio.reader
        if reader is None or self.base is None:
            return
        family: dict[str, Asset] = {}
        queue = [self.base.id]
        while queue and len(family) < _LINEAGE:
            id = queue.pop(0)
            asset = self.asset(id)
            if id in family or asset is None or asset.kind != "image":
                continue
            family[id] = asset
            queue += reader.parents(id)
        for id in reader.children(self.base.id)[:_LINEAGE]:
            if (asset := self.asset(id)) and asset.kind == "image":
                family.setdefault(id, asset)
        for asset in self.candidates:
            if asset.job_id in self._jobs:
                family.setdefault(asset.id, asset)
        self.candidates = sorted(family.values(), key=_age)
        self.candidatesChanged.emit()

    # -- jobs
    @property
    def job(self) -> Job | None:
        """The job being waited for: the running one of this panel, else its first in line."""
        mine = [job for job in self._studio.jobs() if job.id in self._jobs and job.state in WAITED_FOR]
        running = [job for job in mine if job.state == JobState.RUNNING]
        return (running or mine or [None])[0]

    @property
    def begun(self) -> bool:
        """Whether the turn of the job being waited for has come."""
        job = self.job
        return job is not None and job.state == JobState.RUNNING

    @property
    def waiting(self) -> int:
        """How many more jobs of this panel stand in line."""
        mine = [job for job in self._studio.jobs() if job.id in self._jobs and job.state == JobState.PENDING]
        return max(0, len(mine) - (0 if any(job.state == JobState.RUNNING for job in self._all()) else 1))

    def ahead(self, id: str) -> int:
        """How many jobs of this panel come before one that waits; 0 when it does not wait."""
        mine = [job for job in self._all() if job.state in WAITED_FOR]
        line = [job.id for job in sorted(mine, key=lambda job: job.state != JobState.RUNNING)]
        return line.index(id) if id in line else 0

    def _all(self) -> list[Job]:
        return [job for job in self._studio.jobs() if job.id in self._jobs]

    def submit(self, request: Request) -> str:
        """Queue a request whose results become candidates here."""
        id = self._studio.submit(request)
        self._jobs[id] = request
        self._fresh.add(id)
        self.jobChanged.emit()
        self.candidatesChanged.emit()  # with a place for what is to come
        return id

    def submit_with_mask(self, request: Request, then: Callable[[str], None] | None = None) -> None:
        """Store the mask as an asset, then queue `request` with it as an input. An unchanged mask is stored once."""
        if self.base is None:
            return
        base = self.base
        image = self.mask.image()
        known = self._mask_asset if self._mask_asset is not None and self.asset(self._mask_asset[1]) else None

        def go(mask: str) -> None:
            id = self.submit(request.changed(inputs={**request.inputs, "image": base.id, "mask": mask}))
            if then is not None:
                then(id)

        title = tr("Mask for {title}", title=base.title)

        def store(project: Project) -> tuple[str, str]:
            # Storage thread: hashing a large mask takes longer than a frame.
            digest = base.id + hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest()
            if known is not None and known[0] == digest:
                return known
            return digest, project.store_image(image, title=title, kind="mask", parents=(base.id,)).id

        def stored(mask: tuple[str, str]) -> None:
            self._mask_asset = mask
            go(mask[1])

        self._studio.store(store, stored)

    def cancel(self) -> None:
        """Cancel the job being waited for."""
        if (job := self.job) is not None:
            self._studio.cancel(job.id)

    def adopt(self) -> None:
        """Unfinished picture jobs are this panel's, whoever asked for them: an earlier session, the demo."""
        for job in self._studio.jobs():
            if job.request.kind == "image" and job.state in (*WAITED_FOR, JobState.PAUSED):
                self._jobs.setdefault(job.id, job.request)
        self.jobChanged.emit()

    def recent(self) -> None:
        """List the project's newest pictures and show the newest: for a project that remembers nothing."""
        reader = self._studio.reader
        if reader is None or self.base is not None:
            return
        found = reader.assets(AssetQuery(kinds=("image",)), 0, _RECENT)
        if found:
            self.candidates = sorted(found, key=_age)
            self._settle(found[0], None)
            self.candidatesChanged.emit()

    def edits(self, id: str) -> bool:
        """Whether a job paints a part of a picture."""
        return "mask" in self._jobs[id].inputs if id in self._jobs else False

    def _job_progress(self, id: str, progress: Progress) -> None:
        job = self.job
        if job is not None and job.id == id:
            self.progress = progress
            self.jobChanged.emit()

    def _job_output(self, id: str, index: int, asset: Asset) -> None:
        if id not in self._jobs or asset.kind != "image":
            return
        if all(known.id != asset.id for known in self.candidates):
            self.candidates.append(asset)
            self.candidatesChanged.emit()
        if id in self._fresh or self.base is None:  # the first result shows itself, later ones wait to be chosen
            self._fresh.discard(id)
            self.show(asset)

    def _job_finished(self, id: str, job: Job) -> None:
        if id not in self._jobs:
            return
        self._fresh.discard(id)
        self.progress = None
        self.jobChanged.emit()
        self.candidatesChanged.emit()
        self.jobEnded.emit(job)

    def _jobs_changed(self) -> None:
        self.adopt()
        self.candidatesChanged.emit()

    # -- assets
    def _assets_changed(self, change: AssetsChange) -> None:
        removed, changed = set(change.removed), set(change.changed)
        back = [asset for id in change.added if id in self._dropped and (asset := self.asset(id))]
        if back:  # taken out of the trash again
            self._dropped -= {asset.id for asset in back}
            self.candidates = sorted([*self.candidates, *back], key=_age)
            self.candidatesChanged.emit()
            if self.base is None:
                self.show(back[0])
        mine = {asset.id for asset in self.candidates} | {a.id for a in (self.base, self.shown) if a is not None}
        if not mine & (removed | changed):
            return
        self._dropped |= mine & removed
        fresh = {id: self.asset(id) for id in mine & (removed | changed)}
        self.candidates = [fresh.get(a.id, a) or a for a in self.candidates if fresh.get(a.id, a) is not None]
        base, shown = self.base, self.shown
        if base is not None:
            base = fresh.get(base.id, base)
        if shown is not None:
            shown = fresh.get(shown.id, shown)
        if base is None and self.base is not None:
            self._base_gone(shown)
        else:
            self.base, self.shown = base, shown or base
        self.candidatesChanged.emit()
        self.shownChanged.emit()

    def _base_gone(self, shown: Asset | None) -> None:
        """The base was deleted: the picture on show takes its place, else the nearest candidate, else nothing."""
        self._undo.clear()  # its steps belong to a picture that is not there
        following = shown or (self.candidates[-1] if self.candidates else None)
        self._settle(following, None)

    def pending_results(self) -> int:
        """How many results this panel's jobs still owe."""
        return sum(
            job.request.count - len(job.done)
            for job in self._all()
            if job.state in (JobState.PENDING, JobState.RUNNING)
        )
