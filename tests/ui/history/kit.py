"""A project with generations of every kind, and a silent sound output, for the tests of History and the viewer."""

from __future__ import annotations

from pathlib import Path

from aigc_studio.core.jobs import new_job_id
from aigc_studio.core.project import Project
from aigc_studio.core.requests import Request
from tests.core.project_kit import PICTURE, SPEECH, WORDS, result

__all__ = ["EDIT", "Silence", "fill", "store"]

EDIT = PICTURE.changed(task="inpaint", prompt="a red moon", seed=40, count=1)


class Silence:
    """An Output that nobody hears."""

    def available(self) -> bool:
        return True

    def open(self, path: Path | None) -> None: ...

    def play(self) -> None: ...

    def pause(self) -> None: ...

    def seek(self, seconds: float) -> None: ...

    def position(self) -> float:
        return 0.0

    def ended(self) -> bool:
        return False

    def set_volume(self, volume: float) -> None: ...

    def problem(self) -> str:
        return ""


def store(project: Project, request: Request, made: int, minute: int, **changes: object) -> list[str]:
    """A job with its results, at 10:`minute` on 2 January 2026; the assets' ids."""
    job, created = new_job_id(), f"2026-01-02T10:{minute:02}:00+00:00"
    paths = [result(project.folder, job, n, request, created=created, **changes) for n in range(made)]
    return [project.commit_output(job, n, path).id for n, path in enumerate(paths)]


def fill(project: Project) -> dict[str, list[str]]:
    """Three pictures, a recording, a text and an edit of the first picture, in this order of time."""
    pictures = store(project, PICTURE, 3, 0)
    made = {
        "pictures": pictures,
        "speech": store(project, SPEECH, 1, 1),
        "words": store(project, WORDS, 1, 2),
    }
    edit = EDIT.changed(inputs={"image": pictures[0]})
    made["edit"] = store(project, edit, 1, 3, parents=[pictures[0]])
    return made
