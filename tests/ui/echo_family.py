"""A text family for tests: it streams `words` pieces, as fast as `pause_ms` says, and stops when it is told to."""

from __future__ import annotations

import threading
from typing import Any

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Context, Family, Model, Param, Task

FAMILY = Family(
    id="causal-lm",
    kind="text",
    title="Echo",
    summary="Streams numbered words.",
    tasks=(Task("continue", "Continue"), Task("chat", "Instruct"), Task("translate", "Translate")),
    params=(
        Param.int("words", "Words", 4, 0, 10_000),
        Param.int("pause_ms", "Pause", 0, 0, 1000),
        Param.bool("beam", "Silent", False, advanced=True),
        Param.bool("fail", "Fail", False, advanced=True),
        Param.bool("notice", "Notice", False, advanced=True),
    ),
)


def load(model: Model, ctx: Context) -> Model:
    """Nothing to load."""
    return model


def run(_loaded: Model, request: Request, ctx: Context) -> None:
    """Stream "<index>-<n> " for every word; the stored text equals what was streamed."""
    values: dict[str, Any] = FAMILY.values(request.task, request.params)
    never = threading.Event()
    for index in range(ctx.start, request.count):
        text = ""
        try:
            for number in range(values["words"]):
                ctx.check()
                piece = f"{index}-{number} "
                text += piece
                if not values["beam"]:
                    ctx.partial(index, piece)
                ctx.progress(number + 1, values["words"], "Writing")
                never.wait(values["pause_ms"] / 1000)
            if values["notice"]:
                ctx.notice("{count} words were left out.", count=3)
            if values["fail"]:
                raise StudioError("The echo is broken; shout again.", code="echo")
        except Cancelled:
            if text:
                ctx.save_text(index, text)
            raise
        ctx.save_text(index, text)
