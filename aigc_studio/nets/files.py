"""Our own networks as folders: config.json (class, sizes, labels), model.safetensors (weights, and what was measured).

A config decides how large a network becomes; so every size has bounds, the network is first built without memory, and
only what the weights file really holds is read.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from .gan import Generator
from .masked import Encoder
from .network import Network
from .translator import Translator
from .vae import VAE
from .vqvae import VQVAE

__all__ = ["CLASSES", "Loaded", "load", "save"]

CLASSES: dict[str, type[Network]] = {
    "AIGCStudioGAN": Generator,
    "AIGCStudioVAE": VAE,
    "AIGCStudioVQVAE": VQVAE,
    "AIGCStudioTranslator": Translator,
    "AIGCStudioEncoder": Encoder,
}
"""`_class_name` in config.json -> network."""

FORMAT = 1
_EXTRA = "extra."
"""Before the names of tensors that are no weights."""
_MOST = 64 << 10
"""Bytes of config.json that are read at most."""


@dataclass(frozen=True)
class Loaded:
    """A network ready to run: float32, on the CPU, in evaluation mode.

    labels: names of the kinds of pictures, in the network's order. extra: what was measured, float32 or int64.
    """

    net: Network
    labels: tuple[str, ...]
    extra: Mapping[str, Tensor]


def save(
    folder: Path,
    net: nn.Module,
    *,
    extra: Mapping[str, Tensor] | None = None,
    labels: Sequence[str] = (),
    half: bool = False,
) -> None:
    """Write config.json and model.safetensors into an existing folder.

    net: an instance of one of `CLASSES`. extra: tensors of `latents`. half: weights as float16. OSError when the disk
    is full; ValueError for another network.
    """
    name = next((name for name, kind in CLASSES.items() if type(net) is kind), "")
    if not name or not isinstance(net, Network):
        raise ValueError(f"{type(net).__name__} is none of the networks that are kept")
    config = {"_class_name": name, "format": FORMAT, **net.config(), "labels": list(labels)}
    tensors = {key: _plain(value, half) for key, value in net.state_dict().items()}
    tensors |= {_EXTRA + key: _plain(value, False) for key, value in (extra or {}).items()}
    # Not `save_file`: what it writes only its owner can read.
    _write(folder / "model.safetensors", to_bytes(tensors, {"format": "pt"}))
    _write(folder / "config.json", (json.dumps(config, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace"))


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _plain(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous().clone()
    return value.half() if half and value.is_floating_point() else value


def load(folder: Path) -> Loaded:
    """Read what `save` wrote. ValueError, in one sentence, for anything else; OSError when it cannot be read."""
    with open(folder / "config.json", "rb") as file:
        raw = file.read(_MOST + 1)
    try:
        config = json.loads(raw) if len(raw) <= _MOST else None
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise ValueError("config.json is not readable")
    kind = CLASSES.get(str(config.get("_class_name")))
    if kind is None or config.get("format") != FORMAT:
        raise ValueError(f"class {str(config.get('_class_name'))[:80]}, format {str(config.get('format'))[:20]}")
    labels = config.get("labels", [])
    if not isinstance(labels, list) or len(labels) > 64 or not all(isinstance(label, str) for label in labels):
        raise ValueError("labels are no list of names")
    net = _empty(kind, config)
    weights, extra = _read(folder / "model.safetensors", net)
    net.load_state_dict(weights, strict=True, assign=True)
    return Loaded(net.requires_grad_(False).eval(), tuple(label[:80] for label in labels), extra)


def _empty(kind: type[Network], config: Mapping[str, Any]) -> Network:
    """The network without memory for its weights."""
    sizes = {}
    for name in list(inspect.signature(kind).parameters):
        if name not in config and name not in kind.BEFORE:
            raise ValueError(f"config.json does not say {name}")
        sizes[name] = config[name] if name in config else kind.BEFORE[name]
    with torch.device("meta"):
        return kind(**sizes)


def _read(path: Path, net: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(weights, extra tensors), after every shape was compared."""
    wanted = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    try:
        with safe_open(path, "pt") as file:
            names = set(file.keys())
            missing = sorted(wanted.keys() - names)
            if missing:
                raise ValueError(f"model.safetensors has no {missing[0]} and {len(missing) - 1} others")
            for name, shape in wanted.items():
                found = tuple(file.get_slice(name).get_shape())
                if found != shape:
                    raise ValueError(f"{name} has the shape {found}, not {shape}")
            weights = {name: file.get_tensor(name).float() for name in wanted}
            extra = {name[len(_EXTRA) :]: file.get_tensor(name) for name in names if name.startswith(_EXTRA)}
    except SafetensorError as error:
        raise ValueError(f"model.safetensors: {str(error)[:200]}") from error
    return weights, {name: value.float() if value.is_floating_point() else value for name, value in extra.items()}
