"""Running command lines as a person types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_studio import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _keep_frozen(keep_frozen: None) -> None:
    """Every command closes its engine."""


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in a folder of its own: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))

    def go(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capfd.readouterr()
        return code, said.out, said.err

    return go
