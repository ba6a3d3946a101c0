"""Clean rooms: where foreign code runs while a release is made. Empty home, exact environment, no network,
an unprivileged user, limits; the whole process tree ends with the room, and the room with Greenroom.

bubblewrap where it works, else the kernel's namespaces through `unshare`, else nothing but the limits; the
provenance says which.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from greenroom.adapters.courtesy import STANDS_BACK
from greenroom.adapters.sealing import files
from greenroom.adapters.sealing.tools import Account
from greenroom.domain.errors import Errored
from greenroom.ports.runtime import Finished

KEPT_OUTPUT = 64 << 10
LINE = 500
WATCH_EVERY = 0.5
RESERVED_BYTES = 256 * 10**6
"""What a build leaves free of the disk: the store and what runs must go on."""
SYSTEM = ("/bin", "/lib", "/lib64", "/lib32", "/sbin")
CONFIGURATION = ("ld.so.cache", "ld.so.conf", "localtime", "passwd", "group", "nsswitch.conf", "alternatives", "ssl")
SHARED = ("/dev/shm", "/tmp", "/var/tmp")  # noqa: S108 - a room has its own
NETWORKED = ("resolv.conf", "hosts", "ca-certificates", "pki")
INSIDE = Path(__file__).with_name("inside.py")


@dataclass(frozen=True)
class Doors:
    """Ways through the wall of a room without network: `inward` (port in the room, socket outside), `outward`."""

    inward: tuple[tuple[int, Path], ...] = ()
    outward: tuple[tuple[Path, int], ...] = ()


@dataclass(frozen=True)
class Task:
    """One command in a room. `writable` and `readable` are all it may see beside the system's programs."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    network: bool = False
    doors: Doors = field(default_factory=Doors)


class Room:
    """Makes rooms of the strongest kind this machine allows. `account` is None unless we are root. `hidden` are
    directories of which a command sees nothing but what its task shows."""

    def __init__(self, account: Account | None = None, hidden: tuple[Path, ...] = ()) -> None:
        self.account = account if os.geteuid() == 0 else None
        self._hidden = hidden

    @cached_property
    def kind(self) -> str:
        """`bwrap`, `unshare` or `none`: what separates a room from the machine."""
        if shutil.which("bwrap") and _works(["bwrap", "--ro-bind", "/", "/", "--unshare-net", "--unshare-pid", "true"]):
            return "bwrap"
        return "unshare" if _works([*_unshare(network=False), "true"]) else "none"

    def describe(self) -> dict[str, str]:
        """For the provenance."""
        network = "none" if self.kind != "none" else "not separated; package tools ran offline"
        return {"isolation": self.kind, "network": network, "user": "separate" if self.account else "the caller's"}

    def give(self, path: Path) -> None:
        """Hand a directory and all below it to the room's user."""
        if self.account is None:
            return
        os.chown(path, self.account.uid, self.account.gid)
        for below, _ in files.walk(path):
            os.chown(path / below, self.account.uid, self.account.gid, follow_symlinks=False)

    @property
    def keeps_hands_off(self) -> bool:
        """True if code in a room cannot change what it is shown and not given."""
        return self.account is not None or self.kind == "bwrap"

    def take_back(self, path: Path) -> None:
        """Make a directory and all below it our own again."""
        if self.account is None:
            return
        os.chown(path, os.geteuid(), os.getegid())
        for below, _ in files.walk(path):
            os.chown(path / below, os.geteuid(), os.getegid(), follow_symlinks=False)

    def run(
        self,
        task: Task,
        *,
        seconds: float,
        say: Callable[[str], None] = lambda _: None,
        watch: Path | None = None,
        max_bytes: int = files.MAX_BYTES,
    ) -> Finished:
        """Run a command to its end, or end it: after `seconds`; when `watch` grows past `max_bytes`, or one file does
        (`ended_by` is then "size"); when the disk is nearly full ("disk")."""
        with self.open(task, say, max_bytes) as running:
            ended = running.wait(seconds, grown(watch, max_bytes) if watch else None)
        return Finished(running.code, ended, running.output, running.seconds)

    @contextmanager
    def open(
        self, task: Task, say: Callable[[str], None] = lambda _: None, max_bytes: int = files.MAX_BYTES
    ) -> Iterator[Running]:
        """Start a command; it is gone, with everything it started, when the block ends."""
        running = Running(self._command(task, max_bytes), self._plan(task, max_bytes), task.cwd, say)
        try:
            yield running
        finally:
            running.kill()

    def _plan(self, task: Task, max_bytes: int) -> dict[str, object]:
        """What `inside.py` is told on its standard input, where no other process can read the environment."""
        alone = not task.network and self.kind != "none"
        return {
            "env": dict(task.env),
            "loopback": alone,
            "inward": [[port, str(path)] for port, path in task.doors.inward] if alone else [],
            "outward": [[str(path), port] for path, port in task.doors.outward],
            "uid": self.account.uid if self.account else None,
            "gid": self.account.gid if self.account else None,
            "file_bytes": max_bytes,
            "nice": STANDS_BACK,
            "walls": self._walls(task) if self.kind == "unshare" else None,
        }

    def _walls(self, task: Task) -> dict[str, object]:
        """bubblewrap shows what is named; here everything is there, so what must not be seen is hidden."""
        readable = [p for p in (Path(sys.base_prefix), *task.readable) if not p.is_relative_to("/usr")]
        mine = () if self.account else (Path.home(),)
        wanted = {*map(Path, SHARED), *(d.resolve() for d in (*self._hidden, *mine))}
        shown = [p.resolve() for p in (*readable, *task.writable)]
        wanted -= {d for d in wanted if any(d.is_relative_to(p) for p in shown)}  # shown as a whole
        outermost = [d for d in wanted if not any(d != o and d.is_relative_to(o) for o in wanted)]
        return {
            "hidden": sorted(str(d) for d in outermost),
            "readable": [str(p) for p in readable],
            "writable": [str(p) for p in task.writable],
            "cwd": str(task.cwd),
        }

    def _command(self, task: Task, max_bytes: int) -> list[str]:
        wall = {"bwrap": _bwrap(task, max_bytes), "unshare": _unshare(network=task.network)}.get(self.kind, [])
        return [*wall, _python(), "-I", "-S", str(INSIDE), *task.command]


