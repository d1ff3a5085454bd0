"""LoRA files on a loaded model: small changes that are laid over its weights, each with a strength, several at once.

They are loaded once and stay while the jobs name the same ones; without any, the model is bit for bit what it was.
How files are named (diffusers, peft, kohya) is diffusers' business; what it cannot take is found here beforehand, named
and left out.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.lora import read_lora
from aigc_studio.core.library.weights import Header, read_header

from . import memory

if TYPE_CHECKING:
    from aigc_studio.engines.base import Context, Model

    from .spec import Loaded

__all__ = ["apply"]

log = logging.getLogger(__name__)

_TITLES = {
    "sd1": "Stable Diffusion 1",
    "sd2": "Stable Diffusion 2",
    "sdxl": "SDXL",
    "sd3": "Stable Diffusion 3",
    "flux": "Flux",
    "z-image": "Z-Image",
    "qwen-image": "Qwen-Image",
}
_KINDS = (
    (".hada_", "LoHa"),
    (".lokr_", "LoKr"),
    (".oft_", "OFT"),
    (".on_input", "IA3"),
    (".a1.weight", "GLoRA"),
    (".a2.weight", "GLoRA"),
    (".b1.weight", "GLoRA"),
    (".b2.weight", "GLoRA"),
    (".diff$", "full difference"),
    (".diff_b$", "full difference"),
    (".lora_mid.", "LoCon (CP)"),
    (".dora_scale", "DoRA"),
    ("lora_magnitude_vector", "DoRA"),
)
"""Part of a weight's name ("$": its end) to the name of a method that is more, or other, than two matrices."""
_STRENGTH = (".alpha", ".rank", ".scale")
"""Ends of the names of single numbers, which are no weights."""


@dataclass(frozen=True)
class Held:
    """A LoRA that lies on the model. adapter: its name there. stamp: what tells the file from a changed one. read, of:
    how many of its weights the model took."""

    adapter: str
    stamp: tuple[str, int, int]
    title: str
    digest: str
    read: int
    of: int
    left_out: tuple[str, ...] = ()


def apply(loaded: Loaded, pipe: Any, loras: list[Any], ctx: Context) -> dict[str, Any]:
    """Lay `loras`, a list of [model id, weight], over the model, and take away what is not in it.

    Returns what the recipe keeps of them; {} for none. StudioError for a file that is gone, broken, or made for another
    model; the model is then as it was without any.
    """
    weights: dict[str, float] = {}
    for id, weight in loras:
        weights[id] = weights.get(id, 0.0) + float(weight)
    weights = {id: weight for id, weight in weights.items() if weight != 0.0}
    held: dict[str, Held] = loaded.state.setdefault("loras", {})
    wanted = {id: ctx.part(id) for id in weights}
    stamps = {id: _stamp(model) for id, model in wanted.items()}
    stale = [id for id, item in held.items() if stamps.get(id) != item.stamp]
    new = [id for id in wanted if id not in held or id in stale]
    if stale or new:
        with memory.at_rest(loaded, ctx):
            try:
                _take_away(loaded, stale)
                for id in new:
                    ctx.check()
                    ctx.progress(0, 0, N_("Loading the LoRA"))
                    held[id] = _load(loaded, wanted[id], stamps[id])
            except BaseException:  # a half-loaded one must not stay, whatever stopped it
                _take_away(loaded, list(held))
                raise
    if held:
        loaded.pipe.set_adapters([held[id].adapter for id in weights], adapter_weights=[weights[id] for id in weights])
    for id in weights:
        _report(held[id], ctx)
    kept = [
        {"id": id, "title": held[id].title, "weight": weight, "digest": held[id].digest}
        | ({"read": held[id].read, "of": held[id].of} if held[id].read < held[id].of else {})
        for id, weight in weights.items()
    ]
    return {"loras": kept} if kept else {}


def _report(item: Held, ctx: Context) -> None:
    if item.left_out:
        ctx.notice(
            N_('"{lora}" has parts of a kind that is not supported ({kinds}); they were left out.'),
            lora=item.title,
            kinds=", ".join(item.left_out),
        )
    if item.read < item.of:
        ctx.notice(
            N_('"{lora}": {loaded} of {total} keys were used.'), lora=item.title, loaded=item.read, total=item.of
        )


def _stamp(model: Model) -> tuple[str, int, int]:
    """(path, size, time of change) of a part's file."""
    path = _file(model)
    try:
        status = path.stat()
    except OSError as error:
        raise StudioError(
            N_('The LoRA file of "{lora}" is not there; put it back or take the LoRA out.'),
            code="part-missing",
            detail=repr(error),
            lora=model.title,
        ) from error
    return str(path), status.st_size, status.st_mtime_ns


def _file(model: Model) -> Path:
    """The one file of a LoRA: itself, or the only one in its folder."""
    if model.file is not None:
        return model.file
    files = sorted((model.folder or Path()).glob("*.safetensors")) if model.folder is not None else []
    if len(files) != 1:
        raise StudioError(
            N_('The LoRA file of "{lora}" is not there; put it back or take the LoRA out.'),
            code="part-missing",
            detail=f"{len(files)} files in {model.folder}",
            lora=model.title,
        )
    return files[0]


