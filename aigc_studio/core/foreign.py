"""What a picture says of how another program made it. Never raises: a file that says nothing readable says nothing.

A1111 and its descendants write one text ("parameters" in PNG, the user comment of EXIF elsewhere), ComfyUI the graph of
its nodes (`comfy.py`), the others a JSON object each.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import comfy
from .picture_texts import texts_of

__all__ = ["ForeignRecipe", "read_foreign"]

log = logging.getLogger(__name__)

_LONGEST = 100_000
"""Characters of a text or a line that are kept."""


@dataclass(frozen=True)
class ForeignRecipe:
    """A recipe of another program, as far as ours has words for it; None or "" for what it does not say.

    program: "A1111", "ComfyUI", "InvokeAI", "NovelAI", "SwarmUI", "Fooocus". scheduler: one of our scheduler ids, ""
    when there is none like it. width, height: pixels, 0 when unknown. loras: name and weight.
    """

    program: str
    prompt: str = ""
    negative: str | None = None
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    scheduler: str = ""
    width: int = 0
    height: int = 0
    model: str = ""
    loras: tuple[tuple[str, float], ...] = ()


def read_foreign(path: Path) -> ForeignRecipe | None:
    """The recipe in a picture's metadata, None when there is none that is known."""
    try:
        return from_texts(texts_of(path))
    except Exception as error:  # noqa: BLE001  foreign bytes in several parsers: what cannot be read says nothing
        log.debug("%s: %r", path.name, error)
        return None


def from_texts(texts: Mapping[str, str]) -> ForeignRecipe | None:
    """The recipe in a picture's texts by their keys; whichever program's comes first. May raise on odd ones."""
    readers = (
        ("invokeai_metadata", _from_invoke),
        ("sd-metadata", _from_old_invoke),
        ("prompt", _from_comfy),
        ("workflow", _from_comfy),
        ("parameters", _from_parameters),
        ("UserComment", _from_comment),
        ("Comment", _from_novel),
    )
    for key, read in readers:
        if key in texts:
            try:
                found = read(texts[key])
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
                log.debug("%s: %r", key, error)
                continue
            if found is not None:
                return found
    return None


# The programs ---------------------------------------------------------------------------------------------------------


def _from_comment(text: str) -> ForeignRecipe | None:
    """EXIF's one text: JSON of one of the programs, or A1111's lines."""
    data = _object(text)
    if data:
        if "sui_image_params" in data:
            return _from_swarm(data)
        return _from_novel(text) if "uc" in data else _from_comfy(json.dumps(data.get("prompt", data)))
    return _from_parameters(text)


_LORA = re.compile(r"<lora:([^:<>]{1,200})(?::(-?[\d.]{1,10}))?[^<>]{0,100}>")
_LONGEST_LINE = 8_000
"""Characters of the line of settings that are read; long ones name LoRA files with their hashes."""
_SETTING = re.compile(r'\s*([A-Za-z][\w \-/]{1,40}):\s*("(?:\\.|[^\\"]){0,2000}"|[^,]{0,2000})(?:,|$)')


def _from_parameters(text: str) -> ForeignRecipe | None:
    """A1111's text: the prompt, "Negative prompt: ...", and one line of settings "Steps: 20, Sampler: ..."."""
    if data := _object(text):
        return _from_swarm(data) or _from_fooocus(data)
    lines = text.replace("\r\n", "\n").strip().split("\n")
    at = next((index for index in range(len(lines) - 1, -1, -1) if lines[index].lstrip().startswith("Steps: ")), None)
    if at is None:
        at = len(lines) - 1 if len(_SETTING.findall(lines[-1][:_LONGEST_LINE])) >= 3 else len(lines)
    settings: dict[str, str] = {}
    for line in lines[at : at + 1]:
        for key, value in _SETTING.findall(line[:_LONGEST_LINE]):
            settings.setdefault(key, value[1:-1] if value.startswith('"') and value.endswith('"') else value.strip())
    start = next((index for index, line in enumerate(lines[:at]) if line.startswith("Negative prompt:")), at)
    if not settings and start == at:
        return None  # any other program's "parameters"
    negative = "\n".join(lines[start:at]).removeprefix("Negative prompt:").strip() if start < at else None
    prompt = "\n".join(lines[:start])
    loras = tuple((name, _real(weight) or 1.0) for name, weight in _LORA.findall(prompt)[:50])
    width, _, height = settings.get("Size", "").partition("x")
    sampler = f"{settings.get('Sampler', '')} {settings.get('Schedule type', '')}"
    return _recipe(
        "A1111",
        prompt=re.sub(r"[ \t]{2,}", " ", _LORA.sub("", prompt)) if loras else prompt,
        negative=negative if negative is not None else ("" if settings else None),
        seed=settings.get("Seed"),
        steps=settings.get("Steps"),
        guidance=settings.get("CFG scale"),
        sampler=sampler,
        size=(width, height),
        model=settings.get("Model", ""),
        loras=loras,
    )


