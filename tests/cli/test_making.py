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


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in a folder of its own: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capfd.readouterr()
        return code, said.out, said.err

    return go


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
    assert code == 1
    assert out.startswith(f"different: assets/{picture.name}")
    assert run("project", "reproduce", "mine", "nobody")[0] == 1


def test_pack_and_unpack(run: Run, tmp_path: Path) -> None:
    """One file, and the same project from it."""
    run("image", "blue", "--size", "48x32", "--project", "mine")
    assert run("project", "pack", "mine", "mine.zip")[0] == 0
    assert run("project", "unpack", "copy", "mine.zip")[0] == 0
    assert run("project", "reproduce", "copy")[:2] == (0, run("project", "reproduce", "mine")[1])
    assert run("project", "unpack", "copy", "mine.zip")[0] == 1, "there is one already"
    (tmp_path / "broken.zip").write_bytes(b"PK")
    assert run("project", "unpack", "other", "broken.zip")[0] == 1
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


def test_it_speaks_chinese(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the locale."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "尺寸请写成" in run("image", "x", "--size", "huge")[2]
    assert "生成图片" in run("--help")[1]


def test_help_and_version(run: Run) -> None:
    """Every command is named, and has help of its own."""
    out = run("--help")[1]
    for command in cli._COMMANDS:
        assert f"aigc-studio {command}" in out
        if command not in ("test", "engine"):
            assert run(command, "--help")[0] == 0
    assert run("--version")[1].strip() == f"AIGC Studio {__version__}"


def test_the_prompt_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads it, so that a long text need not be quoted."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("blue 海浪"))
    assert run("image", "-", "--size", "32x32", "--out", "x.png")[0] == 0
    recipe = read_recipe(Path("x.png"))
    assert recipe is not None
    assert recipe["request"]["prompt"] == "blue 海浪"


def test_models_are_listed(run: Run) -> None:
    """The built-in ones at least."""
    out = run("models")[1]
    assert "painter" in out
    assert "espeak" in out


def test_without_a_display_the_window_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And names what works without one."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = run()
    assert code == 1
    assert "python3 -m aigc_studio demo" in err


def test_the_window_gets_its_arguments(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they were typed; the demo as a flag."""
    passed: list[list[str]] = []
    app = importlib.import_module("aigc_studio.ui.app")
    monkeypatch.setattr(app, "main", lambda arguments: passed.append(list(arguments)) or 3)
    monkeypatch.setattr(cli.system, "missing_font", lambda: False)
    assert run("some/project", "--language", "en")[0] == 3
    assert run("demo", "--language", "zh_CN")[0] == 3
    assert passed == [["some/project", "--language", "en"], ["--demo", "--language", "zh_CN"]]


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_demo_without_a_display(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    """A line, a picture, an edit that leaves the rest alone, the line spoken; linked, and the folder printed."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    from aigc_studio import demo

    monkeypatch.setattr(demo, "missing_engine", lambda needs: object())
    monkeypatch.setattr(demo, "_SIDE", 256)
    from aigc_studio.core.settings import Settings

    monkeypatch.setattr(Settings, "projects_folder", property(lambda self: tmp_path / "projects"))
    if language == "zh_CN":
        monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    code, out, err = run("demo")
    assert code == 0, err
    folder = tmp_path / "projects" / demo.Demo(language, False).name
    assert str(folder) in out.splitlines()[-1]
    reader = ProjectReader(folder)
    try:
        pictures = reader.assets(AssetQuery(kinds=("image",), order="oldest"), 0, 9)
        masks = reader.assets(AssetQuery(kinds=("mask",)), 0, 9)
        voices = reader.assets(AssetQuery(kinds=("audio",)), 0, 9)
        assert (len(pictures), len(masks), len(voices)) == (2, 1, 1)
        assert set(reader.parents(pictures[1].id)) == {pictures[0].id, masks[0].id}
        before, after = (np.asarray(Image.open(reader.path(picture)).convert("RGB")) for picture in pictures)
        changed = (before != after).any(axis=2)
        drawn = np.asarray(Image.open(reader.path(masks[0])).convert("L")) > 0
        assert changed[drawn].mean() > 0.9
        assert not changed[:, :64].any(), "far from the mask nothing changes"
        document = reader.document(reader.documents()[0].id)
        recipe = reader.recipe(voices[0].id)
        assert recipe is not None
        assert document.segments[0].text == recipe["request"]["prompt"] == demo.Demo(language, False).given_line
        assert recipe["request"]["context"]["document"] == document.id
    finally:
        reader.close()
    assert run("demo")[0] == 0, "a second one beside the first"
    assert run("project", "check", str(folder))[0] == 0


def test_a_project_in_use_is_not_written(run: Run, tmp_path: Path) -> None:
    """Somebody else has it open."""
    project = Project.create(tmp_path / "mine")
    try:
        code, _, err = run("image", "blue", "--size", "32x32", "--project", "mine")
    finally:
        project.close()
    assert code == 1
    assert "open elsewhere" in err


def test_as_a_program(tmp_path: Path, checkout: Path) -> None:
    """The whole way through `python -m`: exit status, and a reader that goes away is no error worth a traceback."""
    variables = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "aigc_studio"]
    answer = subprocess.run([*command, "image", "x", "--size", "1"], capture_output=True, env=variables, check=False)
    assert answer.returncode == 1
    assert b"Traceback" not in answer.stderr
    process = subprocess.Popen(
        [*command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables, cwd=tmp_path
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert b"Traceback" not in errors
