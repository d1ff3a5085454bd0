"""A project with many assets, made in seconds: rows without the work of painting each picture.

`python -m tests.benchmarks.big_project FOLDER [COUNT]` makes one to open in the window.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import uuid
from pathlib import Path

from PIL import Image

from aigc_studio.core.assets import Asset, file_name
from aigc_studio.core.imaging import make_thumbnail
from aigc_studio.core.project import Project
from aigc_studio.core.recipe import asset_id_for, make_recipe
from aigc_studio.core.requests import Request
from aigc_studio.core.store.intake import Found, insert

__all__ = ["make_big_project"]

_CHINESE = "霓虹 海浪 山水 城市 夜色 红色 蓝色 条纹 大理石 安静 热烈 月光 春天 竹林 古镇"
_ENGLISH = "neon waves marble city night red blue stripes calm wild moon spring bamboo poster logo"
_WORDS = [*_CHINESE.split(" "), *_ENGLISH.split(" ")]
_COLOURS = ((214, 72, 61), (64, 120, 192), (240, 190, 80), (90, 160, 110), (120, 90, 170), (40, 44, 52))


def make_big_project(folder: Path, count: int = 100_000, *, with_files: bool = True) -> Path:
    """Make a closed project of `count` picture assets in `folder`.

    with_files: each asset has a file and a thumbnail (hard links to a few pictures, so that they cost no space).
    """
    rng = random.Random(7)
    project = Project.create(folder, "Big project")
    samples = _samples(folder) if with_files else []
    connection = project._connection
    start = 1_700_000_000.0
    engine = {"family": "painter", "versions": {"numpy": "2.0"}, "device": "cpu", "dtype": "float32", "threads": 2}
    with connection.change():
        for number in range(count):
            job = uuid.UUID(int=rng.getrandbits(128)).hex
            prompt = " ".join(rng.choices(_WORDS, k=4))
            request = Request("image", "generate", "painter", prompt=prompt, seed=number, params={"size": [512, 512]})
            asset_id = asset_id_for(job, 0)
            name = file_name(prompt, asset_id, ".png", digits=10)
            asset = Asset(
                id=asset_id,
                kind="image",
                title=prompt,
                file="",
                created=start + number * 60,
                starred=number % 50 == 0,
                origin="generated",
                width=512,
                height=512,
                seconds=0.0,
                job_id=job,
                index=0,
                bytes=400_000,
                trashed=False,
            )
            insert(connection, Found(asset, make_recipe(job, 0, request, engine=engine), ""), f"assets/{name}")
            if with_files:
                picture, thumbnail = samples[number % len(samples)]
                _link(picture, folder / "assets" / name)
                target = project.thumbnail_path(asset_id)
                target.parent.mkdir(exist_ok=True)
                _link(thumbnail, target)
    for number in range(5):
        board = project.create_board(f"Board {number + 1}")
        project.add_to_board(
            board.id, [row[0] for row in connection.execute("SELECT id FROM assets WHERE seq%7=?", (number,))]
        )
    project.close()
    return folder


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links, or too many links to one file
        shutil.copyfile(source, target)


def _samples(folder: Path) -> list[tuple[Path, Path]]:
    samples = []
    for number, colour in enumerate(_COLOURS * 2):
        picture = folder / "thumbs" / f"sample-{number}.png"
        gradient = Image.linear_gradient("L").resize((512, 512))
        Image.composite(Image.new("RGB", (512, 512), colour), gradient.convert("RGB"), gradient).save(picture)
        thumbnail = picture.with_suffix(".webp")
        make_thumbnail(picture, thumbnail)
        samples.append((picture, thumbnail))
    return samples


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    given = parser.parse_args()
    print(make_big_project(given.folder, given.count))
