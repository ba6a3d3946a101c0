"""What work left on disk that ended, or that was killed and will be begun anew: servers first, then their files."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.postgres.scratch import kill_server_in

SOCKETS = ("sv.*", "rb.*")
"""Directories of sockets of servers that nobody keeps (`serving.sockets_of`, `backup/rebuilding.py`): each is made when
its server is started."""


def is_kept(name: str, keep: Collection[str]) -> bool:
    """True for a directory of work that has not ended. A drill has two, with a word after its own name."""
    return name in keep or any(name.startswith(f"{work}-") for work in keep)


def remove(folders: Iterable[Path]) -> int:
    """Each of these directories, after the server that works in its `data`; how many."""
    removed = 0
    for folder in folders:
        if folder.is_dir() and not folder.is_symlink():
            kill_server_in(folder / "data")
            shutil.rmtree(folder)
            removed += 1
    return removed


def sockets_left(home: Home) -> Iterator[Path]:
    """While nothing of ours runs but what is kept, all of them."""
    for pattern in SOCKETS:
        yield from home.sockets.glob(pattern)
