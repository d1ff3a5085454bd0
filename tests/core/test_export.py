"""A saved picture shows the same, carries its recipe, and never leaves half a file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.export import export_image
from aigc_studio.core.metadata import read_recipe, write_image
from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.requests import Request

RECIPE = make_recipe(
    "job", 0, Request("image", "generate", "painter", prompt="蓝色 waves"), engine={"family": "painter"}
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A generated picture with a transparent corner."""
    pixels = np.full((40, 50, 4), (200, 30, 60, 255), np.uint8)
    pixels[:10, :10, 3] = 0
    path = tmp_path / "picture.png"
    write_image(path, Image.fromarray(pixels), RECIPE)
    return path


def test_the_same_format_is_a_copy(source: Path, tmp_path: Path) -> None:
    """Byte for byte."""
    target = tmp_path / "out" / "copy.PNG"
    target.parent.mkdir()
    export_image(source, target, RECIPE)
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_other_formats_carry_the_recipe(source: Path, tmp_path: Path, name: str) -> None:
    """Prompt and seed travel along; in a JPEG what was transparent is white."""
    export_image(source, tmp_path / name, RECIPE)
    recipe = read_recipe(tmp_path / name)
    assert recipe is not None
    assert recipe["request"]["prompt"] == "蓝色 waves"
    with Image.open(tmp_path / name) as image:
        assert image.size == (50, 40)
        red, green, blue = image.convert("RGB").getpixel((30, 30))  # pyright: ignore[reportGeneralTypeIssues]
        assert abs(red - 200) < 12
        assert abs(green - 30) < 12
        assert abs(blue - 60) < 12
        if name != "a.webp":
            assert min(image.convert("RGB").getpixel((2, 2))) > 240  # pyright: ignore[reportArgumentType]


def test_without_a_recipe_it_is_just_a_picture(source: Path, tmp_path: Path) -> None:
    """An imported picture that nobody generated."""
    export_image(source, tmp_path / "b.webp", None)
    assert read_recipe(tmp_path / "b.webp") is None


def test_bad_targets_leave_nothing_behind(source: Path, tmp_path: Path) -> None:
    """An unknown format, a folder that is not there: one sentence, and what was there before is untouched."""
    with pytest.raises(StudioError) as caught:
        export_image(source, tmp_path / "a.psd", RECIPE)
    assert caught.value.code == "export-format"
    with pytest.raises(StudioError) as caught:
        export_image(source, tmp_path / "missing" / "a.png", RECIPE)
    assert caught.value.code == "export"
    old = tmp_path / "old.jpg"
    old.write_bytes(b"precious")
    (tmp_path / "broken.png").write_bytes(source.read_bytes()[:200])
    with pytest.raises(StudioError):
        export_image(tmp_path / "broken.png", old, RECIPE)
    assert old.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.png", "old.jpg", "picture.png"]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("labelled", [True, False])
def test_an_export_is_on_the_disk_before_it_has_its_name(
    source: Path, tmp_path: Path, suffix: str, labelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves the file that was there or the new one; a full disk the one that was there, and a sentence."""
    target = tmp_path / f"out{suffix}"
    target.write_bytes(b"precious")
    calls: list[str] = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("sync"), real_sync(handle)))
    monkeypatch.setattr(os, "replace", lambda old, new: (calls.append("name"), real_replace(old, new)))
    export_image(source, target, RECIPE if labelled else None)
    assert calls[:2] == ["sync", "name"]
    assert calls.count("name") == 1
    before = target.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StudioError) as caught:
        export_image(source, target, None)
    assert caught.value.code == "disk-full"
    assert target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["picture.png", target.name])
