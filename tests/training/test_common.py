"""The parameters that recipes share are offered only where they do something."""

from __future__ import annotations

import pytest

from aigc_studio.engines.base import Family
from aigc_studio.training import (
    cyclegan,
    finetune,
    gan,
    inversion,
    latent_diffusion,
    lora,
    masked,
    vae,
    vqvae,
    writer,
)
from aigc_studio.training.common import care

PICTURES = [inversion, latent_diffusion, lora, masked, vae, vqvae]


def offered(family: Family) -> set[str]:
    return {param.id for param in family.params}


@pytest.mark.parametrize("recipe", [gan, cyclegan], ids=lambda recipe: recipe.FAMILY.id)
def test_what_has_no_loss_that_could_improve_offers_no_early_stop(recipe) -> None:
    assert "patience" not in offered(recipe.FAMILY)
    old = {"patience": 3, "steps": 5}  # of a run from before
    assert "patience" not in recipe.FAMILY.values("train", old)


@pytest.mark.parametrize("recipe", [*PICTURES, finetune, writer], ids=lambda recipe: recipe.FAMILY.id)
def test_the_others_do(recipe) -> None:
    assert {"patience", "validation"} <= offered(recipe.FAMILY)


def test_care_keeps_its_order() -> None:
    with_stop, without = ([param.id for param in care(patience=patience)] for patience in (3, None))
    assert [id for id in with_stop if id != "patience"] == without
    assert care(patience=3)[with_stop.index("patience")].default == 3
