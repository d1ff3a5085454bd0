"""The folder of a training run: what one process writes, another reads at any moment."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.runs import KEEP, REJECT, RunFolder, Sample, runs


def test_fields_are_set_one_by_one_and_read_back(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "a")
    assert not run.exists
    assert run.info() == {}
    assert run.summary() is None
    run.update(recipe="train-vae", title="纹理", created=5.0, state={"name": "running", "step": 3, "steps": 9})
    run.update(figures={"loss": math.nan, "kept": [1.5, math.inf]})
    summary = run.summary()
    assert summary is not None
    assert (summary.step, summary.steps, summary.title) == (3, 9, "纹理")
    assert summary.figures == {"loss": None, "kept": [1.5, None]}


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=8), max_size=3), max_size=8))
def test_a_reader_sees_every_line_once(tmp_path_factory: pytest.TempPathFactory, lines: list[dict]) -> None:
    run = RunFolder(tmp_path_factory.mktemp("run"))
    seen, offset = [], 0
    for line in lines:
        run.append({"values": {key.encode("utf-8", "replace").decode(): value for key, value in line.items()}})
        found, offset = run.read(offset)
        seen += found
    assert len(seen) == len(lines)
    again, end = run.read(0)
    assert again == seen
    assert run.read(end) == ([], end)


def test_a_half_line_waits_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.append({"step": 1})
    with open(tmp_path / "log.jsonl", "ab") as file:
        file.write(b'{"step": 2, "val')
    lines, offset = run.read()
    assert [line["step"] for line in lines] == [1]
    run.append({"step": 3})
    lines, _ = run.read(offset)
    assert [line["step"] for line in lines] == [3]


def test_the_last_rating_counts_and_can_be_taken_back(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.rate("samples/final/1.png", KEEP)
    run.rate("samples/final/2.png", REJECT)
    run.rate("samples/final/1.png", REJECT)
    assert run.ratings() == {"samples/final/1.png": REJECT, "samples/final/2.png": REJECT}
    run.rate("samples/final/2.png", "")
    assert run.ratings() == {"samples/final/1.png": REJECT}
    with pytest.raises(ValueError, match="no rating"):
        run.rate("a", "great")


def test_samples_that_point_out_of_the_folder_are_not_read(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.add_final(Sample("samples/final/0.png", 7, "猫"))
    run.add_final(Sample("../../secret.png"))
    run.add_final(Sample("/etc/passwd"))
    assert run.final_samples() == [Sample("samples/final/0.png", 7, "猫")]


def test_runs_of_a_project_newest_first(tmp_path: Path) -> None:
    for name, created in (("one", 1.0), ("two", 2.0)):
        RunFolder(tmp_path / "training" / name).update(created=created, title=name)
    (tmp_path / "training" / "empty").mkdir()
    (tmp_path / "training" / "broken").mkdir()
    (tmp_path / "training" / "broken" / "run.json").write_text("[1", encoding="utf-8")
    assert [run.id for run in runs(tmp_path)] == ["two", "one"]
    assert runs(tmp_path / "nothing") == []


def test_sample_pictures_come_in_the_order_of_their_steps(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for step in (900, 20, 100):
        run.sample_path(step).write_bytes(b"x")
    (tmp_path / "samples" / "other.png").write_bytes(b"x")
    assert [step for step, _ in run.samples()] == [20, 100, 900]


def test_odd_types_read_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"state": 3, "model": [], "created": "x"}), encoding="utf-8")
    summary = RunFolder(tmp_path).summary()
    assert summary is not None
    assert (summary.state, summary.model, summary.created) == ("", "", 0.0)


def test_a_number_without_end_hides_no_run(tmp_path: Path) -> None:
    RunFolder(tmp_path / "training" / "good").update(created=1.0)
    bad = tmp_path / "training" / "bad"
    bad.mkdir()
    endless = "1" + "0" * 400
    text = '{"created": ' + endless + ', "state": {"step": ' + endless + "}}"
    (bad / "run.json").write_text(text, encoding="utf-8")
    assert {run.id for run in runs(tmp_path)} == {"good", "bad"}
