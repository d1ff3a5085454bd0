"""CLIP models of the library: features of pictures, and how well pictures fit the words they were made from.

Radford et al. 2021 (arXiv:2103.00020). The score is that of Hessel et al. 2021 (arXiv:2104.08718) in the customary
scale: 100 times the cosine, not below 0. It depends on the model and is compared with scores of the same one only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.library.clip import PART
from aigc_studio.core.library.reading import damaged, optional_json
from aigc_studio.engines import device as devices

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["PART", "Clip"]

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_SPREAD = (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that the published models learned from; used where a folder does not say its own."""


class Clip:
    """One CLIP model, ready. StudioError when its folder is damaged."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        import torch
        import transformers
        from transformers.utils import logging as library_log

        devices.go_offline()
        library_log.set_verbosity_error()
        library_log.disable_progress_bar()
        try:
            self._net: Any = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            )
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except MemoryError:
            raise
        except Exception as error:  # the library raises what it likes
            raise damaged(folder, repr(error)[:500]) from error
        self._net.to(device).eval().requires_grad_(False)
        self._device = device
        self._side = int(self._net.config.vision_config.image_size)
        self._length = int(self._net.config.text_config.max_position_embeddings)
        told = optional_json(folder, "preprocessor_config.json")
        self._mean = _three(told, "image_mean", _MEAN)
        self._spread = _three(told, "image_std", _SPREAD)

    def images(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1], any size, to (n, d): the middle square at the model's size."""
        import torch
        from torch.nn import functional

        height, width = images.shape[2:]
        scale = self._side / min(height, width)
        size = (max(self._side, round(height * scale)), max(self._side, round(width * scale)))
        images = functional.interpolate(images.to(self._device), size, mode="bicubic", antialias=True).clamp(-1, 1)
        top, left = (size[0] - self._side) // 2, (size[1] - self._side) // 2
        images = images[:, :, top : top + self._side, left : left + self._side]
        mean, spread = (images.new_tensor(values)[:, None, None] for values in (self._mean, self._spread))
        with torch.no_grad():
            return _vectors(self._net.get_image_features(pixel_values=((images + 1) / 2 - mean) / spread))

    def texts(self, texts: Sequence[str]) -> Tensor:
        """n texts to (n, d); what is longer than the model can read is cut."""
        import torch

        given = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=self._length, return_tensors="pt"
        ).to(self._device)
        with torch.no_grad():
            return _vectors(
                self._net.get_text_features(input_ids=given["input_ids"], attention_mask=given["attention_mask"])
            )

    def scores(self, images: Tensor, texts: Sequence[str]) -> np.ndarray:
        """How well each picture of (n, 3, h, w) fits its text: float32 (n,), 0 to 100."""
        from torch.nn.functional import cosine_similarity

        found = cosine_similarity(self.images(images).float(), self.texts(texts).float())
        return (100 * found.clamp(min=0)).cpu().numpy()


def _vectors(found: Any) -> Tensor:
    """The library's answer as a tensor; newer versions put it into an object."""
    return found if hasattr(found, "shape") else found.pooler_output


def _three(told: Mapping[str, Any], name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    values = told.get(name)
    good = isinstance(values, list) and len(values) == 3 and all(isinstance(value, int | float) for value in values)
    return tuple(float(value) for value in values) if good and values else default
