"""Tensors as pictures: one, or many in a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

__all__ = ["grid", "to_picture"]

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def to_picture(tensor: torch.Tensor) -> Image:
    """(c, h, w) in [-1, 1], c 1, 3 or 4, as a picture; values beyond are clipped."""
    import torch
    from PIL import Image as Pillow

    pixels = ((tensor.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    array = pixels.permute(1, 2, 0).contiguous().numpy()
    return Pillow.fromarray(array[:, :, 0] if array.shape[2] == 1 else array, _MODES[array.shape[2]])


def grid(tensor: torch.Tensor, columns: int) -> Image:
    """(n, c, h, w) in [-1, 1], side by side, row after row; one picture without gaps."""
    import torch

    count, channels, height, width = tensor.shape
    rows = -(-count // columns)
    sheet = torch.ones(rows * columns, channels, height, width)
    sheet[:count] = tensor.detach().float().cpu()
    sheet = sheet.reshape(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4)
    return to_picture(sheet.reshape(channels, rows * height, columns * width))
