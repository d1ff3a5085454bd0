"""`python -m tests.tiny FOLDER`: one tiny random model of every class, to try the program with where no real one is.

They are folders (and files) as the real ones are; what they make is noise.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline

import tests.tiny
from tests.tiny.lora import make_lora


def makers() -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Every function "make_NAME(folder)" of this package, by its name."""
    for module in pkgutil.iter_modules(tests.tiny.__path__):
        if module.name.startswith("_"):
            continue
        for name, maker in inspect.getmembers(importlib.import_module(f"tests.tiny.{module.name}"), inspect.isfunction):
            needed = [
                each
                for each in inspect.signature(maker).parameters.values()
                if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
            ]
            if name.startswith("make_") and len(needed) == 1 and maker.__module__ == f"tests.tiny.{module.name}":
                yield name.removeprefix("make_").replace("_", "-"), maker


def main(folder: Path) -> None:
    """Make those that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, maker in makers():
        if not (folder / f"tiny-{name}").exists():
            print(f"tiny-{name}", flush=True)
            maker(folder / f"tiny-{name}")
    style = folder / "tiny-style.safetensors"
    if not style.exists():
        make_lora(style, StableDiffusionPipeline.from_pretrained(folder / "tiny-sd1").components, "sd1", "kohya")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
