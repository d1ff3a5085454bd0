"""The weights of a model as files: which there are, whether they are whole, and what tells them from others.

Only the headers of safetensors files are read: eight bytes of length, then JSON that names every tensor with its type,
shape and place (https://github.com/huggingface/safetensors#format). A cut file would otherwise be found in the middle
of loading, or, mapped into memory, as a crash.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .reading import damaged, missing, read_json, unsafe

__all__ = ["Header", "Tensor", "check_safetensors", "identity", "read_header", "weight_files", "whole_files"]

_MAX_HEADER = 32 << 20
"""Bytes of JSON. The format allows 100 MB, which Python needs a gigabyte to read; real ones stay below 15 MB."""

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as a header tells it. begin, end: bytes after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself. size: of the whole file, in bytes."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    size: int

    @property
    def bytes(self) -> int:
        """Bytes of all tensors."""
        return max((tensor.end for tensor in self.tensors.values()), default=0)


def read_header(path: Path) -> Header:
    """The header of a safetensors file, compared with the file's size; StudioError when it is short or not one."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_MAX_HEADER, size - 8):
                raise ValueError(f"header of {length} bytes in a file of {size}")
            data = json.loads(file.read(length))
        if not isinstance(data, dict):
            raise ValueError("header is no object")
        raw = data.pop("__metadata__", None)
        known = raw.items() if isinstance(raw, dict) else ()
        metadata = {key: value for key, value in known if isinstance(value, str)}
        tensors = {name: _tensor(name, value) for name, value in data.items()}
        _check_places(tensors.values(), size - 8 - length)
    except (OSError, ValueError, KeyError, TypeError, struct.error, RecursionError, MemoryError) as error:
        raise damaged(path, repr(error)[:500]) from error
    return Header(tensors, metadata, size)


def _tensor(name: str, value: Any) -> Tensor:
    begin, end = value["data_offsets"]
    dtype, shape = value["dtype"], tuple(value["shape"])
    for number in (*shape, begin, end):
        if type(number) is not int or not 0 <= number < 1 << 48:
            raise ValueError(f"{name[:80]}: not a tensor")
    bits = _bits(dtype)
    if bits and (math.prod(shape) * bits + 7) // 8 != end - begin:
        raise ValueError(f"{name[:80]}: {end - begin} bytes for {shape} of {dtype}")
    return Tensor(dtype, shape, begin, end)


@lru_cache(maxsize=64)
def _bits(dtype: str) -> int:
    """Bits of one number of a type ("F16", "BF16", "F8_E4M3"), 0 for a type that is newer than this program."""
    found = re.match(r"[A-Z]{1,3}(\d{1,2})(?!\d)", dtype)
    return 8 if dtype == "BOOL" else int(found[1]) if found else 0


def _check_places(tensors: Iterable[Tensor], room: int) -> None:
    """The tensors lie one after the other and fill the file, as the format demands."""
    at = 0
    for tensor in sorted(tensors, key=lambda tensor: (tensor.begin, tensor.end)):
        if tensor.begin != at or tensor.end < at:
            raise ValueError(f"a tensor begins at {tensor.begin}, not {at}")
        at = tensor.end
    if at != room:
        raise ValueError(f"{room} bytes of tensors, {at} expected")


def check_safetensors(path: Path) -> None:
    """Compare a safetensors file's size with what its header promises; StudioError when it is short or not one."""
    read_header(path)


def weight_files(folder: Path, stem: str = "model") -> tuple[str, tuple[Path, ...]]:
    """(variant, safetensors files) of a model or a component of one: a file, or the shards that an index names.

    stem: "model", in folders of diffusers "diffusion_pytorch_model". variant: "" or what stands between, as in
    "model.fp16.safetensors"; the plain one comes first. StudioError when there are none, a shard is missing, or the
    weights are pickles. Whether the files are whole is `check_safetensors`' to say.
    """
    plain, index = f"{stem}.safetensors", f"{stem}.safetensors.index.json"
    if (folder / plain).is_file():
        return "", (folder / plain,)
    if (folder / index).is_file():
        return "", _shards(folder, index)
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise damaged(folder, repr(error)) from error
    for name in names:
        if found := re.fullmatch(rf"{re.escape(stem)}\.([A-Za-z0-9_]+)\.safetensors", name):
            return found[1], (folder / name,)
        if found := re.fullmatch(rf"{re.escape(stem)}\.safetensors\.index\.([A-Za-z0-9_]+)\.json", name):
            return found[1], _shards(folder, name)
    if any(name.endswith(_PICKLES) for name in names):
        raise unsafe()
    raise missing(folder, plain)


def _shards(folder: Path, index: str) -> tuple[Path, ...]:
    shards = read_json(folder, index).get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(isinstance(name, str) for name in shards.values()):
        raise damaged(folder / index, "no weight_map")
    files = []
    for name in sorted(set(shards.values())):
        if Path(name).name != name or "\\" in name or not os.path.isfile(folder / name):  # never out of the folder
            raise missing(folder, name)
        files.append(folder / name)
    return tuple(files)


def identity(files: Iterable[Path]) -> str:
    """What tells a model from another in a recipe, in no time: SHA-256 over the headers and sizes of its weights.

    StudioError when a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        try:
            with open(path, "rb") as file:
                length = file.read(8)
                digest.update(length + file.read(min(_MAX_HEADER, struct.unpack("<Q", length)[0])))
                digest.update(file.seek(0, 2).to_bytes(8, "little"))
        except (OSError, struct.error) as error:
            raise damaged(path, repr(error)) from error
    return digest.hexdigest()


def whole_files(folder: Path, stem: str = "model") -> tuple[str, tuple[Path, ...]]:
    """`weight_files` after every one of them was checked."""
    variant, files = weight_files(folder, stem)
    for path in files:
        check_safetensors(path)
    return variant, files
