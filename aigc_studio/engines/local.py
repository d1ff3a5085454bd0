"""The engine that does the work in this process: family, loaded model, results as files. Used by the child process,
by the command line, and by the window with `--engine thread`.

It must not know: Qt, the pipe, the database. One thread at a time runs it: loading a diffusers model patches
`torch.nn.Module` for the whole process, so that loading and running may never overlap.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.metadata
import logging
import platform
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aigc_studio.core import metadata
from aigc_studio.core.errors import Cancelled, StudioError, describe
from aigc_studio.core.i18n import N_
from aigc_studio.core.places import names_only
from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.store.files import plain_errors

from . import registry
from .base import Model
from .engine import CancelToken, Listener, Order, Preview, missing_input
from .stamp import stamp

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

__all__ = ["LocalEngine", "RunContext", "file_hash"]

log = logging.getLogger(__name__)

PROGRESS_INTERVAL = 0.05
PREVIEW_INTERVAL = 0.1
PARTIAL_INTERVAL = 0.03
PREVIEW_SIDE = 512

_RECORDED = ("numpy", "pillow", "soundfile", "torch", "transformers", "diffusers", "tokenizers", "espeakng-loader")
_MODULES = {"pillow": "PIL", "espeakng-loader": "espeakng_loader"}


class RunContext:
    """The `Context` of one run: rates limited, results written with their recipe, then reported."""

    def __init__(self, order: Order, listener: Listener, token: CancelToken) -> None:
        self.start = order.start
        self.values: Mapping[str, Any] = {}
        """Filled before the family runs."""
        self.facts: dict[str, Any] = {}
        """What the recipe's "engine" says; filled when the model is loaded."""
        self.loading = False
        """While a model is loaded nobody knows how much of it is done: every progress has total 0."""
        self._order = order
        self._listener = listener
        self._token = token
        self._stored = set(order.done)
        self._index = order.start
        self._stage: str | None = None
        self._progress_at = self._preview_at = self._partial_at = 0.0
        self._pieces: list[str] = []
        self._pieces_index = 0
        self._notices: list[list[Any]] = []

    @property
    def missing(self) -> list[int]:
        """Indices that are not stored yet."""
        return [index for index in range(self._order.request.count) if index not in self._stored]

    def wants(self, index: int) -> bool:
        """See `Context`."""
        return index not in self._stored

    def progress(self, done: int, total: int, stage: str = "", preview: Image | None = None) -> None:
        """See `Context`."""
        now = time.monotonic()
        self._flush(now)
        if self.loading:
            done = total = 0
        small = None
        if preview is not None and now - self._preview_at >= PREVIEW_INTERVAL:
            small = _preview(preview)
            self._preview_at = now
        midway = 0 < done < total or self.loading
        if small is None and stage == self._stage and midway and now - self._progress_at < PROGRESS_INTERVAL:
            return
        self._stage, self._progress_at = stage, now
        self._listener.progress(self._index, done, total, stage, small)

    def partial(self, index: int, piece: str) -> None:
        """See `Context`."""
        if index != self._pieces_index:
            self._flush()
            self._pieces_index = index
        self._pieces.append(piece)
        self._flush(time.monotonic())

    def check(self) -> None:
        """See `Context`."""
        self._token.check()
        if self._pieces:
            self._flush(time.monotonic())

    def input(self, role: str) -> Path:
        """See `Context`."""
        try:
            return self._order.inputs[role]
        except KeyError:
            raise missing_input(role) from None

    def workshop(self) -> Path:
        """See `Context`."""
        folder = self._order.workshop
        with plain_errors():
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def part(self, id: str) -> Model:
        """See `Context`."""
        try:
            return self._order.parts[id]
        except KeyError:
            raise StudioError(
                N_('"{model}" is not here any more; choose another one.'), code="part-missing", model=id
            ) from None

    def notice(self, text: str, **params: Any) -> None:
        """See `Context`. The same one is told once."""
        if [text, params] not in self._notices:
            self._notices.append([text, params])
            self._listener.notice(text, params)

    def save_image(self, index: int, image: Image, **info: Any) -> None:
        """See `Context`."""
        self._save(index, ".png", info, lambda path, recipe: metadata.write_image(path, image, recipe, self.check))

    def save_audio(self, index: int, samples: np.ndarray, rate: int, **info: Any) -> None:
        """See `Context`."""
        self._save(index, ".wav", info, lambda path, recipe: metadata.write_audio(path, samples, rate, recipe))

    def save_text(self, index: int, text: str, **info: Any) -> None:
        """See `Context`."""
        self._save(index, ".md", info, lambda path, recipe: metadata.write_text(path, text, recipe))

    def finish(self) -> None:
        """Send what is held back."""
        self._flush()

    def _save(self, index: int, suffix: str, info: Mapping[str, Any], write: Callable[[Path, dict], None]) -> None:
        order = self._order
        if not 0 <= index < order.request.count:
            raise ValueError(f"result {index} of {order.request.count}")
        if index in self._stored:
            return
        self._flush()
        order.folder.mkdir(parents=True, exist_ok=True)
        path = order.folder / f"{order.job_id}-{index}{suffix}"
        if self._notices:
            info = {**info, "notices": self._notices}
        facts = names_only(self.facts) if order.request.lane == "train" else self.facts
        write(path, make_recipe(order.job_id, index, order.request.public(), engine=facts, info=info))
        self._stored.add(index)
        self._index = min(self.missing, default=index)
        self._stage = None
        self._listener.output(index, path)

    def _flush(self, now: float | None = None) -> None:
        if self._pieces and (now is None or now - self._partial_at >= PARTIAL_INTERVAL):
            piece = "".join(self._pieces)
            self._pieces.clear()
            self._partial_at = time.monotonic() if now is None else now
            self._listener.partial(self._pieces_index, piece)


