"""The recipe: how one asset was made, kept inside its own file and in the index, enough to make it again.

A recipe is a plain dict of JSON types::

    {"format": 1, "app": "AIGC Studio", "app_version": "0.1.0", "asset_id": ..., "job_id": ..., "index": 0,
     "request": Request.to_json(), "seed": 1234, "ai_generated": true, "engine": {"family": ..., "versions": {...},
     "device": "cpu", "dtype": "float32", "threads": 2, "model": {...}, "params": {every parameter with its value},
     "inputs": {role: SHA-256 of the file}}, "info": {...}, "created": "2026-01-31T...",
     "parents": [asset ids]}
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aigc_studio import __version__

from .assets import is_asset_id
from .requests import Request

__all__ = [
    "APP",
    "FORMAT",
    "asset_id_for",
    "digital_source_type",
    "dumps",
    "loads",
    "make_own",
    "make_recipe",
    "title_for",
]

APP = "AIGC Studio"
FORMAT = 1

_NAMESPACE = uuid.UUID("6b0f3d3e-9f1c-5a57-8f57-0a1c2b7d4e11")
_TITLE_LENGTH = 80
_PLAIN_ID = re.compile("[0-9A-Za-z_-]{0,64}")
_MAX_INDEX = 2**31 - 1

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def asset_id_for(job_id: str, index: int) -> str:
    """The id of result `index` of a job: always the same, so that storing a result twice stores it once."""
    return uuid.uuid5(_NAMESPACE, f"{job_id}/{index}").hex


def make_recipe(
    job_id: str,
    index: int,
    request: Request,
    *,
    engine: Mapping[str, Any],
    info: Mapping[str, Any] | None = None,
    created: datetime | None = None,
) -> dict[str, Any]:
    """The recipe of result `index` of `request`. engine, info: JSON types."""
    return {
        "format": FORMAT,
        "app": APP,
        "app_version": __version__,
        "asset_id": asset_id_for(job_id, index),
        "job_id": job_id,
        "index": index,
        "request": request.to_json(),
        "seed": request.item_seed(index),
        "ai_generated": True,
        "engine": dict(engine),
        "info": dict(info or {}),
        "created": (created or datetime.now(UTC)).isoformat(),
        "parents": list(dict.fromkeys(request.inputs.values())),
    }


def make_own(asset_id: str, title: str, kind: str, parents: list[str], *, labelled: bool) -> dict[str, Any]:
    """What a picture made in the app by hand says about itself: no job made it, so its request is empty.

    kind: "image" or "mask". labelled: whether parts of it come from a model (then its label says composite).
    """
    return {
        "format": FORMAT,
        "app": APP,
        "app_version": __version__,
        "asset_id": asset_id,
        "job_id": "",
        "index": 0,
        "request": {},
        "ai_generated": labelled,
        "engine": {},
        "info": {"title": title, "kind": kind},
        "created": datetime.now(UTC).isoformat(),
        "parents": parents,
    }


def digital_source_type(recipe: Mapping[str, Any]) -> str:
    """The IPTC Digital Source Type URI that says how far a result is made by a model, "" when it is not.

    An edit of an existing picture, and what a hand made of generated ones, is a composite with generated elements;
    everything else is generated as a whole. https://cv.iptc.org/newscodes/digitalsourcetype/
    """
    if not recipe.get("ai_generated"):
        return ""
    inputs = recipe.get("request", {}).get("inputs", {}) if isinstance(recipe.get("request"), Mapping) else {}
    edited = (isinstance(inputs, Mapping) and "image" in inputs) or not recipe.get("job_id")
    return _SOURCE_TYPES + ("compositeWithTrainedAlgorithmicMedia" if edited else "trainedAlgorithmicMedia")


def title_for(recipe: Mapping[str, Any]) -> str:
    """A short readable title: the recipe's own, else the first line of the prompt, "" when there is neither."""
    info = recipe.get("info")
    request = recipe.get("request")
    own = info.get("title") if isinstance(info, Mapping) else ""
    prompt = request.get("prompt") if isinstance(request, Mapping) else ""
    for text in (own, prompt):
        for line in str(text or "").splitlines():
            if line := " ".join("".join(c if c.isprintable() else " " for c in line).split()):
                return line if len(line) <= _TITLE_LENGTH else line[: _TITLE_LENGTH - 1].rstrip() + "…"
    return ""


def dumps(recipe: Mapping[str, Any]) -> str:
    """The recipe as one line of JSON that UTF-8 can carry (lone surrogates are replaced)."""
    text = json.dumps(recipe, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def loads(text: str | bytes) -> dict[str, Any] | None:
    """The recipe in `text`, None when it is not one. Never raises.

    A recipe comes with a foreign file, and its ids become names of files and keys of the index: whatever no recipe of
    ours holds (ids that are none, NaN, halves of characters) is no recipe.
    """
    try:
        data = json.loads(text, parse_constant=_no_number)
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError for a lone surrogate
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and data.get("app") == APP and _is_recipe(data) else None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _is_recipe(data: Mapping[str, Any]) -> bool:
    job_id, index, parents = data.get("job_id"), data.get("index"), data.get("parents", [])
    return (
        is_asset_id(data.get("asset_id"))
        and isinstance(job_id, str)
        and _PLAIN_ID.fullmatch(job_id) is not None
        and type(index) is int
        and 0 <= index <= _MAX_INDEX
        and isinstance(data.get("request"), dict)
        and isinstance(parents, list)
        and all(isinstance(parent, str) and _PLAIN_ID.fullmatch(parent) for parent in parents)
    )
