"""How fast folders of pictures are looked at, compared, prepared and read in batches.

`python -m tests.benchmarks.bench_datasets [--count N] [--side PX]` prints one line a figure; nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.datasets.images import scan
from aigc_studio.core.datasets.looks import Look, alike
from aigc_studio.training.images import prepare
from tests.core.datasets.kit import noise

_BATCH = 64


@contextmanager
def _timed(title: str, count: int) -> Iterator[None]:
    wall, work = time.perf_counter(), time.process_time()
    yield
    wall, work = time.perf_counter() - wall, time.process_time() - work
    print(f"{title:<48}{count / wall:>10.0f} a second{count / max(work, 1e-9):>10.0f} a second of work")


def main() -> None:
    """Make a folder of pictures and do with it what a run does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--side", type=int, default=512)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIGC_STUDIO_HOME"] = f"{folder}/home"
        measure(Path(folder), options.count, options.side)


def measure(folder: Path, count: int, side: int) -> None:
    """Print the figures."""
    for suffix in ("jpg", "png"):
        data = folder / suffix
        data.mkdir()
        for number in range(count):
            path = data / f"{number:06}.{suffix}"
            noise(number, side, side).save(path, quality=90, compress_level=1)
            os.utime(path, (1, 1))  # settled: it may be remembered
        with _timed(f"look at {side} px {suffix}", count):
            scan(data)
        with _timed(f"look again at {side} px {suffix}", count):
            scan(data)
        with _timed(f"prepare {side} px {suffix} at 128 px", count):
            prepared = prepare(folder / f"run-{suffix}", data, side=128)
    steps = range(20)
    prepared.batch([0])  # imports torch
    with _timed("pictures of 128 px in batches", len(steps) * _BATCH):
        for step in steps:
            prepared.batch(prepared.choose(step, _BATCH, 0))
    augment = Augment(flip=True, rotate=10, zoom=0.1, shift=0.05, colour=0.3)
    with _timed("the same, varied in every way", len(steps) * _BATCH):
        for step in steps:
            prepared.batch(prepared.choose(step, _BATCH, 0), np.random.default_rng(step), augment)
    rng = np.random.default_rng(0)
    cells = (rng.integers(0, 256, (100_000, 1, 3)) * 0.6 + rng.integers(0, 256, (100_000, 64, 3)) * 0.4).astype(
        np.uint8
    )
    looks: list[Look] = [(int(bits), one.tobytes()) for bits, one in zip(rng.integers(0, 1 << 63, len(cells)), cells)]
    with _timed("compare 100,000 pictures", len(looks)):
        alike(looks)


if __name__ == "__main__":
    main()
