"""What comes from elsewhere (a package, a folder, a picture with a recipe) reaches nothing outside the project."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from aigc_studio.core.assets import AssetQuery, file_name, is_stored_file
from aigc_studio.core.errors import StudioError
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.package import pack, unpack
from aigc_studio.core.project import Project
from aigc_studio.core.reader import ProjectReader
from aigc_studio.core.recipe import dumps, loads, make_recipe
from tests.core.project_kit import PICTURE, check_whole, picture

_ID = "0123456789abcdef" * 2


def _refused(code: str):
    return pytest.raises(StudioError, check=lambda error: error.code == code)  # type: ignore[call-overload]


def _project_with(folder: Path, sql: str, *values: str) -> str:
    """A project with one imported asset whose row was then changed; returns the name of its file."""
    picture().save(folder.parent / "Other.png")
    project = Project.create(folder)
    asset = project.import_file(folder.parent / "Other.png")
    project.close()
    connection = sqlite3.connect(folder / "project.aigc")
    connection.execute(sql, values)
    connection.commit()
    connection.close()
    return Path(asset.file).name


@pytest.mark.parametrize(
    "file", ["../home/{}", "trash/../../home/{}", "{home}/{}", "assets/..", "home/{}", "assets\\..\\..\\home\\{}"]
)
def test_a_row_that_names_a_file_outside(tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture) -> None:
    """Opening moves nothing over it, deleting leaves it, and the asset's own file is kept."""
    folder, home = tmp_path / "p", tmp_path / "home"
    home.mkdir()
    name = _project_with(folder, "UPDATE assets SET file='placeholder'")
    (home / name).write_text("precious")
    file = file.replace("{home}", str(home)).replace("{}", name)
    connection = sqlite3.connect(folder / "project.aigc")
    connection.execute("UPDATE assets SET file=?", (file,))
    connection.commit()
    connection.close()
    with _refused("unsafe"):
        Project.open(folder, read_only=True)
    reader = ProjectReader(folder)
    with _refused("unsafe"):
        reader.path(reader.assets(AssetQuery())[0])
    reader.close()
    with _refused("package-unsafe"):
        unpack(pack(folder, tmp_path / "p.aigcpack"), tmp_path / "back")
    assert not (tmp_path / "back").exists()
    project = Project.open(folder)
    assert "is dropped" in caplog.text
    assert (home / name).read_text() == "precious"
    [asset] = project.assets(AssetQuery())
    assert asset.file == f"assets/{name}"
    check_whole(project)
    project.delete_forever([asset.id])
    project.close()
    assert (home / name).read_text() == "precious"


