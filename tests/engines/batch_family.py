"""A family whose results depend on the whole batch, as those of a beam search do."""

from __future__ import annotations

from typing import Any

from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Context, Family, Model, Param, Task

FAMILY = Family(
    id="batch",
    kind="text",
    title="Batch",
    summary="Result i of n.",
    tasks=(Task("continue", "Continue"),),
    params=(Param.int("pace", "Pace", 3, 1, 9),),
)


def load(model: Model, ctx: Context) -> Any:
    """Nothing to load."""


def run(_loaded: Any, request: Request, ctx: Context) -> None:
    """Every result says which of how many it is, and at what pace."""
    pace = FAMILY.values(request.task, request.params)["pace"]
    for index in range(ctx.start, request.count):
        ctx.save_text(index, f"{index + 1} of {request.count}, pace {pace}")
        ctx.check()
