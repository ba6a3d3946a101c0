"""One home with a tiny application, brought up and down for real: what the journeys of a control plane's life share."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from greenroom import lifecycle
from greenroom.adapters.home import Home
from greenroom.adapters.runtimes import users
from greenroom.adapters.sealing.files import remove_tree
from greenroom.keeper.client import KeeperClient
from tests.runtime_support import remove_user

GREENROOM = (sys.executable, "-m", "greenroom.cli.main")
CONFIG = """\
project: {project}
release: {{version: "{version}", language: none, executables: [python3]}}
processes:
  web: {{command: "./serve", stop: 3s}}
{data}
environments:
  dev:
    port: {dev}
    preview_port: {preview}
    bake: {{for: {bake}, min_requests: 100000}}
    gates: {{checks: {{none_needed: it is tiny}}}}
{more}
edge: {{port: {edge}, ports_from: {first}}}
api: {{port: {api}}}
"""
NO_DATABASE = "services: {postgres: none}"
SLOW_MIGRATION = 'migration: {style: command, command: "./migrate", contracts: true}'
"""The older release cannot live on its schema: visitors are held meanwhile."""
SERVE = """\
#!/usr/bin/env python3
import http.server, os, socketserver

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"VERSION")
    def address_string(self):
        return "socket"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

Server(os.environ["GREENROOM_SOCKET"], Answer).serve_forever()
"""
MIGRATE = """\
#!/usr/bin/env python3
import os, time
time.sleep(6 if os.environ["GREENROOM_ENVIRONMENT"] == "dev" and "VERSION" != "1.0" else 0)
"""


@dataclass
class Life:
    """One home, one repository, ports of their own."""

    root: Path
    ports: dict[str, int]
    data: str = NO_DATABASE
    said: list[str] = field(default_factory=list)
    more: str = ""  # further lines of the environment in the configuration
    project: str = field(default_factory=lambda: f"tiny{os.urandom(3).hex()}")
    config: str = CONFIG
    files: dict[str, str] = field(default_factory=lambda: {"serve": SERVE, "migrate": MIGRATE})
    env: dict[str, str] = field(default_factory=dict)

    @property
    def repository(self) -> Path:
        return self.root / "repository"

    @property
    def home(self) -> Home:
        return Home.at(self.root / "home")

    @property
    def keeper(self) -> KeeperClient:
        return KeeperClient(self.home.keeper)

    def commit(self, version: str, *, bake: str = "0s") -> str:
        """A commit of this version; its hash."""
        self.repository.mkdir(exist_ok=True)
        text = self.config.format(
            project=self.project, version=version, bake=bake, data=self.data, more=self.more, **self.ports
        )
        (self.repository / "greenroom.yaml").write_text(text)
        for name, script in self.files.items():
            path = self.repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(script.replace("VERSION", version))
            path.chmod(0o755 if script.startswith("#!") else 0o644)
        self._git("init", "-q")
        self._git("add", "-A")
        self._git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", version)
        return self._git("rev-parse", "HEAD").strip()

    def recommit(self, version: str) -> str:
        """A commit of what lies in the repository under another version; its hash."""
        file = self.repository / "greenroom.yaml"
        file.write_text(re.sub(r'(version|default): "[^"]*"', rf'\1: "{version}"', file.read_text()))
        self._git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-a", "-m", version)
        return self._git("rev-parse", "HEAD").strip()

    def up(self) -> dict[str, Any]:
        return lifecycle.up(self.repository, self.home.root, self.said.append)

    def down(self, **more: Any) -> dict[str, Any]:
        return lifecycle.down(self.home.root, self.said.append, **more)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command line, from outside."""
        return self.begin(*words)()

    def begin(self, *words: str) -> Callable[[], subprocess.CompletedProcess[str]]:
        """The command line goes on beside us; called, it gives what came of it."""
        env = {**os.environ, **self.env, "GREENROOM_HOME": str(self.home.root)}
        child = subprocess.Popen(
            [*GREENROOM, *words], cwd=self.repository, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

        def end() -> subprocess.CompletedProcess[str]:
            out, err = child.communicate(timeout=240)
            return subprocess.CompletedProcess(child.args, child.returncode, out, err)

        return end

    def begin_release(self, version: str, **more: Any) -> None:
        """This version is made and goes to dev; nobody waits for it."""
        commit = self.commit(version, **more)
        for words in (("apply",), ("release", commit, "--then", "dev")):
            told = self.run(*words)
            assert told.returncode == 0, told.stdout + told.stderr

    def release(self, version: str) -> None:
        """This version is in dev."""
        self.begin_release(version)
        wait_until(lambda: self.visit() == version and not self.unfinished())

    def ended(self, *words: str) -> dict[str, Any]:
        """A command that asks for work and waits; the newest work, which is what came of it."""
        self.run(*words)
        return dict(self.works()[0])

    def visit(self, environment: str = "dev") -> str | None:
        """What a visitor is shown; None when there is no good answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[environment]}/", timeout=60) as answer:
                return str(answer.read().decode())
        except (OSError, HTTPException):
            return None

    def api(self, path: str) -> Any:
        known = json.loads((self.home.private / "api.json").read_text())
        request = urllib.request.Request(
            f"{known['url']}/api/v1/{path}", headers={"Authorization": f"Bearer {known['token']}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def works(self) -> list[dict[str, Any]]:
        return list(self.api("work"))

    def unfinished(self) -> list[dict[str, Any]]:
        return [w for w in self.works() if w["state"] not in ("done", "rolled_back", "rejected")]

    def must_be_healthy(self) -> None:
        """The doctor finds nothing: at the latest when all is there that starts beside what was asked for."""
        said: list[str] = []

        def finds_nothing() -> bool:
            told = self.run("doctor")
            said.append(told.stdout + told.stderr)
            return told.returncode == 0

        try:
            wait_until(finds_nothing)
        except AssertionError as late:
            raise AssertionError(said[-1]) from late

    def pid(self) -> int | None:
        """The control plane's process."""
        return self.keeper.status(lifecycle.CONTROL_PLANE).pid

    def _git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.repository, check=True, capture_output=True, text=True, timeout=30
        ).stdout


