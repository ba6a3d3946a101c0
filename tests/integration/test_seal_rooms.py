"""Clean rooms of every kind this machine can make: what runs in one is kept in, and ends with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from greenroom.adapters.sealing.forward import forwarded, get
from greenroom.adapters.sealing.rooms import Doors, Room, Task
from greenroom.adapters.sealing.tools import Account
from greenroom.domain.release import Language
from tests.seal_support import builder_account, open_directory, shared_tools

KINDS = [
    pytest.param("bwrap", marks=pytest.mark.needs("bwrap")),
    pytest.param("unshare", marks=pytest.mark.needs("namespaces")),
    "none",
]
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's: the build's user comes through here."""
    with open_directory() as made:
        yield made


class KindOf(Room):
    """A room of the kind the suite asks for."""

    def __init__(self, kind: str, account: Account | None) -> None:
        super().__init__(account)
        self.__dict__["kind"] = kind


@pytest.fixture(params=KINDS)
def room(request: pytest.FixtureRequest) -> Iterator[Room]:
    yield KindOf(request.param, builder_account() if os.getuid() == 0 else None)


@pytest.fixture
def ground(tmp_path: Path, room: Room) -> Path:
    made = tmp_path / "ground"
    made.mkdir()
    room.give(made)
    return made


def task(ground: Path, *command: str, **more: object) -> Task:
    return replace(Task(command, ENV, ground, writable=(ground,)), **more)


def alive(mark: str) -> bool:
    """True if any process of this machine has the mark among its words."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def gone(mark: str) -> bool:
    until = time.monotonic() + 30
    while alive(mark) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(mark)


def test_it_runs_with_exactly_what_it_is_given(room: Room, ground: Path) -> None:
    """Environment, directory, exit code, output and rights are those asked for and no more."""
    done = room.run(task(ground, "sh", "-c", "env; pwd; id -u; grep NoNewPrivs /proc/self/status; exit 7"), seconds=10)
    lines = done.output.split("\n")
    assert (done.code, done.ended_by) == (7, "")
    assert set(lines) >= {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", str(ground), "NoNewPrivs:\t1"}
    assert {x.split("=")[0] for x in lines if "=" in x} <= {"PATH", "LANG", "PWD", "OLDPWD", "_", "SHLVL"}
    assert str(room.account.uid if room.account else os.getuid()) in lines


def test_no_network_but_its_own(room: Room, ground: Path) -> None:
    """Without a network not even this machine's loopback is reached, its own works; or the room says so."""
    with socket.create_server(("127.0.0.1", 0)) as here:
        ask = (
            "import socket\n"
            f"print('host', socket.socket().connect_ex(('127.0.0.1', {here.getsockname()[1]})))\n"
            "own = socket.create_server(('127.0.0.1', 0))\n"
            "print('own', socket.socket().connect_ex(own.getsockname()))\n"
        )
        done = room.run(task(ground, "python3", "-c", ask), seconds=20)
    assert "own 0" in done.output
    if room.kind == "none":
        assert "not separated" in room.describe()["network"]
    else:
        assert "host 111" in done.output
        assert room.describe()["network"] == "none"


@pytest.mark.parametrize("how", ["time", "leave", "end"])
def test_everything_started_ends_with_it(how: str, room: Room, ground: Path) -> None:
    """Children that left their session die with the room: at the time limit, when it is left, when the command ends."""
    mark = f"300.{os.getpid()}{hash(how) % 1000:03}"
    script = f"(setsid sleep {mark} &) ; (setsid sh -c 'trap \"\" TERM HUP; sleep {mark}; :' &); sleep 0.2"
    script += "" if how == "end" else f"; sleep {mark}"
    began = time.monotonic()
    if how == "leave":
        with room.open(task(ground, "sh", "-c", script)):
            until = time.monotonic() + 30
            while not alive(mark) and time.monotonic() < until:
                time.sleep(0.02)
            assert alive(mark)
    else:
        done = room.run(task(ground, "sh", "-c", script), seconds=1.5 if how == "time" else 60)
        assert (done.ended_by == "") is (how == "end")
    assert gone(mark)
    assert time.monotonic() - began < 100, "nobody waited for what sleeps 300 seconds"


