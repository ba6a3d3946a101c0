"""Directories that must be ours before anything is trusted to them."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from greenroom.adapters.runtimes.users import User
from greenroom.domain.errors import Errored

COMPLETE = ("placed.json", "rebuilt.json", "fetched.json")
"""One of these beside a data directory says that it is whole: a dataset was laid out there, a backup rebuilt, or a
managed server copied."""


def is_complete(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in COMPLETE)


def own_directory(path: Path, mode: int, account: User | None = None, *, takes_over: bool = False) -> Path:
    """A directory of the caller's, or of `account`; made if absent. Its parent must be ours already.

    `takes_over`: nobody but us can make anything in the parent, so one that belongs to another user of ours (an
    environment that had this place in an earlier life of the home) is emptied and made anew.

    Raises Errored (`home.unsafe`) when it is a link or belongs to anybody else.
    """
    owner = os.getuid() if account is None else account.uid
    if takes_over and path.is_dir() and not path.is_symlink() and path.lstat().st_uid not in (owner, os.getuid()):
        shutil.rmtree(path)
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        pass
    else:
        path.chmod(mode)  # whatever the umask
        if owner != os.getuid():
            os.chown(path, owner, account.gid if account else -1, follow_symlinks=False)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.getuid()):
        raise Errored("home.unsafe", f"{path} is not a directory of ours", hint="remove it")
    return path
