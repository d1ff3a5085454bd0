"""Pictures that are none: numbers that are no numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

__all__ = ["checked"]


def checked(pixels: np.ndarray, latents: Any) -> None:
    """StudioError when `pixels`, float32 (n, height, width, 3), are no picture."""
    if not np.isfinite(pixels).all():
        raise StudioError(
            N_("The model made no picture, only broken numbers; choose another sampler or another model."), code="nan"
        )