def kill_everything(life: Life, *more: int | None) -> None:
    """kill -9 of control plane and keeper at once, and of the processes `more`."""
    pid, keeper = life.pid(), int(life.keeper.ping()["pid"])
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # it would start a keeper
    for victim in (keeper, *more, pid):
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not life.keeper.answers())


def wait_until(reached: Callable[[], Any], seconds: float = 120) -> None:
    """The limit is for a machine that has other work; who answers not at all, or not to the end, is asked again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if reached():
                return
        except (OSError, HTTPException):  # nobody answers at the moment
            pass
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@contextmanager
def visited(life: Life) -> Iterator[list[str | None]]:
    """Somebody visits dev all the time; what they were shown."""
    seen: list[str | None] = []
    end = threading.Event()

    def visit() -> None:
        while not end.is_set():
            seen.append(life.visit())
            time.sleep(0.02)

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        yield seen
    finally:
        end.set()
        visitor.join()


@contextmanager
def living(
    data: str = NO_DATABASE,
    *,
    environments: tuple[str, ...] = ("dev",),
    name: str = "",
    ground: Callable[[Path], AbstractContextManager[object]] = nullcontext,
    **more: Any,
) -> Iterator[Life]:
    """A new home with free ports; afterwards no process, user or file of it is left. `more` sets fields of `Life`,
    `name` is part of its path, `ground` makes what the home lies on."""
    root = Path(tempfile.mkdtemp(prefix=f"greenroom-life-{name}", dir="/tmp"))  # other users must reach it
    root.chmod(0o711)
    life = Life(root, free_ports("api", "edge", "first", "preview", *environments), data, **more)
    try:
        with ground(root / "home"):
            home = life.home
            try:
                yield life
            finally:
                life.down()
                assert processes_of(root) == []
    finally:
        own = (users.edge_group(home), users.build_user(home), users.mail_user(home))
        made = (*own, f"gr-{life.project}-")  # no other home has this project
        for name in [p.pw_name for p in pwd.getpwall() if p.pw_name.startswith(made)]:
            remove_user(name)
        for name in [g.gr_name for g in grp.getgrall() if g.gr_name.startswith(made)]:
            subprocess.run(["groupdel", name], check=True, capture_output=True)
        remove_tree(home.run)
        remove_tree(root)  # releases are read-only, also for their owner


def below(*roots: Path) -> Iterator[Path]:
    """All that lies in these directories, and they themselves; what others remove meanwhile is not there."""
    for root in roots:
        yield root
        for folder, folders, files in os.walk(root):
            yield from (Path(folder, name) for name in (*folders, *files))


def pin(requirements: Path, lock: Path) -> None:
    """Write the lock file of these requirements, with hashes."""
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "compile", "-q", "--generate-hashes", "--no-header", requirements, "-o", lock]
    subprocess.run(command, check=True, capture_output=True)


def free_ports(*names: str) -> dict[str, int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    found = {name: int(s.getsockname()[1]) for name, s in zip(names, held, strict=True)}
    for s in held:
        s.close()
    return found


def processes_of(root: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(root) in words:
                found.append(words)
    return found
