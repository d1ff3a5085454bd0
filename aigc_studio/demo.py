"""The first project, made in front of a new user: a line of copy, a picture, a change of a part of it, a voice-over.

`Demo` is the recipe; the window plays it through its own queue, and `make` plays it without a window.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from aigc_studio.core.assets import Asset
from aigc_studio.core.documents import Document, Segment, Variant, new_id
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.metadata import read_text
from aigc_studio.core.project import Project
from aigc_studio.core.requests import Request
from aigc_studio.engines.direct import run_now
from aigc_studio.engines.engine import Engine
from aigc_studio.engines.interpreter import missing_engine

__all__ = ["STEPS", "Demo", "free_folder", "make"]

log = logging.getLogger(__name__)

STEPS = (N_("A line of copy"), N_("A picture"), N_("A change of a part of it"), N_("A voice-over of the line"))
"""The titles of the four steps, in order."""


@dataclass(frozen=True)
class _Words:
    name: str
    title: str
    script: str
    given: str
    opening: str
    """The first words of the copy, the user's own; the writer goes on from them."""
    params: dict[str, Any]
    seed: int
    picture: str
    edit: str


_WORDS = {
    "en": _Words(
        name="My first project",
        title="Opening line",
        script="Voice-over",
        given="Every day begins with a colour: let the sea wake up in blue and gold.",
        opening="Blue is the sea and gold the day,\n",
        params={"form": "poem", "style": "precise", "stop": "\\n"},
        seed=4,
        picture="calm ocean waves, blue and gold, soft dawn light",
        edit="glowing warm red sun, rings",
    ),
    "zh_CN": _Words(
        name="我的第一个项目",
        title="开篇",
        script="配音",
        given="每一天都从一种颜色开始：让大海在蓝与金中醒来。",
        opening="碧海金波起，",
        params={"form": "wujue", "style": "balanced"},
        seed=3,
        picture="平静的海浪，蓝色和金色，清晨柔光",
        edit="温暖的红色太阳，光环",
    ),
}

_PICTURE_SEED = 20260
_WRITER_TOKENS = 60
_SIDE = 1024


