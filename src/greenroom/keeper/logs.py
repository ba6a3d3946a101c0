"""Rotation by copy and truncate: the process keeps its descriptor, which always appends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO


def rotate(log: Path, *, limit: int, keep: int) -> bool:
    """When `log` is beyond `limit` bytes: `log` becomes `log.1`, `log.1` becomes `log.2`, at most `keep` of them.

    What is written between the last copied byte and the truncation is lost; that is a few microseconds, and the
    price for never asking the process to reopen anything. Of a flood at most `3 * limit` bytes are kept: whoever writes
    faster than we copy must not keep the keeper busy for ever.
    """
    try:
        size = log.lstat().st_size
    except FileNotFoundError:
        return False
    if size <= limit or limit <= 0:
        return False
    for number in range(keep - 1, 0, -1):
        older = _numbered(log, number)
        if older.exists():
            older.rename(_numbered(log, number + 1))
    with open(os.open(log, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b") as source:
        if keep > 0:
            source.seek(max(0, size - 2 * limit))
            fd = os.open(_numbered(log, 1), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as target:
                _copy(source, target, 3 * limit)
        source.truncate(0)
    return True


def _copy(source: BinaryIO, target: BinaryIO, most: int) -> None:
    while most > 0 and (data := source.read(min(most, 1 << 20))):
        target.write(data)
        most -= len(data)


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
