"""`models`, `devices` and `bench` as a person types them, and real model folders by path and from the library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from aigc_studio.core import catalogue

from .conftest import Run


def rows(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_models_are_listed(run: Run) -> None:
    """The built-in ones at least, as lines and as JSON."""
    code, out, err = run("models")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split()[0] == "ID"
    listed = {row["id"]: row for row in rows(run("models", "--json")[1])}
    assert set(listed) >= {"painter", "espeak"}
    assert listed["painter"]["usable"]
    assert {row["kind"] for row in rows(run("models", "list", "--kind", "speech", "--json")[1])} == {"speech"}
    assert run("models", "list", "--problems", "--json")[1] == ""


def test_one_model_with_all_that_it_takes(run: Run) -> None:
    """Tasks and parameters, in the person's language."""
    code, out, _ = run("models", "info", "painter")
    assert code == 0
    assert "inpaint: Change this part  (needs image, mask)" in out
    row = rows(run("models", "info", "painter", "--json")[1])[0]
    generate = next(task for task in row["tasks"] if task["id"] == "generate")
    assert {param["id"] for param in generate["params"]} >= {"size", "palette"}
    assert "尺寸" in run("models", "info", "painter", "--language", "zh_CN")[1]
    assert run("models", "info", "nobody")[0] == 3


def test_folders_of_models(run: Run, tmp_path: Path) -> None:
    """Added, looked at, removed; nothing in them is touched."""
    folder = tmp_path / "my models"
    folder.mkdir()
    (folder / "file").write_text("mine")
    assert run("models", "add-folder", "nowhere")[0] == 3
    code, out, _ = run("models", "add-folder", str(folder))
    assert code == 0
    assert str(folder) in out.splitlines()
    assert any(row["folder"] == str(folder) for row in rows(run("models", "folders", "--json")[1]))
    assert rows(run("models", "rescan", "--json")[1])[0]["problems"] == 0
    assert str(folder) not in run("models", "remove-folder", str(folder))[1]
    assert (folder / "file").read_text() == "mine"


def test_devices(run: Run) -> None:
    """The processor is always there."""
    code, out, _ = run("devices", "--json")
    assert code == 0
    assert rows(out)[-1]["id"] == "cpu"
    assert "cpu" in run("devices")[1]


def test_bench(run: Run) -> None:
    """A table, and as JSON the figures; both of warm runs and a cold one."""
    arguments = ["bench", "--model", "painter", "--here", "--runs", "2", "--set", "size=256x256"]
    code, out, _ = run(*arguments)
    assert code == 0
    assert "whole run, warm" in out
    row = rows(run(*arguments, "--json")[1])[0]
    assert row["seconds"] >= row["first_step"] > 0
    assert row["cold_first_step"] >= row["load"] >= 0
    assert row["params"]["size"] == [256, 256]
    speech = rows(run("bench", "--model", "espeak", "--here", "--runs", "1", "--json")[1])[0]
    assert 0 < speech["real_time_factor"] < 5


@pytest.mark.slow
def test_model_folders_by_path_and_from_the_library(run: Run, tmp_path: Path) -> None:
    """Diffusers, transformers text and transformers speech: used where they lie, then added, then made again."""
    pytest.importorskip("diffusers")
    from tests.tiny import image, speech, text

    folder = tmp_path / "models"
    pictures, words, voice = (
        image.make_sd1(folder / "tiny picture"),
        text.make_gpt2(folder / "tiny words"),
        speech.make_vits(folder / "tiny voice"),
    )
    common = ("--project", "mine", "--seed", "4")
    steps = ("--set", "steps=2")
    code, out, err = run("image", "waves", "--model", str(pictures), "--size", "64x48", *steps, *common, "--json")
    assert code == 0, err
    made = rows(out)[0]
    assert made["size"] == [64, 48]
    edit = ("edit", made["id"], "fog", "--model", str(pictures), "--strength", "0.9", *steps, *common)
    assert run(*edit)[0] == 0
    code, out, err = run("write", "Blue", "--model", str(words), "--set", "max_tokens=8", "--seed", "4")
    assert code == 0, err
    assert out.strip()
    assert run("write", "Blue", "--model", str(words), "--set", "max_tokens=8", *common)[0] == 0
    code, out, err = run("speak", "hello", "--model", str(voice), *common)
    assert code == 0, err
    assert soundfile.info(out.strip()).frames > 0
    assert run("image", "x", "--model", str(words))[0] == 3, "it makes texts"
    assert run("image", "x", "--model", str(folder), "--dry-run")[0] == 0, "one of three makes pictures"
    assert "several models" in run("models", "info", str(folder))[2]
    assert run("image", "x", "--model", str(pictures), "--size", "7x7", "--dry-run")[0] == 4
    assert len(catalogue.models("image")) == 1, "what is given by path is not added"
    assert run("project", "reproduce", "mine")[0] == 5, "the models of the recipes are not in the library"
    assert run("models", "add-folder", str(folder))[0] == 0
    listed = {row["title"]: row for row in rows(run("models", "--json")[1])}
    assert listed["tiny picture"]["type"] == "sd1"
    code, out, _ = run("project", "reproduce", "mine")
    assert (code, out.splitlines()[-1]) == (0, "4 the same, 0 different, 0 could not be made."), out
    # a broken one says what is missing
    next((folder / "tiny voice").glob("*.safetensors")).unlink()
    assert run("models", "info", listed["tiny voice"]["id"])[0] == 3
    code, _, err = run("speak", "hello", "--model", str(voice), "--out", "x.wav")
    assert (code, len(err.strip().splitlines())) == (3, 1)
