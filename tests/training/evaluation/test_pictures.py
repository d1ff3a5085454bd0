"""Pictures of a model judged beside those it learned from: copies, a collapse, a good model, and the record of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.runs import RunFolder
from aigc_studio.training.evaluation import pictures
from aigc_studio.training.evaluation.features import Network, random_network
from aigc_studio.training.evaluation.pictures import Judged, measure_pictures, report
from aigc_studio.training.images import PreparedImages, prepare
from tests.training.pictures import draw, make_folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedImages:
    """Eighty drawings, a quarter of them held out."""
    place = tmp_path_factory.mktemp("drawings")
    return prepare(place / "ready", make_folder(place / "data", 80), side=32, validation=0.25)


@pytest.fixture(scope="module")
def net() -> Network:
    return random_network()


def others(count: int, start: int = 500) -> list[Image.Image]:
    """Drawings of the same kind that nobody learned."""
    return [draw(number)[0] for number in range(start, start + count)]


def batches(images: list[Image.Image]) -> Iterator[torch.Tensor]:
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
    yield from (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).split(7)


def test_new_pictures_of_the_same_kind_are_as_near_as_held_out_ones(data: PreparedImages, net: Network) -> None:
    found = measure_pictures(others(40), data, net=net)
    figures = found.figures
    assert found.usual == "held out"
    assert figures["network"] == "random network"
    assert figures["compared"] == 40
    assert figures["compared_with"] == len(data.train)
    assert figures["frechet"] < 4 * figures["frechet_of_the_data"]
    assert abs(figures["copying"] - 0.5) < 0.25
    assert figures["diversity"] == pytest.approx(figures["diversity_of_the_data"], rel=0.3)
    assert figures["variety"] == pytest.approx(figures["variety_of_the_data"], rel=0.3)
    assert not {"fid", "kid", "inception_score", "clip_score"} & figures.keys()


def test_copies_are_found_also_mirrored_and_a_collapse_is_seen(data: PreparedImages, net: Network) -> None:
    copies = [data.image(index) for index in data.train[:10].tolist()]
    mirrored = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in copies[5:]]
    found = measure_pictures(copies[:5] + mirrored + others(10), data, net=net)
    assert {pair.sample for pair in found.pairs[:10]} == set(range(10))
    assert all(pair.share == 0 and pair.distance < 1e-3 for pair in found.pairs[:10])
    assert all(data.train[pair.sample] == pair.learned for pair in found.pairs[:10])
    only = measure_pictures(copies[:5] + mirrored, data, net=net).figures
    assert only["copying_of_pixels"] == 1
    same = measure_pictures(others(1) * 16, data, net=net).figures
    assert same["diversity"] < 1e-3
    assert same["variety"] == 0
    assert same["frechet"] > 5 * same["frechet_of_the_data"]
    assert same["kernel"] > 0


def test_worse_pictures_have_a_greater_distance(data: PreparedImages, net: Network) -> None:
    rng = np.random.default_rng(0)
    found = []
    for noise in (0, 20, 60):
        spoiled = [
            Image.fromarray(np.clip(np.asarray(image) + rng.normal(0, noise, (32, 32, 3)), 0, 255).astype(np.uint8))
            for image in others(32)
        ]
        found.append(measure_pictures(spoiled, data, net=net).figures)
    for name in ("frechet", "kernel"):
        assert found[0][name] < found[1][name] < found[2][name]


def test_further_pictures_make_the_cloud_and_not_the_pairs(data: PreparedImages, net: Network) -> None:
    asked = []

    def more(count: int) -> Iterator[torch.Tensor]:
        asked.append(count)
        return batches(others(30, 600))

    found = measure_pictures(others(4), data, more=more, net=net)
    assert asked == [252]
    assert found.figures["compared"] == 34
    assert {pair.sample for pair in found.pairs} == {0, 1, 2, 3}
    whole = measure_pictures(others(4) + others(30, 600), data, net=net)
    assert found.figures["frechet"] == pytest.approx(whole.figures["frechet"], rel=1e-3)
    assert found.figures["variety"] == pytest.approx(whole.figures["variety"], rel=1e-3)


def test_a_slow_model_is_compared_by_fewer(data: PreparedImages, net: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_PATIENCE", -1.0)
    found = measure_pictures(others(4), data, more=lambda count: batches(others(30, 600)), net=net)
    assert found.figures["compared"] == 4 + 7


def test_without_held_out_pictures_the_learned_ones_are_the_measure(tmp_path: Path, net: Network) -> None:
    ready = prepare(tmp_path / "ready", make_folder(tmp_path / "data", 20), side=32, validation=0)
    found = measure_pictures(others(8), ready, net=net)
    assert found.usual == "learned"
    assert 0 < found.figures["copying"] < 1
    copied = measure_pictures([ready.image(3)] * 3, ready, net=net)
    assert copied.figures["copying"] == 1
    assert "frechet" not in copied.figures


def test_few_pictures_give_few_figures(tmp_path: Path, data: PreparedImages, net: Network) -> None:
    three = prepare(tmp_path / "ready", make_folder(tmp_path / "data", 3), side=16, validation=0)
    found = measure_pictures([three.image(0)], three, net=net)
    assert found.pairs == ()
    assert found.figures["compared_with"] == 3
    assert measure_pictures([], data, net=net) == Judged({})


def test_sizes_grey_and_transparent_pictures_are_taken(tmp_path: Path, net: Network) -> None:
    folder = make_folder(tmp_path / "data", 24)
    for number in range(24):
        with Image.open(folder / f"{number:03d}.png") as image:
            wide = image.resize((64 if number % 2 else 32, 32))
        wide.convert("RGBA").save(folder / f"{number:03d}.png")
    ready = prepare(tmp_path / "ready", folder, side=32, channels=4, buckets=True, multiple=8, validation=0)
    assert len(set(ready.sizes)) > 1
    mixed = [ready.image(0), ready.image(1).convert("L"), *(others(8))]
    found = measure_pictures(mixed, ready, net=net)
    assert {pair.sample for pair in found.pairs} == set(range(10))
    assert found.pairs[0].sample == 0


def test_a_cancel_ends_it(data: PreparedImages, net: Network) -> None:
    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        measure_pictures(others(4), data, net=net, check=check)


def test_the_published_network_has_the_published_names(data: PreparedImages) -> None:
    """Any network that counts as published: the names come from that alone."""
    plain = random_network()

    def look(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = plain.look(images)[0]
        return seen, seen[:, :10]

    found = measure_pictures(others(20), data, net=Network("inception", "Inception 2015", look, 500)).figures
    assert {"fid", "fid_of_the_data", "kid", "kid_spread", "inception_score", "inception_score_spread"} <= found.keys()
    assert not {"frechet", "kernel"} & found.keys()
    assert 1 <= found["inception_score"] <= 10


def test_the_report_holds_the_pairs_for_the_window(tmp_path: Path, data: PreparedImages, net: Network) -> None:
    images = [data.image(int(data.train[7])), *others(20)]
    run = RunFolder(tmp_path / "training" / "abcd")
    run.path.mkdir(parents=True)
    found = measure_pictures(images, data, net=net)
    report(run, found, data, [f"samples/final/{number:04d}.png" for number in range(len(images))])
    told = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
    assert told["figures"] == found.figures
    assert told["usual"] == "held out"
    assert len(told["nearest"]) == 16
    first = told["nearest"][0]
    assert (first["sample"], first["share"]) == ("samples/final/0000.png", 0)
    assert first["source"] == data.files[int(data.train[7])]
    with Image.open(run.path / first["training"]) as kept:
        assert kept.tobytes() == images[0].tobytes()
    shares = [row["share"] for row in told["nearest"]]
    assert shares == sorted(shares)


def test_a_full_disk_is_said(
    tmp_path: Path, data: PreparedImages, net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures, "write_atomically", full)
    with pytest.raises(StudioError) as caught:
        report(RunFolder(tmp_path), Judged({}), data, [])
    assert caught.value.code == "disk"
