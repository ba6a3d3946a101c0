"""Applications that do what they should not: each ends with a clear error, visitors keep the older release, nothing of
it stays, and nothing that must not be seen is seen."""

from __future__ import annotations

import http.client
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from greenroom.bootstrap import build
from greenroom.domain.release import Services
from greenroom.keeper.procfs import stat
from tests.life_support import Life, living, visited, wait_until
from tests.misbehaviour import CONFIG, disk_use, everything_shown, files, leaks, promoted, secrets_of
from tests.runtime_support import processes_with
from tests.sockets import exactly

pytestmark = pytest.mark.needs("postgres15")  # psql

MARK = f"misbehaving-child-{os.getpid()}"


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    with living("", config=CONFIG, files=files(MARK)) as made:
        made.commit("good-1")
        made.up()
        made.release("good-1")
        yield made


def serving(life: Life) -> str:
    """A good version in dev; its name."""
    shown = life.visit()
    if shown is None or not shown.startswith("good"):
        life.release(f"good-{time.monotonic_ns()}")
    return str(life.visit())


def refused(life: Life, version: str, code: str) -> dict[str, Any]:
    """This version is refused with this code, a reason and a way out, and no visitor met it."""
    before = serving(life)
    with visited(life) as seen:
        work = promoted(life, version)
    assert (work["state"], work["error"]["code"]) == ("rolled_back", code), work["error"]
    assert work["error"]["message"]
    assert work["error"]["because"]
    assert work["error"]["next"]
    assert set(seen) == {before}
    assert len([i for i in life.keeper.all() if i.name.startswith("app/")]) == 1
    told = life.run("work", "show", work["id"])
    assert code in told.stdout + told.stderr
    return work


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("sick", "answered 503"),
        ("exits", "ended 2 times, last with exit code 1"),
        ("once", "last with exit code 0"),
    ],
)
def test_what_is_not_healthy_reaches_no_visitor(life: Life, version: str, why: str) -> None:
    """Never healthy, ends at once, ends after its first answer: the reason says which, and the end of what it said."""
    work = refused(life, version, "release.unhealthy")
    assert why in work["error"]["because"]
    assert leaks(life) == []


def test_health_that_answers_while_all_else_breaks_is_caught_by_the_journey(life: Life) -> None:
    """500 everywhere but at the health check: the journey says no."""
    refused(life, "broken", "check.failed")


@pytest.mark.parametrize("version", ["tells", "says", "leaky"])
def test_a_secret_that_is_printed_is_seen_nowhere(life: Life, version: str) -> None:
    """Printed by a check, a migration, the application itself: not in what commands print, store, ledger, traces."""
    code = {"tells": "check.failed", "says": "migration.failed"}.get(version)
    if code:
        refused(life, version, code)
    else:
        promoted(life, version)
    shown = everything_shown(life)
    assert leaks(life) == []
    assert "••••" in shown["logs dev --lines 5000"]
    if version == "leaky":
        assert "starting with key ••••" in shown["logs dev --lines 5000"]


def test_an_error_page_tells_visitors_nothing(life: Life) -> None:
    """What the application answers with its 500 does not pass a friendly edge, headers neither."""
    promoted(life, "trace")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{life.ports['dev']}/leak", timeout=60)
    seen = caught.value.read().decode() + str(caught.value.headers)
    caught.value.close()
    assert caught.value.code == 500
    assert not [s for s in secrets_of(life) if s in seen]


def test_a_deaf_application_is_killed_after_its_time(life: Life) -> None:
    """It ignores SIGTERM: what was in flight is answered, then it is killed, and the promotion ends well."""
    promoted(life, "deaf")
    answers: list[str] = []

    def ask() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{life.ports['dev']}/slow", timeout=30) as answer:
            answers.append(answer.read().decode())

    pid = next(s.pid for s in life.keeper.all() if s.name.startswith("app/"))
    assert pid is not None
    asking = [threading.Thread(target=ask) for _ in range(3)]
    life.begin_release("good-after-deaf")
    wait_until(lambda: any(w["step"] in ("check", "switch", "bake", "retire") for w in life.unfinished()))
    for one in asking:
        one.start()
    wait_until(lambda: not life.unfinished())
    for one in asking:
        one.join()
    assert len(answers) == 3
    assert set(answers) <= {"slow deaf", "slow good-after-deaf"}
    assert life.visit() == "good-after-deaf"
    assert stat(pid) is None or not stat(pid).is_alive  # type: ignore[union-attr]
    assert life.works()[0]["state"] == "done"


