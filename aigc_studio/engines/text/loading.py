"""Reading a text model of transformers from its folder: safetensors only, nothing from the network, no program code.

Every way in which a folder can be wrong is a sentence. torch and transformers are imported inside functions only.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.language import check_folder, folder_identity
from aigc_studio.engines import device
from aigc_studio.engines.base import Context, Model

__all__ = ["UNBOUNDED", "Loaded", "bound", "end_ids", "folder_of", "load_pretrained"]

UNBOUNDED = 1_000_000
"""Tokenizers without a length of their own say a number beyond this."""

_LIBRARY = re.compile(r"\b(sentencepiece|protobuf|tiktoken|sacremoses|jieba)\b", re.IGNORECASE)
_LARGE_NUMBERS = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
"""Model types whose activations leave the range of float16."""

Loaded = tuple[Any, Any, device.Placement, str]
"""(network, tokenizer, where it is, digest of its weights)"""


def folder_of(model: Model) -> Path:
    """The model's folder; StudioError when it is none, or a file of llama.cpp."""
    if model.file is not None and model.file.suffix.lower() == ".gguf":
        raise _gguf(model.file.name)
    if model.folder is None:
        raise StudioError(N_("No language model is chosen; choose one."), code="model-missing")
    return model.folder


def load_pretrained(model: Model, auto: str, ctx: Context) -> Loaded:
    """The network in evaluation mode on its device, with its tokenizer. auto: transformers' class that makes it.

    Raises StudioError for everything that can be wrong with a folder. Checks for a cancel between the parts.
    """
    device.go_offline()
    folder = folder_of(model)
    ctx.progress(0, 0, N_("Loading the model"))
    try:
        config = check_folder(folder)
    except StudioError as error:
        if error.code in ("model-incomplete", "model-unsafe") and (found := _gguf_in(folder)):
            raise _gguf(found) from None
        raise
    ctx.check()
    import transformers
    from transformers.utils import logging as library_log

    library_log.set_verbosity_error()
    library_log.disable_progress_bar()
    placement = device.choose()
    if placement.dtype == "float16" and config.get("model_type") in _LARGE_NUMBERS:
        placement = device.Placement(placement.device, "float32")
    _check_config(folder)
    tokenizer = _tokenizer(folder)
    ctx.check()
    network = _network(folder, getattr(transformers, auto), placement)
    ctx.check()
    network.to(placement.device).eval()
    return network, tokenizer, placement, folder_identity(folder)


def _check_config(folder: Path) -> None:
    """Tokenizers read config.json as well, and would be blamed for what is wrong with it."""
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except MemoryError:
        raise
    except Exception as error:
        raise _unloadable(folder, error) from error


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Marian's recommends a library that only mends quotation marks
            return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except MemoryError:
        raise
    except Exception as error:  # tokenizers raise what they like
        if needed := _needed(folder, error):
            raise StudioError(
                N_("This model's tokenizer lacks {library}; install the engine for large models again."),
                code="engine-part",
                detail=repr(error)[:2000],
                library=needed,
            ) from error
        raise StudioError(
            N_('The tokenizer in "{folder}" could not be read ({reason}); copy the model\'s tokenizer files again.'),
            code="model-tokenizer",
            detail=repr(error)[:2000],
            folder=str(folder),
            reason=_reason(error),
        ) from error


def _needed(folder: Path, error: Exception) -> str:
    """The library for want of which a tokenizer could not be read, "" for none. Without protobuf transformers takes
    SentencePiece's files for another kind and asks for that kind's library."""
    named = _LIBRARY.search(str(error))
    pieces = any(path.suffix in (".model", ".spm") for path in folder.iterdir())
    asked = [*(("sentencepiece", "protobuf") if pieces else ()), *([named[1].lower()] if named else ())]
    return next((library for library in asked if _is_missing(library)), "")


def _is_missing(library: str) -> bool:
    import importlib.util

    try:
        return importlib.util.find_spec("google.protobuf" if library == "protobuf" else library) is None
    except (ImportError, ValueError):
        return True


def _network(folder: Path, auto: Any, placement: device.Placement) -> Any:
    try:
        network, loading = auto.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=placement.torch_dtype(),
            output_loading_info=True,
        )
    except (StudioError, MemoryError):
        raise
    except Exception as error:
        if "out of memory" in str(error).lower():
            raise
        raise _unloadable(folder, error) from error
    if loading["missing_keys"] or loading.get("mismatched_keys"):
        raise StudioError(
            N_('The model in "{folder}" lacks some of its weights; copy or download it again.'),
            code="model-damaged",
            detail=str(sorted(map(str, loading["missing_keys"]))[:20]),
            folder=str(folder),
        )
    return network


def _unloadable(folder: Path, error: Exception) -> StudioError:
    return StudioError(
        N_('The model in "{folder}" could not be loaded ({reason}); choose another model.'),
        code="model-load",
        detail=repr(error)[:2000],
        folder=str(folder),
        reason=_reason(error),
    )


def _reason(error: Exception) -> str:
    return (f"{type(error).__name__}: {error}".splitlines() or [type(error).__name__])[0][:200]


def _gguf_in(folder: Path) -> str:
    return next((path.name for path in sorted(folder.glob("*.gguf"))), "")


def _gguf(name: str) -> StudioError:
    return StudioError(
        N_('"{file}" is a GGUF file, which cannot be used here; get this model as a folder with .safetensors files.'),
        code="model-gguf",
        file=name,
    )


def end_ids(network: Any, tokenizer: Any) -> frozenset[int]:
    """Every id that ends a text, from wherever a model folder may say it."""
    ends: set[int] = set()
    for source in (network.generation_config, network.config, tokenizer):
        value = getattr(source, "eos_token_id", None)
        if value is not None:
            ends.update([value] if isinstance(value, int) else value)
    return frozenset(ends)


def bound(*limits: Any, default: int) -> int:
    """The smallest of these numbers of positions that says anything, at least 8."""
    known = [int(value) for value in limits if value and value < UNBOUNDED]
    return max(8, min(known, default=default))
