"""Ctrl-C, SIGTERM and a reader that goes away: a job stops within a step, and what was made is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aigc_studio.cli.stopping import stoppable
from aigc_studio.core.jobs import JobState
from aigc_studio.core.project import Project

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")

SECONDS = 60

FAMILIES = """
from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.cli import program
import sys
entry = Entry("fake", "fake", "image", {"en": "Fake"})
catalogue.models = lambda kind="": (entry,)
catalogue.find = lambda id: entry
sys.exit(program(sys.argv[1:]))
"""


def spawn(folder: Path, checkout: Path, *arguments: str) -> subprocess.Popen[str]:
    """A command line with the scripted family alone."""
    variables = {"PYTHONPATH": str(checkout), "AIGC_STUDIO_FAMILIES": "aigc_studio.engines.fake"}
    return subprocess.Popen(
        [sys.executable, "-c", FAMILIES, *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_within_a_step_and_keeps_what_was_made(tmp_path: Path, checkout: Path, number: int) -> None:
    """Status 130, one word; the results before it are files, and the job in the project says that it was cancelled."""
    script = "script=save save wait"
    process = spawn(tmp_path, checkout, "image", "x", "--count", "3", "--set", script, "--project", "mine", "--json")
    assert process.stdout is not None
    rows = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (130, "", "Stopped.\n")
    assert all(Path(row["file"]).is_file() for row in rows)
    project = Project.open(tmp_path / "mine", read_only=True)
    try:
        assert [(job.state, job.done) for job in project.queue.list()] == [(JobState.CANCELLED, (0, 1))]
    finally:
        project.close()


def test_a_second_signal_ends_what_does_not_listen(tmp_path: Path, checkout: Path) -> None:
    """An engine that neither steps nor listens."""
    script = f"script=save mark:{tmp_path / 'hangs'} hang"
    process = spawn(tmp_path, checkout, "image", "x", "--count", "2", "--set", script, "--out", "x.png")
    assert process.stdout is not None
    assert process.stdout.readline() == "x-1.png\n"
    while not (tmp_path / "hangs").exists():
        threading.Event().wait(0.01)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):  # the second one counts when the first was heard
        process.wait(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert err == "Stopped.\n"
    assert (tmp_path / "x-1.png").is_file()


def test_a_reader_that_goes_away_is_no_error_worth_a_word(tmp_path: Path, checkout: Path) -> None:
    """`aigc-studio ... | head -1`."""
    script = "script=" + "save " * 50
    process = spawn(tmp_path, checkout, "image", "x", "--count", "50", "--set", script, "--out", "x.png")
    assert process.stdout is not None
    assert process.stdout.readline() == "x-1.png\n"
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(SECONDS) in (0, 1)
    assert err == ""


def test_the_handlers_are_given_back() -> None:
    """And a signal within cancels the token once."""
    before = signal.getsignal(signal.SIGINT)
    cancelled = threading.Event()
    with stoppable() as token:
        token.on_cancel(cancelled.set)
        signal.raise_signal(signal.SIGTERM)
        assert cancelled.wait(SECONDS)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
