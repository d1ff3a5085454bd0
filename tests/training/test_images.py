"""Pictures are prepared once, survive kills and the loss of their folder, and come in batches that depend on nothing
but the step."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aigc_studio.core.datasets.augment import Augment
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.training import images
from aigc_studio.training.images import PreparedImages, prepare
from tests.core.datasets.kit import noise, picture, save
from tests.training.pictures import make_folder


def folder_of(tmp_path: Path, count: int, size: tuple[int, int] = (32, 32)) -> Path:
    """A folder of different pictures."""
    for number in range(count):
        picture(tmp_path, f"data/{number:03}.png", number, size)
    return tmp_path / "data"


def contents(prepared: PreparedImages) -> list[bytes]:
    """All pixels."""
    return [prepared.pixels([index]).tobytes() for index in range(len(prepared))]


def test_pixels_are_those_of_the_pictures(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 5)
    prepared = prepare(tmp_path / "run/data", data, side=32)
    assert len(prepared) == 5
    assert prepared.files == tuple(f"{number:03}.png" for number in range(5))
    for number in range(5):
        np.testing.assert_array_equal(prepared.pixels([number])[0], np.asarray(noise(number)))
        assert prepared.image(number).tobytes() == noise(number).tobytes()
    assert prepared.pixels([3, 1, 3]).shape == (3, 32, 32, 3)
    assert len(prepared.report.files) == 5


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_and_backgrounds(tmp_path: Path, channels: int) -> None:
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 10, 20))
    (tmp_path / "data").mkdir()
    image.save(tmp_path / "data/half.png")
    prepared = prepare(tmp_path / "run", tmp_path / "data", side=20, channels=channels, background="#ffff00")
    pixels = prepared.pixels([0])[0]
    assert pixels.shape == (20, 20, channels)
    expected: dict[int, tuple[int, ...]] = {1: (226,), 3: (255, 255, 0), 4: (255, 0, 0, 0)}
    assert tuple(pixels[5, 15].tolist()) == expected[channels]
    assert prepared.image(0).mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]


def test_whole_pictures_are_padded_where_wanted(tmp_path: Path) -> None:
    picture(tmp_path, "data/wide.png", 1, (64, 32))
    padded = prepare(tmp_path / "pad", tmp_path / "data", side=32, fit="pad", background="black").pixels([0])[0]
    assert not padded[:8].any()
    assert not padded[24:].any()
    assert padded[8:24].any()
    cropped = prepare(tmp_path / "crop", tmp_path / "data", side=32).pixels([0])[0]
    np.testing.assert_array_equal(cropped, np.asarray(noise(1, 64, 32))[:, 16:48])


def test_equal_files_are_used_once_with_the_captions_of_all(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 3)
    save(tmp_path, "data/red cup.png", (data / "001.png").read_bytes())
    save(tmp_path, "data/blue cup.png", (data / "001.png").read_bytes())
    notices: list[str] = []
    prepared = prepare(tmp_path / "run", data, side=32, notice=lambda text, **more: notices.append(text.format(**more)))
    assert len(prepared) == 3
    assert prepared.captions[1] == ("blue cup", "red cup")
    assert prepared.caption(1) == "blue cup"
    rng = np.random.default_rng(0)
    assert {prepared.caption(1, rng) for _ in range(20)} == {"blue cup", "red cup"}
    assert prepared.caption(0, rng) == ""
    assert "Copies of other pictures, used once: 2." in notices
    save(tmp_path, "data/001.txt", "what is said of it")
    assert prepare(tmp_path / "again", data, side=32).captions[1] == ("what is said of it",)


def test_three_pictures_work_and_are_told_of(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 3, (24, 24))
    notices: list[str] = []
    prepared = prepare(tmp_path / "run", data, side=32, notice=lambda text, **more: notices.append(text.format(**more)))
    assert len(prepared.train) == 3
    assert notices == [
        "Only few pictures (3): the model will mostly repeat them.",
        "Pictures smaller than 32 px, which are enlarged: 3.",
    ]
    assert len(prepared.choose(7, 16, 0)) == 16


def test_an_empty_folder_and_a_missing_one_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for source, code in ((tmp_path / "data", "data-empty"), (tmp_path / "gone", "data-missing")):
        with pytest.raises(StudioError) as caught:
            prepare(tmp_path / "run", source, side=32)
        assert caught.value.code == code
    with pytest.raises(StudioError) as caught:
        PreparedImages.open(tmp_path / "run")
    assert caught.value.code == "data-unprepared"


def test_what_is_ready_needs_no_folder(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 4)
    first = contents(prepare(tmp_path / "run", data, side=16))
    shutil.rmtree(data)
    assert contents(prepare(tmp_path / "run", data, side=16)) == first
    assert contents(PreparedImages.open(tmp_path / "run")) == first
    with pytest.raises(StudioError) as caught:  # other settings are other pictures
        prepare(tmp_path / "run", data, side=24)
    assert caught.value.code == "data-missing"


def test_other_settings_are_prepared_anew(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 4)
    prepare(tmp_path / "run", data, side=16)
    prepared = prepare(tmp_path / "run", data, side=24)
    assert prepared.pixels([0]).shape == (1, 24, 24, 3)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["data.json", "pixels-24x24.bin"]


def test_damaged_arrays_are_made_again(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 4)
    first = contents(prepare(tmp_path / "run", data, side=16))
    os.truncate(tmp_path / "run/pixels-16x16.bin", 100)
    assert contents(prepare(tmp_path / "run", data, side=16)) == first
    (tmp_path / "run/data.json").write_text("{", encoding="utf-8")
    assert contents(prepare(tmp_path / "run", data, side=16)) == first


@pytest.mark.parametrize("after", [1, 7, 19])
def test_a_cancel_keeps_what_is_done(tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder_of(tmp_path, 40)
    whole = contents(prepare(tmp_path / "whole", data, side=16))
    done = 0

    def progress(count: int, total: int, stage: str) -> None:
        nonlocal done
        if stage == "Preparing the pictures":
            done = count

    def check() -> None:
        if done >= after:
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare(tmp_path / "run", data, side=16, check=check, progress=progress)
    kept = np.fromfile(tmp_path / "run/done.bin", dtype=np.uint8)
    assert after <= kept.sum() < 40
    read: list[str] = []
    opened = images.open_picture

    def watched(path: Path, *more: Any) -> Image.Image:
        read.append(path.name)
        return opened(path, *more)

    monkeypatch.setattr(images, "open_picture", watched)
    assert contents(prepare(tmp_path / "run", data, side=16)) == whole
    assert len(read) == 40 - kept.sum()


_KILLED = """
import os, signal, sys
from pathlib import Path
from aigc_studio.training import images
images._FLUSH = 0.0
def progress(done, total, stage):
    if stage == sys.argv[3] and done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
