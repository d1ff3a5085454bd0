"""`train` as a person types it: recipes, real tiny runs in projects, Ctrl-C and going on, and mistakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from aigc_studio.cli.completion import whole
from aigc_studio.cli.train import RECIPES, recipes
from aigc_studio.core.jobs import JobState
from aigc_studio.core.project import Project
from aigc_studio.core.runs import RunFolder, runs
from tests.training.pictures import make_folder

from .conftest import Run

TINY = ("--size", "32", "--batch", "4", "--set", "latent=4", "--set", "width=4", "--set", "samples=2", "--seed", "3")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six drawings, in the folder that `run` works in."""
    return make_folder(tmp_path / "drawings", 6)


def test_the_recipes_are_listed_with_what_they_take(run: Run) -> None:
    code, out, err = run("train", "list")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.splitlines()[1:]]
    assert listed == list(recipes())
    assert {"vae", "gan", "writer", "finetune", "lora"} <= set(listed)
    code, out, _ = run("train", "list", "vae")
    assert code == 0
    assert any(line.split()[:2] == ["steps", "8000"] for line in out.splitlines())
    code, out, _ = run("train", "list", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["recipe"] for row in rows] == listed
    assert next(param for param in rows[0]["params"] if param["id"] == "data")["kind"] == "folder"


def test_a_training_makes_a_project_and_a_model(run: Run, data: Path, tmp_path: Path) -> None:
    code, out, err = run("train", "vae", "--data", "drawings", "--name", "My shapes", "--steps", "6", *TINY, "--json")
    assert code == 0, err
    row = json.loads(out)
    assert (row["recipe"], row["title"], row["state"], row["step"]) == ("vae", "My shapes", "done", 6)
    assert row["project"] == str(tmp_path / "My-shapes")
    assert (Path(row["model"]) / "model.safetensors").is_file()
    assert row["figures"]["network"] == "random network"
    code, out, _ = run("train", "runs", "--project", "My-shapes")
    assert code == 0
    assert out.splitlines()[1].split()[:2] == [row["run"][:8], "vae"]
    assert "6/6" in out
    listed = json.loads(run("train", "runs", "--project", "My-shapes", "--json")[1])
    assert (listed["run"], listed["model"]) == (row["run"], row["model"])
    code, out, _ = run("models", "info", Path(row["model"]).name, "--json")
    assert code == 0
    assert json.loads(out)["family"] == "vae"
    code, out, _ = run("project", "list", "My-shapes", "--json")
    assert json.loads(out)["recipe"]["info"]["run"] == row["run"]


def test_a_further_round_starts_from_a_run_named_by_its_beginning(run: Run, data: Path) -> None:
    code, out, err = run("train", "vae", "--data", "drawings", "--project", "mine", "--steps", "4", *TINY)
    assert code == 0, err
    lines = out.splitlines()
    assert Path(lines[0]).is_dir()
    assert any(line.split()[0] == "diversity" for line in lines[1:])
    (first,) = runs(Path("mine"))
    said = ("--project", "mine", "--json")
    listed = [json.loads(line) for line in run("train", "samples", first.id[:4], *said)[1].splitlines()]
    assert [(row["number"], row["rating"]) for row in listed] == [(0, None), (1, None)]
    assert all(Path(row["file"]).is_file() for row in listed)
    code, out, _ = run("train", "rate", first.id[:4], "keep", "1", "0", *said)
    assert (code, [json.loads(line)["rating"] for line in out.splitlines()]) == (0, ["keep", "keep"])
    assert json.loads(run("train", "rate", first.id[:4], "none", "0", *said)[1])["rating"] is None
    assert set(RunFolder(first.folder).ratings()) == {"samples/final/0001.png"}
    code, _, err = run("train", "rate", first.id[:4], "reject", "1", "2", *said[:2])
    assert code == 4
    assert "no sample 2" in err
    assert RunFolder(first.folder).ratings() == {"samples/final/0001.png": "keep"}
    again = ("train", "vae", "--data", "drawings", "--project", "mine", "--steps", "2", "--start", first.id[:6], *TINY)
    code, out, err = run(*again, "--json")
    assert code == 0, err
    info = RunFolder(Path(json.loads(out)["folder"])).info()
    assert info["request"]["params"]["start"] == first.id
    assert info["data"]["data"]["files"] == 7


