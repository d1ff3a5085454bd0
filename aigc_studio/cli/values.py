"""Values as they are typed: NAME=VALUE for every kind of parameter, sizes, and files of LoRA with their weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Family, Param

__all__ = ["assignment", "lora", "size", "takes", "typed", "value"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_ESCAPED = re.compile(r"\\([\\n])")

Resolve = Callable[[str], str]
"""From what a person typed for a model (an id or a path) to an id of the catalogue."""


def assignment(family: Family, task: str, text: str, resolve: Resolve) -> tuple[str, Any]:
    """NAME=VALUE as (parameter id, checked value); StudioError when the model has no such parameter or not that value.

    resolve: finds the ids of models that a value names.
    """
    name, separator, rest = text.partition("=")
    known = {param.id: param for param in family.task_params(task)}
    if not separator or name not in known:
        raise StudioError(
            N_('There is no parameter "{name}"; there are: {names}.'),
            code="param",
            name=name[:40],
            names=", ".join(known),
        )
    return name, value(known[name], rest, resolve)


def value(param: Param, text: str, resolve: Resolve) -> Any:
    """A typed text as the checked value of a parameter, in JSON types."""
    match param.kind:
        case "bool":
            word = text.strip().lower()
            return param.check(word in _TRUE if word in _TRUE | _FALSE else text)
        case "size":
            return list(param.check(size(text)))
        case "int" | "float":
            try:
                number = int(text) if param.kind == "int" else float(text)
            except ValueError:
                return param.check(text)  # says what it takes
            return param.check(number)
        case "lines":
            return param.check(_ESCAPED.sub(lambda found: "\n" if found[1] == "n" else "\\", text))
        case "model":
            return param.check(resolve(text.strip()) if text.strip() else "")
        case "loras":
            parts = [part.strip() for part in text.split(",")]
            return param.check([list(lora(part, resolve)) for part in parts if part])
    return param.check(str(Path(text).expanduser().resolve()) if param.file and text else text)


def lora(text: str, resolve: Resolve) -> tuple[str, float]:
    """FILE_OR_ID[:WEIGHT] as (id, weight); the weight is 1 when none is given. A colon of a drive is no weight."""
    name, separator, weight = text.rpartition(":")
    if separator and name:
        try:
            return resolve(name), float(weight)
        except ValueError:
            if not Path(text).exists() and not re.fullmatch(r"[A-Za-z]", name):
                raise StudioError(
                    N_('A LoRA is written as ID:WEIGHT with a number for the weight, not "{text}".'),
                    code="value",
                    text=text[:60],
                ) from None
    return resolve(text), 1.0


def size(text: str) -> list[int]:
    """1024x768, or 1024 for a square, as [width, height]."""
    width, separator, height = text.strip().lower().replace("×", "x").partition("x")
    height = height if separator else width
    sides = [width.strip(), height.strip()]
    if not all(side.isascii() and side.isdecimal() and len(side) < 10 for side in sides):
        raise StudioError(N_('A size is written like 1024x768, not "{text}".'), code="size", text=text[:40])
    return [int(side) for side in sides]


def typed(param: Param, given: Any) -> str:
    """The inverse of `value`: how a checked value is typed after NAME=."""
    match param.kind:
        case "bool":
            return "true" if given else "false"
        case "size":
            return "x".join(str(side) for side in given)
        case "lines":
            return str(given).replace("\\", "\\\\").replace("\n", "\\n")
        case "loras":
            return ",".join(f"{id}:{weight!r}" for id, weight in given)
    return str(given)


def takes(param: Param) -> str:
    """What may be typed after NAME=, for a table."""
    match param.kind:
        case "choice":
            return "|".join(choice.value for choice in param.choices)
        case "int" | "float" | "size":
            return f"{param.low:g}–{param.high:g}"
        case "bool":
            return "true|false"
        case "loras" | "model":
            return f"{param.kind} ({', '.join(param.of)})"
    return param.kind


def names(params: Iterable[Param]) -> str:
    """The ids of parameters, for a sentence."""
    return ", ".join(param.id for param in params)
