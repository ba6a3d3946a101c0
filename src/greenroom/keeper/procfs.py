"""What /proc says about processes. A process is named by pid *and* start time: pids are reused, the pair is not."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Stat:
    """Fields of /proc/PID/stat (proc(5)). `start` is in clock ticks since boot."""

    pid: int
    state: str
    parent: int
    session: int
    start: int

    @property
    def is_alive(self) -> bool:
        return self.state not in "ZXx"


def stat(pid: int) -> Stat | None:
    """None when there is no such process."""
    try:
        text = (PROC / str(pid) / "stat").read_bytes()
    except OSError:  # ENOENT, or ESRCH when it ends while we read
        return None
    fields = text.rpartition(b")")[2].split()  # the name before it may hold blanks and brackets
    return Stat(pid, fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def is_same(pid: int, start: int) -> bool:
    """True if the process of that pid and start time still runs (a zombie does not)."""
    found = stat(pid)
    return found is not None and found.is_alive and found.start == start


def everything() -> list[Stat]:
    """All processes that can be seen now."""
    found = (stat(int(entry.name)) for entry in PROC.iterdir() if entry.name.isdigit())
    return [s for s in found if s is not None]


def family(pid: int) -> list[Stat]:
    """The living descendants of `pid` and members of the session it leads, without `pid` itself."""
    processes = [s for s in everything() if s.is_alive]
    members = {s.pid for s in processes if s.session == pid} | {pid}
    grew = True
    while grew:
        more = {s.pid for s in processes if s.parent in members} - members
        grew = bool(more)
        members |= more
    return [s for s in processes if s.pid in members and s.pid != pid]


def kill(process: Stat) -> None:
    """SIGKILL to exactly this process, never to another that took its pid."""
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if is_same(process.pid, process.start):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)


def deadly_unhandled(pid: int, number: int) -> bool:
    """True if the signal would end any process but is discarded by the kernel for this one.

    Process 1 of a pid namespace gets only signals it has a handler for (pid_namespaces(7)): a program that relies on
    SIGTERM's default action would never notice it.
    """
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return False
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    inner = fields.get("NSpid", "").split()
    bit = 1 << (number - 1)
    handled = int(fields.get("SigCgt", "0"), 16) | int(fields.get("SigIgn", "0"), 16)
    return len(inner) > 1 and inner[-1] == "1" and not handled & bit


def boot_id() -> str:
    """Changes with every boot of the machine: start times count from it."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()
