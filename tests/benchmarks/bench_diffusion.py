"""The picture models through the whole way beside a plain diffusers script on the same model:

    python -m tests.benchmarks.bench_diffusion [--model NAME] [--steps N] [--side PX] [--rounds N] [--full]

Prints seconds a picture of both and their ratio (rounds alternate, so that a machine that gets busier hurts both
alike), how long a second job on a warm model takes from submit to its first step, what a change of the picture's task
reads, and how much memory is left behind when two models take turns. Models are tiny and random (`tests.tiny.image`).
With --full, on a CUDA machine only: SDXL and Flux in their full size with random weights.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import psutil
from PySide6.QtCore import QCoreApplication

from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.library.diffusion import read_pipeline
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Engine, Order, Preview
from tests.tiny.image import MAKERS

from .full_models import save_flux, save_sdxl

PROMPT = "a red fox in the snow"


class Listening:
    """Keeps when the first step came and where results are."""

    def __init__(self) -> None:
        self.first = 0.0
        self.files: list[Path] = []
        self.previews = 0

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        """A step, or a stage before it."""
        self.previews += preview is not None
        if done and not self.first:
            self.first = time.perf_counter()

    def partial(self, index: int, piece: str) -> None:
        """Not needed."""

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """Not needed."""

    def silent(self, seconds: float) -> None:
        """Not needed."""

    def output(self, index: int, path: Path) -> None:
        """A picture is stored."""
        self.files.append(path)


def model_at(folder: Path, name: str) -> Model:
    """A tiny model with the facts that the library finds."""
    finding = read_pipeline(MAKERS[name](folder / name))
    assert finding.problem is None, finding.problem
    return Model(name, finding.family, name, folder / name, finding.facts)


def job(engine: Engine, model: Model, folder: Path, params: Mapping[str, Any], seed: int = 1) -> Listening:
    """One picture through an engine."""
    listener = Listening()
    request = Request("image", "generate", model.family, model.id, PROMPT, params, seed)
    engine.run(Order(f"job{time.monotonic_ns()}", request, folder, model=model), listener, CancelToken())
    return listener


def plain(pipe: Any, folder: Path, steps: int, side: int, seed: int) -> None:
    """A picture as a tutorial makes it, saved."""
    import torch

    given = {"num_inference_steps": steps, "width": side, "height": side}
    picture = pipe(PROMPT, generator=torch.Generator("cpu").manual_seed(seed), **given).images[0]
    picture.save(folder / "plain.png")


def _spent(*, others: bool = False) -> float:
    """Seconds of the processor that this process has used, with others those of its children, too."""
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *(me.children(recursive=True) if others else ()))]
    return sum(time.user + time.system for time in times)


def ratio(model: Model, folder: Path, steps: int, side: int, rounds: int) -> None:
    """Ours through the child beside the plain script; each in its own process or this one, never at once."""
    import diffusers
    import torch

    torch.set_num_threads(1)
    library: Any = diffusers
    pipe = library.DiffusionPipeline.from_pretrained(model.folder, local_files_only=True, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    params = {"steps": steps, "size": [side, side]}
    engine = ChildEngine("picture")
    try:
        job(engine, model, folder, params)
        plain(pipe, folder, steps, side, 0)
        times: dict[str, list[float]] = {"plain": [], "ours": []}
        spent: dict[str, list[float]] = {"plain": [], "ours": []}
        first, previews = [], 0
        for seed in range(rounds):
            began, before = time.perf_counter(), _spent(others=True)
            listener = job(engine, model, folder, params, seed)
            times["ours"].append(time.perf_counter() - began)
            spent["ours"].append(_spent(others=True) - before)
            first.append((listener.first - began) * 1000)
            previews += listener.previews
            began, before = time.perf_counter(), _spent()
            plain(pipe, folder, steps, side, seed)
            times["plain"].append(time.perf_counter() - began)
            spent["plain"].append(_spent() - before)
    finally:
        engine.close()
    ratios = [b / a for a, b in zip(times["ours"], times["plain"], strict=True)]
    work = statistics.median(spent["plain"]) / statistics.median(spent["ours"])
    print(f"{model.id}, {side} px, {steps} steps, {rounds} rounds, {previews} previews")
    print(f"  plain diffusers            {statistics.median(times['plain']):8.3f} s a picture")
    print(f"  ours, through the child    {statistics.median(times['ours']):8.3f} s a picture")
    print(f"  ratio of speeds            {statistics.median(ratios):8.3f}   (bar 0.97)")
    print(f"  ratio of processor time    {work:8.3f}   (what a busy machine does not change)")
    print(f"  job to first step, warm    {statistics.median(first):8.1f} ms (worst {max(first):.1f})", flush=True)


def switches(models: list[Model], folder: Path, count: int) -> None:
    """Memory of the child while two models take turns."""
    engine = ChildEngine("picture")
    try:
        sizes: list[int] = []
        times: list[float] = []
        for turn in range(count + 1):
            began = time.perf_counter()
            job(engine, models[turn % len(models)], folder, {"steps": 2, "size": [64, 64]})
            times.append(time.perf_counter() - began)
            children = psutil.Process().children(recursive=True)
            sizes.append(sum(child.memory_info().rss for child in children))
    finally:
        engine.close()
    settled = len(models) * 2  # each was loaded twice: what libraries keep for good is there
    growth = sizes[-1] / sizes[settled] - 1
    print(f"{count} switches between {' and '.join(model.id for model in models)}")
    print(f"  resident memory            {sizes[settled] / 2**20:8.1f} -> {sizes[-1] / 2**20:.1f} MiB")
    print(f"  growth                     {growth * 100:8.2f} %  (bar 5 %)")
    print(f"  a switch with a picture    {statistics.median(times[settled:]):8.3f} s", flush=True)


def submits(model: Model, folder: Path, rounds: int) -> None:
    """From Studio.submit to the first step of a warm model, as the window sees it."""
    from aigc_studio.core import catalogue
    from aigc_studio.ui.studio import Studio

    app = QCoreApplication.instance() or QCoreApplication([])
    assert model.folder is not None
    catalogue.add_folder(model.folder.parent)
    catalogue.rescan()
    id = next(entry.id for entry in catalogue.models("image") if entry.folder == model.folder)
    studio = Studio()
    studio.projectOpened.connect(app.quit)
    studio.create_project(folder / "project")
    app.exec()
    waits: list[float] = []
    at: dict[str, float] = {}

    def step(job_id: str, progress: Any) -> None:
        if progress.done and job_id in at:
            waits.append((time.perf_counter() - at.pop(job_id)) * 1000)

    def ended(_: str, job: Job) -> None:
        assert job.state is JobState.DONE, f"{job.state} {job.error}"
        app.quit()

    studio.jobProgress.connect(step)
    studio.jobFinished.connect(ended)
    for seed in range(rounds + 1):
        request = Request("image", "generate", model.family, id, PROMPT, {"steps": 8, "size": [64, 64]}, seed)
        began = time.perf_counter()
        at[studio.submit(request)] = began
        app.exec()
    studio.shutdown()
    warm = waits[1:]
    print(f"submit to first step in the window, warm model, {rounds} jobs")
    print(f"  cold                       {waits[0]:8.1f} ms")
    print(f"  warm, median               {statistics.median(warm):8.1f} ms (bar 50; worst {max(warm):.1f})", flush=True)


def full(folder: Path, rounds: int, changes: Mapping[str, Any] | None = None, device: str = "cuda") -> None:
    """SDXL and Flux in full size through the child: loading, the first step, a picture, the memory of the card."""
    for name, save, steps in (("SDXL", save_sdxl, 30), ("Flux", save_flux, 28)):
        place = save(folder / name, device, (changes or {}).get(name))
        finding = read_pipeline(place)
        assert finding.problem is None, finding.problem
        model = Model(name, finding.family, name, place, finding.facts)
        engine = ChildEngine("picture")
        size = {} if changes is None else {"size": [64, 64]}
        try:
            began = time.perf_counter()
            job(engine, model, folder, {"steps": 1, **size})
            loading = time.perf_counter() - began
            times, first = [], []
            for seed in range(rounds):
                began = time.perf_counter()
                listener = job(engine, model, folder, {"steps": steps, **size}, seed)
                times.append(time.perf_counter() - began)
                first.append((listener.first - began) * 1000)
        finally:
            engine.close()
        print(f"{name} in full size, {finding.facts['bytes'] / 2**30:.1f} GiB, {steps} steps")
        print(f"  start, load, one step      {loading:8.1f} s")
        print(f"  a picture                  {statistics.median(times):8.2f} s")
        print(f"  job to first step, warm    {statistics.median(first):8.1f} ms", flush=True)
        shutil.rmtree(place)


def quiet() -> None:
    """No progress bars of the libraries among the figures."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", choices=list(MAKERS), help="may be given several times")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--switches", type=int, default=30)
    parser.add_argument("--full", action="store_true", help="SDXL and Flux in full size; needs CUDA")
    options = parser.parse_args()
    quiet()
    with tempfile.TemporaryDirectory(prefix="aigc-bench-") as name:
        folder = Path(name)
        os.environ["AIGC_STUDIO_HOME"] = f"{name}/home"
        parts: list[Callable[[], None]] = []
        for model in options.model or ["sd1", "sdxl", "flux-dev"]:
            given = model_at(folder, model)
            parts.append(lambda given=given: ratio(given, folder, options.steps, options.side, options.rounds))
        two = [model_at(folder, "sd1"), model_at(folder, "sdxl")]
        parts.append(lambda: submits(two[0], folder, options.rounds))
        parts.append(lambda: switches(two, folder, options.switches))
        if options.full:
            import torch

            if not torch.cuda.is_available():
                parser.error("--full needs a CUDA graphics card")
            parts = [lambda: full(folder, options.rounds)]
        for part in parts:
            part()
    return 0


if __name__ == "__main__":
    sys.exit(main())
