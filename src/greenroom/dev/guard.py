"""Stands between `greenroom dev` and one of its processes, so that nothing of it outlives either.

python -I guard.py SECONDS COMMAND…

Started in a session of its own, with a pipe as standard input. When the pipe closes (told to end, or whoever held it
was killed), or SIGTERM comes, the command's group is asked to end, and after SECONDS killed. When the command ends,
whatever it started ends too: as the subreaper (prctl(2)) this process inherits what was left behind. When this process
itself is killed, the kernel kills the command. Exit code: the command's; 128 and its number for a signal; 127 when it
does not start. Needs the standard library alone: it is started for every process, at every change.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
NOT_STARTED = 127
POLL_SECONDS = 0.05


def main(words: list[str]) -> int:
    seconds, command = float(words[0]), words[1:]
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    us = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, us, prctl)
    with suppress(OSError):  # the child did it already
        os.setpgid(child, child)
    return _watch(child, seconds, woken, told)


def _become(command: list[str], parent: int, prctl: object) -> None:
    """In the child: the command, in a group of its own, with nothing of ours."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.setpgid(0, 0)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # type: ignore[operator]
        if os.getppid() != parent:
            os._exit(NOT_STARTED)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.execvp(command[0], command)  # noqa: S606 - an argument list
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(NOT_STARTED)


def _watch(child: int, seconds: float, woken: int, told: list[int]) -> int:
    """Until the command has ended, and all that it left; its exit code."""
    code: int | None = None
    deadline: float | None = None
    while code is None:
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([woken] if deadline is not None else [woken, 0], [], [], wait)
        if woken in ready:
            with suppress(BlockingIOError):
                os.read(woken, 4096)
        is_closed = 0 in ready and not os.read(0, 4096)
        if deadline is None and (is_closed or told):
            deadline = time.monotonic() + seconds
            _signal_group(child, signal.SIGTERM)
        elif deadline is not None and time.monotonic() >= deadline:
            _signal_group(child, signal.SIGKILL)
            deadline = time.monotonic() + 1.0
        code = _reap(child)
    _end_left_behind(child)
    return code


def _reap(child: int) -> int | None:
    """Whoever ended is gone; the command's exit code once it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == child:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _end_left_behind(child: int) -> None:
    _signal_group(child, signal.SIGKILL)
    while True:
        others = 0
        for pid in (children := _children()):
            try:
                os.kill(pid, signal.SIGKILL)
            except PermissionError:  # it became another user's: whoever made it so must end it
                others += 1
            except ProcessLookupError:
                pass
        if children and others == len(children):
            return
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """Who calls us parent, from the second field after the name in /proc/PID/stat (proc(5))."""
    found, us = [], os.getpid()
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the time to start
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == us:
                found.append(int(name))
    return found


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
