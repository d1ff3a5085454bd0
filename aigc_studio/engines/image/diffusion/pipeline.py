"""A loaded model as diffusers' pipelines: one for each task, all of the same components."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.weights import identity
from aigc_studio.engines import device
from aigc_studio.engines.base import Context, Model

from . import folder, single_file
from .spec import Loaded, Spec
from .stopping import stoppable

__all__ = ["load_pipeline", "pipe_for", "warm"]

_AUTO = {
    "generate": "AutoPipelineForText2Image",
    "variation": "AutoPipelineForImage2Image",
    "inpaint": "AutoPipelineForInpainting",
}


def warm() -> None:
    """Import what loading and running need."""
    device.go_offline()
    import diffusers
    import torch  # noqa: F401
    import transformers
    from diffusers.pipelines import auto_pipeline  # noqa: F401
    from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()


def load_pipeline(model: Model, ctx: Context, spec: Spec) -> Loaded:
    """Read a folder or a single file. The components stay on the CPU, mapped into memory, until `memory.arrange`.

    Raises StudioError for everything that can be wrong with it, Cancelled between two weights.
    """
    ctx.progress(0, 0, N_("Loading the model"))
    ctx.check()
    warm()
    placement = device.choose()
    if model.file is not None:
        with stoppable(ctx.check):
            pipe = single_file.load(model.file, placement.torch_dtype(), ctx)
        digest = identity([model.file])
    elif model.folder is not None:
        index = folder.open_index(model.folder)
        kind = _pipeline_class(index.pipeline)  # asked before gigabytes are read
        with stoppable(ctx.check):
            components = folder.read(index, ctx, spec, placement)
        pipe = _assembled(kind, components, index.settings, model.folder)
        digest = index.digest
    else:
        raise StudioError(N_("No picture model is chosen; choose one."), code="model-missing")
    pipe.set_progress_bar_config(disable=True)
    scheduler = pipe.scheduler
    return Loaded(spec, pipe, placement, digest, (type(scheduler).__name__, dict(scheduler.config)), model.facts)


def pipe_for(loaded: Loaded, task: str) -> Any:
    """The pipeline for one task, made of the loaded components; nothing is read and nothing copied.

    StudioError when diffusers has none for this model.
    """
    if task not in loaded.pipes:
        import diffusers

        auto: Any = getattr(diffusers, _AUTO[task])
        try:
            pipe = auto.from_pipe(loaded.pipe)
        except ValueError as error:
            raise StudioError(
                N_("This model cannot do that; choose another one."), code="task-model", detail=str(error)
            ) from error
        pipe.set_progress_bar_config(disable=True)
        loaded.pipes[task] = pipe
    return loaded.pipes[task]


def _pipeline_class(name: str) -> Any:
    import diffusers

    found = getattr(diffusers, name, None)
    if found is None or not hasattr(found, "register_modules"):
        raise StudioError(
            N_('This version cannot run models of the type "{name}"; choose another model or update the program.'),
            code="model-class",
            name=name,
        )
    return found


def _assembled(kind: Any, components: Mapping[str, Any], settings: Mapping[str, Any], place: Path) -> Any:
    """The pipeline of these components; what no task here needs is left out of it."""
    expected, optional = kind._get_signature_keys(kind)
    given = {name: components.get(name) for name in expected}
    given |= {name: settings[name] for name in optional if name in settings}
    given |= {name: False for name in ("requires_safety_checker", "add_watermarker") if name in optional}
    try:
        return kind(**given)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise folder.unloadable(place, error) from error
