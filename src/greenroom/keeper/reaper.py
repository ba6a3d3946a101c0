"""Stands over one command and leaves nothing of it behind: `PYTHON -I -S reaper.py [options] -- COMMAND…`.

    --info-fd N       write {"child-pid": PID} there, as bubblewrap does, so that signals reach the command itself
    --parent PID      kill everything when the thread that started us ends (PID: its process, against the race)
    --user UID:GID:GROUP,…   become this user before the command is executed
    --umask OCTAL

Its own exit code is the command's, or 128 + the signal that ended it; 127 when the command cannot be executed.
Orphans of the command become children of ours (PR_SET_CHILD_SUBREAPER), whatever sessions they made, so nothing
escapes: when the command ends, or SIGTERM comes, all of them are killed. A file of its own, standard library
only: it is started once per command.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


class _Ended(Exception):
    """Somebody told us to end, or whoever started us is gone."""


def main(arguments: list[str]) -> int:
    split = arguments.index("--")
    options = dict(zip(arguments[:split:2], arguments[1:split:2], strict=True))
    command = arguments[split + 1 :]
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = 0
    try:
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _die_with(options.get("--parent"))
        child = _start(command, options)
        _say_child(options.get("--info-fd"), child)
        code = _wait_for(child)
    except _Ended:
        code = 128 + signal.SIGTERM
    finally:
        _turn_deaf()
        _kill_everything()
    return code


def _end(number: int, frame: object) -> None:
    raise _Ended


def _turn_deaf() -> None:
    """From here on SIGTERM changes nothing; one that comes just now must not keep us from the killing."""
    while True:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        except _Ended:
            continue
        return


def _die_with(parent: str | None) -> None:
    if parent is None:
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        raise _Ended


def _start(command: list[str], options: dict[str, str]) -> int:
    """Fork and execute; SIGTERM is held back meanwhile, so that no child is started and forgotten."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, options, parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return child


def _become(command: list[str], options: dict[str, str], parent: int) -> NoReturn:
    try:
        os.setsid()
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if "--umask" in options:
            os.umask(int(options["--umask"], 8))
        if "--user" in options:
            _drop(options["--user"])
        if "--info-fd" in options:
            os.set_inheritable(int(options["--info-fd"]), False)
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # last: changing the user clears it
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.getppid() == parent:
            os.execvpe(command[0], command, os.environ)  # noqa: S606 - no shell
    except OSError as error:
        os.write(2, f"cannot execute {command[0]}: {os.strerror(error.errno or 0)}\n".encode())
    except BaseException as error:  # noqa: BLE001 - nothing may return into the reaper's own code
        os.write(2, f"cannot execute {command[0]}: {error!r}\n".encode())
    finally:
        os._exit(127)


def _drop(user: str) -> None:
    uid, gid, groups = user.split(":")
    os.setgroups([int(g) for g in groups.split(",") if g])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))


def _say_child(info: str | None, child: int) -> None:
    if info is not None:
        os.write(int(info), f'{{"child-pid": {child}}}\n'.encode())
        os.close(int(info))


def _wait_for(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _kill_everything() -> None:
    """SIGKILL to every descendant, again and again, until none is left to become our child."""
    while True:
        for pid in _descendants():
            _kill(pid)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            signal.sigtimedwait({signal.SIGCHLD}, 0.01)
        except ChildProcessError:
            return


def _descendants() -> set[int]:
    parents = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the time to start
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
    found: set[int] = set()
    todo = {os.getpid()}
    while todo:
        todo = {pid for pid, parent in parents.items() if parent in todo} - found
        found |= todo
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
