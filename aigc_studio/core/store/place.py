"""What kind of place a folder is: the own disk, a network share, a folder that a cloud service synchronises."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from functools import reduce
from pathlib import Path

from ..errors import StudioError
from ..i18n import N_

__all__ = ["place_warning"]

_NETWORK_TYPES = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afpfs",
        "webdav",
        "davfs",
        "fuse.sshfs",
        "fuse.davfs2",
        "fuse.rclone",
        "9p",
    }
    | {"fuse.gvfsd-fuse", "afs", "ncpfs", "fuse.s3fs", "vboxsf", "fuse.vmhgfs-fuse", "prl_fs"}
)
_CLOUD_FOLDERS = (
    "onedrive",
    "dropbox",
    "google drive",
    "googledrive",
    "my drive",
    "icloud drive",
    "iclouddrive",
    "mobile documents",
    "cloudstorage",
    "nextcloud",
    "owncloud",
    "pcloud",
    "seafile",
    "nutstore",
    "坚果云",
    "我的坚果云",
    "baidusyncdisk",
    "百度网盘同步空间",
)


def place_warning(folder: Path) -> StudioError | None:
    """What to tell a person about working in this folder; None for an ordinary disk."""
    if _is_network(folder):
        return StudioError(
            N_("This project is in a network folder: it works, but more slowly; open it on one computer at a time."),
            code="network-folder",
        )
    for part in folder.parts:
        name = part.lower()
        if any(name == cloud or name.startswith((cloud + " ", cloud + "-")) for cloud in _CLOUD_FOLDERS):
            return StudioError(
                N_(
                    'This project is in the synchronised folder "{name}": let it finish synchronising before you open '
                    "the project on another computer."
                ),
                code="cloud-folder",
                name=part,
            )
    return None


def _is_network(folder: Path) -> bool:
    if sys.platform == "win32":
        drive = folder.resolve().drive
        return drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == 4  # DRIVE_REMOTE
    try:
        mounts = _linux_mounts() if sys.platform == "linux" else _macos_mounts() if sys.platform == "darwin" else []
    except (OSError, subprocess.SubprocessError):
        return False
    return _type_of(folder.resolve(), mounts) in _NETWORK_TYPES


def _linux_mounts() -> list[tuple[str, str]]:
    """Mount points and their types."""
    text = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    lines = [line.split(" ") for line in text.splitlines()]
    marks = (("\\040", " "), ("\\011", "\t"), ("\\134", "\\"))
    return [(reduce(lambda point, mark: point.replace(*mark), marks, line[1]), line[2]) for line in lines if line[2:]]


def _macos_mounts() -> list[tuple[str, str]]:
    """As `_linux_mounts`, from lines such as "//me@server/share on /Volumes/share (smbfs, nodev, mounted by me)"."""
    text = subprocess.run(
        ["/sbin/mount"], capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=5, check=True
    ).stdout
    found = (re.fullmatch(r".*? on (/.*) \((\w+)[,)].*", line) for line in text.splitlines())
    return [(match.group(1), match.group(2)) for match in found if match]


def _type_of(folder: Path, mounts: list[tuple[str, str]]) -> str:
    """The type of the mount that is nearest to a folder, "" when there is none."""
    best, kind = "", ""
    for point, type_ in mounts:
        inside = str(folder) == point or str(folder).startswith(point.rstrip(os.sep) + os.sep)
        if inside and len(point) >= len(best):
            best, kind = point, type_
    return kind