@dataclass(frozen=True)
class Demo:
    """What the demo asks for. language: of the words in it. writer: whether the starter writer can write the line."""

    language: str
    writer: bool
    document_id: str = field(default_factory=new_id)
    """Of the document that holds the line; what the writer writes names it."""

    @classmethod
    def here(cls, language: str) -> Demo:
        """The demo as this machine can make it now."""
        return cls(language if language in _WORDS else "en", missing_engine("torch") is None)

    @property
    def _words(self) -> _Words:
        return _WORDS[self.language]

    @property
    def name(self) -> str:
        """Of the project."""
        return self._words.name

    @property
    def document_title(self) -> str:
        """Of the document that holds the line."""
        return self._words.title

    @property
    def given_line(self) -> str:
        """The line where no writer is there: it stands in the document as the user's own text."""
        return self._words.given

    def line_request(self) -> Request | None:
        """Ask the starter writer for the line; None without it."""
        if not self.writer:
            return None
        words = self._words
        params = {**words.params, "max_tokens": _WRITER_TOKENS}
        context = {"document": self.document_id}
        return Request(
            "text", "continue", "causal-lm", "starter-writer", words.opening, params, words.seed, context=context
        )

    def line_of(self, text: str) -> str:
        """The line of copy: its opening, and what the writer wrote on from there; the given one if that is nothing.

        The writer ends a verse with the mark of one that goes on; the copy ends with a full stop.
        """
        words = self._words
        added = re.sub(r"[,;:，；：、—-]+$", "", text.removeprefix(words.opening).strip())
        if not added:
            return words.given
        if self.language == "en" and added[-1] not in '.!?”"’':
            added += "."
        return words.opening + added

    def picture_request(self) -> Request:
        """Ask for the picture."""
        params = {"size": [_SIDE, _SIDE]}
        return Request("image", "generate", "painter", "painter", self._words.picture, params, _PICTURE_SEED)

    def mask(self, size: tuple[int, int]) -> Image.Image:
        """Where the picture changes: a disc in the upper right, 255 inside; mode "L" of the given (width, height)."""
        width, height = size
        radius, x, y = min(width, height) * 0.19, width * 0.68, height * 0.32
        mask = Image.new("L", size, 0)
        ImageDraw.Draw(mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        return mask

    def edit_request(self, picture: str, mask: str) -> Request:
        """Ask for another look of the masked part. picture, mask: asset ids."""
        inputs = {"image": picture, "mask": mask}
        params = {"feather": 16}
        return Request(
            "image", "inpaint", "painter", "painter", self._words.edit, params, _PICTURE_SEED + 1, inputs=inputs
        )

    def voice_request(self, line: str, document: Document | None = None) -> Request:
        """Ask for the line, spoken; linked with the script it stands in."""
        context = {}
        if document is not None:
            context = {"document": document.id, "segment": document.segments[0].id}
        return Request("speech", "speak", "espeak", "espeak", line, context=context)

    def write(self, project: Project, line: str, written: Asset | None = None) -> Document:
        """Put the line into a document of the project; `written` is the asset it came from."""
        opening = self._words.opening
        segments = [Segment(text=line)]
        if written is not None and line.startswith(opening):
            added = line.removeprefix(opening)
            variant = Variant(text=added, asset_id=written.id)
            segments = [Segment(text=opening), Segment(text=added, variants=[variant], asset_id=written.id)]
        document = Document(self.document_id, "text", self.document_title, segments, meta={"titled": True})
        return project.documents.save(document)

    def script(self, project: Project, line: str, source: Document | None = None) -> Document:
        """A script of the line, to be spoken. source: the document it was taken from."""
        meta: dict[str, Any] = {"titled": True}
        if source is not None:
            meta["source"] = {"document": source.id}
        script = Document(kind="script", title=self._words.script, segments=[Segment(text=line)], meta=meta)
        return project.documents.save(script)


def free_folder(parent: Path, name: str) -> Path:
    """A folder for a new project of this name that does not exist yet: "Name", "Name 2", ..."""
    folder, number = parent / name, 2
    while folder.exists():
        folder, number = parent / f"{name} {number}", number + 1
    return folder


def make(project: Project, engine: Engine, demo: Demo, say: Callable[[str, Path | None], None]) -> list[Asset]:
    """Make the demo in an open project without a window. say: told each step's title, and its file when it is there.

    Returns the assets made. A writer that fails costs the line its author, not the demo.
    """
    made: list[Asset] = []

    def run(request: Request) -> Asset:
        made.extend(assets := run_now(project, request, engine))
        return assets[0]

    say(STEPS[0], None)
    line, written = demo.given_line, None
    request = demo.line_request()
    if request is not None:
        try:
            written = run(request)
            line = demo.line_of(read_text(project.path(written)))
        except StudioError as error:
            log.warning("the demo's line is the given one: %s", error.detail or error.source)
    document = demo.write(project, line, written)
    say(line, project.path(written) if written else None)

    say(STEPS[1], None)
    picture = run(demo.picture_request())
    say("", project.path(picture))

    say(STEPS[2], None)
    title = tr("Mask for {title}", title=picture.title)
    drawn = demo.mask((picture.width, picture.height))
    mask = project.store_image(drawn, title=title, kind="mask", parents=(picture.id,))
    edited = run(demo.edit_request(picture.id, mask.id))
    say("", project.path(edited))

    say(STEPS[3], None)
    script = demo.script(project, line, document)
    voice = run(demo.voice_request(line, script))
    segment = script.segments[0]
    segment.asset_id = voice.id
    segment.variants.append(Variant(text=line, asset_id=voice.id))
    project.documents.save(script)
    say("", project.path(voice))
    return made
