"""The command line as a person types it: results, projects, the demo without a display, and what it says of errors."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from aigc_studio import __version__, cli
from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.metadata import read_recipe, write_image
from aigc_studio.core.project import Project, ProjectReader

Run = Callable[..., tuple[int, str, str]]


def test_a_picture_as_a_file(run: Run, tmp_path: Path) -> None:
    """Of the asked size, with its recipe inside; the same seed makes the same one."""
    for name in ("one.png", "two.png"):
        code, out, err = run("image", "calm blue waves", "--size", "96x64", "--seed", "5", "--out", name)
        assert (code, out.strip(), err) == (0, name, "")
    first, second = (np.asarray(Image.open(tmp_path / name)) for name in ("one.png", "two.png"))
    assert first.shape[:2] == (64, 96)
    assert (first == second).all()
    recipe = read_recipe(tmp_path / "one.png")
    assert recipe is not None
    assert recipe["seed"] == 5
    assert recipe["request"]["prompt"] == "calm blue waves"


def test_other_formats_and_several(run: Run, tmp_path: Path) -> None:
    """JPEG by its name; a count is numbered."""
    code, _, _ = run("image", "red", "--size", "32x32", "--count", "2", "--out", "red.jpg", "--set", "symmetry=none")
    assert code == 0
    assert sorted(path.name for path in tmp_path.glob("red*")) == ["red-1.jpg", "red-2.jpg"]
    with Image.open(tmp_path / "red-1.jpg") as image:
        assert image.format == "JPEG"


def test_a_voice_as_a_file(run: Run, tmp_path: Path) -> None:
    """Sound that is not silent."""
    code, _, err = run("speak", "Hello, 你好。", "--out", "hello.wav", "--set", "speed=200")
    assert code == 0, err
    samples, rate = soundfile.read(tmp_path / "hello.wav")
    assert len(samples) > rate / 2
    assert np.abs(samples).max() > 0.05
    assert run("speak", "Hello", "--out", "hello.mp3")[0] == 0
    recipe = read_recipe(tmp_path / "hello.mp3")
    assert recipe is not None
    assert recipe["request"]["prompt"] == "Hello"


def test_results_in_a_project(run: Run, tmp_path: Path) -> None:
    """Made when it is not there; the project commands see what is in it."""
    code, out, _ = run("image", "blue", "--size", "32x32", "--project", "mine")
    assert code == 0
    assert Path(out.strip()).is_file()
    assert run("image", "green", "--size", "32x32", "--project", "mine")[0] == 0
    code, out, _ = run("project", "info", "mine")
    assert code == 0
    assert "Pictures: 2" in out
    code, out, _ = run("project", "list", "mine", "--json", "--search", "green")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["recipe"]["request"]["prompt"] for row in rows] == ["green"]
    code, out, _ = run("project", "export", "mine", "copies")
    assert code == 0
    assert len(list((tmp_path / "copies").iterdir())) == 2
    assert run("project", "export", "mine", "copies")[0] == 0
    assert len(list((tmp_path / "copies").iterdir())) == 4, "nothing is overwritten"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["image", "x", "--size", "huge"], "1024x768"),
        (["image", "x", "--size", "20000x20000"], "20000"),
        (["image", "x", "--size", "0x0"], "0"),
        (["image", "x", "--set", "colour=red"], "There is no parameter"),
        (["image", "x", "--set", "scale=big"], "Scale"),
        (["image", "x", "--model", "nobody"], "nobody"),
        (["image", "x", "--size", "32x32", "--count", "0"], "0"),
        (["image", "x", "--size", "32x32", "--out", "nowhere/x.png"], "nowhere"),
        (["image", "x", "--size", "32x32", "--out", "x.pdf"], ".pdf"),
        (["speak", "", "--out", "x.wav"], ""),
        (["speak", "hello", "--out", "x.doc"], ".wav"),
        (["project", "info", "nothing"], "nothing"),
        (["project", "check", "nothing"], "nothing"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, arguments: list[str], words: str) -> None:
    """Exit status 1, one line on standard error, no traceback, no file."""
    code, out, err = run(*arguments)
    assert code == 1
    assert out == ""
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not list(Path.cwd().glob("x.*"))


def test_the_prompt_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads it, so that a long text need not be quoted."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("blue 海浪"))
    assert run("image", "-", "--size", "32x32", "--out", "x.png")[0] == 0
    recipe = read_recipe(Path("x.png"))
    assert recipe is not None
    assert recipe["request"]["prompt"] == "blue 海浪"


def test_a_project_in_use_is_not_written(run: Run, tmp_path: Path) -> None:
    """Somebody else has it open."""
    project = Project.create(tmp_path / "mine")
    try:
        code, _, err = run("image", "blue", "--size", "32x32", "--project", "mine")
    finally:
        project.close()
    assert code == 1
    assert "open elsewhere" in err


