"""Where the parts of a model are while it works, and what is done when there is not enough memory for it.

Four ways, from fast to thrifty: all parts on the device; one part at a time there ("low"); one layer at a time
("lowest"); and on a computer without a graphics card, where nothing can be moved, the picture decoded in tiles.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

if TYPE_CHECKING:
    from aigc_studio.engines.base import Context

    from .spec import Loaded

__all__ = ["arrange", "at_rest", "decoded", "guarded", "is_shortage", "shortage"]

T = TypeVar("T")

log = logging.getLogger(__name__)

TILE = 512
"""Side in pixels of the tiles that a large picture is decoded in; autoencoders with smaller ones keep those."""
_WORKING = 3 << 29
"""Bytes that a step needs besides the weights, at the usual sizes: 1.5 GiB."""
_LAYERWISE = ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading")
"""What diffusers calls the hooks that move single layers."""
_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "Cannot allocate memory",
    "not enough memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


def arrange(loaded: Loaded, mode: str, ctx: Context) -> None:
    """Put the model's parts where `mode` ("auto", "full", "low", "lowest") wants them; to be called before each run.

    "auto" takes the fastest that the device's free memory allows. StudioError code "memory" when the parts do not fit.
    """
    accelerated = _accelerated(loaded)
    held = loaded.state.get("memory")
    if not held:
        _release(loaded)  # half a placement that failed would count as memory that is taken
    wanted = mode
    if mode == "auto":
        wanted = held if held and loaded.state.get("auto") else _fastest(loaded) if accelerated else "full"
    elif not accelerated and mode == "lowest":
        wanted = "low"
    loaded.state["auto"] = mode == "auto"
    if not accelerated and mode in ("low", "lowest"):
        ctx.notice(N_("Without a graphics card, less memory only means that the picture is decoded in tiles."))
    if wanted != held:
        with guarded(loaded):
            loaded.state["memory"] = ""
            _release(loaded)
            _place(loaded, wanted, accelerated, ctx)
        loaded.state["memory"] = wanted
        loaded.state["tiled"] = False
    elif held == "low" and accelerated:
        # Pipelines made of this one's parts leave the last part that worked on the device.
        loaded.pipe.maybe_free_model_hooks()


@contextlib.contextmanager
def at_rest(loaded: Loaded, ctx: Context) -> Iterator[None]:
    """Inside, the parts can be changed: those that hooks move about lie on the CPU without them, and are put back
    afterwards. Parts that are on the device for good stay there."""
    mode = loaded.state.get("memory", "")
    if mode not in ("low", "lowest") or not _accelerated(loaded):
        yield
        return
    _release(loaded)
    loaded.state["memory"] = ""
    yield
    with guarded(loaded):
        _place(loaded, mode, True, ctx)
    loaded.state["memory"] = mode


def decoded(loaded: Loaded, pipe: Any, decode: Callable[[], T], ctx: Context) -> T:
    """What `decode` returns. When memory runs out it is called again, in tiles, and at last with the other parts of the
    model moved away: the finished latents that it holds are worth more than the time.

    StudioError code "memory" when that was in vain.
    """
    vae: Any = getattr(pipe, "vae", None) or getattr(pipe, "movq", None)
    tiling = N_("Memory was short: the picture was decoded in tiles, which may show faint differences in tone.")
    if loaded.state.get("tiled"):
        ctx.notice(tiling)
    try:
        return decode()
    except Exception as error:
        if not is_shortage(error):
            raise
        _forget(error)
    ctx.check()
    if not loaded.state.get("tiled") and _tile(vae):
        loaded.state["tiled"] = True
        ctx.notice(tiling)
        try:
            return decode()
        except Exception as error:
            if not is_shortage(error):
                raise
            _forget(error)
    ctx.check()
    if loaded.state.get("memory") != "full" or not _accelerated(loaded):
        raise shortage(loaded)
    with guarded(loaded), _alone(loaded, vae):
        return decode()


@contextlib.contextmanager
def guarded(loaded: Loaded) -> Iterator[None]:
    """Turns "out of memory" inside into a StudioError that says what to do, after what it held was given back: the
    model stays loaded, and the next job works."""
    try:
        yield
    except Exception as error:
        if not is_shortage(error):
            raise
        _forget(error)
        raise shortage(loaded, f"{type(error).__name__}: {error}") from None


def is_shortage(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, in any of torch's and the system's ways."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def shortage(loaded: Loaded, detail: str = "") -> StudioError:
    """The sentence about too little memory that fits where the model is and what was tried already."""
    mode = loaded.state.get("memory") or "full"
    if not _accelerated(loaded):
        text = N_("There is not enough memory for this; choose a smaller size, or close other programs.")
    elif mode == "lowest":
        text = N_("The graphics card has not enough memory for this; choose a smaller size or a smaller model.")
    else:
        text = N_("The graphics card has not enough memory for this; retry with less memory, or choose a smaller size.")
    return StudioError(text, code="memory", detail=detail or mode, memory=mode)


def _accelerated(loaded: Loaded) -> bool:
    return not loaded.placement.device.startswith("cpu")


def _parts(loaded: Loaded) -> dict[str, Any]:
    """The networks among the components, by name."""
    import torch

    return {name: part for name, part in loaded.pipe.components.items() if isinstance(part, torch.nn.Module)}


def _fastest(loaded: Loaded) -> str:
    """The fastest way for which the device has memory now."""
    free = _free(loaded.placement.device)
    if free is None:
        return "full"
    sizes = [sum(weight.nbytes for weight in part.parameters()) for part in _parts(loaded).values()]
    if sum(sizes) + _WORKING <= free:
        return "full"
    return "low" if max(sizes, default=0) + _WORKING <= free else "lowest"


def _free(device: str) -> int | None:
    """Free bytes on a device, what torch keeps for itself included; None where nobody can say."""
    import torch

    if device.startswith("cuda"):
        index = torch.device(device)
        free, _ = torch.cuda.mem_get_info(index)
        return free + torch.cuda.memory_reserved(index) - torch.cuda.memory_allocated(index)
    if device.startswith("mps"):
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return None


def _place(loaded: Loaded, mode: str, accelerated: bool, ctx: Context) -> None:
    """Put parts that are on the CPU, without hooks, where `mode` wants them."""
    import torch

    pipe, device = loaded.pipe, loaded.placement.device
    vae: Any = getattr(pipe, "vae", None)
    if hasattr(vae, "enable_slicing"):
        with contextlib.suppress(NotImplementedError):
            vae.enable_slicing()
    if mode != "full":
        _tile(vae)
    ctx.check()
    if accelerated and mode != "full" and vae is not None:
        # Later, in the middle of the steps, this would drive the network off the device and back.
        vae.to(device)
        loaded.previewer.fit()
        vae.to("cpu")
    if not accelerated or mode == "full":
        for part in _parts(loaded).values():
            ctx.check()
            part.to(device)
    elif mode == "low" and type(pipe).model_cpu_offload_seq:
        pipe.enable_model_cpu_offload(device=device)
    else:
        try:
            pipe.enable_group_offload(
                onload_device=torch.device(device),
                offload_device=torch.device("cpu"),
                offload_type="leaf_level",
                use_stream=device.startswith("cuda"),
                low_cpu_mem_usage=True,
                exclude_modules=[name for name in ("vae", "movq") if name in pipe.components],
            )
        except ValueError:  # a part that does not know it
            log.info("layer by layer in the older way", exc_info=True)
            _release(loaded)
            pipe.enable_sequential_cpu_offload(device=device)


def _release(loaded: Loaded) -> None:
    """All parts back on the CPU, without the hooks that moved them."""
    pipe = loaded.pipe
    if getattr(pipe, "_all_hooks", None) or any(hasattr(part, "_hf_hook") for part in _parts(loaded).values()):
        pipe.remove_all_hooks()
    for part in _parts(loaded).values():
        for module in part.modules():
            registry = getattr(module, "_diffusers_hook", None)
            if registry is not None:
                for name in _LAYERWISE:
                    registry.remove_hook(name, recurse=False)
        part.to("cpu")
        if hasattr(part, "disable_tiling"):
            part.disable_tiling()
    _empty_caches()


def _tile(vae: Any) -> bool:
    """Let an autoencoder decode in tiles of at most `TILE` pixels; whether it can."""
    if vae is None or not hasattr(vae, "enable_tiling"):
        return False
    try:
        vae.enable_tiling()
    except NotImplementedError:
        return False
    side = getattr(vae, "tile_sample_min_size", None)
    if isinstance(side, int) and side > TILE:  # as large as the model's own pictures: no tiles at all
        vae.tile_latent_min_size = max(1, int(vae.tile_latent_min_size * TILE / side))
        vae.tile_sample_min_size = TILE
    return True


@contextlib.contextmanager
def _alone(loaded: Loaded, vae: Any) -> Iterator[None]:
    """Leaves the device to the autoencoder."""
    others = [part for part in _parts(loaded).values() if part is not vae]
    try:
        for part in others:
            part.to("cpu")
        _empty_caches()
        yield
    finally:
        for part in others:
            part.to(loaded.placement.device)


def _forget(error: BaseException) -> None:
    """Give back what an exception's frames hold, and what torch keeps for later."""
    traceback.clear_frames(error.__traceback__)
    error.__traceback__ = None
    gc.collect()
    _empty_caches()


def _empty_caches() -> None:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