def test_a_flooded_log_is_bounded_and_stays_readable(life: Life) -> None:
    """Some 20 MB a second: the disk holds a few rotations, `logs` shows the end, the keeper stays small and idle."""
    promoted(life, "flood")
    logs = life.home.environments / "dev" / "logs"
    keeper = int(life.keeper.ping()["pid"])
    began, used, memory = time.monotonic(), _cpu(keeper), _memory(keeper)
    most = 0
    while time.monotonic() - began < 4:
        most = max(most, disk_use(logs))
        time.sleep(0.1)
    busy = (_cpu(keeper) - used) / (time.monotonic() - began)
    assert most < 200_000_000
    assert most > 10_000_000  # it did flood
    shown = life.run("logs", "dev", "--process", "web", "--lines", "50")
    assert shown.returncode == 0
    assert shown.stdout.count("x" * 199) >= 40
    assert busy < 0.5
    assert _memory(keeper) - memory < 20_000_000
    assert life.visit() == "flood"


def _cpu(pid: int) -> float:
    """Seconds of processor time that the process used (proc(5), in ticks of 10 ms)."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _memory(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_children_end_with_the_release(life: Life) -> None:
    """They left its session and forked on: all of them are gone when the next release is there."""
    promoted(life, "forks")
    wait_until(lambda: len(processes_with(MARK)) >= 6)
    life.release("good-after-forks")
    wait_until(lambda: processes_with(MARK) == [])


@pytest.mark.needs("root")
def test_processes_of_an_environment_are_limited(life: Life) -> None:
    """One that forks without end meets a limit of its environment's user, long before the machine has no more."""
    serving(life)
    pid = next(s.pid for s in life.keeper.all() if s.name.startswith("app/"))
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"^Max processes +4096 +4096 ", limits, re.MULTILINE)
    assert Path(f"/proc/{pid}").stat().st_uid != 0


@pytest.mark.parametrize("version", ["half", "torn", "killed", "hangs"])
def test_a_migration_that_breaks_leaves_the_older_release_serving(life: Life, version: str) -> None:
    """Half done in a transaction or without, killed, or past its time: rolled back; nothing of it runs on."""
    work = refused(life, version, "migration.failed")
    wanted = {"half": "nowhere", "torn": "nowhere", "killed": "signal 11", "hangs": "time limit"}[version]
    assert wanted in work["error"]["because"]
    wait_until(lambda: processes_with(MARK) == [], 20)
    undone = next(h for h in work["history"] if h["step"] == "migrate" and h["direction"] == "backward")
    assert undone["outcome"] == "done"
    assert (version in _tables(life)) is (version in ("torn", "killed"))
    told = work["facts"]["migrate"].get("undone", "")
    assert told == (
        "schema unchanged" if version in ("half", "hangs") else "schema stays: the older release lives on it"
    )


def _tables(life: Life) -> list[str]:
    url = build(life.home).world.databases.ensure("dev", Services(18)).url.reveal()
    with psycopg.connect(url) as connection:
        return [r[0] for r in connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r'")]


def test_strange_answers_harm_nobody(life: Life) -> None:
    """100 MB arrive whole; no HTTP at all and half a body are errors of that request alone."""
    serving(life)
    base = f"http://127.0.0.1:{life.ports['dev']}"
    with urllib.request.urlopen(f"{base}/big", timeout=60) as answer:
        assert len(answer.read()) == 100 << 20
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{base}/malformed", timeout=60)
    caught.value.close()
    assert caught.value.code == 502
    with urllib.request.urlopen(f"{base}/cut", timeout=60) as answer, pytest.raises(http.client.IncompleteRead):
        answer.read()
    assert life.visit() is not None


def test_streams_do_not_keep_the_old_release_for_ever(life: Life) -> None:
    """Server-sent events, a web socket and an endless answer stay on the old release until its time to drain is over;
    the switch happens at once, and who comes now meets the new one."""
    old = serving(life)
    with ExitStack() as open_ones:
        streams = [open_ones.enter_context(_stream(life, path)) for path in ("/events", "/endless")]
        web_socket = open_ones.enter_context(_stream(life, "/socket", upgrade=True))
        assert all(s.recv(10) for s in streams)
        web_socket.sendall(b"hello")
        assert exactly(web_socket, 5) == b"hello"
        life.begin_release("good-streams")
        wait_until(lambda: life.visit() == "good-streams")
        assert old != "good-streams"
        wait_until(lambda: not life.unfinished())
        for one in (*streams, web_socket):
            data = b""
            while more := one.recv(65536):
                data = (data + more)[-5:]
                if data == b"0\r\n\r\n":  # the end of a chunked answer (RFC 9112)
                    break
    assert life.works()[0]["state"] == "done"


def _stream(life: Life, path: str, *, upgrade: bool = False) -> socket.socket:
    """An open connection to dev that has read the head of the answer."""
    one = socket.create_connection(("127.0.0.1", life.ports["dev"]), timeout=60)
    more = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n" if upgrade else ""
    one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{life.ports['dev']}\r\n{more}\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += one.recv(1)
    assert head.startswith(b"HTTP/1.1 101" if upgrade else b"HTTP/1.1 200")
    return one
