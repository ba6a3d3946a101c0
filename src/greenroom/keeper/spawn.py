"""From a spec to a running process: fork, record the birth, shed everything inherited, execute."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from greenroom.keeper import procfs
from greenroom.keeper.crash import crash_at
from greenroom.keeper.spec import Spec

PROCESSES = 4096
"""An application that forks without end stops here; the machine (32,768 processes by default) goes on."""

PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True)


class SpawnFailed(Exception):
    """Nothing runs; the text says which step failed, and why."""


def spawn(spec: Spec, birth: Path, info: Path) -> int:
    """Start the process and return its pid once it was executed. Raises SpawnFailed when it could not be."""
    clear_sockets(spec)
    info.unlink(missing_ok=True)
    lock = lock_birth(birth)
    os.ftruncate(lock, 0)
    crash_at("spawn.locked")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(spec, lock, info, writer)
    os.close(lock)  # the child holds it on until it executes
    os.close(writer)
    crash_at("spawn.forked")
    with os.fdopen(reader) as report:
        trouble = report.read()
    if trouble:
        os.waitpid(pid, 0)
        raise SpawnFailed(trouble)
    return pid


def lock_birth(birth: Path) -> int:
    """Wait until no start of this name is half done, and hold that. Close the descriptor to let go."""
    fd = os.open(birth, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def read_birth(birth: Path) -> tuple[int, int] | None:
    """Pid and start time of the process born under this name, if it still runs."""
    fd = lock_birth(birth)
    try:
        said = json.loads(os.read(fd, 4096) or b"null")
        pid, start, boot = said["pid"], said["start"], said["boot"]
    except (ValueError, TypeError, KeyError):  # never born, or killed while it wrote
        return None
    finally:
        os.close(fd)
    return (pid, start) if boot == procfs.boot_id() and procfs.is_same(pid, start) else None


def clear_sockets(spec: Spec) -> None:
    """A socket that nobody listens on any more keeps the next process from binding its name."""
    for path in map(Path, spec.sockets):
        try:
            if stat.S_ISSOCK(path.lstat().st_mode):
                path.unlink()
        except FileNotFoundError:
            continue


def _become(spec: Spec, lock: int, info: Path, report: int) -> NoReturn:
    """In the child: turn into the process. Never returns to the keeper's code, whatever happens.

    Python opens every descriptor close-on-exec, so only 0, 1, 2 and the info descriptor reach the process.
    """
    step = "record the birth"
    try:
        crash_at("child.unborn")
        _announce(lock)
        crash_at("child.born")
        step = "leave the keeper's session"
        os.setsid()
        _default_signals()
        step = f"open the log {spec.log}"
        _streams(spec.log)
        argv = _with_info_fd(spec, info)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit_processes()
        os.umask(spec.umask)
        step = "change to its user"
        drop_user(spec.uid, spec.gid, spec.groups)
        step = f"enter {spec.cwd}"
        os.chdir(spec.cwd)
        step = "give up new privileges"
        if not (spec.info_fd and _is_setuid(argv[0])):  # a setuid bubblewrap gives them up itself
            no_new_privileges()
        step = f"execute {argv[0]}"
        os.execvpe(argv[0], argv, dict(spec.env))  # noqa: S606 - no shell, exact environment
    except BaseException as error:  # noqa: BLE001 - told to the keeper through the pipe
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else repr(error)
        os.write(report, f"cannot {step}: {why}".encode())
    finally:
        os._exit(127)


def _announce(lock: int) -> None:
    own = procfs.stat(os.getpid())
    assert own is not None  # noqa: S101 - /proc shows every process itself
    said = {"pid": own.pid, "start": own.start, "boot": procfs.boot_id()}
    os.pwrite(lock, json.dumps(said).encode(), 0)


def _default_signals() -> None:
    """What Python ignores or catches (SIGPIPE, SIGCHLD, …) is inherited across exec unless it is put back."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _streams(log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def _limit_processes() -> None:
    """Of one user, processes and threads together (setrlimit(2), RLIMIT_NPROC); what they start inherits it.

    Only as root, where environments have users of their own: an ordinary user's limit would count everything else that
    the user runs. Root itself is not held by it."""
    if os.geteuid() == 0:
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        most = PROCESSES if hard == resource.RLIM_INFINITY else min(hard, PROCESSES)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def _with_info_fd(spec: Spec, info: Path) -> list[str]:
    """A plain file, not a pipe: what the sandbox says must outlive this keeper."""
    if not spec.info_fd:
        return list(spec.argv)
    fd = os.open(info, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    os.set_inheritable(fd, True)
    return [str(fd) if word == "{info_fd}" else word for word in spec.argv]


def drop_user(uid: int | None, gid: int | None, groups: Sequence[int]) -> None:
    """Become another user for good; supplementary groups first, the user last, or the rest is forbidden."""
    if uid is None and gid is None:
        return
    if os.geteuid() == 0:
        os.setgroups(list(groups))
    if gid is not None:
        os.setresgid(gid, gid, gid)
    if uid is not None:
        os.setresuid(uid, uid, uid)


def no_new_privileges() -> None:
    """From here on no setuid program gives this process or its children anything (prctl(2))."""
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _is_setuid(program: str) -> bool:
    return bool(Path(program).stat().st_mode & stat.S_ISUID)
