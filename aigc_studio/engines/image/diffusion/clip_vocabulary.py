"""The CLIP tokenizer, from the one vocabulary file that is bundled: single-file checkpoints bring none of their own.

The file is OpenAI's list of byte-pair merges, as open_clip ships it. All of SD 1.x, SD 2.x and SDXL read prompts with
it; they only differ in what they fill a short prompt up with.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aigc_studio.core.paths import resources

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

__all__ = ["LENGTH", "tokenizer"]

LENGTH = 77
"""Tokens that CLIP reads at once, its start and end included."""

_MERGES = 49152 - 256 - 2
"""How many lines of the file count: 49,152 entries less the single bytes and the two markers."""


def _bytes_as_letters() -> list[str]:
    """Each byte as a printable letter, in the vocabulary's order (Radford et al., GPT-2)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(hidden))]


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """(token to id, merges in order of rank): 49,408 entries."""
    path = resources() / "configs" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    merges: list[tuple[str, str]] = []
    for line in lines[1 : 1 + _MERGES]:
        left, right = line.split()
        merges.append((left, right))
    letters = _bytes_as_letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters), *(left + right for left, right in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: index for index, token in enumerate(tokens)}, merges


def tokenizer(*, pad: str = "<|endoftext|>") -> CLIPTokenizer:
    """A fresh tokenizer. pad: what fills a short prompt: the end marker (SD 1.x, SDXL's first encoder) or "!", whose id
    is 0 (SD 2.x, SDXL's second one)."""
    from transformers import CLIPTokenizer

    vocabulary, merges = _vocabulary()
    given: Any = {"vocab": dict(vocabulary), "merges": list(merges)}
    return CLIPTokenizer(**given, pad_token=pad, model_max_length=LENGTH)
