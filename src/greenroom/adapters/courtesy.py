"""What no visitor waits for takes the processor's time that visitors leave: builds, checks, dumps, copies, and a new
release until it is healthy.

Linux ranks twice. nice(2) ranks what runs in one session. Sessions are ranked among each other by /proc/PID/autogroup
where the kernel groups by them (sched(7), "The autogroup feature"; most do), and nice means nothing between two of
them then. So both are said. Nice is inherited, the rank of a session is not: each process of PostgreSQL begins one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from greenroom.keeper import procfs

STANDS_BACK = 10
"""How nice it is: about a tenth of the time of what is not, while both want the processor."""

NICELY = '{ echo "$0" >/proc/self/autogroup; } 2>/dev/null; exec /usr/bin/nice -n "$0" "$@"'
"""For sh(1). A kernel that does not group sessions needs no more than nice."""

CAP_SYS_ADMIN, CAP_SYS_NICE = 21, 23
"""linux/capability.h: to rank sessions as often as one likes, and to take nice back."""


def nicely(argv: Sequence[str], nice: int) -> list[str]:
    """`argv`, standing back behind other programs by `nice`. To be started in a session of its own: all of that session
    stands back."""
    return ["/bin/sh", "-c", NICELY, str(nice), *argv] if nice else list(argv)


def follow(pid: int) -> None:
    """A process that inherited its nice and began a session of its own stands back as a session, too. One that is gone,
    or not for us to rank, is left as it is."""
    with suppress(OSError):
        if (nice := os.getpriority(os.PRIO_PROCESS, pid)) > 0:
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))


@cache
def can_be_taken_back() -> bool:
    """True if we may give a process its usual rank again: root may, unless a container keeps it from that."""
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
    return all(effective >> bit & 1 for bit in (CAP_SYS_ADMIN, CAP_SYS_NICE))


def rank(pid: int, *, stands_back: bool) -> None:
    """The process, all that descends from it and their threads stand back from now on, or no longer. What is gone is
    fine; where it could not be taken back, nothing happens."""
    while can_be_taken_back() and _changed(pid, stands_back):
        pass  # one that was forked meanwhile has the rank its parent had: none is left once nothing was to be changed


def _changed(pid: int, stands_back: bool) -> bool:
    members = [s for s in (procfs.stat(pid),) if s is not None] + procfs.family(pid)
    sessions = {s.session: s.pid for s in members}
    changed = [_rank_session(member, stands_back) for member in sessions.values()]
    changed += [_rank_thread(thread, stands_back) for s in members for thread in _threads(s.pid)]
    return any(changed)


def _rank_session(member: int, stands_back: bool) -> bool:
    """`member` is any process of it."""
    file, wanted = Path(f"/proc/{member}/autogroup"), str(STANDS_BACK if stands_back else 0)
    try:
        if file.read_text().split()[-1:] == [wanted]:  # "/autogroup-123 nice 0"
            return False
        file.write_text(wanted)
    except (FileNotFoundError, ProcessLookupError):  # it ended, or this kernel does not group
        return False
    return True


def _rank_thread(thread: int, stands_back: bool) -> bool:
    """What it has said of itself beyond our own word stays."""
    try:
        present = os.getpriority(os.PRIO_PROCESS, thread)
        if stands_back == (present >= STANDS_BACK):
            return False
        os.setpriority(os.PRIO_PROCESS, thread, present + (STANDS_BACK if stands_back else -STANDS_BACK))
    except ProcessLookupError:
        return False
    return True


def _threads(pid: int) -> Iterator[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        yield from (int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir())