class Running:
    """A command in its room. `code` is None until it ended, and when a signal or Greenroom ended it."""

    def __init__(
        self, command: Sequence[str], plan: Mapping[str, object], cwd: Path, say: Callable[[str], None]
    ) -> None:
        self.began = time.monotonic()
        self._kept: deque[str] = deque()
        self._size = 0
        self._say = say
        self._killed = ""
        self.seconds = 0.0
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise Errored(
                "release.room_failed",
                "a clean room could not be opened",
                because=str(error),
                hint="greenroom doctor says how isolation stands; bubblewrap must be allowed to make namespaces",
            ) from error
        self._tell(json.dumps(plan) + "\n")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """The last 64 KiB of what it wrote."""
        return "".join(self._kept)[-KEPT_OUTPUT:]

    @property
    def code(self) -> int | None:
        found = self._process.poll()
        return found if found is not None and 0 <= found < 128 and not self._killed else None

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, seconds: float, too_much: Callable[[], str] | None = None) -> str:
        """Until it ends; in words, what ended it: "" for itself."""
        deadline = self.began + seconds
        watch_at = time.monotonic() + WATCH_EVERY
        while True:
            try:
                self._process.wait(max(0.0, min(deadline - time.monotonic(), 0.5)))
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() >= deadline:
                    return self.kill(f"the time limit of {seconds:.0f} s")
                if too_much and time.monotonic() >= watch_at:
                    if why := too_much():
                        return self.kill(why)
                    watch_at = time.monotonic() + WATCH_EVERY
        self._settle()
        found = self._process.returncode
        if found in (128 + signal.SIGXFSZ, -signal.SIGXFSZ):
            return "size"
        return f"signal {found - 128}" if found > 128 else f"signal {-found}" if found < 0 else ""

    def terminate(self, seconds: float) -> bool:
        """Ask it to end; False if it had to be killed after `seconds`."""
        try:
            self._tell("term\n")
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill("ignoring SIGTERM")
            return False
        self._settle()
        return True

    def kill(self, why: str = "") -> str:
        """Let go of the leash: everything in the room dies. Does nothing when it has ended."""
        if self._process.poll() is None:
            self._killed = why or "killed"
            cast(IO[bytes], self._process.stdin).close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._settle()
        return why

    def _tell(self, line: str) -> None:
        leash = cast(IO[bytes], self._process.stdin)
        with contextlib.suppress(BrokenPipeError):  # it has ended: the one who waits will see
            leash.write(line.encode())
            leash.flush()

    def _settle(self) -> None:
        if not self.seconds:
            self.seconds = time.monotonic() - self.began
        self._reader.join(5)
        with contextlib.suppress(BrokenPipeError):
            cast(IO[bytes], self._process.stdin).close()
        if not self._reader.is_alive():
            cast(IO[bytes], self._process.stdout).close()

    def _read(self) -> None:
        source = cast(IO[bytes], self._process.stdout)
        while raw := source.readline(8192):
            line = raw.decode(errors="replace")
            self._kept.append(line)
            self._size += len(line)
            while self._size - len(self._kept[0]) > KEPT_OUTPUT:
                self._size -= len(self._kept.popleft())
            self._say(line.rstrip()[:LINE])


def grown(path: Path, limit: int) -> Callable[[], str]:
    """Asked, why what writes below `path` has to end: "size", "disk", or "" while it may go on."""

    def why() -> str:
        if files.size_of(path) > limit:
            return "size"
        return "disk" if shutil.disk_usage(path).free < RESERVED_BYTES else ""

    return why


def _python() -> str:
    """The interpreter itself, not a virtual environment's link to it."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _unshare(*, network: bool) -> list[str]:
    """Own process ids (so that everything dies together), own network with nothing in it but loopback."""
    own = ["--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--ipc", *([] if network else ["--net"])]
    if os.geteuid() == 0:
        return ["unshare", *own]
    return ["unshare", "--user", "--map-current-user", "--keep-caps", *own]


def _bwrap(task: Task, max_bytes: int) -> list[str]:
    shown: list[str] = ["--ro-bind", "/usr", "/usr", "--perms", "0755", "--dir", "/etc"]
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            shown += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            shown += ["--ro-bind", name, name]
    for name in (*CONFIGURATION, *(NETWORKED if task.network else ())):
        shown += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    shown += ["--proc", "/proc", "--dev", "/dev"]
    for shared in SHARED[:2]:
        shown += ["--perms", "1777", "--size", str(max_bytes), "--tmpfs", shared]
    readable = [(p, "--ro-bind") for p in (Path(sys.base_prefix), INSIDE, *task.readable)]
    for path, how in (*readable, *((p, "--bind") for p in task.writable)):
        if not path.is_relative_to("/usr"):  # parents that bubblewrap makes by itself let nobody else through
            shown += [x for p in reversed(path.parents[:-1]) for x in ("--perms", "0755", "--dir", str(p))]
        shown += [how, str(path), str(path)]
    own = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", *([] if task.network else ["--unshare-net"])]
    return ["bwrap", "--die-with-parent", "--as-pid-1", *own, *shown, "--chdir", str(task.cwd)]
