"""Whatever lies in a folder, what can be used of it is found, and of the rest is said why it cannot be."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import sys
import threading
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aigc_studio.core.datasets import images
from aigc_studio.core.datasets.images import ImageReport, look_at, open_picture, scan
from aigc_studio.core.datasets.problem import Check
from aigc_studio.core.datasets.seen import Seen
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import set_language

from .kit import bomb, drawing, noise, picture, save


def problems(report: ImageReport) -> dict[str, str]:
    """File to code."""
    return {problem.file: problem.code for problem in report.problems}


def test_every_level_is_found_in_the_order_of_names_and_hidden_files_are_not(tmp_path: Path) -> None:
    for number, name in enumerate(["b.png", "a/z.jpg", "a/b/c.webp", "c.GIF", ".hidden.png", ".cache/x.png"]):
        picture(tmp_path, name, number)
    picture(tmp_path, "__MACOSX/b.png", 9)
    save(tmp_path, "notes.md", "x")
    save(tmp_path, "film.mp4", "x")
    report = scan(tmp_path)
    assert [file.file for file in report.files] == ["a/b/c.webp", "a/z.jpg", "b.png", "c.GIF"]
    assert report.ignored == 2
    assert not report.problems
    assert report.path(report.files[0]) == tmp_path / "a/b/c.webp"


def test_each_bad_file_has_its_sentence(tmp_path: Path) -> None:
    whole = drawing(1)
    good = picture(tmp_path, "good.png", 5)
    save(tmp_path, "cut.png", whole[: len(whole) // 2])
    picture(tmp_path, "cut.jpg", 6, (200, 200), quality=95)
    save(tmp_path, "cut.jpg", (tmp_path / "cut.jpg").read_bytes()[:2000])
    save(tmp_path, "empty.png")
    save(tmp_path, "text.png", "this is no picture")
    save(tmp_path, "bomb.png", bomb(60_000, 60_000))
    save(tmp_path, "wide.png", bomb(20_000, 100))
    save(tmp_path, "drawing.svg", "<svg/>")
    save(tmp_path, "phone.HEIC", "x")
    picture(tmp_path, "tiny.png", 7, (32, 15))
    report = scan(tmp_path)
    assert [file.file for file in report.files] == [good.name]
    assert problems(report) == {
        "bomb.png": "image-size",
        "cut.jpg": "image-damaged",
        "cut.png": "image-damaged",
        "drawing.svg": "image-format",
        "empty.png": "empty",
        "phone.HEIC": "image-format",
        "text.png": "not-an-image",
        "tiny.png": "image-size",
        "wide.png": "image-size",
    }
    for problem in report.problems:
        assert problem.text.endswith(".")
        assert "{" not in problem.text
    english = [problem.text for problem in report.problems]
    set_language("zh_CN")
    assert all(problem.text != text and problem.text.endswith("。") for problem, text in zip(report.problems, english))


def test_a_bomb_costs_no_memory(tmp_path: Path) -> None:
    for number in range(20):
        save(tmp_path, f"{number}.png", bomb(30_000, 30_000 + number))
    tracemalloc.start()
    try:
        assert len(scan(tmp_path).problems) == 20
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_animations_count_their_frames_and_show_the_first(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    for name in ("a.gif", "b.webp", "c.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
    picture(tmp_path, "still.png")
    report = scan(tmp_path)
    assert [file.frames for file in report.files] == [3, 3, 3, 1]
    assert report.animated == 3
    for file in report.files[:3]:
        assert open_picture(report.path(file)).getpixel((5, 5)) == (255, 0, 0)


def test_sizes_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise(1, 60, 30).save(tmp_path / "turned.jpg", exif=exif)
    report = scan(tmp_path)
    assert (report.files[0].width, report.files[0].height) == (30, 60)
    assert open_picture(tmp_path / "turned.jpg").size == (30, 60)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_is_read(tmp_path: Path, mode: str) -> None:
    image = noise(2, 40, 40)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    image.save(tmp_path / f"x.{'tif' if mode == 'CMYK' else 'png'}")
    report = scan(tmp_path)
    assert len(report.files) == 1
    opened = open_picture(report.path(report.files[0]))
    assert opened.mode == "RGB"
    if mode not in ("1", "P"):  # dithered
        grey = np.asarray(opened.convert("L"), dtype=int)
        assert np.abs(grey - np.asarray(noise(2, 40, 40).convert("L"), dtype=int)).mean() < 12


def test_transparency_lies_over_the_chosen_background(tmp_path: Path) -> None:
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 10, 20))
    image.save(tmp_path / "half.png")
    image.convert("P").save(tmp_path / "palette.gif", transparency=image.convert("P").getpixel((15, 5)))
    Image.new("RGBA", (20, 20), "green").save(tmp_path / "opaque.png")
    report = scan(tmp_path)
    assert {file.file: file.alpha for file in report.files} == {
        "half.png": True,
        "palette.gif": True,
        "opaque.png": False,
    }
    assert open_picture(tmp_path / "half.png", "#102030").getpixel((15, 5)) == (16, 32, 48)
    assert open_picture(tmp_path / "half.png", "#102030").getpixel((5, 5)) == (0, 0, 255)
    assert open_picture(tmp_path / "half.png", "").getpixel((15, 5)) == (255, 0, 0, 0)
    assert open_picture(tmp_path / "opaque.png", "").mode == "RGBA"


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    save(tmp_path, "really-png.jpg", drawing(1))
    save(tmp_path, "0a1b2c3d", drawing(2))
    save(tmp_path, "README", "text")
    report = scan(tmp_path)
    assert [file.file for file in report.files] == ["0a1b2c3d", "really-png.jpg"]
    assert report.ignored == 1


def test_copies_are_grouped(tmp_path: Path) -> None:
    for number in range(6):
        picture(tmp_path, f"{number}.png", number, (64, 64))
    save(tmp_path, "copy/1.png", (tmp_path / "1.png").read_bytes())
    save(tmp_path, "copy/again.png", (tmp_path / "1.png").read_bytes())
    noise(2, 64, 64).save(tmp_path / "two.jpg", quality=85)
    noise(2, 64, 64).resize((48, 48)).save(tmp_path / "two-small.png")
    report = scan(tmp_path)
    assert report.duplicates == (("1.png", "copy/1.png", "copy/again.png"),)
    assert report.similar == (("2.png", "two-small.png", "two.jpg"),)


def test_links_are_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    outside = picture(tmp_path, "outside/secret.png", 1)
    data = tmp_path / "data"
    picture(data, "one.png", 2)
    (data / "inside.png").symlink_to(data / "one.png")
    (data / "loop").symlink_to(data)
    (data / "gone.png").symlink_to(data / "nothing.png")
    (data / "out").symlink_to(outside.parent)
    (data / "out.png").symlink_to(outside)
    report = scan(data)
    assert [file.file for file in report.files] == ["one.png"]
    assert problems(report) == {"out": "link", "out.png": "link"}


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    picture(tmp_path, "data/one.png", 2)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert len(scan(tmp_path / "link").files) == 1


@pytest.mark.skipif(os.name == "nt", reason="no pipes in folders there")
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert scan(tmp_path).ignored == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    picture(tmp_path, "one.png")
    picture(tmp_path, "two.png", 3).chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    report = scan(tmp_path)
    assert problems(report) == {"closed/": "folder-read", "two.png": "permission"}


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    report = scan(tmp_path)
    assert report == ImageReport(tmp_path)
    with pytest.raises(StudioError) as caught:
        report.require()
    assert caught.value.code == "data-empty"
    save(tmp_path, "bad.png", "x")
    with pytest.raises(StudioError, match="No picture in") as caught:
        scan(tmp_path).require()
    assert caught.value.code == "data-empty"


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    for place in (tmp_path / "gone", tmp_path / "gone" / "deeper"):
        with pytest.raises(StudioError) as caught:
            scan(place)
        assert caught.value.code == "data-missing"
    with pytest.raises(StudioError) as caught:
        scan(save(tmp_path, "file.png", "x"))
    assert caught.value.code == "data-folder"


def test_a_file_that_goes_away_meanwhile_is_one_problem(tmp_path: Path) -> None:
    for number in range(30):
        picture(tmp_path, f"{number:02}.png", number)

    def progress(done: int, total: int, stage: str) -> None:
        if done == 1 and total:
            (tmp_path / "29.png").unlink(missing_ok=True)

    report = scan(tmp_path, progress=progress)
    assert len(report.files) == 29
    assert problems(report) == {"29.png": "missing"}


def test_a_folder_that_goes_away_meanwhile_is_a_sentence(tmp_path: Path) -> None:
    for number in range(30):
        picture(tmp_path, f"data/{number:02}.png", number)

    def progress(done: int, total: int, stage: str) -> None:
        if done == 1 and total:
            (tmp_path / "data").rename(tmp_path / "elsewhere")

    with pytest.raises(StudioError) as caught:
        scan(tmp_path / "data", progress=progress)
    assert caught.value.code == "data-missing"


def test_progress_grows_and_a_cancel_ends_it(tmp_path: Path) -> None:
    for number in range(40):
        picture(tmp_path, f"{number:02}.png", number)
    seen: list[tuple[int, int]] = []

    def check() -> None:
        if len(seen) > 10:
            raise Cancelled

    scan(tmp_path, progress=lambda done, total, stage: seen.append((done, total)))
    counted = [done for done, total in seen if total]
    assert counted == sorted(counted)
    assert counted[-1] == 40
    seen.clear()
    with pytest.raises(Cancelled):
        scan(tmp_path, check, lambda done, total, stage: seen.append((done, total)))
    assert len(seen) < 25


def test_captions_and_kept_samples_come_with_the_pictures(tmp_path: Path) -> None:
    picture(tmp_path, "data/red cup.png", 1)
    picture(tmp_path, "data/0001.png", 2)
    save(tmp_path, "data/0001.txt", "a blue cup")
    picture(tmp_path, "data/0002.png", 3)
    kept = picture(tmp_path, "samples/0007.png", 4)
    report = scan(tmp_path / "data", also={kept: "a green cup", tmp_path / "samples/gone.png": "x"})
    assert {file.file: file.caption for file in report.files} == {
        "0001.png": "a blue cup",
        "0002.png": "",
        "red cup.png": "red cup",
        str(kept): "a green cup",
    }
    assert report.missing == 1
    assert [file.source for file in report.files] == ["text", "", "name", "given"]
    assert report.summary()["sources"] == {"text": 1, "name": 1, "given": 1}
    assert report.path(report.files[-1]) == kept
    assert list(problems(report).values()) == ["missing"]


def test_the_report_survives_json(tmp_path: Path) -> None:
    picture(tmp_path, "a cup.png", 1)
    save(tmp_path, "copy.png", (tmp_path / "a cup.png").read_bytes())
    save(tmp_path, "bad.png", "x")
    report = scan(tmp_path)
    assert ImageReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    summary = json.loads(json.dumps(report.summary()))
    assert summary["files"] == 2
    assert summary["duplicates"] == 1
    assert summary["problems"] == {"not-an-image": 1}
    assert summary["smallest"] == summary["largest"] == [32, 32]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_can_be_stored_and_shown(tmp_path: Path) -> None:
    save(tmp_path, os.fsdecode(b"caf\xe9.png"), drawing(1))
    save(tmp_path, os.fsdecode(b"bad\xe9.png"), b"x")
    report = scan(tmp_path)
    again = ImageReport.from_json(json.loads(json.dumps(report.to_json())))
    assert open_picture(again.path(again.files[0])).size == (32, 32)
    assert report.problems[0].text.encode()
    assert report.files[0].caption.encode()


def test_the_digest_depends_on_contents_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        picture(tmp_path, f"{name}/{name}.png", 1)
        picture(tmp_path, f"{name}/x{name}.png", 2)
    assert scan(tmp_path / "one").digest() == scan(tmp_path / "two").digest()
    picture(tmp_path, "two/more.png", 3)
    assert scan(tmp_path / "one").digest() != scan(tmp_path / "two").digest()


def test_small_pictures_are_counted(tmp_path: Path) -> None:
    picture(tmp_path, "a.png", 1, (40, 100))
    picture(tmp_path, "b.png", 2, (64, 64))
    assert scan(tmp_path).small(64) == 1


def test_a_jpeg_is_decoded_small_where_that_is_enough(tmp_path: Path) -> None:
    picture(tmp_path, "large.jpg", 1, (1600, 800))
    assert open_picture(tmp_path / "large.jpg").size == (1600, 800)
    assert open_picture(tmp_path / "large.jpg", least=128).size == (400, 200)


SOURCES = {
    "PNG": {},
    "JPEG": {"exif": True},
    "WEBP": {"save_all": True},
    "GIF": {"save_all": True},
    "BMP": {},
    "TIFF": {"compression": "tiff_lzw"},
    "AVIF": {},
}


@cache
def _source(kind: str) -> bytes:
    """A whole file of one format."""
    more: dict[str, object] = dict(SOURCES[kind])
    if more.pop("exif", False):
        exif = Image.Exif()
        exif[0x0112] = 6
        more["exif"] = exif
    if "save_all" in more:
        more["append_images"] = [noise(2)]
    out = io.BytesIO()
    noise(1).save(out, kind, **more)  # pyright: ignore[reportArgumentType]
    return out.getvalue()


@pytest.mark.filterwarnings("ignore")  # Pillow's about what it skips
@settings(max_examples=150)
@given(
    st.sampled_from(sorted(SOURCES)),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)
def test_a_damaged_file_is_a_picture_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, kind: str, end: float, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(_source(kind))
    for place, value in changes:
        data[int(place * len(data))] = value
    path = save(tmp_path_factory.getbasetemp(), "damaged.png", bytes(data[: round(end * len(data))]))
    for look in (lambda: look_at(path, "x"), lambda: open_picture(path, "white", 64)):
        with contextlib.suppress(StudioError):
            look()


def test_a_way_to_fail_that_nobody_knew_is_one_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        picture(tmp_path, f"{number}.png", number)

    def look(path: Path, file: str, _check: Check) -> Seen:
        if file == "1.png":
            raise AssertionError("a parser's own")
        return look_at(path, file)

    monkeypatch.setattr(images, "look_at", look)
    report = scan(tmp_path)
    assert [file.file for file in report.files] == ["0.png", "2.png"]
    assert problems(report) == {"1.png": "image-damaged"}


def _gif(frames: int) -> bytes:
    """A GIF of 16 x 16 px whose frames are one pixel, written by hand since it is to have very many."""
    head = b"GIF89a" + struct.pack("<HHBBB", 16, 16, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return head + frame * frames + b";"


def test_a_gif_of_very_many_frames_can_be_given_up(tmp_path: Path) -> None:
    path = save(tmp_path, "long.gif", _gif(20_000))
    assert look_at(save(tmp_path, "short.gif", _gif(7)), "short.gif").file.frames == 7
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked > 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        look_at(path, "long.gif", check)


def test_a_cancel_reaches_a_picture_that_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path, "0.png", 0)
    begun, ended = threading.Event(), threading.Event()

    def look(_path: Path, _file: str, check: Check) -> Seen:
        begun.set()
        try:
            while True:
                check()
        finally:
            ended.set()

    def check() -> None:
        if begun.is_set():
            raise Cancelled

    monkeypatch.setattr(images, "look_at", look)
    with pytest.raises(Cancelled):
        scan(tmp_path, check)
    assert ended.is_set()