def _object(text: str) -> dict[str, Any]:
    """A JSON object, {} for another text: a prompt may begin with a brace as well ("{red|blue} car")."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}


def _from_swarm(data: Mapping[str, Any]) -> ForeignRecipe | None:
    params = data.get("sui_image_params")
    if not isinstance(params, dict):
        return None
    return _recipe(
        "SwarmUI",
        prompt=params.get("prompt"),
        negative=params.get("negativeprompt"),
        seed=params.get("seed"),
        steps=params.get("steps"),
        guidance=params.get("cfgscale"),
        sampler=f"{params.get('sampler', '')} {params.get('scheduler', '')}",
        size=(params.get("width"), params.get("height")),
        model=params.get("model"),
    )


def _from_fooocus(data: Mapping[str, Any]) -> ForeignRecipe | None:
    if not {"prompt", "base_model", "guidance_scale"} <= data.keys():
        return None
    sides = re.findall(r"\d{1,5}", str(data.get("resolution", "")))
    return _recipe(
        "Fooocus",
        prompt=data.get("prompt"),
        negative=data.get("negative_prompt"),
        seed=data.get("seed"),
        steps=data.get("steps"),
        guidance=data.get("guidance_scale"),
        sampler=f"{data.get('sampler', '')} {data.get('scheduler', '')}",
        size=(sides[0], sides[1]) if len(sides) == 2 else (0, 0),
        model=data.get("base_model"),
    )


def _from_comfy(text: str) -> ForeignRecipe | None:
    found = comfy.read_graph(json.loads(text))
    return None if found is None else _recipe("ComfyUI", **found)


def _from_invoke(text: str) -> ForeignRecipe | None:
    data = json.loads(text)
    if not ({"positive_prompt", "seed", "steps"} & data.keys()):
        return None
    loras = []
    for item in data.get("loras") or ():
        name = _name(item.get("model") or item.get("lora"))
        if name:
            loras.append((name, _real(item.get("weight")) or 1.0))
    return _recipe(
        "InvokeAI",
        prompt=data.get("positive_prompt"),
        negative=data.get("negative_prompt"),
        seed=data.get("seed"),
        steps=data.get("steps"),
        guidance=data.get("cfg_scale") or data.get("guidance"),
        sampler=data.get("scheduler"),
        size=(data.get("width"), data.get("height")),
        model=_name(data.get("model")),
        loras=tuple(loras[:50]),
    )


def _from_old_invoke(text: str) -> ForeignRecipe | None:
    """Of InvokeAI 2: the negative prompt stands in brackets in the prompt."""
    data = json.loads(text)
    image = data["image"]
    prompt = image.get("prompt")
    if isinstance(prompt, list):
        prompt = prompt[0].get("prompt", "") if prompt else ""
    negative = ", ".join(re.findall(r"\[([^\[\]]*)\]", str(prompt)))
    return _recipe(
        "InvokeAI",
        prompt=re.sub(r"\s*\[[^\[\]]*\]", "", str(prompt)),
        negative=negative,
        seed=image.get("seed"),
        steps=image.get("steps"),
        guidance=image.get("cfg_scale"),
        sampler=image.get("sampler"),
        size=(image.get("width"), image.get("height")),
        model=data.get("model_weights"),
    )


def _from_novel(text: str) -> ForeignRecipe | None:
    data = json.loads(text)
    if not isinstance(data, dict) or ("uc" not in data and "v4_prompt" not in data):
        return None
    return _recipe(
        "NovelAI",
        prompt=data.get("prompt"),
        negative=data.get("uc"),
        seed=data.get("seed"),
        steps=data.get("steps"),
        guidance=data.get("scale"),
        sampler=f"{data.get('sampler', '')} {data.get('noise_schedule', '')}",
        size=(data.get("width"), data.get("height")),
        model="",
    )


def _name(model: Any) -> Any:
    """The name of a model that is told by a text or by an object."""
    if isinstance(model, dict):
        return model.get("model_name") or model.get("name") or model.get("key")
    return model


# Values ---------------------------------------------------------------------------------------------------------------

_SAMPLERS = {
    "euler": "euler",
    "eulera": "euler-a",
    "eulerancestral": "euler-a",
    "dpmpp2m": "dpmpp-2m",
    "dpmpp2msde": "dpmpp-2m-sde",
    "dpmpp2msdeheun": "dpmpp-2m-sde",
    "dpmppsde": "dpmpp-sde",
    "unipc": "unipc",
    "unipcbh2": "unipc",
    "ddim": "ddim",
    "ddimv3": "ddim",
    "heun": "heun",
    "plms": "pndm",
    "pndm": "pndm",
    "deis": "deis",
    "lcm": "lcm",
    "tcd": "tcd",
}
"""What other programs call a method, letters and digits only, -> our scheduler's id."""

