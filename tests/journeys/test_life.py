"""The control plane's life on a machine: started, started twice, killed, stopped; a small real application runs on."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from greenroom import lifecycle
from greenroom.adapters.home import Home
from greenroom.adapters.runtimes import users
from greenroom.domain.errors import BadInput, Refused
from greenroom.keeper.client import KeeperClient, KeeperUnavailable

GREENROOM = Path(sys.executable).with_name("greenroom")
CONFIG = """\
project: tiny
release: {{version: "{version}", language: none, executables: [python3]}}
processes:
  web: {{command: "./serve", stop: 3s}}
{data}
environments:
  dev: {{port: {dev}, bake: {{for: {bake}, min_requests: 100000}}, gates: {{checks: {{none_needed: it is tiny}}}}}}
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
time.sleep(3 if os.environ["GREENROOM_ENVIRONMENT"] == "dev" else 0)
"""


@dataclass
class Life:
    """One home, one repository, ports of their own."""

    root: Path
    ports: dict[str, int]
    data: str = NO_DATABASE
    said: list[str] = field(default_factory=list)

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
        text = CONFIG.format(version=version, bake=bake, data=self.data, **self.ports)
        (self.repository / "greenroom.yaml").write_text(text)
        for name, script in (("serve", SERVE), ("migrate", MIGRATE)):
            path = self.repository / name
            path.write_text(script.replace("VERSION", version))
            path.chmod(0o755)
        self._git("init", "-q")
        self._git("add", "-A")
        self._git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", version)
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
        env = {**os.environ, "GREENROOM_HOME": str(self.home.root)}
        child = subprocess.Popen(
            [GREENROOM, *words], cwd=self.repository, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

        def end() -> subprocess.CompletedProcess[str]:
            out, err = child.communicate(timeout=120)
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

    def visit(self) -> str | None:
        """What a visitor of dev is shown; None when there is no good answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['dev']}/", timeout=30) as answer:
                return str(answer.read().decode())
        except OSError:
            return None

    def api(self, path: str) -> Any:
        known = json.loads((self.home.private / "api.json").read_text())
        request = urllib.request.Request(
            f"{known['url']}/api/v1/{path}", headers={"Authorization": f"Bearer {known['token']}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def works(self) -> list[dict[str, Any]]:
        return list(self.api("work"))

    def unfinished(self) -> list[dict[str, Any]]:
        return [w for w in self.works() if w["state"] not in ("done", "rolled_back", "rejected")]

    def pid(self) -> int | None:
        """The control plane's process."""
        return self.keeper.status(lifecycle.CONTROL_PLANE).pid

    def _git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.repository, check=True, capture_output=True, text=True, timeout=30
        ).stdout


def wait_until(reached: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if reached():
                return
        except OSError:  # nobody answers at the moment
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
def living(data: str = NO_DATABASE) -> Iterator[Life]:
    """A new home with free ports; afterwards no process, user or file of it is left."""
    root = Path(tempfile.mkdtemp(prefix="greenroom-life-", dir="/tmp"))  # other users must reach it
    root.chmod(0o711)
    life = Life(root, free_ports("api", "edge", "first", "dev"), data)
    home = life.home
    try:
        yield life
    finally:
        life.down()
        assert processes_of(root) == []
        mark = users.edge_group(home).rpartition("-")[2]  # the same in the names of all of this home's users
        for name in [p.pw_name for p in pwd.getpwall() if p.pw_name.endswith(f"-{mark}")]:
            subprocess.run(["userdel", name], check=True, capture_output=True)
        for name in [g.gr_name for g in grp.getgrall() if g.gr_name.endswith(f"-{mark}")]:
            subprocess.run(["groupdel", name], check=True, capture_output=True)
        shutil.rmtree(home.run)
        shutil.rmtree(root)


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


@pytest.fixture(scope="module")
def served() -> Iterator[Life]:
    """Greenroom is up, and some version of the application is served in dev."""
    with living() as life:
        life.commit("1.0")
        life.up()
        life.release("1.0")
        yield life


@pytest.fixture
def life(served: Life) -> Life:
    """As `served`, whatever the test before did."""
    served.up()
    wait_until(lambda: served.visit() is not None and not served.unfinished())
    served.said.clear()
    return served


def test_up_again_changes_nothing(life: Life) -> None:
    """What runs goes on running."""
    before = life.pid()
    assert life.up()["url"] == f"http://127.0.0.1:{life.ports['api']}"
    assert life.pid() == before
    assert life.said == []


def test_two_at_once_start_one_control_plane(life: Life) -> None:
    """A second `up` waits for the first and finds everything running; visitors notice nothing of all that."""
    with visited(life) as seen:
        life.down(applications=False)
        ends = [life.begin("up"), life.begin("up"), life.begin("up")]
        told = [end() for end in ends]
    assert [t.returncode for t in told] == [0, 0, 0], [t.stderr for t in told]
    assert len([w for w in processes_of(life.root) if "greenroom.serving" in w]) == 1
    assert set(seen) == {seen[0]}
    assert seen[0] is not None


def test_killed_it_comes_back_and_work_goes_on(life: Life) -> None:
    """kill -9 in the middle of a bake: it answers within seconds, the work ends well, visitors notice nothing."""
    life.begin_release("2.0", bake="4s")
    wait_until(lambda: any(w["step"] == "bake" for w in life.unfinished()))
    with visited(life) as seen:
        before = life.pid()
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: life.works(), 20)
        assert life.pid() != before
        wait_until(lambda: not life.unfinished())
    assert set(seen) == {"2.0"}
    assert life.works()[0]["state"] == "done"


def test_up_after_a_kill_waits_for_the_new_one(life: Life) -> None:
    """Whoever comes just after the kill gets an answer of the one that came back."""
    before = life.pid()
    assert before is not None
    os.kill(before, signal.SIGKILL)
    life.up()
    assert life.works()
    assert len([w for w in processes_of(life.root) if "greenroom.serving" in w]) == 1


def test_the_same_worker_in_every_life(life: Life) -> None:
    """Its name is random, private, and stays: left-overs of its former life are its own."""
    name = life.home.private / "owner"
    before = name.read_text()
    assert len(before) == 16
    assert name.stat().st_mode & 0o777 == 0o600
    life.down(applications=False)
    life.up()
    assert name.read_text() == before


@pytest.fixture(scope="module")
def migrating() -> Iterator[Life]:
    """A home whose releases hold their visitors for three seconds while they migrate."""
    with living(SLOW_MIGRATION) as life:
        life.commit("1.0")
        life.up()
        life.release("1.0")
        yield life


def hold(life: Life, version: str) -> None:
    """Begin a release, until the visitors of dev wait for its migration."""
    life.up()
    life.said.clear()
    life.begin_release(version)
    wait_until(lambda: any(w["step"] == "migrate" for w in life.unfinished()))


def test_an_orderly_stop_lets_held_visitors_go_on(migrating: Life) -> None:
    """While a migration holds them the control plane is not stopped: nobody waits for one that does not run."""
    life = migrating
    hold(life, "2.0")
    with pytest.raises(Refused) as refused:
        life.down(applications=False, patience=0.2)
    assert refused.value.code == "control_plane.visitors_wait"
    assert life.pid() is not None
    life.down(applications=False)
    assert any("visitors of dev wait" in line for line in life.said)
    assert life.pid() is None
    assert life.visit() == "2.0"


def test_told_to_end_by_others_it_lets_held_visitors_go_on(migrating: Life) -> None:
    """A plain SIGTERM, as a service manager sends it, is waited with too."""
    life = migrating
    hold(life, "3.0")
    life.keeper.stop(lifecycle.CONTROL_PLANE)
    assert life.pid() is None
    assert life.visit() == "3.0"


def test_an_invalid_file_changes_nothing(life: Life, tmp_path: Path) -> None:
    """A file that is wrong, missing, or no text is named, and no home is made for it."""
    elsewhere = tmp_path / "home"
    for content, code in ((None, "config.absent"), (b"project: [", "config.invalid"), (b"\xff\xfe", "config.invalid")):
        if content is not None:
            (tmp_path / "greenroom.yaml").write_bytes(content)
        with pytest.raises(BadInput) as wrong:
            lifecycle.up(tmp_path, elsewhere, life.said.append)
        assert wrong.value.code == code
    assert not elsewhere.exists()
    (life.repository / "greenroom.yaml").write_text("project: tiny\nenvironments: 7\n")
    before = life.pid()
    told = life.run("up")
    assert told.returncode == 2
    assert "environments" in told.stderr
    assert life.pid() == before
    life.commit("3.0")


def test_a_taken_port_is_named_and_nothing_stays(life: Life) -> None:
    """Another home that wants this API port is refused, and keeps nothing running that tries for ever."""
    with living() as other:
        other.ports["api"] = life.ports["api"]
        other.commit("1.0")
        told = other.run("up")
        assert told.returncode == 2, told.stdout
        assert f"127.0.0.1:{life.ports['api']}" in told.stderr
        assert other.keeper.status(lifecycle.CONTROL_PLANE).state == "unknown"
        assert "greenroom.serving" not in " ".join(processes_of(other.root))
        other.ports |= free_ports("api")
        other.commit("1.0")
        assert other.up()["environments"]


def test_down_ends_everything_and_up_brings_it_back(life: Life) -> None:
    """Applications, edge, keeper and control plane end; the next `up` serves what was served."""
    before = life.visit()
    assert lifecycle.CONTROL_PLANE in life.down()["stopped"]
    assert processes_of(life.root) == []
    with pytest.raises(KeeperUnavailable):
        life.keeper.ping()
    assert life.down() == {"home": str(life.home.root), "stopped": []}
    life.up()
    wait_until(lambda: life.visit() == before)
