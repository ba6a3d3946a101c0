"""The first process in a clean room. Standard library alone; started as a script, never imported by Greenroom.

    inside.py COMMAND…       the first line of standard input is the plan, see `main`

It brings the room's own loopback up, opens the few doors the plan names (the database inward, the
application's port outward), gives up every right, runs the command, and ends with it. Standard input
is then the leash: the line `term` asks the command to end; when the other end closes, everything in here is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
from typing import Any

PR_SET_NO_NEW_PRIVS = 38
PR_SET_CHILD_SUBREAPER = 36
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
MS_BIND, MS_REC = 0x1000, 0x4000
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, ATTR_RDONLY = 442, -100, 0x8000, 0x1  # linux/mount.h; one number everywhere
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
BLOCK = 1 << 16


def main() -> None:
    """The plan is JSON: `env` of the command, `loopback` bool, `inward` [[port, unix path]],
    `outward` [[unix path, port]], `uid` and `gid` or null, `file_bytes` the largest file a process may write,
    `nice` how far it stands back behind other programs, `walls` null or what `build_walls` takes."""
    plan = json.loads(sys.stdin.readline())
    if plan["walls"]:
        build_walls(plan["walls"], plan["file_bytes"])
    if plan["loopback"]:
        bring_loopback_up()
    doors = open_doors(plan)
    libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        become(plan)
        run(sys.argv[1:], plan["env"])
    for listener, family, address in doors:
        threading.Thread(target=serve, args=(listener, family, address), daemon=True).start()
    threading.Thread(target=hold_leash, args=(child,), daemon=True).start()
    status = wait_for(child)
    kill_the_rest()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def build_walls(walls: dict[str, Any], most: int) -> None:
    """Where bubblewrap would: hide the directories of `hidden` but for what the command is shown, and make everything
    read-only but its `writable` directories and what it finds empty. Needs a mount namespace of our own.

    `walls` has, apart from these, `readable` paths and the command's directory `cwd`; `most` is the size of each empty
    directory, which lies in memory."""
    os.umask(0o022)
    shown = {path: os.open(path, os.O_PATH) for path in (*walls["readable"], *walls["writable"])}
    empty = [d for d in walls["hidden"] if os.path.isdir(d)]  # noqa: PTH112 - pathlib costs 10 ms here
    for directory in empty:
        checked(libc().mount(b"tmpfs", directory.encode(), b"tmpfs", 0, f"mode=1777,size={most}".encode()), directory)
    for path in sorted(shown, key=len):
        source = f"/proc/self/fd/{shown[path]}"
        make_place(path, os.path.isdir(source))  # noqa: PTH112
        checked(libc().mount(source.encode(), path.encode(), None, MS_BIND | MS_REC, None), path)
        os.close(shown[path])
    set_read_only("/", True)
    for path in (*empty, *walls["writable"]):
        set_read_only(path, False)
    for path in walls["readable"]:
        if any(path.startswith(f"{w}/") for w in walls["writable"]):
            set_read_only(path, True)
    os.chdir(walls["cwd"])  # the directory we are in lies outside


def make_place(path: str, is_directory: bool) -> None:
    """Something to mount upon, where it was hidden."""
    if os.path.lexists(path):
        return
    if is_directory:
        os.makedirs(path)  # noqa: PTH103
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def set_read_only(path: str, on: bool) -> None:
    """With everything mounted below it (mount_setattr(2), Linux 5.12)."""
    attributes = struct.pack("=QQQQ", ATTR_RDONLY * on, ATTR_RDONLY * (not on), 0, 0)
    size = ctypes.c_size_t(len(attributes))
    checked(libc().syscall(MOUNT_SETATTR, AT_FDCWD, path.encode(), AT_RECURSIVE, attributes, size), path)


def checked(result: int, path: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


def open_doors(plan: dict[str, Any]) -> list[tuple[socket.socket, int, Any]]:
    """Listen before the command starts, so that it never finds a door shut."""
    doors: list[tuple[socket.socket, int, Any]] = []
    for port, path in plan["inward"]:
        doors.append((listening(socket.AF_INET, ("127.0.0.1", port)), socket.AF_UNIX, path))
    for path, port in plan["outward"]:
        doors.append((listening(socket.AF_UNIX, path), socket.AF_INET, ("127.0.0.1", port)))
    return doors


def listening(family: int, address: Any) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(64)
    return listener


def serve(listener: socket.socket, family: int, address: Any) -> None:
    while True:
        here, _ = listener.accept()
        there = socket.socket(family, socket.SOCK_STREAM)
        try:
            there.connect(address)
        except OSError:
            here.close()
            there.close()
            continue
        bridge(here, there)


def bridge(here: socket.socket, there: socket.socket) -> None:
    """Carry bytes both ways until both sides ended, then close both. Returns at once."""

    def carry() -> None:
        back = threading.Thread(target=pump, args=(there, here), daemon=True)
        back.start()
        pump(here, there)
        back.join()
        here.close()
        there.close()

    threading.Thread(target=carry, daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(BLOCK):
            target.sendall(block)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = b"lo".ljust(16, b"\0")
        request = fcntl.ioctl(control, SIOCGIFFLAGS, name + b"\0" * 16)
        flags = struct.unpack_from("=H", request, 16)[0]
        if not flags & IFF_UP:
            fcntl.ioctl(control, SIOCSIFFLAGS, name + struct.pack("=H14x", flags | IFF_UP))


def become(plan: dict[str, Any]) -> None:
    """Own session, nothing on standard input, limits, no rights: not now, not by a program that would give some.

    Signals as any program expects them: Python ignores SIGPIPE and SIGXFSZ, and what is ignored stays so."""
    os.setsid()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.nice(plan["nice"])
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as rank:  # as adapters/courtesy.py says
        rank.write(str(plan["nice"]))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = plan["file_bytes"] if hard == resource.RLIM_INFINITY else min(hard, plan["file_bytes"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    if plan["uid"] is not None:
        os.setgroups([])
        os.setgid(plan["gid"])
        os.setuid(plan["uid"])
    libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def run(command: list[str], env: dict[str, str]) -> None:
    try:
        os.execvpe(command[0], command, env)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    os._exit(127)


def hold_leash(child: int) -> None:
    for line in sys.stdin:
        if line.strip() == "term":
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
    kill_the_rest()
    os._exit(137)


def wait_for(child: int) -> int:
    """The command's status; what it left orphaned is reaped on the way."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status


def kill_the_rest() -> None:
    """Kill everything below us. As process 1 of the room, our end does the same for certain."""
    for _ in range(100):
        below = descendants(os.getpid())
        if not below:
            return
        for pid in below:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - pathlib costs 10 ms here
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in map(int, file.read().split()):
                    found += [child, *descendants(child)]
    return found


def libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main()
