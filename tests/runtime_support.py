"""A home that other users may pass, a keeper, and a tiny web application, for the suites of keeper and runtime."""

from __future__ import annotations

import grp
import http.client
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.runtimes import toolchain, users
from greenroom.adapters.runtimes.process import ProcessRuntime
from greenroom.domain.release import Descriptor, Language, Listen, Process
from greenroom.keeper.client import KeeperClient, ensure_keeper
from greenroom.ports.runtime import InstanceSpec, Place, Unpacked

LINE = f"{sys.version_info[0]}.{sys.version_info[1]}"
PYTHON = f"python{LINE}"
"""The Python line the suites run on, and what its interpreter is called."""

ANYBODYS_PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
"""An interpreter that any user of the machine can run, of whatever version."""

APPLICATION = """
import http.server, json, os, signal, socketserver, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            print("asked to be slow", flush=True)
            time.sleep(3)
        if self.path == "/exit":
            os._exit(3)
        see = {
            "env": dict(os.environ), "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
            "pid": os.getpid(),
            "root": sorted(os.listdir("/")), "fds": sorted(os.listdir("/proc/self/fd")),
            "processes": [p for p in os.listdir("/proc") if p.isdigit()],
            "status": {l.split(":")[0]: l.split(":")[1].strip() for l in open("/proc/self/status") if ":" in l},
        }
        body = json.dumps(see).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "socket"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = False
    block_on_close = True

server = Server(os.environ["GREENROOM_SOCKET"], Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listening", flush=True)
server.serve_forever(poll_interval=0.05)
server.server_close()
print("finished", flush=True)
sys.exit(0)
"""


DAEMON = (
    "import os, sys, time\n"
    "for _ in range(2):\n"
    "    if os.fork(): (time.sleep(0.3), sys.exit(0))\n"
    "    os.setsid()\n"
    "os.closerange(0, 99)\n"
    "time.sleep(300)"
)  # fmt: skip


@contextmanager
def made_home() -> Iterator[Home]:
    """A home below a directory anybody may pass, gone afterwards with its keeper, its users and its group."""
    above = Path(tempfile.mkdtemp(prefix="gr-test-"))
    above.chmod(0o711)
    home = Home.at(above / "h")
    try:
        yield home
    finally:
        KeeperClient(home.keeper).shutdown(stop_children=True)
        shutil.rmtree(above)
        shutil.rmtree(home.run)
        remove_users(home)


def remove_users(home: Home) -> None:
    if not users.can_separate():
        return
    for environment in ("dev", "qa", "production"):
        name = users.environment_user(home, "shop", environment)
        if any(u.pw_name == name for u in pwd.getpwall()):
            remove_user(name)
    if any(g.gr_name == users.edge_group(home) for g in grp.getgrall()):
        subprocess.run(["groupdel", users.edge_group(home)], check=True)


def remove_user(name: str) -> None:
    """The user's last process may be just ending, and other suites may hold the machine's list of users."""

    def is_gone() -> bool:
        done = subprocess.run(["userdel", name], capture_output=True, text=True)
        said.append(done.stderr)
        return done.returncode in (0, 6)  # 6: there is none

    said: list[str] = []
    eventually(is_gone, what=lambda: "".join(said[-1:]))


@contextmanager
def kept(home: Home) -> Iterator[KeeperClient]:
    client = ensure_keeper(home.keeper)
    try:
        yield client
    finally:
        client.shutdown(stop_children=True)


def python(home: Home, *, sandboxed: bool) -> toolchain.Interpreter:
    """An interpreter that an environment's user can run: as it is in a sandbox, adopted without one."""
    found = toolchain.find_python(LINE)
    if sandboxed:
        return found
    prefix = toolchain.adopt(found.base_prefix, home)
    return toolchain.Interpreter(found.version, prefix / "bin" / PYTHON, prefix)


def release(home: Home, interpreter: toolchain.Interpreter, *, files: tuple[str, ...] = ()) -> Unpacked:
    root = home.artifacts / "release"
    root.mkdir(exist_ok=True, mode=0o755)
    root.chmod(0o755)
    (root / "app.py").write_text(APPLICATION)
    (root / "app.py").chmod(0o644)
    web = Process("web", ("python", "app.py"))
    descriptor = Descriptor("shop", "1.0", Language.PYTHON, (web,), files=files)
    path = (interpreter.executable.parent,)
    return Unpacked("sha256:" + "1" * 64, root, descriptor, path, {"PYTHONUNBUFFERED": "1"}, (interpreter.base_prefix,))


@contextmanager
def staged(*, sandboxed: bool) -> Iterator[Stage]:
    """A runtime with an environment and a release, in bubblewrap or without."""
    with made_home() as home, kept(home) as keeper:
        runtime = ProcessRuntime(home, keeper, "shop", bwrap="auto" if sandboxed else None)
        unpacked = release(home, python(home, sandboxed=sandboxed))
        yield Stage(home, keeper, runtime, runtime.prepare("dev"), unpacked, sandboxed)


def web(place: Place, unpacked: Unpacked, instance_id: str = "web-1", **env: object) -> InstanceSpec:
    path = place.sockets / f"{instance_id}.sock"
    given = {"GREENROOM_SOCKET": str(path), **env}
    command = (PYTHON, "app.py")
    return InstanceSpec(instance_id, place, unpacked, command, given, Listen.SOCKET, f"unix/{path}", stop_seconds=10)


def get(path: str, url: str = "/") -> bytes:
    """The body of a GET over a unix socket."""
    connection = http.client.HTTPConnection("localhost", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    try:
        connection.sock.connect(path)
        connection.request("GET", url)
        return connection.getresponse().read()
    finally:
        connection.close()


def eventually(true: Callable[[], object], seconds: float = 60.0, *, what: Callable[[], str] = str) -> None:
    """Wait until it is true; fail loudly when it never is. The limit is for a machine that has other work."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"it never came true {what()}".strip())
        time.sleep(0.02)


def processes_with(marker: str) -> list[int]:
    """Pids of living processes whose command line or environment holds the marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            continue
        if marker.encode() in text and state != b"Z":
            found.append(int(entry.name))
    return found


@dataclass
class Stage:
    """A home with its keeper and runtime, and a place and a release to run."""

    home: Home
    keeper: KeeperClient
    runtime: ProcessRuntime
    place: Place
    release: Unpacked
    sandboxed: bool