class LocalEngine:
    """Runs orders in the calling thread and keeps the last model loaded."""

    def __init__(self, *, collect: bool = True) -> None:
        """collect: whether it may run the garbage collector, in the window's process the UI thread's matter alone."""
        self._collect = collect
        self._key: tuple[str, str, str] | None = None
        self._stamp: tuple[tuple[str, int, int], ...] = ()
        self._loaded: Any = None
        self._warm: set[str] = set()

    def run(self, order: Order, listener: Listener, token: CancelToken) -> None:
        """See `Engine`."""
        token.check()
        context = RunContext(order, listener, token)
        brake = ForwardBrake()
        token.on_cancel(brake.pull)
        try:
            self._make(order, context)
            context.finish()
        except Cancelled:
            context.finish()
            if context.missing:
                raise
        except StudioError:
            context.finish()  # what was written before it failed is kept
            token.check()
            raise
        except Exception as error:
            context.finish()
            token.check()  # a stopped library may fail in its own words; that is no error
            log.exception("job %s failed", order.job_id)
            failure = _explain(error)
            if failure.code == "memory":
                self.unload()
            raise failure from error
        finally:
            brake.release()
        if context.missing:
            token.check()
            raise StudioError(
                N_("The model stopped before everything was made; retry, or choose other settings."),
                code="incomplete",
                detail=f"missing {context.missing}",
            )

    def warm(self, family: str) -> None:
        """Import what this family will import, and keep the garbage collector off it."""
        self._warm_family(registry.module(family))

    def unload(self) -> None:
        """See `Engine`."""
        self._key = self._loaded = None
        if self._collect:
            gc.unfreeze()  # parts of a model that was loaded when another family was warmed are frozen too
            gc.collect()
            gc.freeze()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()
        elif torch is not None and torch.backends.mps.is_available():
            torch.mps.empty_cache()

    def close(self) -> None:
        """See `Engine`."""
        self.unload()

    def _make(self, order: Order, context: RunContext) -> None:
        request = order.request
        module = registry.module(request.family)
        model = order.model or Model("", request.family, module.FAMILY.title)
        family = registry.declared(request.family, model.facts)
        values = family.values(family.task(request.task).id, request.params)
        key = (request.family, model.id, str(model.file or model.folder or ""))
        files = stamp(model)
        changed = bool(files) and files != self._stamp  # a drive that is away for a moment changes nothing
        if self._key is not None and (self._key != key or changed):
            self.unload()  # before the next family is warmed, which keeps the collector off all that is there
        self._warm_family(module)
        context.check()
        if self._key != key:
            context.loading = True
            self._loaded = module.load(model, context)
            context.loading = False
            self._key, self._stamp = key, files
        context.values = values
        context.facts = _facts(module, model, self._loaded) | {"params": values}
        if order.inputs:
            context.facts["inputs"] = {role: file_hash(path) for role, path in order.inputs.items()}
        module.run(self._loaded, request, context)

    def _warm_family(self, module: ModuleType) -> None:
        if module.__name__ in self._warm:
            return
        self._warm.add(module.__name__)
        if hasattr(module, "warm"):
            module.warm()
            if self._collect:
                gc.collect()
                gc.freeze()  # a full collection over the objects of torch and diffusers took 275 ms, and finds nothing


