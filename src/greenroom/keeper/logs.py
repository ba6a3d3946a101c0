"""Logs: rotation by copy and truncate (the process keeps its descriptor, which always appends), and when they grew.

A process writes its lines itself, so that no death of ours costs one; they carry no time. Beside each log lies a file
of notes, `SIZE SECONDS` a line: at that time, in seconds since the epoch, the log was so long. That tells when a line
was written, to within the time between two looks, and so the order of lines of several logs.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_SAFELY = os.O_NOFOLLOW | os.O_CLOEXEC

TIMES_BYTES = 64 * 1024
"""Of notes that outgrow this the newer half is kept."""


def rotate(log: Path, *, limit: int, keep: int) -> bool:
    """When `log` is beyond `limit` bytes: `log` becomes `log.1`, `log.1` becomes `log.2`, at most `keep` of them.

    What is written between the last copied byte and the truncation is lost; that is a few microseconds, and the
    price for never asking the process to reopen anything. Of a flood at most `3 * limit` bytes are kept: whoever writes
    faster than we copy must not keep the keeper busy for ever. Where the disk has no room for the copy, the oldest
    logs give way, and at last the lines themselves: a log stays bounded, and only a copy that is whole moves others on.
    """
    try:
        size = log.lstat().st_size
    except FileNotFoundError:
        return False
    if size <= limit or limit <= 0:
        return False
    with open(os.open(log, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b") as source:
        copy = log.with_name(f"{log.name}.copy")
        made = False
        while keep > 0 and not made:
            source.seek(max(0, size - 2 * limit))
            made = _copied(source, copy, 3 * limit)
            if not made and not _gave_way(log, keep):
                break
        if made:
            for number in range(keep - 1, 0, -1):
                older = _numbered(log, number)
                if older.exists():
                    older.rename(_numbered(log, number + 1))
            copy.rename(_numbered(log, 1))
        source.truncate(0)
    return True


def _copied(source: BinaryIO, copy: Path, most: int) -> bool:
    """False when the disk has no room for it; nothing of it is left then."""
    try:
        fd = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as target:
            _copy(source, target, most)
    except OSError as error:
        copy.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    return True


def _gave_way(log: Path, keep: int) -> bool:
    """Remove the oldest log that is kept; False when there is none."""
    for number in range(keep, 0, -1):
        if _numbered(log, number).exists():
            _numbered(log, number).unlink()
            return True
    return False


def _copy(source: BinaryIO, target: BinaryIO, most: int) -> None:
    while most > 0 and (data := source.read(min(most, 1 << 20))):
        target.write(data)
        most -= len(data)


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def note(log: Path, now: float, known: int) -> int:
    """Note how long `log` is `now`, unless it is `known` to be (0: nothing was noted yet). Its length."""
    try:
        size = log.lstat().st_size
    except FileNotFoundError:
        return 0
    times = _times(log)
    if size < known:  # it was emptied: what was noted is of bytes that are gone
        times.unlink(missing_ok=True)
    if size not in (0, known):
        with open(os.open(times, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _SAFELY, 0o600), "wb", buffering=0) as file:
            file.write(f"{size} {now:.3f}\n".encode())
            has_outgrown = os.fstat(file.fileno()).st_size > TIMES_BYTES
        if has_outgrown:
            _halve(times)
    return size


def noted(log: Path) -> list[tuple[int, float]]:
    """What `note` wrote of `log` as it is now, in order: sizes, which only grow, and times. Empty when nothing was."""
    found: list[tuple[int, float]] = []
    for line in _lines(_times(log)):
        with suppress(ValueError):  # the last one may be half written
            size, seconds = line.split()
            if found and int(size) < found[-1][0]:  # it was emptied while nobody looked
                found.clear()
            found.append((int(size), float(seconds)))
    return found


def _halve(times: Path) -> None:
    lines = _lines(times)
    temporary = times.with_name(f".{times.name}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _SAFELY, 0o600), "wb") as file:
        file.writelines(lines[len(lines) // 2 :])
    temporary.rename(times)


def _lines(times: Path) -> list[bytes]:
    try:
        with open(os.open(times, os.O_RDONLY | _SAFELY), "rb") as file:
            return file.readlines()
    except OSError:  # absent, or not ours to read: the order of lines is not worth a failure
        return []


def _times(log: Path) -> Path:
    return log.with_name(f"{log.name}.times")
