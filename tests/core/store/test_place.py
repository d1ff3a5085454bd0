"""What kind of place a folder is, on each system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.store import files, place

_MOUNT = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
//me@server._smb._tcp.local/share on /Volumes/share on it (smbfs, nodev, nosuid, mounted by me)
/dev/disk5s1 on /Volumes/Stick (USB) (exfat, asynchronous, local, noowners)
"""


@pytest.mark.parametrize(
    ("folder", "network"),
    [
        ("/Volumes/share on it/Spring", True),
        ("/Volumes/share on it", True),
        ("/Volumes/share on its way", False),
        ("/Volumes/Stick (USB)/Spring", False),
        ("/Users/me/Spring", False),
    ],
)
def test_a_share_on_macos_is_a_network_folder(monkeypatch: pytest.MonkeyPatch, folder: str, network: bool) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command == ["/sbin/mount"]
        return subprocess.CompletedProcess(command, 0, _MOUNT, "")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", run)
    warning = place.place_warning(Path(folder))
    assert (warning is not None and warning.code == "network-folder") == network


def test_where_the_mounts_cannot_be_asked_it_is_a_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", run)
    assert place.place_warning(tmp_path) is None


def test_names_with_spaces_on_linux() -> None:
    mounts = [("/", "ext4"), ("/mnt/a b", "cifs"), ("/mnt/a b/c", "ext4")]
    assert place._type_of(Path("/mnt/a b/x"), mounts) == "cifs"
    assert place._type_of(Path("/mnt/a b/c/x"), mounts) == "ext4"
    assert place._type_of(Path("/mnt/a bc"), mounts) == "ext4"


@pytest.mark.parametrize("known", [True, False])
def test_macos_is_told_to_reach_the_disk_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: bool) -> None:
    calls: list[str] = []

    class Fcntl:
        F_FULLFSYNC = 51

        @staticmethod
        def fcntl(handle: int, command: int) -> None:
            assert command == 51
            calls.append("full")
            if not known:
                raise OSError(45, "Operation not supported")

    monkeypatch.setattr(files.sys, "platform", "darwin")
    monkeypatch.setattr(files, "fcntl", Fcntl, raising=False)
    monkeypatch.setattr(files.os, "fsync", lambda handle: calls.append("plain"))
    with open(tmp_path / "a", "wb") as file:
        files.sync_file(file.fileno())
    assert calls == (["full"] if known else ["full", "plain"])
