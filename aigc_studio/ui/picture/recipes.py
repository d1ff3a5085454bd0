"""Taking over how a picture was made: its prompt, its seed, its settings; from here or from another program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aigc_studio.core.foreign import ForeignRecipe
from aigc_studio.core.i18n import tr
from aigc_studio.core.requests import Request

from .inspector import Inspector

__all__ = ["offer", "use"]

_SHORT = 90
"""Characters of a prompt in a message."""


def use(inspector: Inspector, recipe: Mapping[str, Any], *, prompt: bool, seed: bool, settings: bool) -> None:
    """Put what is wanted of a recipe into the form."""
    request = Request.from_json(recipe["request"])
    inspector.use(request, prompt=prompt, settings=settings, seed=int(recipe["seed"]) if seed else None)


def offer(inspector: Inspector, recipe: Mapping[str, Any] | ForeignRecipe) -> tuple[str, Callable[[], None]] | None:
    """What to say of a picture that came in with its recipe, and what takes all of it; None when it has no prompt."""
    if isinstance(recipe, ForeignRecipe):
        prompt, program = recipe.prompt, recipe.program
        take = partial(inspector.use_foreign, recipe)
    else:
        if recipe.get("request", {}).get("kind") != "image":
            return None
        prompt, program = str(recipe["request"].get("prompt", "")), "AIGC Studio"
        take = partial(use, inspector, dict(recipe), prompt=True, seed=True, settings=True)
    short = prompt if len(prompt) <= _SHORT else prompt[:_SHORT].rstrip() + "…"
    return (tr("Made with {program}: “{prompt}”", program=program, prompt=short), take) if short else None
