"""Who goes first where several want the processor: a process that stands back takes what the others leave.

Linux ranks twice. nice(2) ranks what runs in one session. Sessions are ranked among each other by /proc/PID/autogroup
where the kernel groups by them (sched(7), "The autogroup feature"; most do), and nice means nothing between two of
them then. So both are said. Between control groups that the processor is shared out to, neither says anything.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from greenroom.keeper import procfs

STANDS_BACK = 11
"""How much nicer it is: about a tenth of the time of what is not, while both want the processor. Not the ten that
nice(1) gives unasked, so that who stands back is known from who has made itself so nice."""

MOST_PASSES = 5
"""What forks without end while it is ranked is not waited for."""

LEAST, MOST = 0, 19


def rank(pid: int, *, stands_back: bool) -> None:
    """The process, all that descends from it and their threads stand back from now on, or have their share again. What
    is gone is fine, and so is who is ranked already; where it could not be taken back nothing happens."""
    if not stands_back or can_be_taken_back():
        passes = 0
        while passes < MOST_PASSES and _changed(pid, stands_back):
            passes += 1  # one that was forked meanwhile has the rank its parent had


@cache
def can_be_taken_back() -> bool:
    """True if we may give a process its usual rank again, as often as we like. It is tried: root in a container may
    have no right to it, and would leave what it lowered where it is."""
    if not LEAST <= _base() < MOST - STANDS_BACK:
        return False
    try:
        with subprocess.Popen(["sleep", "60"], start_new_session=True, stdin=subprocess.DEVNULL) as tried:
            try:
                return _lowered_and_raised(tried.pid)
            finally:
                tried.kill()
    except OSError:
        return False


def _lowered_and_raised(pid: int) -> bool:
    """Raises OSError where that is not allowed."""
    session, usual = Path(f"/proc/{pid}/autogroup"), _base()
    for nice in (STANDS_BACK, 0):
        os.setpriority(os.PRIO_PROCESS, pid, usual + nice)
        if session.exists():
            session.write_text(str(nice))
    return True


def _base() -> int:
    """How nice we are, and so everything that we start."""
    return os.getpriority(os.PRIO_PROCESS, 0)


def _changed(pid: int, stands_back: bool) -> bool:
    members = [s for s in (procfs.stat(pid),) if s is not None] + procfs.family(pid)
    changed = [_rank_session(member, stands_back) for member in {s.session: s.pid for s in members}.values()]
    changed += [_rank_thread(thread, stands_back) for s in members for thread in _threads(s.pid)]
    return any(changed)


def _rank_session(member: int, stands_back: bool) -> bool:
    """`member` is any process of it."""
    file, wanted = Path(f"/proc/{member}/autogroup"), str(STANDS_BACK if stands_back else 0)
    try:
        if file.read_text().split()[-1:] == [wanted]:  # "/autogroup-123 nice 0"
            return False
        file.write_text(wanted)
    except OSError:  # it has ended, this kernel does not group, or it is not ours to rank: that was tried first
        return False
    return True


def _rank_thread(thread: int, stands_back: bool) -> bool:
    """One that has given itself a rank of its own keeps that."""
    usual = _base()
    try:
        present = os.getpriority(os.PRIO_PROCESS, thread)
        if stands_back and present == usual:
            os.setpriority(os.PRIO_PROCESS, thread, usual + STANDS_BACK)
        elif not stands_back and present == usual + STANDS_BACK:
            os.setpriority(os.PRIO_PROCESS, thread, usual)
        else:
            return False
    except OSError:  # it has ended, or it is not ours to rank
        return False
    return True


def _threads(pid: int) -> Iterator[int]:
    with suppress(OSError):  # it has ended
        yield from (int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir())
