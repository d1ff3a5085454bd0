"""Pictures without a caption described by a model of the library: suggestions, which a person accepts or not.

Nothing is written beside the pictures. What was said is kept after every few, so that a job that was paused or killed
describes the rest only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from aigc_studio.core.datasets.descriptions import Descriptions
from aigc_studio.core.datasets.images import ImageReport, open_picture, scan
from aigc_studio.core.datasets.seen import ImageFile
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Context, Family, Model, Param, Task

from .captioning import AT_ONCE, LOOKING, Captioner, captioner

__all__ = ["FAMILY", "load", "run"]

FAMILY = Family(
    "describe-pictures",
    "captions",
    N_("Describe pictures"),
    N_("Says what the pictures of a folder show, for those that have no caption."),
    (Task("describe", N_("Describe pictures")),),
    (Param.folder("data", N_("Pictures"), of=("images",)), captioner()),
    needs="torch",
    max_count=1,
    chance=False,
)
_PREVIEW = 256
_LEAST = 512
"""Pixels of a side that are decoded, where a picture has more."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: which model describes is a parameter."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Describe what has no caption, and store what was said as a text."""
    folder = Path(str(ctx.values["data"]))
    kept = Descriptions(ctx.workshop())
    report = scan(folder, ctx.check, ctx.progress)
    report.require()
    lacking = [file for file in report.files if not file.captions]
    kept.begin(folder)
    before = kept.read()
    known = [file for file in lacking if file.hash in before.texts]
    if known:
        kept.add((file.file, file.hash, before.texts[file.hash]) for file in known if file.file not in before.files)
    missing = [file for file in lacking if file.hash not in before.texts]
    if missing:
        model = Captioner(ctx.part(str(ctx.values["captioner"])), ctx)
        for said in _described(report, missing, model, ctx, len(lacking)):
            kept.add(said)
    files = kept.read().files
    lines = [f"{file.file}: {files[file.file]}" for file in lacking if files.get(file.file)]
    ctx.save_text(0, "\n\n".join(lines) or tr("Nothing was described."), described=len(lines))


def _described(
    report: ImageReport, files: Sequence[ImageFile], model: Captioner, ctx: Context, total: int
) -> Iterator[list[tuple[str, str, str]]]:
    """(file, hash, text) of a few at a time; pictures that went away meanwhile are left out."""
    done = total - len(files)
    for start in range(0, len(files), AT_ONCE):
        ctx.check()
        group = files[start : start + AT_ONCE]
        images = []
        for file in group:
            try:
                images.append((file, open_picture(report.path(file), least=_LEAST)))
            except StudioError:
                continue
        if images:
            preview = images[0][1].copy()
            preview.thumbnail((_PREVIEW, _PREVIEW))
            ctx.progress(done, total, LOOKING, preview)
            texts = model.captions([image for _, image in images])
            yield [(file.file, file.hash, text) for (file, _), text in zip(images, texts)]
        done += len(group)
    ctx.progress(total, total, LOOKING)