@pytest.mark.parametrize("id", ["../../../victim/x", "a" * 31, "A" * 32, "a" * 32 + "/", ""])
def test_a_row_with_an_id_that_is_none(tmp_path: Path, id: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "p"
    _project_with(folder, "UPDATE assets SET id=?", id)
    with _refused("unsafe"):
        Project.open(folder, read_only=True)
    with _refused("package-unsafe"):
        unpack(pack(folder, tmp_path / "p.aigcpack"), tmp_path / "back")
    project = Project.open(folder)
    assert "is dropped" in caplog.text
    [asset] = project.assets(AssetQuery())
    assert len(asset.id) == 32
    project.close()


def test_names_of_files_stay_names() -> None:
    assert is_stored_file("assets/blue-waves-3f2a9c.png")
    assert is_stored_file("trash/..a.png")
    for file in ("assets/", "assets/.", "assets/..", "assets/a/b.png", "/assets/a.png", "thumbs/a.png", "", None):
        assert not is_stored_file(file)
    assert file_name("a", "../../", ".json") == "a-.json"


def _changed(**changes: object) -> str:
    """A recipe of ours with some fields replaced, as JSON."""
    return json.dumps(make_recipe("job", 0, PICTURE, engine={}) | changes)


_HOSTILE = [
    {"asset_id": "aaaaaa/../../../../victim/x"},
    {"asset_id": "\ud800"},
    {"asset_id": _ID + "\n"},
    {"job_id": "../../home/holiday"},
    {"job_id": "\ud800"},
    {"index": 10**30},
    {"index": -1},
    {"index": True},
    {"parents": ["\ud800"]},
    {"parents": "abc"},
    {"parents": [["a"]]},
    {"request": []},
    {"request": {"prompt": "\ud800"}},
    {"x": float("nan")},
    {"x": float("-inf")},
]


@pytest.mark.parametrize("change", _HOSTILE, ids=repr)
def test_a_recipe_of_ours_has_ids_and_numbers(change: dict[str, object], tmp_path: Path) -> None:
    """Such a file is foreign: it is imported, and adopted, as any picture is, under an id of its own."""
    assert loads(_changed(asset_id=_ID)) is not None
    assert loads(_changed(**change)) is None
    info = PngImagePlugin.PngInfo()
    info.add_itxt("aigc_studio", _changed(**change))
    picture().save(tmp_path / "evil.png", pnginfo=info)
    project = Project.create(tmp_path / "in" / "deep" / "p")
    asset = project.import_file(tmp_path / "evil.png")
    thumbnail = project.thumbnail(asset.id)
    assert thumbnail is not None
    assert thumbnail.parent.parent == project.folder / "thumbs"
    project.close()
    (project.folder / "assets" / "by hand.png").write_bytes((tmp_path / "evil.png").read_bytes())
    project = Project.open(project.folder)
    assert project.count(AssetQuery()) == 2
    check_whole(project)
    project.close()


def _phone_photo(path: Path) -> None:
    """A JPEG whose header says 200 megapixels."""
    picture().save(path, "JPEG")
    data = bytearray(path.read_bytes())
    place = data.find(b"\xff\xc0")
    data[place + 5 : place + 9] = (12_240).to_bytes(2, "big") + (16_320).to_bytes(2, "big")
    path.write_bytes(data)


def _unreadable_name(path: Path) -> None:
    """A name that is no text: Linux has them."""
    picture().save(path.with_name("x.png"))
    path.with_name("x.png").rename(os.fsdecode(os.fsencode(path.parent) + b"/\xff.png"))


@pytest.mark.parametrize("place", ["assets", "incoming", "trash"])
@pytest.mark.parametrize("make", [_phone_photo, _unreadable_name])
def test_one_odd_file_and_the_project_opens(tmp_path: Path, place: str, make: Callable[[Path], None]) -> None:
    folder = tmp_path / "p"
    Project.create(folder).close()
    try:
        make(folder / place / "odd.jpg")
    except OSError:
        pytest.skip("this file system takes no such name")
    before = sorted(path.name for path in (folder / place).iterdir())
    project = Project.open(folder)
    assert project.count(AssetQuery()) == 0
    assert sorted(path.name for path in (folder / place).iterdir()) == before
    project.close()


def test_whatever_a_parser_raises_a_broken_file_has_no_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(*_: object) -> None:
        raise IndexError

    (tmp_path / "a.opus").write_bytes(b"OggS" + bytes(60))
    monkeypatch.setattr("mutagen.File", odd)
    assert read_recipe(tmp_path / "a.opus") is None
    _phone_photo(tmp_path / "a.jpg")
    assert read_recipe(tmp_path / "a.jpg") is None


def test_a_result_that_cannot_be_examined_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "p"
    Project.create(folder).close()
    info = PngImagePlugin.PngInfo()
    info.add_itxt("aigc_studio", dumps(make_recipe("job", 0, PICTURE, engine={})))
    pixels = np.zeros((32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "incoming" / "job-0.png", pnginfo=info)

    def odd(*_: object) -> None:
        raise IndexError

    with monkeypatch.context() as patch:
        patch.setattr("aigc_studio.core.store.intake.check_import", odd)
        Project.open(folder).close()
    assert [path.name for path in (folder / "incoming").iterdir()] == ["job-0.png.damaged"]
