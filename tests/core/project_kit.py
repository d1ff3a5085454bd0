"""What the tests of a project on disk share: results as engines leave them, and what a project holds, to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aigc_studio.core.metadata import write_audio, write_image, write_text
from aigc_studio.core.project import AssetQuery, Project
from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.requests import Request

PICTURE = Request("image", "generate", "painter", prompt="霓虹 blue waves", seed=7, count=3)
SPEECH = Request("speech", "speak", "espeak", prompt="Good morning", seed=1)
WORDS = Request("text", "continue", "causal-lm", prompt="Once upon a time", seed=3)


def picture(width: int = 64, height: int = 48, colour: tuple[int, ...] = (10, 120, 200)) -> Image.Image:
    """A small picture with some detail."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[...] = colour
    pixels[: height // 2, : width // 2] = np.arange(width // 2, dtype=np.uint8)[:, None]
    return Image.fromarray(pixels)


def result(folder: Path, job_id: str, index: int, request: Request = PICTURE, **changes: Any) -> Path:
    """The file an engine leaves in `incoming/` for result `index`."""
    recipe = make_recipe(job_id, index, request, engine={"family": request.family}) | changes
    suffix = {"image": ".png", "speech": ".wav", "text": ".md"}[request.kind]
    path = folder / "incoming" / f"{job_id}-{index}{suffix}"
    match request.kind:
        case "image":
            write_image(path, picture(), recipe)
        case "speech":
            write_audio(path, np.sin(np.arange(2400, dtype=np.float32) / 10), 24000, recipe)
        case _:
            write_text(path, f"There was a text number {index}，竹林深处。", recipe)
    return path


def holdings(project: Project) -> dict[str, Any]:
    """Everything a person would miss, in a form that can be compared before and after."""
    everything = ("image", "audio", "text", "mask", "other")
    assets = project.assets(AssetQuery(kinds=everything), 0, 1000)
    trashed = project.assets(AssetQuery(kinds=everything, trashed=True), 0, 1000)
    boards = project.boards()
    documents = [project.documents.load(info.id).to_json() for info in project.documents.all()]
    return {
        "name": project.name,
        "assets": sorted((a.id, a.kind, a.title, a.file, round(a.created, 3), a.starred, a.origin) for a in assets),
        "trash": sorted((a.id, a.title, a.starred) for a in trashed),
        "boards": sorted((b.id, b.title, b.count) for b in boards),
        "members": sorted((b.id, project.ids(AssetQuery(kinds=everything, board=b.id))) for b in boards),
        "documents": sorted(documents, key=lambda document: document["id"]),
        "jobs": sorted(
            (job.id, job.request.dumps(), job.state, job.position, job.done) for job in project.queue.list()
        ),
        "lineage": sorted((a.id, project.parents(a.id)) for a in assets),
    }


def check_whole(project: Project) -> None:
    """Index and files agree: each row has its file, each file its row, nothing is half written, nothing twice."""
    everything = ("image", "audio", "text", "mask", "other")
    for trashed, place in ((False, "assets"), (True, "trash")):
        files = {a.file for a in project.assets(AssetQuery(kinds=everything, trashed=trashed), 0, 10_000)}
        there = {
            f"{place}/{path.name}"
            for path in (project.folder / place).iterdir()
            if path.suffix != ".json" and not path.with_suffix(".json").exists()  # what has one is a document's mirror
            if not path.name.startswith("~")
        }
        assert files == there
    assert not [path for path in project.folder.rglob("*") if path.name.endswith(".part")]
    assert project._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    words = project._connection.execute("SELECT count(*) FROM assets_text").fetchone()[0]
    assert words == project._connection.execute("SELECT count(*) FROM assets").fetchone()[0]