images.prepare(Path(sys.argv[1]), Path(sys.argv[2]), side=16, progress=progress)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
@pytest.mark.parametrize(("stage", "done"), [("Looking at the pictures", 5), ("Preparing the pictures", 11)])
def test_a_kill_leaves_what_a_second_run_goes_on_with(tmp_path: Path, checkout: Path, stage: str, done: int) -> None:
    data = folder_of(tmp_path, 30)
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "run"), str(data), stage, str(done)]
    assert subprocess.run(command, cwd=checkout, timeout=60).returncode == -signal.SIGKILL
    assert not (tmp_path / "run/data.json").exists()
    assert contents(prepare(tmp_path / "run", data, side=16)) == contents(prepare(tmp_path / "whole", data, side=16))


def test_a_folder_that_goes_away_meanwhile_is_a_sentence_and_can_come_back(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 40)
    whole = contents(prepare(tmp_path / "whole", data, side=16))

    def progress(done: int, total: int, stage: str) -> None:
        if stage == "Preparing the pictures" and done == 3 and data.exists():
            data.rename(tmp_path / "elsewhere")

    with pytest.raises(StudioError) as caught:
        prepare(tmp_path / "run", data, side=16, progress=progress)
    assert caught.value.code == "data-missing"
    with pytest.raises(StudioError) as caught:
        prepare(tmp_path / "run", data, side=16)
    assert caught.value.code == "data-missing"
    (tmp_path / "elsewhere").rename(data)
    assert contents(prepare(tmp_path / "run", data, side=16)) == whole


def test_a_disk_that_is_taken_out_leaves_an_empty_folder(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 30)

    def progress(done: int, total: int, stage: str) -> None:
        if stage == "Preparing the pictures" and done == 3:
            for path in data.iterdir():
                path.unlink()

    with pytest.raises(StudioError) as caught:
        prepare(tmp_path / "run", data, side=16, progress=progress)
    assert caught.value.code == "data-missing"


def test_single_files_that_go_away_are_left_out(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 30)

    def progress(done: int, total: int, stage: str) -> None:
        if stage == "Preparing the pictures" and done == 1:
            (data / "028.png").unlink(missing_ok=True)
            save(tmp_path, "data/029.png", b"changed")

    prepared = prepare(tmp_path / "run", data, side=16, progress=progress)
    assert len(prepared) == 28
    assert [problem.file for problem in prepared.report.problems] == ["028.png", "029.png"]
    assert prepared.pixels([27]).any()