_KARRAS = ("dpmpp-2m", "dpmpp-2m-sde")
"""Schedulers of ours that have a variant with Karras' noise levels; for A1111 it is the usual one."""

_FLOW = re.compile(r"flux|sd3|stable.diffusion.3|z.?image|qwen.?image", re.IGNORECASE)
_FLOW_SAMPLERS = ("euler", "euler-a", "lcm")


def scheduler_id(told: str, model: str = "") -> str:
    """Our scheduler for a method's name, which may be followed by that of its noise levels; "" for none like it."""
    words = re.sub(r"[^a-z0-9]", "", told.lower().replace("++", "pp").replace("gpu", ""))
    karras = bool(re.search(r"karras|automatic|_k\b", told.lower()))
    for ending in ("karras", "automatic", "normal", "simple", "sgmuniform", "exponential", "native", "uniform", "beta"):
        words = words.removesuffix(ending)
    found = _SAMPLERS.get(words) or _SAMPLERS.get(words.removeprefix("k")) or _SAMPLERS.get(words.removesuffix("k"), "")
    if found in _FLOW_SAMPLERS and _FLOW.search(model):
        return f"flow-{found}"
    return f"{found}-karras" if karras and found in _KARRAS else found


def _recipe(
    program: str,
    *,
    prompt: Any = "",
    negative: Any = None,
    seed: Any = None,
    steps: Any = None,
    guidance: Any = None,
    sampler: Any = "",
    size: tuple[Any, Any] = (0, 0),
    model: Any = "",
    loras: tuple[tuple[str, float], ...] = (),
) -> ForeignRecipe:
    """A recipe of what was found, each value in its type and in bounds, or left out."""
    name = re.split(r"[\\/]", _text(model))[-1]
    name = re.sub(r"\.(safetensors|ckpt|sft|gguf)$", "", name)
    width, height = (_whole(side, 1, 65_536) for side in size)
    return ForeignRecipe(
        program,
        prompt=_text(prompt),
        negative=None if negative is None else _text(negative),
        seed=_whole(seed, 0, (1 << 64) - 1),
        steps=_whole(steps, 1, 10_000),
        guidance=_real(guidance),
        scheduler=scheduler_id(_text(sampler)[:200], name),
        width=width or 0,
        height=height or 0,
        model=name[:300],
        loras=tuple((_text(lora)[:300], weight) for lora, weight in loras),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return value[:_LONGEST].encode("utf-8", "replace").decode("utf-8").replace("\0", "").strip()


def _whole(value: Any, low: int, high: int) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,30}\s*", value):
        value = int(value)
    if not isinstance(value, int):  # 20.0 is a whole number, too
        real = _real(value, high)
        value = int(real) if real is not None and real == int(real) else None
    return value if value is not None and not isinstance(value, bool) and low <= value <= high else None


def _real(value: Any, most: float = 1000.0) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= most else None
