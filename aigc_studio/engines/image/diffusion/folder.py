"""Reading a model folder of diffusers: checked first, then component by component, safetensors only, never a program.

What is wrong with a folder is said in one sentence before the libraries meet it (`core.library`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.diffusion import components, read_pipeline
from aigc_studio.core.library.reading import code_of_its_own, damaged, missing, optional_json, read_json
from aigc_studio.core.library.weights import weight_files
from aigc_studio.engines.base import Context

if TYPE_CHECKING:
    from aigc_studio.engines.device import Placement

    from .spec import Spec

__all__ = ["Index", "open_index", "read", "unloadable"]

_STAGES = {
    "tokenizer": N_("Loading the tokenizer"),
    "text_encoder": N_("Loading the text encoder"),
    "unet": N_("Loading the image model"),
    "transformer": N_("Loading the image model"),
    "vae": N_("Loading the picture decoder"),
}
"""Component, without the number at its end, to what is told while it is read."""

_READABLE = frozenset(
    {
        "AutoFeatureExtractor",
        "AutoImageProcessor",
        "AutoProcessor",
        "AutoTokenizer",
        "FeatureExtractionMixin",
        "ImageProcessingMixin",
        "ModelMixin",
        "PreTrainedModel",
        "PreTrainedTokenizerBase",
        "ProcessorMixin",
        "SchedulerMixin",
    }
)
"""What a component's class is one of: networks, whose weights are read from safetensors only, and what has no weights.
Classes that look for another class to load ("AutoModel", whole pipelines) would read pickles, too."""


@dataclass(frozen=True)
class Index:
    """What model_index.json says. pipeline: class name. components: name to (library, class). settings: the rest.
    digest: what tells this model from another."""

    folder: Path
    pipeline: str
    components: Mapping[str, tuple[str, str]]
    settings: Mapping[str, Any]
    digest: str


def open_index(folder: Path) -> Index:
    """The folder's model_index.json, after everything that can be wrong with the folder was looked at.

    Raises StudioError: folder, a part or a file missing, JSON broken, weights cut short or only as pickles, a pipeline
    that is a program of its own or is not known.
    """
    if not folder.is_dir():
        raise StudioError(
            N_('The model folder "{folder}" is not there; choose another model or put the folder back.'),
            code="model-missing",
            folder=str(folder),
        )
    finding = read_pipeline(folder)
    if finding.problem is not None:
        raise finding.problem
    data = read_json(folder, "model_index.json")
    parts = components(data)
    for name in parts:
        if "auto_map" in optional_json(folder / name, "config.json"):
            raise code_of_its_own(name)
    settings = {name: value for name, value in data.items() if not name.startswith("_") and not isinstance(value, list)}
    return Index(folder, str(data["_class_name"]), parts, settings, str(finding.facts["digest"]))


def read(index: Index, ctx: Context, spec: Spec, placement: Placement) -> dict[str, Any]:
    """The folder's components by name, on the CPU, in the placement's number format; the scheduler among them.

    Asks for a cancel before each one. StudioError for everything that can be wrong with one.
    """
    made: dict[str, Any] = {}
    for name, (library, kind) in index.components.items():
        if name in spec.unused:
            continue
        ctx.check()
        ctx.progress(0, 0, _STAGES.get(re.sub(r"_\d$", "", name), N_("Loading the model")))
        reader = spec.readers.get(kind) or _class(name, library, kind)
        made[name] = _component(index, name, reader, placement)
    ctx.check()
    return made


def _class(name: str, library: str, kind: str) -> Any:
    """The class of a component: of diffusers, transformers, or of one of diffusers' own pipelines."""
    import diffusers
    import diffusers.pipelines
    import transformers

    known: dict[str, Any] = {"diffusers": diffusers, "transformers": transformers}
    place = known.get(library) or getattr(diffusers.pipelines, library, None)
    if place is None:
        raise code_of_its_own(f"{name}: {library}.{kind}")
    found = getattr(place, kind, None) or getattr(place, kind.removesuffix("Fast"), None)
    if found is None or not _READABLE.intersection(base.__name__ for base in getattr(found, "__mro__", ())):
        raise StudioError(
            N_('This version does not know "{name}", a part of the model; choose another model or update the program.'),
            code="model-class",
            name=kind,
        )
    return found


def _component(index: Index, name: str, kind: Any, placement: Placement) -> Any:
    import torch

    folder = index.folder / name
    try:
        if torch.nn.Module not in kind.__mro__:
            return kind.from_pretrained(folder, local_files_only=True)
        component, loading = kind.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            variant=_variant(folder),
            dtype=placement.torch_dtype(),
            output_loading_info=True,
        )
    except (StudioError, MemoryError):
        raise
    except Exception as error:
        if "out of memory" in str(error).lower():
            raise
        raise unloadable(index.folder, error) from error
    lacking = sorted(str(key) for key in (*loading["missing_keys"], *loading.get("mismatched_keys", ())))
    if lacking or any(weight.is_meta for weight in component.parameters()):
        raise StudioError(
            N_('The model in "{folder}" lacks some of its weights; copy or download it again.'),
            code="model-damaged",
            detail=f"{name}: {lacking[:20]}",
            folder=str(index.folder),
        )
    return component.eval()


def _variant(folder: Path) -> str | None:
    """What stands in the names of the weights, as in "model.fp16.safetensors"; None for the plain ones."""
    problem = None
    for stem in ("diffusion_pytorch_model", "model"):
        try:
            return weight_files(folder, stem)[0] or None
        except StudioError as error:
            problem = error
    raise problem or missing(folder, "model.safetensors")


def unloadable(place: Path, error: Exception) -> StudioError:
    """What to tell when a library could not make anything of a model."""
    if isinstance(error, OSError) and not place.exists():
        return damaged(place, repr(error))
    return StudioError(
        N_('The model in "{folder}" could not be loaded ({reason}); choose another model.'),
        code="model-load",
        detail=repr(error),
        folder=str(place),
        reason=f"{type(error).__name__}: {error}".splitlines()[0][:200],
    )
