"""Renames on a disk that somebody else looks at, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aigc_studio.core.store import files


def refusing(times: int, winerror: int | None):
    """An os.replace that fails as Windows does, so many times; and the list of its calls."""
    real, calls = os.replace, []

    def replace(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) <= times:
            error = PermissionError(13, "The process cannot access the file")
            error.winerror = winerror  # type: ignore[attr-defined]
            raise error
        real(source, target)

    return replace, calls


@pytest.mark.parametrize("winerror", [5, 32])
def test_a_file_that_a_scanner_holds_for_a_moment_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winerror: int
) -> None:
    replace, calls = refusing(3, winerror)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    with files.write_atomically(tmp_path / "a") as file:
        file.write(b"whole")
    assert (len(calls), (tmp_path / "a").read_bytes()) == (4, b"whole")
    calls.clear()
    files.move(tmp_path / "a", tmp_path / "trash" / "a")
    assert (len(calls), (tmp_path / "trash" / "a").read_bytes()) == (4, b"whole")


@pytest.mark.parametrize(("winerror", "tries"), [(None, 1), (32, 10)])
def test_what_may_not_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winerror: int | None, tries: int
) -> None:
    replace, calls = refusing(1000, winerror)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    with pytest.raises(PermissionError), files.write_atomically(tmp_path / "a") as file:
        file.write(b"x")
    assert len(calls) == tries
    assert list(tmp_path.iterdir()) == []