@pytest.mark.parametrize("place", ["reserve", "write", "describe"])
def test_a_full_disk_is_a_sentence_and_work_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    data = folder_of(tmp_path, 10)

    def full(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if place == "reserve":
            patch.setattr(images.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))  # pyright: ignore
        elif place == "write":
            patch.setattr(images, "sync_file", full)
        else:
            patch.setattr(images, "write_atomically", full)
        with pytest.raises(StudioError) as caught:
            prepare(tmp_path / "run", data, side=16)
        assert caught.value.code == "disk"
        assert "space" in str(caught.value)
    assert len(prepare(tmp_path / "run", data, side=16)) == 10


def test_the_split_depends_on_contents_alone(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 60)
    first = prepare(tmp_path / "one", data, side=16, validation=0.25)
    held = {first.hashes[index] for index in first.validation}
    assert 5 <= len(held) <= 25
    assert not set(first.train) & set(first.validation)
    assert len(first.train) + len(first.validation) == 60
    for number in range(60, 80):
        picture(tmp_path, f"data/{number:03}.png", number)
    (data / "000.png").rename(data / "zzz.png")
    second = prepare(tmp_path / "two", data, side=16, validation=0.25)
    assert held <= {second.hashes[index] for index in second.validation}
    assert not {second.hashes[index] for index in second.train} & held
    other = prepare(tmp_path / "three", data, side=16, validation=0.25, seed=1)
    assert set(other.validation.tolist()) != set(second.validation.tolist())
    none = prepare(tmp_path / "four", data, side=16, validation=0.0)
    assert len(none.validation) == 0
    assert len(none.train) == 80


@pytest.mark.parametrize("count", [10, 11, 20])
def test_of_few_pictures_one_at_least_is_held_out(tmp_path: Path, count: int) -> None:
    data = folder_of(tmp_path, count)
    for seed in range(4):
        assert len(prepare(tmp_path / f"{seed}", data, side=16, validation=0.1, seed=seed).validation) >= 1


def test_arrays_that_were_deleted_between_two_attempts_are_made_again(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 30)
    whole = contents(prepare(tmp_path / "whole", data, side=16))
    done = 0

    def progress(count: int, total: int, stage: str) -> None:
        nonlocal done
        done = count if stage == "Preparing the pictures" else 0

    def check() -> None:
        if done >= 10:
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare(tmp_path / "run", data, side=16, check=check, progress=progress)
    (tmp_path / "run/pixels-16x16.bin").unlink()
    assert contents(prepare(tmp_path / "run", data, side=16)) == whole


def test_copies_are_on_one_side(tmp_path: Path) -> None:
    for number in range(30):
        picture(tmp_path, f"data/{number:03}.png", number, (64, 64))
        noise(number, 64, 64).save(tmp_path / f"data/{number:03}-again.jpg", quality=90)
    prepared = prepare(tmp_path / "run", tmp_path / "data", side=16, validation=0.3)
    side = {prepared.files[index][:3] for index in prepared.validation}
    assert side
    assert not side & {prepared.files[index][:3] for index in prepared.train}


def test_an_epoch_shows_each_picture_once(tmp_path: Path) -> None:
    prepared = prepare(tmp_path / "run", folder_of(tmp_path, 20), side=16, validation=0.2)
    count = len(prepared.train)
    chosen = np.concatenate([prepared.choose(step, 4, 3) for step in range(count)])
    for epoch in range(4):
        assert sorted(chosen[epoch * count : (epoch + 1) * count]) == sorted(prepared.train)
    assert chosen[:count].tolist() != chosen[count : 2 * count].tolist()
    again = PreparedImages.open(tmp_path / "run")
    np.testing.assert_array_equal(again.choose(17, 4, 3), prepared.choose(17, 4, 3))  # out of order, another process
    assert prepared.choose(0, 4, 3).tolist() != prepared.choose(0, 4, 4).tolist()
    if len(prepared.validation):
        assert set(prepared.choose(5, 4, 3, "validation")) <= set(prepared.validation)


def test_a_part_without_pictures_is_refused(tmp_path: Path) -> None:
    prepared = prepare(tmp_path / "run", folder_of(tmp_path, 3), side=16, validation=0.0)
    with pytest.raises(ValueError):
        prepared.choose(0, 4, 0, "validation")


