"""A recipe for tests, without torch: it counts to `steps`, as fast as `pause_ms` says, and keeps its run."""

from __future__ import annotations

import threading
import time
from typing import Any

from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task

FAMILY = Family(
    id="train-lesson",
    kind="training",
    title="Lesson",
    summary="Learns to count.",
    tasks=(Task("train", "Train"),),
    params=(
        Param.text("name", "Name"),
        Param.folder("data", "Pictures", of=("images",)),
        Param.text("licence", "Licence", advanced=True),
        Param.choice("size", "Side", "32", (Choice("32", "32 px"), Choice("64", "64 px"))),
        Param.int("steps", "Steps", 4, 1, 1_000_000),
        Param.float("minutes", "Time limit", 0.0, 0.0, 100_000.0, 1.0),
        Param.int("pause_ms", "Pause", 0, 0, 1000),
        Param.bool("flip", "Mirror", True, advanced=True),
        Param.bool("fail", "Fail", False, advanced=True),
        Param.text("start", "Start", advanced=True),
    ),
    max_count=1,
)


def load(model: Model, ctx: Context) -> None:
    """Nothing to load."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Count, from where the run was left; the result is a grey picture."""
    values: dict[str, Any] = FAMILY.values(request.task, request.params)
    folder = RunFolder(ctx.workshop())
    known = folder.info()
    if not known:
        folder.update(
            id=folder.path.name,
            recipe=FAMILY.id,
            title=values["name"],
            created=time.time(),
            request=request.to_json(),
        )
    steps, never = values["steps"], threading.Event()
    step = int(known.get("state", {}).get("step", 0))

    def tell(name: str) -> None:
        folder.update(state={"name": name, "step": step, "steps": steps, "seconds": 0.5 * step})

    tell("running")
    try:
        while step < steps and not folder.finish_asked:
            ctx.check()
            step += 1
            tell("running")
            folder.append({"step": step, "values": {"loss": 1 / step}})
            ctx.progress(step, steps, "Learning", Image.new("RGB", (16, 16), (step % 256, 0, 0)))
            if values["fail"]:
                raise StudioError("The lesson is too hard; take an easier one.", code="lesson")
            never.wait(values["pause_ms"] / 1000)
    except BaseException:
        tell("stopped")
        raise
    tell("done")
    folder.update(model={"folder": f"lesson-{folder.path.name[:4]}", "title": values["name"]})
    ctx.save_image(0, Image.new("RGB", (32, 32), "grey"), run=folder.path.name, steps=step)


PAIR = Family(
    id="train-pair",
    kind="training",
    title="Pair",
    summary="Learns from two folders.",
    tasks=FAMILY.tasks,
    params=(
        Param.text("name", "Name"),
        Param.folder("data", "From", of=("images",)),
        Param.folder("data_b", "To", of=("images",)),
    ),
    needs="torch",
    max_count=1,
)
"""Another recipe; `lesson_pair_family` declares it."""
