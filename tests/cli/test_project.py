"""`project ...` as a person types it: lists, upkeep, packages, and assets made again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from aigc_studio.core.metadata import read_recipe, write_image
from aigc_studio.core.settings import Settings

from .conftest import Run


def test_reproduce(run: Run, tmp_path: Path) -> None:
    """Each asset again from its own recipe, pixel by pixel; one that was tampered with is named."""
    run("image", "blue", "--size", "48x32", "--project", "mine", "--count", "2", "--seed", "9")
    run("speak", "Hello", "--project", "mine")
    code, out, _ = run("project", "reproduce", "mine")
    assert (code, out.count("the same:")) == (0, 3)
    picture = next((tmp_path / "mine" / "assets").glob("*.png"))
    recipe = read_recipe(picture)
    assert recipe is not None
    write_image(picture, Image.new("RGB", (48, 32), "red"), recipe)
    code, out, _ = run("project", "reproduce", "mine", picture.name)
    assert code == 5
    assert out.startswith(f"different: assets/{picture.name}")
    assert "the recipe does not say why" in out
    assert run("project", "reproduce", "mine", "nobody")[0] == 4
    rows = [json.loads(line) for line in run("project", "reproduce", "mine", "--json")[1].splitlines()]
    assert sorted(row["result"] for row in rows) == ["different", "same", "same"]
    recipe["engine"]["versions"]["numpy"] = "1.0"
    recipe["engine"]["threads"] = 99
    write_image(picture, Image.new("RGB", (48, 32), "red"), recipe)
    out = run("project", "reproduce", "mine", picture.name)[1]
    assert "another version of numpy: 1.0 ->" in out
    assert "another number of threads: 99 ->" in out


def test_pack_and_unpack(run: Run, tmp_path: Path) -> None:
    """One file, and the same project from it."""
    run("image", "blue", "--size", "48x32", "--project", "mine")
    assert run("project", "pack", "mine", "mine.zip")[0] == 0
    assert run("project", "unpack", "copy", "mine.zip")[0] == 0
    assert run("project", "reproduce", "copy")[:2] == (0, run("project", "reproduce", "mine")[1])
    assert run("project", "unpack", "copy", "mine.zip")[0] == 4, "there is one already"
    (tmp_path / "broken.zip").write_bytes(b"PK")
    assert run("project", "unpack", "other", "broken.zip")[0] == 4
    assert not (tmp_path / "other").exists()


@pytest.mark.allow_log("WARNING")
def test_check_and_repair(run: Run, tmp_path: Path) -> None:
    """Damage is named without a change, and put right on demand."""
    run("image", "blue", "--size", "32x32", "--project", "mine", "--count", "2")
    assert run("project", "check", "mine")[:2] == (0, "2 assets checked: no problem found.\n")
    first, second = sorted((tmp_path / "mine" / "assets").iterdir())
    first.unlink()
    second.rename(second.with_name("moved.png"))
    code, out, _ = run("project", "check", "mine")
    assert code == 1
    assert out.count("missing:") == 2
    assert "not in the index: assets/moved.png" in out
    code, out, _ = run("project", "repair", "mine")
    assert code == 0
    index = tmp_path / "mine" / "project.aigc"
    index.write_bytes(index.read_bytes()[:1000])
    assert run("project", "check", "mine")[0] == 1
    code, out, _ = run("project", "repair", "mine")
    assert code == 0
    assert "made anew" in out
    assert "Pictures: 1" in run("project", "info", "mine")[1]


def test_known_projects(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the projects folder and those opened last; one that is gone is said to be."""
    monkeypatch.setattr(Settings, "projects_folder", property(lambda self: tmp_path / "projects"))
    assert "no project yet" in run("project", "list")[1]
    (tmp_path / "projects").mkdir()
    run("image", "blue", "--size", "32x32", "--project", "projects/One")
    settings = Settings()
    settings.opened(tmp_path / "gone")
    settings.save()
    rows = [json.loads(line) for line in run("project", "list", "--json")[1].splitlines()]
    assert [(row["name"], row["assets"]) for row in rows] == [("gone", None), ("One", 1)]
    assert rows[0]["problem"] == "(not there)"
    assert json.loads(run("project", "info", "projects/One", "--json")[1])["image"] == 1
    assert run("project", "search", "projects/One", "green")[:2] == (0, "")


def test_export_of_a_kind(run: Run, tmp_path: Path) -> None:
    """Only what was asked for, each copy named."""
    run("image", "blue", "--size", "32x32", "--project", "mine")
    run("speak", "Hello", "--project", "mine")
    code, out, _ = run("project", "export", "mine", "out", "--kind", "audio", "--json")
    assert code == 0
    assert [Path(json.loads(line)["file"]).suffix for line in out.splitlines()] == [".wav"]
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".wav"]
