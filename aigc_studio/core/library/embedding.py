"""Learned words (textual inversion): a few rows for a text encoder's table of words, told by their shape and names.

Three ways of writing them are in use: one tensor named by its word (diffusers), `emb_params` in a file named by its
word (A1111), and `clip_l` with `clip_g`, the rows of SDXL's two encoders. The trainer's own words in the metadata go
first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .lora import told_base
from .weights import Header

__all__ = ["PLAIN_NAMES", "read_embedding"]

PLAIN_NAMES = ("emb_params", "clip_l", "clip_g")
"""Names of tensors that are not the word itself."""

_MOST_ROWS = 256
_WIDTHS = {768: "sd1", 1024: "sd2"}


def read_embedding(header: Header, path: Path) -> dict[str, Any] | None:
    """Facts about a file of learned words: part ("embedding:<base>"), trigger (the word), vectors; None for another."""
    tensors = header.tensors
    two = set(tensors) == {"clip_l", "clip_g"}
    if not two and len(tensors) != 1:
        return None
    shapes = [tensor.shape for tensor in tensors.values()]
    if any(len(shape) not in (1, 2) or (len(shape) == 2 and not 0 < shape[0] <= _MOST_ROWS) for shape in shapes):
        return None
    told = "textual-inversion" in header.metadata.get("modelspec.architecture", "")
    width = shapes[0][-1]
    base = told_base(header) if told else ""
    base = base or ("sdxl" if two else _WIDTHS.get(width, ""))
    if not base or (base == "sdxl") != two:
        return None
    name = next(iter(tensors))
    word = header.metadata.get("modelspec.trigger_phrase", "").strip()
    if not word:
        word = name if name not in PLAIN_NAMES else path.stem if path.stem != "learned_embeds" else path.parent.name
    return {
        "part": f"embedding:{base}",
        "type": base,
        "architecture": "Textual inversion",
        "vectors": shapes[0][0] if len(shapes[0]) == 2 else 1,
        "trigger": word[:200],
    }