def test_buckets_keep_proportions_and_one_size_a_batch(tmp_path: Path) -> None:
    sizes = [(64, 64), (96, 48), (48, 96), (100, 60)]
    for number in range(22):
        picture(tmp_path, f"data/{number:03}.png", number, sizes[number % 4])
    prepared = prepare(tmp_path / "run", tmp_path / "data", side=64, buckets=True, multiple=16, validation=0.0)
    found = Counter(prepared.sizes)
    assert len(found) >= 3
    assert all(width % 16 == height % 16 == 0 and width * height <= 64 * 64 for width, height in found)
    for file, size in zip(prepared.files, prepared.sizes):
        width, height = sizes[int(file[:3]) % 4]
        assert abs(np.log(size[0] / size[1]) - np.log(width / height)) < 0.4
    steps = sum(-(-number // 4) for number in found.values())
    seen: list[int] = []
    for step in range(steps):
        indices = prepared.choose(step, 4, 0)
        assert len({prepared.sizes[index] for index in indices}) == 1
        width, height = prepared.sizes[indices[0]]
        assert prepared.pixels(indices).shape == (4, height, width, 3)
        seen += indices.tolist()
    assert set(seen) == set(range(22))
    other = [prepared.sizes[prepared.choose(steps + step, 4, 0)[0]] for step in range(steps)]
    assert len(set(other)) == len(found)
    different = [index for index, size in enumerate(prepared.sizes) if size != prepared.sizes[0]]
    with pytest.raises(ValueError):
        prepared.pixels([0, different[0]])


def test_further_pictures_join_with_their_captions(tmp_path: Path) -> None:
    data = folder_of(tmp_path, 3)
    kept = picture(tmp_path, "samples/0007.png", 50)
    prepared = prepare(tmp_path / "run", data, side=16, also={kept: "a kept one"})
    assert prepared.files[-1] == str(kept)
    assert prepared.caption(3) == "a kept one"
    again = prepare(tmp_path / "run", data, side=16, also={})  # samples that are rated meanwhile change nothing
    assert again.files == prepared.files


@pytest.mark.usefixtures("one_torch_thread")
def test_batches_are_floats_around_zero(tmp_path: Path) -> None:
    import torch

    prepared = prepare(tmp_path / "run", folder_of(tmp_path, 5), side=32)
    batch = prepared.batch([0, 3])
    assert batch.shape == (2, 3, 32, 32)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous()
    back = ((batch + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(back, prepared.pixels([0, 3]))
    augment = Augment(flip=True, rotate=20, colour=0.5)
    one = prepared.batch([0, 3, 4], np.random.default_rng(1), augment)
    two = prepared.batch([0, 3, 4], np.random.default_rng(1), augment)
    assert torch.equal(one, two)
    assert not torch.equal(one, prepared.batch([0, 3, 4]))
    assert torch.equal(prepared.batch([0], np.random.default_rng(1), Augment()), prepared.batch([0]))


def test_the_preview_and_the_training_see_the_same(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    prepared = prepare(tmp_path / "run", folder_of(tmp_path, 2), side=32)
    augment = Augment(flip=True, rotate=20, zoom=0.2, colour=0.5)
    shown = augment.apply(prepared.image(1), np.random.default_rng(5))
    batch = prepared.batch([1], np.random.default_rng(5), augment)
    pixels = ((batch[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(pixels, np.asarray(shown))


def test_impossible_settings_are_refused(tmp_path: Path) -> None:
    for more in ({"channels": 2}, {"fit": "stretch"}, {"side": 0}):
        settings: Any = {"side": 16} | more
        with pytest.raises(ValueError):
            prepare(tmp_path / "run", tmp_path, **settings)


def test_the_description_is_plain_json(tmp_path: Path) -> None:
    prepare(tmp_path / "run", folder_of(tmp_path, 2), side=16)
    data = json.loads((tmp_path / "run/data.json").read_text(encoding="ascii"))
    assert data["settings"]["side"] == 16
    assert len(data["report"]["files"]) == 2


def test_a_look_at_what_is_held_out_costs_the_same_however_much_that_is(tmp_path: Path) -> None:
    prepared = prepare(tmp_path / "run", make_folder(tmp_path / "data", 24), side=16, validation=0.5, seed=1)
    held = prepared.validation.tolist()
    assert prepared.held_out(1000).tolist() == held
    few = prepared.held_out(4).tolist()
    assert len(set(few)) == 4
    assert set(few) <= set(held)
    assert few == prepared.held_out(4).tolist()
    gaps = np.diff([held.index(each) for each in few])  # from everywhere, not the first ones
    assert gaps.min() >= len(held) // 4
    assert prepared.held_out(0).tolist() == []
    prepared.validation = prepared.validation[:0]
    assert prepared.held_out(4).tolist() == []