def _take_away(loaded: Loaded, ids: list[str]) -> None:
    """Remove LoRA files from the model; when none is left, every trace of them."""
    held = loaded.state["loras"]
    adapters = [held.pop(id).adapter for id in ids if id in held]
    if held and adapters:
        loaded.pipe.delete_adapters(adapters)
    elif hasattr(loaded.pipe, "unload_lora_weights") and not held:
        loaded.pipe.unload_lora_weights()


def _load(loaded: Loaded, model: Model, stamp: tuple[str, int, int]) -> Held:
    pipe, path = loaded.pipe, Path(stamp[0])
    if not hasattr(pipe, "load_lora_weights"):
        raise StudioError(N_("This kind of model takes no LoRA; take it out."), code="lora-class")
    header = read_header(path)
    _check_base(loaded, model, header)
    whole, left_out = _usable(header)
    if not whole:
        raise StudioError(
            N_('"{lora}" is of the kind {kinds}, which cannot be used here; take it out.'),
            code="lora-kind",
            lora=model.title,
            kinds=", ".join(left_out) or "?",
        )
    number = loaded.state["lora_number"] = loaded.state.get("lora_number", 0) + 1
    adapter = f"lora_{number}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "multiple adapters": meant
            _read(pipe, path, adapter, whole if left_out else None)
    except (StudioError, MemoryError):
        raise
    except Exception as error:
        if memory.is_shortage(error):
            raise
        raise _unfit(model, error) from error
    read = _taken(pipe, adapter)
    if read == 0:
        raise _unfit(model, ValueError("no key was used"))
    total = sum(1 for name in header.tensors if _is_weight(name))
    log.info("LoRA %s: %d of %d keys", path.name, read, total)
    return Held(adapter, stamp, model.title, str(model.facts.get("digest", "")), min(read, total), total, left_out)


def _read(pipe: Any, path: Path, adapter: str, names: list[str] | None) -> None:
    """Let diffusers lay a file over the pipeline's parts. names: of the weights to use, None for the whole file, which
    is read by its path, for what its header says of it."""
    if names is None:
        pipe.load_lora_weights(
            str(path.parent),
            weight_name=path.name,
            adapter_name=adapter,
            local_files_only=True,
            use_safetensors=True,
        )
        return
    from safetensors.torch import load_file

    tensors = load_file(path)
    pipe.load_lora_weights({name: tensors[name] for name in names}, adapter_name=adapter)


def _check_base(loaded: Loaded, model: Model, header: Header) -> None:
    """StudioError when the file says that it belongs to another type of model."""
    found = read_lora(header) or {}
    base = str(model.facts.get("type") or found.get("type") or "")
    own = str(loaded.facts.get("type") or "")
    if base in _TITLES and own in _TITLES and base != own:
        raise StudioError(
            N_('"{lora}" was made for {base}, this model is {own}; take it out or choose another model.'),
            code="lora-base",
            lora=model.title,
            base=_TITLES[base],
            own=_TITLES[own],
        )


def _is_weight(name: str) -> bool:
    return not name.endswith(_STRENGTH)


def _usable(header: Header) -> tuple[list[str], tuple[str, ...]]:
    """(names of the weights that can be used, kinds of the others). A layer is used whole or not at all, but for
    DoRA's scale, without which the rest still means nearly the same."""
    lost: set[str] = set()
    without: set[str] = set()
    kinds: dict[str, None] = {}
    for name in header.tensors:
        for sign, kind in _KINDS:
            part = sign.removesuffix("$")
            if name.endswith(part) if sign.endswith("$") else part in name:
                kinds[kind] = None
                without.add(name)
                if kind != "DoRA":
                    lost.add(name.rpartition(part)[0])
                break
    names = [
        name
        for name in header.tensors
        if name not in without and not any(name.startswith(layer + ".") for layer in _prefixes(name) & lost)
    ]
    return ([] if not any(_is_weight(name) for name in names) else names), tuple(kinds)


def _prefixes(name: str) -> set[str]:
    """Every beginning of a dotted name."""
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def _taken(pipe: Any, adapter: str) -> int:
    """How many matrices the model's layers took under this name."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    count = 0
    for part in pipe.components.values():
        for module in getattr(part, "modules", lambda: ())():
            if isinstance(module, BaseTunerLayer):
                stores: Mapping[str, Any]
                for kind in module.adapter_layer_names:
                    stores = getattr(module, kind, {})
                    count += adapter in stores
    return count


def _unfit(model: Model, error: Exception) -> StudioError:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    with contextlib.suppress(Exception):
        log.info("LoRA %s", model.title, exc_info=error)
    return StudioError(
        N_('"{lora}" does not fit this model; take it out or choose another model.'),
        code="lora-fit",
        detail=f"{type(error).__name__}: {reason[:500]}",
        lora=model.title,
    )
