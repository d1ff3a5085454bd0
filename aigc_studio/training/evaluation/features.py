"""Which network looks at pictures when they are measured, the best one that is at hand:

1. the Inception network of 2015, when its published file lies in a models folder (then the figures are called FID,
   KID and Inception Score), 2. a CLIP model, 3. an encoder that was trained here by the recipe "masked", 4. a network
   of fixed random weights. Figures of different networks have nothing to do with each other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

from ..perception import PART as ENCODER
from .clip import PART as CLIP
from .clip import Clip

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Network", "clip_model", "features", "network"]

log = logging.getLogger(__name__)

_BATCH = 32


@dataclass(frozen=True)
class Network:
    """A network that looks. id: "inception", "clip", "encoder" or "random". title: its name in a table.

    look: (n, 3, h, w) in [-1, 1] on any device to (features (n, d), logits of classes or None). most: pictures that it
    looks at in a time that a person waits for. clip: the same model, where it is one.
    """

    id: str
    title: str
    look: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    most: int
    clip: Clip | None = None

    @property
    def published(self) -> bool:
        """Whether it is the one that FID, KID and the Inception Score are defined by."""
        return self.id == "inception"


def network(device: str = "cpu") -> Network:
    """The best one that is here and can be read. What cannot be read is noted in the log."""
    for find in (_inception, _clip, _encoder):
        try:
            if (found := find(device)) is not None:
                return found
        except (StudioError, ValueError, OSError):
            log.exception("a network for measuring cannot be read")
    return random_network(device)


def features(
    net: Network, batches: Iterable[Tensor], check: Callable[[], Any] = lambda: None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Batches (n, c, h, w) in [-1, 1] to float32 (all, d), and logits where the network gives them; c is 1, 3 or 4.

    Grey becomes three equal channels; transparent pictures are looked at on white.
    """
    import torch

    found: list[np.ndarray] = []
    answers: list[np.ndarray] = []
    with torch.no_grad():
        for batch in batches:
            for part in batch.split(_BATCH):
                check()
                seen, logits = net.look(rgb(part.float()))
                found.append(seen.float().cpu().numpy())
                if logits is not None:
                    answers.append(logits.float().cpu().numpy())
    if not found:
        return np.zeros((0, 1), np.float32), None
    return np.concatenate(found), np.concatenate(answers) if answers else None


def rgb(images: Tensor) -> Tensor:
    """(n, 1|3|4, h, w) in [-1, 1] as three channels, in that range."""
    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    elif images.shape[1] == 4:
        cover = (images[:, 3:] + 1) / 2
        images = images[:, :3] * cover + (1 - cover)
    return images.clamp(-1, 1)


def random_network(device: str = "cpu") -> Network:
    """The last resort."""
    from aigc_studio.nets.random_features import RandomFeatures

    net = RandomFeatures().to(device)
    title = N_("random network")
    return Network("random", title, lambda images: (net(images.to(device)), None), _most(device, 2000))


def clip_model(net: Network, device: str = "cpu") -> Clip | None:
    """A CLIP model of the library: the network itself where it is one, None where there is none."""
    if net.clip is not None:
        return net.clip
    try:
        found = _clip(device)
    except StudioError:
        log.exception("a CLIP model cannot be read")
        return None
    return found.clip if found is not None else None


def _inception(device: str) -> Network | None:
    from aigc_studio.nets import inception

    path = next(
        (folder / inception.FILE for folder in catalogue.folders() if (folder / inception.FILE).is_file()), None
    )
    if path is None:
        return None
    net = inception.load(path).to(device)
    return Network("inception", "Inception 2015", lambda images: net(images.to(device)), _most(device, 500))


def _clip(device: str) -> Network | None:
    entry = _first(CLIP)
    if entry is None or entry.folder is None:
        return None
    clip = Clip(entry.folder, device)
    return Network("clip", f"CLIP {entry.title}", lambda images: (clip.images(images), None), _most(device, 500), clip)


def _encoder(device: str) -> Network | None:
    from aigc_studio.nets import files
    from aigc_studio.nets.masked import Encoder

    entry = _first(ENCODER)
    if entry is None or entry.folder is None:
        return None
    net = files.load(entry.folder).net
    if not isinstance(net, Encoder):
        raise ValueError(f"{type(net).__name__} is no encoder")
    net.to(device)
    title = f"own encoder {entry.title}"
    return Network("encoder", title, lambda images: (net.features(images.to(device)), None), _most(device, 1000))


def _first(part: str) -> catalogue.Entry | None:
    """The first part of this type that can be used."""
    return next((entry for entry in catalogue.parts((part,)) if entry.folder and entry.problem_now() is None), None)


def _most(device: str, on_a_processor: int) -> int:
    return 5000 if device.startswith("cuda") else on_a_processor
