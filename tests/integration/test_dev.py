"""`greenroom dev` with real processes: live reload, crashes that are shown, and nothing left however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

CONFIG = """\
project: tiny
processes:
  web: {command: [python3, serve.py], stop: 2s}
  worker: {command: [python3, work.py], stop: 1s}
migration: {style: command, command: [python3, migrate.py]}
config: {GREETING: {default: hello}, TOKEN: {secret: true, required: true}}
template: small
"""
SERVE = """\
import http.server, os, socketserver

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"one {os.environ['TOKEN']} {os.environ['DATABASE_URL']}".encode())
    def address_string(self):
        return "socket"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

print("web begins", flush=True)
Server(os.environ["GREENROOM_SOCKET"], Answer).serve_forever()
"""
WORK = """\
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)   # it does not end when it is told
subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(600)", os.getcwd()])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)                          # nobody's child any more
    os._exit(0)
print("worker begins", flush=True)
time.sleep(600)
"""
MIGRATE = "print('migrated', flush=True)\n"


class Dev:
    """The command line in a working tree of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.lines = root, list[str]()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        for name, text in {"greenroom.yaml": CONFIG, "serve.py": SERVE, "work.py": WORK, "migrate.py": MIGRATE}.items():
            self.write(name, text)
        self.write(".gitignore", "*.log\n/uploads/\n")
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)

    def write(self, name: str, text: str) -> None:
        """At once: what watches the tree must not see it half written, which would be two changes."""
        (self.root / name).parent.mkdir(exist_ok=True, parents=True)
        beside = self.root.with_name(f"{self.root.name}.beside")
        beside.write_text(text)
        beside.replace(self.root / name)

    def start(self, *words: str) -> None:
        argv = [sys.executable, "-m", "greenroom.cli.main", "dev", "--database", "postgresql://u:p@h/d"]
        argv += ["--port", str(self.port), *(words or ("--set", "TOKEN=abc"))]
        env = {k: v for k, v in os.environ.items() if not k.startswith("GREENROOM")}
        self.process = subprocess.Popen(
            argv, cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            for line in out:
                self.lines.append(line.rstrip("\n"))

    def until(self, said: Callable[[], object], seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not said():
            assert time.monotonic() < deadline, self.lines
            assert self.process.poll() is None or said(), self.lines
            time.sleep(0.02)

    def said(self, text: str) -> int:
        return sum(text in line for line in list(self.lines))

    def get(self) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def family(self) -> list[int]:
        """Processes that work in the tree, but for the command line itself."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != self.process.pid:
                try:
                    if os.readlink(entry / "cwd") == str(self.root) and (entry / "cmdline").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def guards(self) -> list[int]:
        found = []
        for pid in self.family():
            with suppress(OSError):  # git, which was asked something
                if b"guard.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def is_alone(self) -> bool:
        """Whether the family ends."""
        deadline = time.monotonic() + 60
        while self.family() and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.family() == []

    def end(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        code = self.process.wait(120)
        self.reader.join(60)
        return code


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    made = Dev(tmp_path)
    yield made
    if hasattr(made, "process"):
        made.end()
        made.is_alone()
        left = made.family()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == []


def test_a_change_is_seen_at_the_same_address(dev: Dev) -> None:
    """Migrated, then started; at a change all of it again, and a visitor who comes meanwhile waits and is answered.
    What git ignores changes nothing."""
    dev.start()
    dev.until(lambda: dev.said("worker begins"))
    assert dev.said(f"http://127.0.0.1:{dev.port}") == 1
    assert dev.get() == (200, "one abc postgresql://u:p@h/d")
    order = [line.split()[0] for line in dev.lines if "migrated" in line or "begins" in line]
    assert order[0] == "migrate"
    dev.write("app.log", "busy")
    dev.write("uploads/picture.png", "x")
    dev.write("serve.py", SERVE.replace('f"one', 'f"two'))
    dev.until(lambda: dev.said("changed: serve.py"))
    assert dev.get()[1].startswith("two")
    dev.until(lambda: dev.said("worker begins") == 2)
    assert (dev.said("changed:"), dev.said("migrated")) == (1, 2)
    assert dev.end() == 0
    assert dev.is_alone()


def test_a_crash_is_shown_and_mended_by_the_next_change(dev: Dev) -> None:
    """At the terminal and to whoever visits, in full; the other processes go on; a broken file and a migration that
    fails are told the same way."""
    dev.write("serve.py", "raise SystemExit('no such table: cart')")
    dev.start()
    dev.until(lambda: dev.said("web ended with exit code 1"))
    dev.until(lambda: dev.said("worker begins"))
    status, body = dev.get()
    assert status == 503
    assert "no such table: cart" in body
    dev.write("serve.py", SERVE)
    dev.until(lambda: dev.said("web begins"))
    assert dev.get()[0] == 200
    dev.write("migrate.py", "raise SystemExit('cannot migrate')")
    dev.until(lambda: dev.said("migrate ended with exit code 1"))
    assert "cannot migrate" in dev.get()[1]
    dev.write("greenroom.yaml", "project: [")
    dev.until(lambda: dev.said("nothing runs until the next change"))
    assert "greenroom.yaml" in dev.get()[1]
    dev.write("migrate.py", MIGRATE)
    dev.write("greenroom.yaml", CONFIG)
    dev.until(lambda: dev.said("web begins") == 2)
    assert dev.get()[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_it(dev: Dev, number: int) -> None:
    """A worker that ignores being told, its child in a session of its own and an orphan of it: all end, also when the
    command is killed outright."""
    dev.start()
    dev.until(lambda: dev.said("worker begins") and dev.said("web begins"))
    dev.until(lambda: len(dev.family()) >= 6)  # two guards, web, worker, and the worker's two
    code = dev.end(number)
    assert code == (-number if number == signal.SIGKILL else 0)
    assert dev.is_alone()


def test_a_killed_guard_takes_its_process_along(dev: Dev) -> None:
    """The kernel ends it; what it was is told."""
    dev.write("work.py", "import time\nprint('worker begins', flush=True)\ntime.sleep(600)")
    dev.start()
    dev.until(lambda: dev.said("worker begins") and dev.said("web begins"))
    dev.until(lambda: len(dev.guards()) == 2)
    for pid in dev.guards():
        os.kill(pid, signal.SIGKILL)
    dev.until(lambda: not dev.family())


def test_what_is_missing_is_refused_before_anything_starts(dev: Dev) -> None:
    """In four lines, with the option that gives it."""
    dev.start("--set", "GREETING=x")
    dev.process.wait(60)
    assert dev.end() == 1
    assert dev.said("greenroom dev --set TOKEN=VALUE") == 1
    assert dev.said("web begins") == 0


def test_two_at_one_address_is_refused(dev: Dev) -> None:
    """The second says who is in its way, and starts nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", dev.port))
        taken.listen()
        dev.start()
        dev.process.wait(60)
    assert dev.end() == 2
    assert dev.said("dev.port_taken") == 1
    assert dev.said("migrated") == 0
