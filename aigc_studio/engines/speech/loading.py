"""Speech models of transformers from a folder: checked, loaded without the network, and drawn from seeds of their own.

Safetensors only, and no program code from the folder. torch is imported in the functions only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.weights import identity, whole_files
from aigc_studio.engines import device
from aigc_studio.engines.base import Context, Model

__all__ = ["files_of", "network", "seeded", "tokenizer"]


def files_of(model: Model, ctx: Context) -> tuple[Path, str]:
    """The folder of a model and what identifies it, after its files were looked at. StudioError when they are not
    there, cut short or pickles."""
    if model.folder is None:
        raise StudioError(
            N_('"{model}" is not a folder with a speech model; choose another model.'),
            code="model-missing",
            model=model.title,
        )
    if not model.folder.is_dir():
        raise StudioError(
            N_('The model folder "{folder}" is not there; choose another model or put the folder back.'),
            code="model-missing",
            folder=str(model.folder),
        )
    ctx.progress(0, 0, N_("Loading the model"))
    files = whole_files(model.folder)[1]
    ctx.check()
    return model.folder, identity(files)


def network(kind: str, folder: Path, placement: device.Placement, *, whole: bool = False) -> Any:
    """A network of transformers' class `kind` ("VitsModel", "AutoModelForAudioXVector"), ready to run.

    whole: in float32 whatever the device's own format is; small voices lose their sound in fewer bits. StudioError for
    everything that can be wrong with its files.
    """
    import torch
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    dtype = torch.float32 if whole else placement.torch_dtype()
    try:
        loaded, report = getattr(transformers, kind).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=dtype, output_loading_info=True
        )
    except (StudioError, MemoryError):
        raise
    except Exception as error:
        if "out of memory" in str(error).lower():
            raise
        raise StudioError(
            N_('The model in "{folder}" could not be loaded ({reason}); choose another model.'),
            code="model-load",
            detail=repr(error),
            folder=str(folder),
            reason=f"{type(error).__name__}: {error}".splitlines()[0][:200],
        ) from error
    if report["missing_keys"] or report.get("mismatched_keys"):
        raise StudioError(
            N_('The model in "{folder}" lacks some of its weights; copy or download it again.'),
            code="model-damaged",
            detail=str(sorted(map(str, report["missing_keys"]))[:20]),
            folder=str(folder),
        )
    return loaded.to(placement.device).eval()


def tokenizer(kind: str, folder: Path, **more: Any) -> Any:
    """A tokenizer of transformers' class `kind`; StudioError when its files are broken."""
    import transformers

    try:
        return getattr(transformers, kind).from_pretrained(folder, local_files_only=True, **more)
    except Exception as error:
        raise StudioError(
            N_('The model in "{folder}" could not be loaded ({reason}); choose another model.'),
            code="model-load",
            detail=repr(error),
            folder=str(folder),
            reason=f"{type(error).__name__}: {error}".splitlines()[0][:200],
        ) from error


@contextmanager
def seeded(seed: int, placement: device.Placement) -> Iterator[None]:
    """Everything torch draws inside comes from `seed`, on the CPU and on the device; what others draw after is as if
    nothing had been drawn here. The models draw from the global generators and take no other."""
    import torch

    where = torch.device(placement.device)
    seeds = [torch.default_generator]
    if where.type == "cuda":
        torch.cuda.init()
        seeds.append(torch.cuda.default_generators[where.index or 0])
    kept = [generator.get_state() for generator in seeds]
    mps = torch.mps.get_rng_state() if where.type == "mps" else None
    try:
        for generator in seeds:
            generator.manual_seed(seed)
        if mps is not None:
            torch.mps.manual_seed(seed)
        with torch.inference_mode():
            yield
    finally:
        for generator, state in zip(seeds, kept, strict=True):
            generator.set_state(state)
        if mps is not None:
            torch.mps.set_rng_state(mps)
