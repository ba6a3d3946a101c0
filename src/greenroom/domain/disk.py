"""A disk that is full: how it is recognised, and what is said of it."""

from __future__ import annotations

import errno

from greenroom.domain.errors import Errored, Refused

FULL = (errno.ENOSPC, errno.EDQUOT)
WORDS = ("No space left on device", "Disk quota exceeded", "disk is full")
"""As the C library and SQLite say it, where only words of a program are left."""
MAKE_ROOM = "make room on it: greenroom collect removes releases that nobody needs"


def is_full(error: BaseException | None) -> bool:
    """True when this error, or one that led to it, is that of a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def says_full(text: str) -> bool:
    """True when a program's own words speak of a full disk."""
    return any(words in text for words in WORDS)


def disk_full(where: str, because: str, hint: str = "") -> Errored:
    """`where` is a path on that disk."""
    return Errored(
        "home.disk_full",
        f"the disk that holds {where} is full",
        because=because[:2000],
        hint=f"{MAKE_ROOM}; {hint or 'then try again'}",
    )


SPARE = 1.05
"""Of what is needed: file systems are slower, and some refuse, when nothing at all is free."""


def require_room(what: str, where: str, needed: int, free: int) -> None:
    """`what` would be brought to the disk that holds `where`: `needed` bytes, of which `free` are there.

    Raises Refused (`home.no_room`): better before it begins than with a full disk in the middle.
    """
    if free < needed * SPARE:
        raise Refused(
            "home.no_room",
            f"there is no room for {what}",
            because=f"it takes {_gigabytes(needed)} beside what is there, and {_gigabytes(free)} are free on the disk"
            f" that holds {where}",
            hint="make room: greenroom clone list and clone drop, fewer datasets (data/keep in greenroom.yaml),"
            " greenroom collect for releases; then ask again",
            facts={"needed": needed, "free": free},
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
