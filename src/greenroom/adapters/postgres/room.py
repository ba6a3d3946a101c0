"""Is there room for what is about to be written? Asked before anything is begun or removed."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from pathlib import Path

from greenroom.domain.disk import require_room

FICLONE = 0x40049409
"""The request that lets one file share another's blocks (ioctl_ficlonerange(2))."""


def need_room(what: str, folder: Path, size: int, *, gives_back: Path | None = None) -> None:
    """`size` bytes are about to be written below `folder`; `gives_back` will be removed before.

    Raises Refused (`home.no_room`).
    """
    back = size_on_disk(gives_back) if gives_back is not None and gives_back.is_dir() else 0
    require_room(what, str(folder), size, shutil.disk_usage(folder).free + back)


def need_room_for_copy(what: str, source: Path, folder: Path, size: int, *, gives_back: Path | None = None) -> None:
    """The same for a copy of `source`, which takes nothing where the file system lets both share their blocks."""
    if source.stat().st_dev != folder.stat().st_dev or not shares_blocks(folder):
        need_room(what, folder, size, gives_back=gives_back)


def size_on_disk(folder: Path) -> int:
    """Bytes that the files below it take."""
    return sum(f.lstat().st_blocks * 512 for f in folder.rglob("*") if f.is_file() and not f.is_symlink())


def shares_blocks(folder: Path) -> bool:
    """True if a copy of a file there can share its blocks (XFS, Btrfs, ZFS and others)."""
    with tempfile.TemporaryFile(dir=folder) as one, tempfile.TemporaryFile(dir=folder) as other:
        one.write(b"x" * 4096)
        one.flush()
        try:
            fcntl.ioctl(other.fileno(), FICLONE, one.fileno())
        except OSError:
            return False
    return True
