"""ruff and pyright find nothing: a rule that is not run is not a rule."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def run(*command: str, **variables: str) -> None:
    """Run a checker on the checkout; its findings are the test's message."""
    answer = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=CHECKOUT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    if answer.returncode:
        pytest.fail(f"{' '.join(command)}\n{answer.stdout[-6000:]}{answer.stderr[-2000:]}", pytrace=False)


def test_ruff_finds_nothing() -> None:
    """The rules of pyproject.toml."""
    run("ruff", "check", "--no-cache", "--output-format", "concise", ".")


def test_the_sources_are_formatted() -> None:
    """One way to write it, so that changes show what changed."""
    run("ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pyright_finds_nothing() -> None:
    """Standard mode, over the program and its tests."""
    roomy = "--max-semi-space-size=64"  # MB: with node's 16, an eighth of the time goes into moving young objects
    run("pyright", "--pythonpath", sys.executable, NODE_OPTIONS=roomy)
