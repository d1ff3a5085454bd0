"""Run folders as a training leaves them, made by RunFolder itself."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from PIL import Image

from aigc_studio.core.runs import RunFolder, Sample

__all__ = ["append_lines", "begin_run", "finish_run", "learn"]


def begin_run(folder: Path, *, title: str = "Leaves", recipe: str = "train-lesson", **params: Any) -> RunFolder:
    """A run that has not learned anything."""
    run = RunFolder(folder)
    request = {"kind": "training", "task": "train", "family": recipe, "seed": 3, "params": {"name": title, **params}}
    run.update(id=folder.name, recipe=recipe, title=title, created=1.0, request=request, data={})
    run.update(state={"name": "running", "step": 0, "steps": 100, "seconds": 0.0, "unit": "images"})
    return run


def append_lines(run: RunFolder, lines: list[dict[str, Any]]) -> None:
    """Many at once: RunFolder's own way is safe and slow."""
    with open(run.path / "log.jsonl", "ab") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines).encode())


def learn(run: RunFolder, first: int, last: int, *, every: int = 20, level: float = 1.0, texts: bool = False) -> None:
    """Steps first..last, with validation and samples every so often."""
    lines: list[dict[str, Any]] = []
    for step in range(first, last + 1):
        loss = level * math.exp(-step / 50)
        values = {"loss": loss, "error": loss / 2, "images_per_second": 80.5, "rate": 1e-3, "memory_mb": 600}
        lines.append({"step": step, "seconds": 0.5 * step, "values": values})
        if step % every == 0:
            lines.append({"step": step, "seconds": 0.5 * step, "values": {"validation/loss": loss + 0.1}})
            if texts:
                lines.append({"step": step, "event": "sample", "texts": [f"poem {step}", "moon"]})
            else:
                path = run.sample_path(step)
                Image.new("RGB", (40, 40), (step % 256, 90, 90)).save(path)
                lines.append({"step": step, "event": "sample", "file": f"samples/{path.name}"})
    append_lines(run, lines)
    run.update(state={"name": "running", "step": last, "steps": 100, "seconds": 0.5 * last, "unit": "images"})


def finish_run(run: RunFolder, model: Path, *, samples: int = 6, texts: bool = False, **figures: Any) -> None:
    """Its end: final samples, figures, a model with a card."""
    folder = run.path / "samples" / "final"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(samples):
        if texts:
            (folder / f"{number:04d}.md").write_text(f"text {number}", encoding="utf-8")
            run.add_final(Sample(f"samples/final/{number:04d}.md", number + 1, "moon", f"text {number}"))
        else:
            Image.new("RGB", (32, 32), (40 * number, 90, 90)).save(folder / f"{number:04d}.png")
            run.add_final(Sample(f"samples/final/{number:04d}.png", number + 1))
    model.mkdir(parents=True, exist_ok=True)
    card = "---\nlicense: MIT\n---\n\n# Leaves\n\nA card.\n\n![Samples](samples.png)\n"
    (model / "README.md").write_text(card, encoding="utf-8")
    Image.new("RGB", (64, 64), "green").save(model / "samples.png")
    state = run.info()["state"]
    run.append({"step": state["step"], "event": "end", "reason": "steps"})
    run.update(figures=figures, model={"folder": str(model), "title": "Leaves"}, state=state | {"name": "done"})
