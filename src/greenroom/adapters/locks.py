"""One at a time, between threads and processes of this machine; the kernel lets go when a holder dies.

It does not when a holder is stopped (SIGSTOP, Ctrl-Z): that one keeps its lock for as long as it sleeps, and whoever
needs it would wait for ever. Nor may the lock be taken from it: it may be half-way through a change that it would end
when it wakes. So whoever waits ends it. Every process of Greenroom may be killed at any instant, and then its lock is
free, and it changes nothing any more.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from greenroom.keeper import procfs

log = structlog.get_logger(__name__)

STOPPED_SECONDS = 10.0
"""How long a holder may be stopped while somebody waits for its lock; as long as in its turn at the store."""
LOOK_SECONDS = 0.5
POLL_SECONDS = (0.005, 0.05)
"""How soon a taken lock is asked for again: at first, and later. Most are held for milliseconds."""


@contextmanager
def locked(path: Path, *, shared: bool = False, seconds: float | None = None) -> Iterator[None]:
    """Wait for, then hold, the lock named by the file `path` (made if absent, 0600; its directory must exist).

    `shared`: others may hold it at the same time who say so, too. Raises TimeoutError when it is still taken after
    `seconds`. Ends a holder that is stopped, see above.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        wait_for(handle, shared=shared, seconds=seconds)
        yield
    finally:
        os.close(handle)


def wait_for(handle: int, *, shared: bool = False, seconds: float | None = None) -> None:
    """As `locked`, for a file that is open already; closing it lets go."""
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    began = looked = time.monotonic()
    stopped: dict[tuple[int, int], float] = {}
    while True:
        try:
            fcntl.flock(handle, how)
            return
        except BlockingIOError:
            now = time.monotonic()
        if seconds is not None and now - began >= seconds:
            raise TimeoutError(f"the lock is still taken after {seconds:g} s")
        if now - looked >= LOOK_SECONDS:
            looked = now
            stopped = {(s.pid, s.start): stopped.get((s.pid, s.start), now) for s in _stopped_holders(handle)}
            asleep = {who for who, since in stopped.items() if now - since >= STOPPED_SECONDS}
            if asleep:
                end_stopped_holders(handle, asleep)
        time.sleep(POLL_SECONDS[now - began > LOOK_SECONDS])


def end_stopped_holders(handle: int, only: set[tuple[int, int]] | None = None) -> bool:
    """End at once whoever holds a lock on this open file and is stopped (`only`: of these, pid and start time).

    True when there was somebody. What is stopped does nothing any more once it was sent SIGKILL, whatever else it is
    sent; its locks are free a moment later.
    """
    lock, ended = str(Path(f"/proc/self/fd/{handle}").readlink()), False
    for found in _stopped_holders(handle):
        if only is not None and (found.pid, found.start) not in only:
            continue
        try:
            procfs.kill(found)
        except PermissionError:
            log.warning("lock.holder_stopped", pid=found.pid, lock=lock, hint="continue it, or end it")
        else:
            ended = True
            log.warning("lock.holder_ended", pid=found.pid, lock=lock, why="it was stopped")
    return ended


def is_stopped(process: procfs.Stat) -> bool:
    """By a signal or by a debugger (proc(5): T, t)."""
    return process.state in ("T", "t")


def _stopped_holders(handle: int) -> list[procfs.Stat]:
    """The stopped processes that hold a lock on the same file."""
    ours = os.fstat(handle)
    return [s for s in procfs.everything() if is_stopped(s) and _holds(s.pid, (ours.st_dev, ours.st_ino))]


def _holds(pid: int, file: tuple[int, int]) -> bool:
    """True if an open file of this process is that one and is locked: it says so itself (proc(5), fdinfo)."""
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found = entry.stat()
                said = Path(f"/proc/{pid}/fdinfo/{entry.name}")
                if (found.st_dev, found.st_ino) == file and "FLOCK" in said.read_text():
                    return True
            except FileNotFoundError:  # closed meanwhile, or a file that is there no longer
                continue
    except (PermissionError, FileNotFoundError, ProcessLookupError):  # another user's, or gone
        pass
    return False
