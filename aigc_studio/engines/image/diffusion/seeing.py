"""Reading a prompt together with pictures for Qwen2.5-VL, as Qwen-Image's editing models do.

The library's own class for it also reads videos, and for that needs a package that pictures do not; the part that these
models use is small.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["SeeingTokenizer"]

_PAD = "<|image_pad|>"


class SeeingTokenizer:
    """Stands where pipelines expect a Qwen2VLProcessor. tokenizer: of the text. image_processor: makes patches."""

    def __init__(self, tokenizer: Any, image_processor: Any) -> None:
        self.tokenizer = tokenizer
        self.image_processor = image_processor

    @classmethod
    def from_pretrained(cls, folder: Path, **more: Any) -> SeeingTokenizer:
        """Read a processor's folder."""
        from transformers import Qwen2Tokenizer, Qwen2VLImageProcessor

        library: Any = Qwen2VLImageProcessor
        return cls(Qwen2Tokenizer.from_pretrained(folder, **more), library.from_pretrained(folder, **more))

    def __call__(self, *, text: list[str], images: Any = None, padding: bool = True, return_tensors: str = "pt") -> Any:
        """Ids, masks, patches of the pictures and their grids. Each picture's mark in the texts becomes as many marks
        as the picture has patches after merging; with fewer pictures than texts, every text has the same ones."""
        from transformers import BatchFeature

        seen: dict[str, Any] = {}
        if images is not None:
            given = list(images) if isinstance(images, list | tuple) else [images]
            marks = sum(line.count(_PAD) for line in text)
            given *= max(1, marks // max(1, len(given)))
            seen = dict(self.image_processor(images=given, return_tensors=return_tensors))
            merged = self.image_processor.merge_size**2
            counts = [int(grid.prod()) // merged for grid in seen["image_grid_thw"]]
            text = [_spread(line, counts) for line in text]
        read = self.tokenizer(text, padding=padding, return_tensors=return_tensors)
        return BatchFeature({**read, **seen})


def _spread(line: str, counts: list[int]) -> str:
    """`line` with each mark repeated by the next of `counts`, which are used up."""
    first, *rest = line.split(_PAD)
    return first + "".join(_PAD * counts.pop(0) + piece for piece in rest)