def test_it_dies_with_greenroom(room: Room, ground: Path) -> None:
    """Killed with SIGKILL, the process that opened the room takes everything in it along."""
    mark = f"301.{os.getpid()}"
    account = f"Account({room.account.uid}, {room.account.gid})" if room.account else "None"
    code = (
        "import time; from pathlib import Path; from tests.integration.test_seal_rooms import *\n"
        f"room = KindOf({room.kind!r}, {account})\n"
        f"with room.open(Task(('sh', '-c', '(setsid sleep {mark} &); sleep {mark}'), ENV, Path({str(ground)!r}),"
        f" writable=(Path({str(ground)!r}),))): print('open', flush=True); time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path.cwd())
    assert child.stdout is not None
    child.stdout.readline()
    until = time.monotonic() + 30
    while not alive(mark) and time.monotonic() < until:
        time.sleep(0.02)
    assert alive(mark)
    child.kill()
    child.wait()
    child.stdout.close()
    assert gone(mark)


def test_terminate_asks_first(room: Room, ground: Path) -> None:
    """SIGTERM reaches the command itself, which may end in its own time; who does not is killed."""
    polite = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    for script, ended in ((polite, True), (polite.replace("echo bye; exit 0", ""), False)):
        said: list[str] = []
        with room.open(task(ground, "sh", "-c", script), said.append) as running:
            until = time.monotonic() + 30
            while "ready" not in said and time.monotonic() < until:
                time.sleep(0.02)
            assert running.terminate(0.5 if not ended else 30) is ended
        assert ("bye" in running.output) is ended


def test_doors_lead_where_the_plan_says(room: Room, ground: Path) -> None:
    """A port of the room reaches a service outside; a socket outside reaches a port of the room."""
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]

        def answer() -> None:
            taken, _ = service.accept()
            with taken:
                taken.sendall(b"from outside")

        thread = threading.Thread(target=answer)
        thread.start()
        ask = (
            "import http.server, socket\n"
            f"found = socket.create_connection(('127.0.0.1', {port})).recv(100).decode()\n"
            "class A(http.server.BaseHTTPRequestHandler):\n"
            "    def do_GET(self): self.send_response(200 if found == 'from outside' else 500); self.end_headers()\n"
            "http.server.HTTPServer(('127.0.0.1', 18765), A).serve_forever()\n"
        )
        with forwarded(ground / "service", ("127.0.0.1", port)):
            room.give(ground)
            doors = Doors(((port, ground / "service"),), ((ground / "web", 18765),))
            with room.open(task(ground, "python3", "-c", ask, doors=doors)) as running:
                status, until = None, time.monotonic() + 60
                while status is None and time.monotonic() < until and not running.ended:
                    status = get(ground / "web", "/", 5)
                    time.sleep(0.05)
        thread.join()
    assert status == 200, running.output


def test_a_file_too_large_is_stopped(room: Room, ground: Path) -> None:
    """What grows past the limit ends the command, not the disk."""
    script = "while :; do head -c 3000000 /dev/zero >> big$((i=i+1)); sleep 0.05; done"
    done = room.run(task(ground, "sh", "-c", script), seconds=60, watch=ground, max_bytes=20_000_000)
    assert done.ended_by == "size"


def test_output_without_end_is_bounded(room: Room, ground: Path) -> None:
    """The last 64 KiB are kept, also of one endless line."""
    for script in ("yes | head -c 3000000", "head -c 3000000 /dev/zero | tr '\\0' x; echo end"):
        done = room.run(task(ground, "sh", "-c", script), seconds=30)
        assert len(done.output) <= 64 << 10
    assert done.output.endswith("end\n")


ORDINARY = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-k', sys.argv[2], '--basetemp', sys.argv[1], 'tests/integration/test_seal_rooms.py']))"  # fmt: skip # noqa: E501


@pytest.mark.needs("root")
def test_the_same_holds_for_an_ordinary_user(tmp_path: Path) -> None:
    """The rules above, as a user without any right."""
    user = builder_account()
    place = tmp_path / "theirs"
    place.mkdir()
    os.chown(place, user.uid, user.gid)
    interpreter = shared_tools().find(Language.PYTHON, "")
    assert interpreter is not None
    chosen = "exactly or network or ends_with_it or dies or doors"
    libraries = [str(Path.cwd()), str(Path.cwd() / "src"), sysconfig.get_path("purelib")]
    done = subprocess.run(
        ["setpriv", "--reuid", str(user.uid), "--regid", str(user.gid), "--clear-groups",
         str(interpreter.executable), "-c", ORDINARY, str(place / "t"), chosen],
        env={**ENV, "HOME": str(place), "PYTHONPATH": ":".join(libraries), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
