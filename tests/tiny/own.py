"""Tiny random networks of our own as the Train panel saves them: 16 px, a picture in a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["make_gan", "make_translator", "make_vae", "make_vqvae"]


def _seeded(build: Callable[[], Any], seed: int) -> Any:
    """What `build` makes with random weights of its own seed; the caller's random state is left alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build().eval()
        with torch.no_grad():
            for value in net.parameters():  # layers that begin at nothing would make all pictures alike
                if not value.any():
                    value.normal_(0, 0.2)
        return net


def _saved(folder: Path, net: Any, **more: Any) -> Path:
    from aigc_studio.nets import files

    folder.mkdir(parents=True, exist_ok=True)
    files.save(folder, net, **more)
    return folder


def make_gan(folder: Path, *, size: int = 16, channels: int = 3, measured: bool = True, half: bool = False) -> Path:
    """A generator, with three directions where it was measured."""
    from aigc_studio.nets.gan import Generator
    from aigc_studio.nets.latents import of_gan

    net = _seeded(lambda: Generator(size, 8, 4, 8, channels, 2), 1)
    return _saved(folder, net, extra=of_gan(net, count=3, samples=512) if measured else {}, half=half)


def make_vae(folder: Path, *, size: int = 16, channels: int = 3, measured: bool = True) -> Path:
    """A variational autoencoder, with three sliders where it was measured."""
    import torch

    from aigc_studio.nets.latents import of_vae
    from aigc_studio.nets.vae import VAE

    net = _seeded(lambda: VAE(size, 8, 4, 8, channels), 2)
    pictures = torch.rand(64, channels, size, size, generator=torch.Generator().manual_seed(3)) * 2 - 1
    return _saved(folder, net, extra=of_vae(net, [pictures], count=3) if measured else {})


def make_vqvae(folder: Path, *, size: int = 16, channels: int = 3) -> Path:
    """A vector-quantised autoencoder with 4 x 4 codes and its prior."""
    from aigc_studio.nets.vqvae import VQVAE

    return _saved(folder, _seeded(lambda: VQVAE(size, 4, 16, 4, 2, channels, 16, 2, 2), 4))


def make_translator(folder: Path, *, labels: tuple[str, ...] = ("horses", "zebras"), channels: int = 3) -> Path:
    """Two generators for pictures of any size."""
    from aigc_studio.nets.translator import Translator

    return _saved(folder, _seeded(lambda: Translator(16, 4, 2, channels), 5), labels=labels)
