"""What a project of 100,000 assets costs: `python -m tests.benchmarks.bench_project [FOLDER]`.

Prints the median and the worst of several runs in milliseconds, and the bound each figure has to keep.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from aigc_studio.core.metadata import write_image
from aigc_studio.core.project import AssetQuery, Project, ProjectReader
from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.requests import Request
from tests.benchmarks.big_project import make_big_project

_RUNS = 9


def _measure(what: str, bound_ms: float, action: Callable[[], object], runs: int = _RUNS) -> bool:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    middle = statistics.median(times)
    verdict = "ok" if middle <= bound_ms else "MISSED"
    print(f"{what:<52} {middle:9.2f} {max(times):9.2f} {bound_ms:9.0f}  {verdict}", flush=True)
    return middle <= bound_ms


def _reading(folder: Path) -> list[bool]:
    reader = ProjectReader(folder)
    everything = AssetQuery()
    good = [
        _measure("reader opened", 1000, lambda: ProjectReader(folder).close()),
        _measure("first page of 200", 5, lambda: reader.assets(everything, 0, 200)),
        _measure("page of 200 at 90,000", 5, lambda: reader.assets(everything, 90_000, 200)),
        _measure("page of 200 by title", 5, lambda: reader.assets(AssetQuery(order="title"), 0, 200)),
        _measure("page of 200 starred", 5, lambda: reader.assets(AssetQuery(starred=True), 0, 200)),
        _measure("count of all", 50, lambda: reader.count(everything)),
        _measure("all ids", 200, lambda: reader.ids(everything)),
        _measure("boards with counts", 100, reader.boards),
    ]
    board = reader.boards()[0].id
    good.append(_measure("page of 200 of a board", 50, lambda: reader.assets(AssetQuery(board=board), 0, 200)))
    for text in ("霓虹", "山水 moon", "neo", "n", "白鹭", "city calm logo"):
        query = AssetQuery(text=text)
        good.append(
            _measure(f'search "{text}" ({reader.count(query)} found)', 50, lambda q=query: reader.assets(q, 0, 200))
        )
        good.append(_measure(f'count "{text}"', 50, lambda q=query: reader.count(q)))
    reader.close()
    return good


def _writing(folder: Path) -> list[bool]:
    good = []
    projects: list[Project] = []

    def reopen() -> None:
        projects.append(Project.open(folder))

    for what in ("opened for writing", "opened again"):
        good.append(_measure(what, 1000, reopen, runs=1))
        good.append(_measure("closed unchanged", 1000, projects.pop().close, runs=1))
    project = Project.open(folder)
    request = Request("image", "generate", "painter", prompt="霓虹 city at night", count=40)
    job = project.queue.add(request)
    picture = Image.effect_noise((1024, 1024), 60).convert("RGB")
    waiting = []
    for index in range(20):
        path = folder / "incoming" / f"{job.id}-{index}.png"
        write_image(path, picture, make_recipe(job.id, index, request, engine={}))
        waiting.append((index, path))
    supply = iter(waiting)

    def commit() -> None:
        index, path = next(supply)
        project.commit_output(job.id, index, path)

    good.append(_measure("one asset committed (1024 px PNG)", 30, commit, runs=20))
    ids = project.ids(AssetQuery())[:20]
    supply_ids = iter(ids)
    good.append(_measure("thumbnail of 1024 px", 100, lambda: project.thumbnail(next(supply_ids)), runs=20))
    good.append(_measure("starred", 30, lambda: project.star(ids[:1], True)))
    good.append(_measure("20 into the trash and back", 200, lambda: (project.trash(ids), project.restore(ids))))
    good.append(_measure("backup", 5000, project.back_up, runs=1))
    good.append(_measure("checkpoint", 1000, project.checkpoint, runs=1))
    good.append(_measure("closed after changes", 5000, project.close, runs=1))
    (folder / "project.aigc").unlink()
    good.append(_measure("opened without index (from backup)", 20_000, reopen, runs=1))
    projects.pop().close()
    return good


def main() -> int:
    """Measure and say whether every bound was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="an existing big project; it is changed")
    given = parser.parse_args()
    print(f"{'':<52} {'median':>9} {'worst':>9} {'bound':>9}  (ms)")
    temporary = Path(tempfile.mkdtemp(prefix="bench-project-"))
    try:
        folder = given.folder or make_big_project(temporary / "big")
        good = _reading(folder) + _writing(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