def test_a_dry_run_makes_nothing(run: Run, data: Path, tmp_path: Path) -> None:
    code, out, _ = run("train", "vae", "--data", "drawings", "--steps", "5", "--set", "beta=2", "--dry-run")
    request = json.loads(out)
    assert code == 0
    assert request["params"] == {"data": str(data), "steps": 5, "beta": 2.0}
    assert (request["kind"], request["family"]) == ("training", "train-vae")
    assert [path.name for path in tmp_path.iterdir()] == ["drawings"]


@pytest.mark.parametrize(
    ("status", "arguments", "words"),
    [
        (4, ["vae"], "no data"),
        (4, ["vae", "--data", "nowhere"], "nowhere"),
        (4, ["vae", "--data", "empty"], "picture"),
        (4, ["vae", "--data", "drawings", "--steps", "0"], "Steps"),
        (4, ["vae", "--data", "drawings", "--steps", "many"], "many"),
        (4, ["vae", "--data", "drawings", "--size", "33"], "32, 64"),
        (4, ["vae", "--data", "drawings", "--set", "beta"], "beta"),
        (4, ["vae", "--data", "drawings", "--seed", "-1"], "seed"),
        (4, ["vae", "--data", "drawings", "--device", "abacus"], "abacus"),
        (4, ["vae", "--data", "drawings", "--start", "abcd"], "--project"),
        (4, ["vae", "--resume", "abcd"], "--project"),
        (4, ["vae", "--resume", "abcd", "--project", "nowhere"], "nowhere"),
        (4, ["runs", "--project", "nowhere"], "nowhere"),
        (4, ["samples", "abcd"], "--project"),
        (2, ["rate", "abcd", "loved", "1"], "loved"),
        (3, ["lora", "--data", "drawings", "--base", "nobody"], "nobody"),
        (2, ["vae", "--bogus"], "--bogus"),
        (2, ["sorcery"], "sorcery"),
        (2, ["list", "sorcery"], "sorcery"),
        (2, [], "RECIPE"),
    ],
)
def test_mistakes_are_sentences(
    run: Run, data: Path, tmp_path: Path, status: int, arguments: list[str], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = run("train", *arguments)
    assert (code, out) == (status, "")
    assert words in err
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "hub") == ["drawings", "empty"]


def test_the_starters_read_their_own_options(run: Run) -> None:
    for name in RECIPES:
        code, out, err = run("train", name, "--help")
        assert (code, err) == (0, "")
        assert "--data" in out
        assert "--set" not in out


def test_the_shell_completes_recipes_and_their_options() -> None:
    import shtab

    script = shtab.complete(whole(), "bash")
    for word in ("vae", "runs", "starter-writer", "--resume", "--steps"):
        assert word in script


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_pauses_and_the_run_goes_on(run: Run, data: Path, tmp_path: Path, checkout: Path) -> None:
    command = [sys.executable, "-m", "aigc_studio", "train", "vae", "--data", "drawings", "--project", "mine"]
    process = subprocess.Popen(
        [*command, "--steps", "100000", "--set", "sample_every=5", *TINY],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 50
    while not any((tmp_path / "mine").glob("training/*/samples/*.png")):
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    (stopped,) = runs(tmp_path / "mine")
    assert (process.returncode, out) == (130, "")
    assert f"Paused at step {stopped.step} of 100000; go on with:" in err
    line = f"train vae --resume {stopped.id[:8]} --project {tmp_path / 'mine'}"
    assert line in err
    assert stopped.state == "stopped"
    project = Project.open(tmp_path / "mine")
    assert [job.state for job in project.queue.list()] == [JobState.PAUSED]
    project.close()
    RunFolder(stopped.folder).ask_to_finish()
    code, out, err = run(*line.split(), "--json")
    assert code == 0, err
    row = json.loads(out)
    assert (row["run"], row["state"], row["step"]) == (stopped.id, "done", stopped.step)
    code, _, err = run(*line.split())
    assert code == 4
    assert f"--start {stopped.id[:8]}" in err
    code, _, err = run(*["train", "gan", *line.split()[2:]])
    assert code == 4
    assert "vae" in err
