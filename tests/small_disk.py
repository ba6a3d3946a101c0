"""A small disk that can be filled for real: a file system of its own in a sparse file. Needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from greenroom.adapters.sealing.files import remove_tree


class SmallDisk:
    """A file system mounted at `root`. Whoever writes to it when it is full gets ENOSPC."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ballast = root / ".ballast"

    def free(self) -> int:
        """Bytes that anybody can still write."""
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Take all but `leave` bytes, as good as the file system can tell."""
        with self._ballast.open("ab") as file:
            while (much := self.free() - leave) >= 4096:
                size = os.fstat(file.fileno()).st_size
                try:
                    os.posix_fallocate(file.fileno(), size, much)
                except OSError:  # its own bookkeeping takes some of it
                    if much == 4096:
                        return
                    os.posix_fallocate(file.fileno(), size, 4096)

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(root: Path, megabytes: int) -> Iterator[SmallDisk]:
    """`root` is made; afterwards nothing of it is mounted."""
    image = root.with_name(f"{root.name}.img")
    root.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, root], check=True)
    try:
        (root / "lost+found").rmdir()
        yield SmallDisk(root)
    finally:
        remove_tree(root / ".ballast")
        subprocess.run(["umount", "--lazy", root], check=True)
        image.unlink()
