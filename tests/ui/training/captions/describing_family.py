"""Describes pictures in words made of their names, without a model: for tests, in its own process without torch."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from aigc_studio.core.datasets.descriptions import Descriptions
from aigc_studio.core.datasets.images import scan
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Context, Model
from aigc_studio.training import describing

FAMILY = replace(describing.FAMILY, needs="")


def load(model: Model, ctx: Context) -> None:
    """Nothing to load."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """One picture after another; in a folder with a file "slow" it does not come to an end."""
    folder = Path(ctx.values["data"])
    kept = Descriptions(ctx.workshop())
    kept.begin(folder)
    for file in scan(folder).files:
        if not file.captions and file.hash not in kept.read().texts:
            kept.add([(file.file, file.hash, f"described {file.file}")])
            while (folder / "slow").exists():
                ctx.check()
                threading.Event().wait(0.01)
    ctx.save_text(0, "done")