class ForwardBrake:
    """Stops torch in the middle of a step: a global forward pre-hook that raises Cancelled in the engine's thread.

    It is registered by the thread that cancels, only when torch is loaded, and removed when the run ends: a permanent
    one costs 6-15 % on small layers.
    """

    def __init__(self) -> None:
        """Made by the thread that it will stop."""
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._released = False
        self._handle: Any = None

    def pull(self) -> None:
        """Let the next forward of any module in the engine's thread raise."""
        register = getattr(sys.modules.get("torch.nn.modules.module"), "register_module_forward_pre_hook", None)
        if register is None:
            return
        with self._lock:
            if not self._released and self._handle is None:
                self._handle = register(self._stop)

    def release(self) -> None:
        """Take the hook away for good."""
        with self._lock:
            self._released = True
            if self._handle is not None:
                self._handle.remove()
                self._handle = None

    def _stop(self, _module: Any, _args: Any) -> None:
        if threading.get_ident() == self._thread:
            raise Cancelled


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits: what a recipe says of its inputs."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _preview(image: Image) -> Preview:
    small = image.convert("RGB") if image.mode != "RGB" else image
    if max(small.size) > PREVIEW_SIDE:
        small = small.copy() if small is image else small
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return Preview(small.width, small.height, small.tobytes())


@lru_cache(maxsize=16)
def _version(name: str) -> str:
    """Of an installed package, "" where it does not say; read from the disk once (12 ms for all of them)."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _facts(module: ModuleType, model: Model, loaded: Any) -> dict[str, Any]:
    """What the recipe says of the engine: enough to tell why another machine would make something else."""
    versions = {"python": platform.python_version()}
    for name in _RECORDED:
        if _MODULES.get(name, name) in sys.modules and (version := _version(name)):
            versions[name] = version
    torch = sys.modules.get("torch")
    facts = {
        "family": module.FAMILY.id,
        "versions": versions,
        "device": "cpu",
        "dtype": "float32",
        "threads": torch.get_num_threads() if torch is not None else 1,
        "model": {"id": model.id, "title": model.title},
    }
    more = module.facts(loaded) if hasattr(module, "facts") else {}
    facts["model"].update(more.pop("model", {}))
    return facts | more


def _explain(error: Exception) -> StudioError:
    """`describe`, with torch's ways of saying that memory ran out."""
    text = f"{type(error).__name__}: {error}"
    if type(error).__name__ == "OutOfMemoryError" or any(
        sign in text for sign in ("out of memory", "can't allocate memory", "Cannot allocate memory")
    ):
        return describe(MemoryError(text))
    return describe(error)
