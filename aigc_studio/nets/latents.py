"""What is measured once on a trained network and kept beside its weights: where its latents lie and what they turn.

Directions of a GAN are the principal components of `w` (GANSpace, Haerkoenen et al. 2020, arXiv:2004.02546). Latents of
a VAE are drawn from a normal fitted to what its encoder gives (Ghosh et al. 2020, arXiv:1903.12436), which lies nearer
to what its decoder knows than the standard one. Of few pictures most of even that normal is empty, and what its decoder
makes there is a blur of several: drawn latents are then drawn on towards the pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from .gan import Generator
from .vae import VAE, divergence

__all__ = ["compared", "of_gan", "of_vae", "placed"]

DIRECTIONS = 8
"""Sliders that a form can show without being a wall of them."""
FEW = 512
"""Up to so many pictures, latents are drawn towards them."""
_AWAY = 0.5
"""How far drawn latents lie away from the pictures, in standard deviations: 0 would make the pictures again."""
_SHARP = 30.0
"""How clearly the picture that lies in the direction of what was drawn is preferred to its neighbours."""
_DRAWN, _ROUNDS = 2048, 20
"""Of the measuring how often each is."""


@torch.no_grad()
def of_gan(net: Generator, *, count: int = DIRECTIONS, samples: int = 8192, seed: int = 0) -> dict[str, Tensor]:
    """Extra tensors of a GAN: "mean" (latent,) of w, "directions" (count, latent), unit vectors, the strongest first,
    "scales" (count,): the standard deviation of w along each."""
    device = next(net.parameters()).device
    draws = torch.Generator().manual_seed(seed)
    pieces = [net.map(torch.randn(256, net.latent, generator=draws).to(device)) for _ in range(max(1, samples // 256))]
    w = torch.cat(pieces).cpu().double()
    mean = w.mean(0)
    _, scales, directions = torch.linalg.svd(w - mean, full_matrices=False)
    scales = scales / max(1, len(w) - 1) ** 0.5
    count = min(count, len(scales))
    # The sign of a component is arbitrary: its largest entry is made positive.
    directions = directions[:count]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    directions = directions * largest.sign()
    return {"mean": mean.float(), "directions": directions.float(), "scales": scales[:count].float()}


@torch.no_grad()
def of_vae(net: VAE, batches: Iterable[Tensor], *, count: int = DIRECTIONS) -> dict[str, Tensor]:
    """Extra tensors of a VAE, from pictures (n, channels, size, size) in [-1, 1], all of the training set or some
    thousands: "mean" (latent,) and "spread" (latent, latent), lower triangular, of the normal that new latents are
    drawn from (mean + spread @ e); "dims" int64 (count,): the entries that tell most, the first the most; "scales"
    (count,): the standard deviation of each; "information" (count,): in nats; of at most `FEW` pictures "points"
    (pictures, latent): where they lie, in the coordinates of e, and "bias" (pictures,): see `placed`. ValueError
    without a picture."""
    device = next(net.parameters()).device
    means, variances, told = [], [], []
    for batch in batches:
        mean, logvar = net.encode(batch.to(device))
        means.append(mean.cpu().double())
        variances.append(logvar.cpu().double().exp())
        told.append(divergence(mean, logvar).cpu().double())
    if not means:
        raise ValueError("no pictures")
    all_means, noise, nats = torch.cat(means), torch.cat(variances).mean(0), torch.cat(told).mean(0)
    centre = all_means.mean(0)
    away = all_means - centre
    covariance = away.T @ away / len(away) + torch.diag(noise)
    if len(away) < 4 * net.latent:  # too few pictures for how entries go together
        covariance = torch.diag(covariance.diagonal())
    spread = torch.linalg.cholesky(covariance + 1e-6 * torch.eye(net.latent, dtype=torch.float64))
    dims = nats.argsort(descending=True, stable=True)[: min(count, net.latent)]
    found = {
        "mean": centre.float(),
        "spread": spread.float(),
        "dims": dims,
        "scales": covariance.diagonal().sqrt()[dims].float(),
        "information": nats[dims].float(),
    }
    if len(away) <= FEW:
        found["points"] = torch.linalg.solve_triangular(spread, away.T, upper=False).T.float().contiguous()
        found["bias"] = _evened(found["points"])
    return found


def _evened(points: Tensor) -> Tensor:
    """(n, latent) to (n,): what is added for each point so that all are taken equally often: where many lie close
    together, each has few directions of its own."""
    bias = torch.zeros(len(points))
    draws = torch.Generator().manual_seed(0)
    cosines = _cosines(torch.randn(_DRAWN, points.shape[1], generator=draws), points)
    for _ in range(_ROUNDS):
        taken = (_SHARP * cosines + bias).softmax(1).mean(0) * len(points)
        bias -= taken.clamp(min=1e-6).log()
    return bias


def _cosines(e: Tensor, points: Tensor) -> Tensor:
    return functional.normalize(e, dim=-1) @ functional.normalize(points, dim=1).T


def placed(extra: Mapping[str, Tensor], e: Tensor) -> Tensor:
    """Standard normal (..., latent) to latents of a VAE, by what `of_vae` gave; without it they stay as they are.

    With "points", e is taken for a step away from one of them: from that in its direction, or from what lies between
    two in its direction (a mean weighted by the cosines, with a "bias" that makes all of them equally frequent), so
    that the result is continuous. The shorter e is, the nearer it stays.
    """
    if not {"mean", "spread"} <= extra.keys():
        return e
    points = extra.get("points")
    if points is not None and len(points):
        weights = (_SHARP * _cosines(e, points) + extra.get("bias", torch.zeros(len(points)))).softmax(-1)
        e = (1 - _AWAY**2) ** 0.5 * (weights @ points) + _AWAY * e
    return extra["mean"] + e @ extra["spread"].T


def compared(extra: Mapping[str, Tensor], latent: int) -> None:
    """ValueError, in one sentence, when what a file holds beside the weights does not fit a network with so many
    latents: other shapes, entries that there are not."""
    dims = extra.get("dims")
    counted = [each for name in ("directions", "dims", "scales") if (each := extra.get(name)) is not None]
    count = len(counted[0]) if counted and counted[0].ndim else 0
    points = extra.get("points")
    few = min(len(points), FEW) if points is not None and points.ndim else 0
    wanted = {
        "points": (few, latent),
        "bias": (few,),
        "mean": (latent,),
        "spread": (latent, latent),
        "directions": (count, latent),
        "dims": (count,),
        "scales": (count,),
        "information": (count,),
    }
    for name, shape in wanted.items():
        value = extra.get(name)
        if value is not None and tuple(value.shape) != shape:
            raise ValueError(f"extra.{name} has the shape {tuple(value.shape)}, not {shape}")
        if value is not None and value.is_floating_point() == (name == "dims"):
            raise ValueError(f"extra.{name} holds {value.dtype}")
    if dims is not None and count and not 0 <= int(dims.min()) <= int(dims.max()) < latent:
        raise ValueError(f"extra.dims names entries beyond {latent}")
