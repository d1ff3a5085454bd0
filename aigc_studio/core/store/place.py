"""What kind of place a folder is: the own disk, a network share, a folder that a cloud service synchronises."""

from __future__ import annotations

import ctypes
import os
import sys
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
    if sys.platform == "linux":
        return _linux_type(folder.resolve()) in _NETWORK_TYPES
    return False


def _linux_type(folder: Path) -> str:
    try:
        text = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    best, kind = "", ""
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = str(folder) == point or str(folder).startswith(point.rstrip(os.sep) + os.sep)
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind
