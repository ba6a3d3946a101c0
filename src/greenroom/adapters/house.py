"""`House` over the directories of a home."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.ports.damage import Damage

OTHERS = stat.S_IRWXG | stat.S_IRWXO
ENTER_ONLY = stat.S_IXGRP | stat.S_IXOTH
"""The home itself lets others through, to their own directories in it, and shows and gives them nothing."""
WRITING = stat.S_IWGRP | stat.S_IWOTH
PUBLIC = ".pub.json"
"""Keys that anybody may read, to verify signatures with."""
MOST_NAMED = 5


class FileHouse:
    """See `ports.house.House`. Looks at every file in what is private, and at the tops of everything else."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def exposed(self) -> list[Damage]:
        found: list[Damage] = []
        for path in (self._home.root, self._home.run, self._home.work):
            found += _open(path, OTHERS & ~ENTER_ONLY, "711")
        for path in (self._home.private, self._home.keeper, self._home.logs):
            found += _open(path, OTHERS, "700")
        for path in self._secret_files():
            if path.name.endswith(PUBLIC):
                found += _open(path, WRITING, "644")
            else:
                found += _open(path, OTHERS, "600", "; whoever could read it may have copied it: give out new tokens")
        return found[:MOST_NAMED]

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._home.root).free

    def where(self) -> str:
        return str(self._home.root)

    def _secret_files(self) -> Iterator[Path]:
        """The store's files, and everything under `private`."""
        yield from self._home.root.glob("greenroom.db*")
        for folder, _, names in os.walk(self._home.private):
            yield from (Path(folder) / name for name in sorted(names))


def _open(path: Path, forbidden: int, right: str, more: str = "") -> Iterator[Damage]:
    """What others may do with it although they must not; nothing for what is not there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        return
    if found.st_mode & forbidden:
        said = f"{path} is open to other users of this machine (mode {stat.S_IMODE(found.st_mode):o})"
        yield Damage(said, f"chmod {right} {path}{more}")
    if found.st_uid != os.getuid():
        yield Damage(f"{path} belongs to another user (uid {found.st_uid})", f"chown {os.getuid()} {path}")
