"""`image`, `edit`, `write` and `speak` as a person types them: files, projects, JSON, and what is said of bad input."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.project import Project, ProjectReader

from .conftest import Run


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that does what its script says, as the only one."""
    from aigc_studio.core import catalogue
    from aigc_studio.core.catalogue import Entry

    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", "aigc_studio.engines.fake")
    entry = Entry("fake", "fake", "image", {"en": "Fake"})
    monkeypatch.setattr(catalogue, "models", lambda kind="": (entry,))
    monkeypatch.setattr(catalogue, "find", lambda id: entry)


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
    assert (
        out
        == run("project", "search", "mine", "green", "--json")[1]
        == run(*["project", "assets", "mine", "--search", "green", "--json"])[1]
    )
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["recipe"]["request"]["prompt"] for row in rows] == ["green"]
    code, out, _ = run("project", "export", "mine", "copies")
    assert code == 0
    assert len(list((tmp_path / "copies").iterdir())) == 2
    assert run("project", "export", "mine", "copies")[0] == 0
    assert len(list((tmp_path / "copies").iterdir())) == 4, "nothing is overwritten"


@pytest.mark.parametrize(
    ("status", "arguments", "words"),
    [
        (4, ["image"], "words"),
        (4, ["image", "x", "--strip", "--model", "painter"], "painter"),
        (4, ["edit", "nothing.png", "--to", "nothing.png"], "nothing.png"),
        (4, ["image", "x", "--size", "huge"], "1024x768"),
        (4, ["image", "x", "--size", "20000x20000"], "20000"),
        (4, ["image", "x", "--size", "0x0"], "0"),
        (4, ["image", "x", "--seed", "-1"], "seed"),
        (4, ["image", "x", "--seed", "4294967296"], "4294967295"),
        (4, ["image", "x", "--set", "colour=red"], "There is no parameter"),
        (4, ["image", "x", "--set", "scale=big"], "Scale"),
        (4, ["image", "x", "--set", "seamless=perhaps"], "perhaps"),
        (4, ["image", "x", "--negative", "blurry"], "negative"),
        (4, ["image", "x", "--lora", "style:1"], "LoRA"),
        (4, ["image", "x", "--device", "abacus"], "abacus"),
        (4, ["speak", "x", "--voice", "text.txt"], "voice"),
        (3, ["image", "x", "--model", "nobody"], "nobody"),
        (3, ["image", "x", "--model", "espeak"], "espeak"),
        (3, ["write", "x", "--task", "translate", "--model", "painter"], "painter"),
        (4, ["image", "x", "--size", "32x32", "--count", "0"], "0"),
        (4, ["image", "x", "--size", "32x32", "--out", "nowhere/x.png"], "nowhere"),
        (4, ["image", "x", "--size", "32x32", "--out", "x.pdf"], ".pdf"),
        (4, ["edit", "nothing.png", "x"], "nothing.png"),
        (4, ["edit", "text.txt", "x"], "text.txt"),
        (4, ["speak", "", "--out", "x.wav"], ""),
        (4, ["speak", "hello", "--out", "x.doc"], ".wav"),
        (4, ["speak", "--file", "nothing.txt"], "nothing.txt"),
        (4, ["speak", "--file", "latin.txt"], "UTF-8"),
        (4, ["project", "info", "nothing"], "nothing"),
        (4, ["project", "check", "nothing"], "nothing"),
        (4, ["bench", "--runs", "0"], "0"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, status: int, arguments: list[str], words: str) -> None:
    """The documented exit status, one line on standard error, no traceback, no file; as JSON the same with its code."""
    Path("text.txt").write_text("no picture")
    Path("latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    code, out, err = run(*arguments)
    assert (code, out) == (status, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not list(Path.cwd().glob("x.*"))
    code, out, told = run(*arguments, "--json")
    assert (code, out) == (status, "")
    problem = json.loads(told)["error"]
    assert problem["message"] == err.strip()
    assert problem["code"]


@pytest.mark.parametrize(
    "arguments", [["edit"], ["image", "x", "--sizes", "1"], ["write", "--task", "sing"], ["project"]]
)
def test_wrong_usage_is_status_2(run: Run, arguments: list[str]) -> None:
    """As argparse has it: the usage and one sentence."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: aigc-studio")


def test_json_is_one_object_a_result(run: Run, tmp_path: Path) -> None:
    """And nothing else on standard output."""
    code, out, _ = run(
        "image", "blue waves", "--size", "32x24", "--count", "2", "--seed", "8", "--out", "a.png", "--json"
    )
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["file"] for row in rows] == [str(tmp_path / "a-1.png"), str(tmp_path / "a-2.png")]
    assert [row["seed"] for row in rows] == [8, 9]
    assert rows[0]["size"] == [32, 24]
    assert rows[0]["info"]["understood"] == ["blue", "waves"]


def test_a_dry_run_makes_nothing(run: Run, tmp_path: Path) -> None:
    """It prints the request, checked; what cannot be run is said as in a run."""
    Image.new("RGB", (32, 32)).save("in.png")
    arguments = ["edit", "in.png", "red", "--mask", "in.png", "--strength", "0.5", "--seed", "3", "--dry-run"]
    code, out, _ = run(*arguments)
    request = json.loads(out)
    assert code == 0
    assert (request["task"], request["seed"], request["params"]) == ("inpaint", 3, {"strength": 0.5})
    assert request["inputs"] == {"image": "in.png", "mask": "in.png"}
    assert run(*arguments, "--json")[1].count("\n") == 1
    assert run(*arguments, "--strength", "7")[0] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_change_of_a_part(run: Run, tmp_path: Path) -> None:
    """Only where the mask is; picture and mask come into the project, the mask as a mask."""
    before = np.full((48, 64, 3), 90, np.uint8)
    Image.fromarray(before).save("room.png")
    mask = Image.new("L", (64, 48), 0)
    mask.paste(255, (0, 0, 24, 48))
    mask.save("mask.png")
    code, out, err = run("edit", "room.png", "red sun", "--mask", "mask.png", "--set", "feather=4", "--project", "mine")
    assert code == 0, err
    after = np.asarray(Image.open(out.strip()).convert("RGB"))
    assert (after[:, 32:] == 90).all()
    assert (after[:, :16] != 90).any(axis=2).mean() > 0.9
    reader = ProjectReader(tmp_path / "mine")
    try:
        result = reader.assets(AssetQuery(), 0, 1)[0]
        parents = [reader.asset(each) for each in reader.parents(result.id)]
        picture = next(each for each in parents if each is not None and each.kind == "image")
        assert sorted(each.kind for each in parents if each is not None) == ["image", "mask"]
    finally:
        reader.close()
    again = ("edit", picture.id, "forest", "--project", "mine", "--out", "variation.jpg", "--strength", "0.4")
    code, out, err = run(*again)
    assert (code, out.strip()) == (0, "variation.jpg"), err
    mask.resize((20, 20)).save("small.png")
    assert run("edit", "room.png", "x", "--mask", "small.png", "--out", "no.png")[0] == 4
    assert not Path("no.png").exists()


def test_words_of_a_file(run: Run) -> None:
    """With a byte order mark and in Chinese."""
    Path("text.txt").write_bytes("\ufeff你好。".encode())
    assert run("speak", "--file", "text.txt", "--out", "x.wav")[0] == 0
    recipe = read_recipe(Path("x.wav"))
    assert recipe is not None
    assert recipe["request"]["prompt"] == "你好。"


def test_what_was_made_before_an_error_is_kept(run: Run, tmp_path: Path, fake: None) -> None:
    """Each result is written when it is there, not at the end."""
    script = "script=step:2 save notice:colours save fail"
    code, out, err = run("image", "x", "--count", "3", "--set", script, "--out", "x.png")
    assert code == 1
    assert out.split() == ["x-1.png", "x-2.png"]
    assert err.splitlines() == ["The script speaks of colours.", "The script says so."]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["x-1.png", "x-2.png"]
    err = run("image", "x", "--count", "3", "--set", script, "--out", "x.png", "--quiet")[2]
    assert err.splitlines() == ["The script says so."]


def test_what_a_library_prints_is_no_result(run: Run, fake: None) -> None:
    """Python's own prints go to standard error while the engine works."""
    code, out, _ = run("image", "x", "--set", "script=print save", "--out", "x.png", "--json", "--quiet")
    assert code == 0
    assert "printed" not in out


@pytest.mark.allow_log("ERROR")
def test_a_memory_error_is_status_1(run: Run, fake: None) -> None:
    """It is no bad input: another day it works."""
    code, _, err = run("image", "x", "--set", "script=memory", "--out", "x.png")
    assert code == 1
    assert "memory" in err


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


def test_without_the_engine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 3, and what to do."""
    from aigc_studio.core.errors import StudioError
    from aigc_studio.engines import runner

    missing = StudioError("The engine is not here.", code="engine-missing")
    monkeypatch.setattr(runner, "missing_engine", lambda needs: missing if needs else None)
    assert run("write", "Blue") == (3, "", "The engine is not here.\n")
    assert run("image", "blue", "--size", "32x32", "--out", "x.png")[0] == 0, "the painter needs none"
