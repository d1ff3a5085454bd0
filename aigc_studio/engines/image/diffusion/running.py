"""Making pictures with a loaded model: the same loop for every family and task.

Results are made in fixed groups of `batch`, each picture from its own seed and its own generator on the CPU, so that a
resumed job makes what the uninterrupted one would have made. A picture is delivered whole or not at all.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Context

from . import decoding, faults, lora, memory, prompts, schedulers, sizes, words
from .pipeline import pipe_for
from .spec import Loaded
from .work import Work, prepare

if TYPE_CHECKING:
    import numpy as np

    from aigc_studio.core.requests import Request

__all__ = ["generate"]


def generate(loaded: Loaded, request: Request, ctx: Context) -> None:
    """Make every result of `request` that is still to be made.

    Raises StudioError; Cancelled at a step, between two parts of the model, and inside them when the engine brakes.
    """
    ctx.check()
    values = dict(ctx.values)
    if "negative" in values:
        values["negative"] = prompts.clean(values["negative"])
    memory.arrange(loaded, values["memory"], ctx)
    with memory.guarded(loaded):
        _all(loaded, request.changed(prompt=prompts.clean(request.prompt)), values, ctx)


def _all(loaded: Loaded, request: Request, values: Mapping[str, Any], ctx: Context) -> None:
    pipe = pipe_for(loaded, "inpaint" if loaded.fills else request.task)
    work = prepare(request.task, loaded, pipe, ctx)
    info = dict(work.info)
    if (mode := loaded.state.get("memory", "full")) != "full":
        info["memory"] = mode  # tiles are not quite the whole
    info |= lora.apply(loaded, pipe, list(values.get("loras", ())), ctx)
    info |= words.apply(loaded, list(values.get("embeddings", ())), (request.prompt, values.get("negative", "")), ctx)
    info |= _read_prompts(loaded, request, values, ctx)
    batch = values.get("batch", 1)
    for first in range(0, request.count, batch):
        indices = range(first, min(first + batch, request.count))
        if any(ctx.wants(index) for index in indices):
            _group(Run(loaded, pipe, ctx, work, request, values), info, indices)


def _group(run: Run, info: Mapping[str, Any], indices: range) -> None:
    """Make the results `indices` at once; those that are stored already only keep the rest alike."""
    loaded, pipe, ctx, work = run.loaded, run.pipe, run.ctx, run.work
    latents = run.made(indices)
    ctx.check()
    ctx.progress(run.total, run.total, N_("Developing the picture"))

    def decode() -> np.ndarray:
        return memory.decoded(loaded, pipe, lambda: decoding.decoded(pipe, latents, work.size), ctx)

    pixels = faults.mended(pipe, decode(), latents, decode) if loaded.spec.plain else faults.whole(latents)
    ctx.check()
    faults.checked(pixels, ctx)
    made = [sizes.fitted(picture, work.size) for picture in decoding.pictures(pixels)]
    for index, picture in zip(indices, made, strict=True):
        if not ctx.wants(index):
            continue
        ctx.check()
        ctx.save_image(
            index,
            work.finish(picture),
            **info,
            size=list(work.size),
            steps=run.steps,
            scheduler=schedulers.described(pipe.scheduler),
            batch=len(indices),
        )


@dataclass
class Run:
    """One call of a pipeline. values: of the parameters. steps: done. total: to do."""

    loaded: Loaded
    pipe: Any
    ctx: Context
    work: Work
    request: Request
    values: Mapping[str, Any]
    steps: int = 0
    total: int = 0

    def made(self, indices: range) -> Any:
        """The finished latents of the results `indices`: (n, ...), on the model's device; float32 pixels (n, height,
        width, 3) of a family whose pipelines decode them."""
        import torch

        values, request, pipe, count = self.values, self.request, self.pipe, len(indices)
        generators = [torch.Generator("cpu").manual_seed(request.item_seed(index)) for index in indices]
        pipe.scheduler = schedulers.fresh(self.loaded, values["scheduler"], generators)
        steps = values["steps"]
        given: dict[str, Any] = {
            "prompt": [request.prompt] * count,
            "num_inference_steps": steps,
            "width": self.work.size[0],
            "height": self.work.size[1],
            "generator": generators,
            "output_type": "latent" if self.loaded.spec.plain else "np",
            "callback_on_step_end": self._step,
            **self.loaded.spec.arguments(self.loaded, request.task, values),
        }
        given |= {role: image if count == 1 else [image] * count for role, image in self.work.images.items()}
        if self.work.images:
            strength = values.get("strength", 1.0)
            # Steps times strength are done: at least one.
            given |= {"strength": strength, "num_inference_steps": max(steps, math.ceil(1 / strength))}
        if isinstance(given.get("negative_prompt"), str):
            given["negative_prompt"] = [given["negative_prompt"]] * count
        taken = inspect.signature(type(pipe).__call__).parameters
        if "callback_on_step_end" not in taken:  # pipelines that still tell their steps the old way
            given |= {"callback": self._stepped, "callback_steps": 1}
        self.total = steps
        self.ctx.progress(0, steps, N_("Reading the prompt"))
        try:
            made = pipe(**{name: value for name, value in given.items() if name in taken})
        except (ValueError, NotImplementedError) as error:
            raise StudioError(
                N_("The model does not take these settings ({reason}); choose another sampler or other values."),
                code="settings",
                detail=repr(error),
                reason=_first_line(error),
            ) from error
        except RuntimeError as error:
            if memory.is_shortage(error) or isinstance(error, RecursionError):
                raise
            raise StudioError(
                N_("The model failed while it painted ({reason}); choose other settings, or another model."),
                code="model-run",
                detail=repr(error),
                reason=_first_line(error),
            ) from error
        return made.images

    def _step(self, pipe: Any, step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """After each step: stop, or tell how far it is. Whatever is raised here leaves the pipeline usable."""
        self.ctx.check()
        self.steps = step + 1
        self.total = max(self.steps, int(getattr(pipe, "num_timesteps", 0) or self.total))
        small = None
        if self.steps < self.total:
            small = self.loaded.previewer.picture(tensors["latents"], self.work.size)
            small = small if small is None else self.work.shown(small)
        self.ctx.progress(self.steps, self.total, N_("Painting"), small)
        return tensors

    def _stepped(self, step: int, time: Any, latents: Any) -> None:
        self._step(self.pipe, step, time, {"latents": latents})


def _first_line(error: Exception) -> str:
    """What a library says, short enough for a sentence."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def _read_prompts(loaded: Loaded, request: Request, values: Mapping[str, Any], ctx: Context) -> dict[str, Any]:
    """Tell what the model does not read of the prompts, and what the recipe keeps of it."""
    reading = prompts.read(loaded, request.prompt)
    info: dict[str, Any] = {"tokens": reading.tokens}
    if reading.unread:
        ctx.notice(
            N_("The model reads {limit} tokens; the last {count} words are not read: {words}"),
            limit=reading.limit,
            count=reading.unread_words,
            words=reading.shown,
        )
        info["unread"] = reading.unread
    negative = values.get("negative", "")
    if not negative.strip():
        return info
    if not str(loaded.spec.arguments(loaded, request.task, values).get("negative_prompt") or "").strip():
        ctx.notice(N_("The negative prompt has no effect at this guidance."))
    elif (reading := prompts.read(loaded, negative)).unread:
        ctx.notice(
            N_("Of the negative prompt the model reads {limit} tokens; the last {count} words are not read: {words}"),
            limit=reading.limit,
            count=reading.unread_words,
            words=reading.shown,
        )
        info["unread_negative"] = reading.unread
    return info
