"""The list of families, one line each. Reading it imports no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

from .base import Family

__all__ = ["FAMILIES", "declared", "families", "family", "module"]

FAMILIES = (
    "aigc_studio.engines.image.painter",
    "aigc_studio.engines.image.stable_diffusion",
    "aigc_studio.engines.image.sdxl",
    "aigc_studio.engines.image.sd3",
    "aigc_studio.engines.image.flux",
    "aigc_studio.engines.image.z_image",
    "aigc_studio.engines.image.qwen_image",
    "aigc_studio.engines.image.other",
    "aigc_studio.engines.image.gan",
    "aigc_studio.engines.image.vae",
    "aigc_studio.engines.image.vqvae",
    "aigc_studio.engines.image.translator",
    "aigc_studio.engines.speech.espeak",
    "aigc_studio.engines.speech.vits",
    "aigc_studio.engines.speech.speecht5",
    "aigc_studio.engines.speech.bark",
    "aigc_studio.engines.text.causal_lm",
    "aigc_studio.engines.text.seq2seq",
    "aigc_studio.training.vae",
    "aigc_studio.training.gan",
    "aigc_studio.training.vqvae",
    "aigc_studio.training.cyclegan",
    "aigc_studio.training.masked",
    "aigc_studio.training.latent_diffusion",
    "aigc_studio.training.lora",
    "aigc_studio.training.inversion",
    "aigc_studio.training.writer",
    "aigc_studio.training.finetune",
    "aigc_studio.training.describing",
)
"""Module of each family; the first of a kind is the default."""


def _modules() -> dict[str, ModuleType]:
    return _imported(tuple(os.environ.get("AIGC_STUDIO_FAMILIES", "").split()) or FAMILIES)  # tests name others


@lru_cache(maxsize=4)
def _imported(names: tuple[str, ...]) -> dict[str, ModuleType]:
    found: dict[str, ModuleType] = {}
    for name in names:
        imported = import_module(name)
        if imported.FAMILY.id in found:
            raise ValueError(f"two families are called {imported.FAMILY.id!r}")
        found[imported.FAMILY.id] = imported
    return found


def module(id: str) -> ModuleType:
    """The module of the family with this id; StudioError for an unknown one (a project from a newer version)."""
    try:
        return _modules()[id]
    except KeyError:
        raise StudioError(
            N_('This version has no model family "{family}"; update the program or choose another model.'),
            code="family",
            family=id,
        ) from None


def family(id: str) -> Family:
    """The declaration of the family with this id."""
    return module(id).FAMILY


def declared(id: str, facts: Mapping[str, Any]) -> Family:
    """The declaration of a family for one model: with that model's own sizes, defaults, speakers and tasks.

    facts: what the catalogue knows of the model. The form, the checks and the run all use the same one.
    """
    found = module(id)
    fitted = getattr(found, "fitted", None)
    return found.FAMILY if fitted is None else fitted(facts)


def families(kind: str = "") -> tuple[Family, ...]:
    """All families, or those of one kind, in registry order."""
    return tuple(item.FAMILY for item in _modules().values() if not kind or item.FAMILY.kind == kind)
