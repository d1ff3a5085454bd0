"""Reading small files of a model folder, and the sentences about what is wrong with one.

Everything here was written by others and may be cut, huge or meant to do harm: sizes are bounded before reading.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import StudioError
from ..i18n import N_

__all__ = [
    "check_packing",
    "code_of_its_own",
    "damaged",
    "first_of",
    "missing",
    "optional_json",
    "read_json",
    "shown",
    "told_licence",
    "told_title",
    "unknown_class",
    "unsafe",
]

_MAX_JSON = 32 << 20
"""Bytes; the largest of real models are shard indexes of about 10 MB, and tokenizers (which are given more)."""


def read_json(folder: Path, name: str, limit: int = _MAX_JSON) -> dict[str, Any]:
    """A JSON object of a model folder; StudioError when the file is missing, too large or no object."""
    path = folder / name
    if not os.path.isfile(path):
        raise missing(folder, name)
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise ValueError(f"larger than {limit} bytes")
        value = json.loads(data.decode("utf-8-sig"))
        if not isinstance(value, dict):
            raise ValueError("not an object")
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, repr(error)[:500]) from error
    return value


def optional_json(folder: Path, name: str, limit: int = _MAX_JSON) -> dict[str, Any]:
    """The same for a file that a model can do without: {} when it is missing or broken."""
    try:
        return read_json(folder, name, limit)
    except StudioError:
        return {}


def told_licence(folder: Path) -> str:
    """The licence that the model's README names in its front matter ("apache-2.0"), "" when it names none."""
    try:
        with open(folder / "README.md", "rb") as file:
            text = file.read(8192).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = re.match(r"\s*---\s*\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"^license:\s*[\"']?([\w.+-]{1,60})", lines[1], re.MULTILINE) if lines else None
    return found[1] if found else ""


def told_title(folder: Path) -> str:
    """The name that a person gave to a model that was trained here, "" for any other."""
    told = optional_json(folder, "training.json", 4 << 20) if (folder / "training.json").is_file() else {}
    title = told.get("title")
    if not isinstance(told.get("recipe"), str) or not isinstance(title, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in title[:400]).split())[:80]


def first_of(config: Mapping[str, Any], names: Iterable[str], kind: type, default: Any) -> Any:
    """The first of these keys of a config that has a value of the right type (no bool where a number is meant)."""
    for name in names:
        value = config.get(name)
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
    return default


def shown(path: Path) -> str:
    """A path as text that can be shown and sent: names of files may hold bytes that are no text."""
    return str(path).encode("utf-8", "replace").decode("utf-8")


def missing(folder: Path, name: str) -> StudioError:
    """A file that must be there is not."""
    return StudioError(
        N_('The model in "{folder}" has no file {name}; copy the model again.'),
        code="model-incomplete",
        folder=shown(folder),
        name=name[:200],
    )


def damaged(path: Path, detail: str) -> StudioError:
    """A file cannot be what its name says."""
    return StudioError(
        N_('The model file "{file}" is damaged or incomplete; copy or download the model again.'),
        code="model-damaged",
        detail=detail,
        file=shown(Path(path.name)),
    )


def unsafe() -> StudioError:
    """The weights are pickles: reading them runs whatever program is in them."""
    return StudioError(
        N_("This model's weights are in a format that can hide programs; get the one with .safetensors files."),
        code="model-unsafe",
    )


def code_of_its_own(detail: str) -> StudioError:
    """The model brings Python code that would have to be run."""
    return StudioError(
        N_("This model runs program code of its own, which is not allowed here; choose another model."),
        code="model-code",
        detail=detail[:500],
    )


_METHODS = "aqlm auto-round awq bitsandbytes bitnet compressed-tensors eetq gptq higgs hqq quanto torchao vptq"
_PACKED = frozenset(_METHODS.split())
"""Ways to pack weights that need a library of their own."""


def check_packing(config: Mapping[str, Any]) -> None:
    """StudioError when the weights are packed in a way that needs a library of its own."""
    packing = config.get("quantization_config")
    method = str(packing.get("quant_method", "")).lower() if isinstance(packing, dict) else ""
    if method.split("_")[0] in _PACKED or (isinstance(packing, dict) and packing.get("load_in_4bit")):
        raise StudioError(
            N_("The weights of this model are packed by {name}, which is not installed here; get the plain version."),
            code="model-packed",
            name=method or "bitsandbytes",
        )


def unknown_class(name: str) -> StudioError:
    """The folder is whole, but nothing here knows what to do with it."""
    return StudioError(
        N_('Models of the class "{name}" cannot be used here; if you know better, choose its type yourself.'),
        code="model-class",
        name=name[:80] or "?",
    )
