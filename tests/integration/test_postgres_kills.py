"""Killed anywhere, nothing is half done for good: the next call finds what is there and goes on from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from greenroom.adapters.postgres import restore_points
from greenroom.domain.errors import Errored
from greenroom.domain.release import Services
from tests.postgres_ground import Ground, ground, query, served_in
from tests.runtime_support import eventually

BOUNDARIES = (
    "restore.created",
    "restore.loaded",
    "restore.verified",
    "restore.ready",
    "exchange.closed",
    "exchange.alone",
    "exchange.done",
)


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


@pytest.fixture(scope="module")
def made() -> Iterator[Ground]:
    with ground() as made:
        yield made


@pytest.fixture
def url(made: Ground) -> str:
    found = made.databases().ensure("qa", Services()).url.reveal()
    query(found, "CREATE TABLE IF NOT EXISTS t (id int); TRUNCATE t; INSERT INTO t VALUES (1), (2)")
    return found


def killer(at: str):
    def reached(boundary: str) -> None:
        if boundary == at:
            raise Killed

    return reached


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_restore_killed_anywhere_is_finished_by_the_next(made: Ground, url: str, boundary: str) -> None:
    """Done again, the point is back, whole, and the former database is aside."""
    databases = made.databases()
    point, aside = databases.make_restore_point("qa", f"p-{boundary}"), f"w-{boundary}"
    query(url, "INSERT INTO t VALUES (3)")
    with pytest.raises(Killed):
        made.databases(reached=killer(boundary)).restore(point, aside=aside)
    databases.restore(point, aside=aside)
    assert query(url, "SELECT count(*) FROM t") == [(2,)]
    databases.put_back("qa", aside=aside)
    assert query(url, "SELECT count(*) FROM t") == [(3,)]


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_restore_killed_anywhere_can_be_put_back(made: Ground, url: str, boundary: str) -> None:
    """Undone instead, the database is as it was before, open, and nothing of the restore is left in the cluster."""
    databases = made.databases()
    point, aside = databases.make_restore_point("qa", f"u-{boundary}"), f"v-{boundary}"
    query(url, "INSERT INTO t VALUES (3)")
    with pytest.raises(Killed):
        made.databases(reached=killer(boundary)).restore(point, aside=aside)
    databases.put_back("qa", aside=aside)
    assert query(url, "SELECT count(*) FROM t") == [(3,)]
    left = query(url, "SELECT datname FROM pg_database WHERE datname LIKE '%:%'")
    assert left == []


def test_a_put_back_killed_is_finished_by_the_next(made: Ground, url: str) -> None:
    """Killed after the exchange, the leftover is removed by the next call."""
    databases = made.databases()
    point = databases.make_restore_point("qa", "b")
    query(url, "INSERT INTO t VALUES (3)")
    databases.restore(point, aside="b")
    with pytest.raises(Killed):
        made.databases(reached=killer("put-back.exchanged")).put_back("qa", aside="b")
    databases.put_back("qa", aside="b")
    assert query(url, "SELECT count(*) FROM t") == [(3,)]
    assert query(url, "SELECT datname FROM pg_database WHERE datname LIKE '%:%'") == []


def test_sessions_end_at_the_exchange_and_newcomers_get_the_restored_data(made: Ground, url: str) -> None:
    """An application that stays connected and reconnects at once cannot keep a restore from happening."""
    databases = made.databases()
    point = databases.make_restore_point("qa", "busy")
    query(url, "INSERT INTO t VALUES (3)")
    stop, counts = threading.Event(), []

    def application() -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(url, autocommit=True) as connection:
                    while not stop.is_set():
                        counts.append(connection.execute("SELECT count(*) FROM t").fetchone()[0])
            except psycopg.Error:
                continue

    threads = [threading.Thread(target=application) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        databases.restore(point, aside="busy")
        eventually(lambda: 2 in counts)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(counts) == {2, 3}
    assert counts[-1] == 2


def test_a_restore_point_killed_half_way_is_not_there(made: Ground, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is listed is complete; the next call under the same name makes it."""
    databases = made.databases()

    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(restore_points, "write_atomically", die)
        with pytest.raises(Killed):
            databases.make_restore_point("qa", "half")
    assert "half" not in [p.name for p in databases.restore_points("qa")]
    point = databases.make_restore_point("qa", "half")
    query(url, "TRUNCATE t")
    databases.restore(point, aside="half")
    assert query(url, "SELECT count(*) FROM t") == [(2,)]


def test_a_damaged_restore_point_leaves_the_database_alone(made: Ground, url: str) -> None:
    """A dump that does not come back as it was is an error before anything is exchanged."""
    databases = made.databases()
    point = databases.make_restore_point("qa", "damaged")
    archive = made.home.environments / "qa" / "restore-points" / "damaged" / "archive"
    for data in archive.glob("*.dat"):
        if data.name != "toc.dat":
            data.write_bytes(b"1\n\\.\n\n\n")
    with pytest.raises(Errored) as errored:
        databases.restore(point, aside="damaged")
    assert errored.value.code == "database.restore_differs"
    assert query(url, "SELECT count(*) FROM t") == [(2,)]
    for data in archive.glob("*.dat"):
        data.write_bytes(b"garbage")
    with pytest.raises(Errored) as errored:
        databases.restore(point, aside="damaged")
    assert errored.value.code == "database.tool_failed"
    assert query(url, "SELECT count(*) FROM t") == [(2,)]


HOLDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.postgres_ground import Ground
from greenroom.adapters.home import Home
from greenroom.domain.release import Services
from greenroom.keeper.client import KeeperClient
home = Home.at(Path({root!r}))
databases = Ground(home, KeeperClient(home.keeper), set()).databases()
with {what}:
    print("held", flush=True)
    time.sleep(600)
"""


def _hold(made: Ground, what: str) -> subprocess.Popen[str]:
    code = HOLDER.format(tests=str(Path(__file__).parents[2]), root=str(made.home.root), what=what)
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def _kill(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    assert holder.stdout is not None
    holder.stdout.close()


def test_the_migration_lock_is_let_go_when_its_holder_dies(made: Ground, url: str) -> None:
    """Another process cannot have it while the holder lives, and has it soon after kill -9."""
    holder = _hold(made, "databases.migration_lock('qa', seconds=60)")
    try:
        with pytest.raises(Errored), made.databases().migration_lock("qa", seconds=0.2):
            pass
    finally:
        _kill(holder)
    with made.databases().migration_lock("qa", seconds=60):
        pass


def test_a_scratch_cluster_ends_with_its_owner_and_is_swept(made: Ground) -> None:
    """kill -9 of the owner ends the server; the next start removes what is left, and leaves running ones alone."""
    databases = made.databases()
    root = made.home.environments / ".scratch"
    with databases.scratch(Services()) as living:
        holder = _hold(made, "databases.scratch(Services())")
        assert len(list(root.glob("run-*.lock"))) == 2
        _kill(holder)
        eventually(lambda: len(served_in(root)) == 1)
        assert databases.sweep() == 1
        assert query(living.url.reveal(), "SELECT 1") == [(1,)]
    assert list(root.glob("run-*")) == []
    assert served_in(root) == set()
    assert databases.sweep() == 0


def test_a_scratch_cluster_is_removed_when_its_block_fails(made: Ground) -> None:
    """Whatever ends the block, nothing is left."""
    with pytest.raises(Killed), made.databases().scratch(Services()):
        raise Killed
    root = made.home.environments / ".scratch"
    assert list(root.glob("run-*")) == []
    assert served_in(root) == set()


def test_a_killed_server_comes_back_with_all_that_was_committed(made: Ground, url: str) -> None:
    """The keeper starts it again; `ensure` waits for its recovery."""
    query(url, "INSERT INTO t VALUES (3)")
    data = made.home.environments / "qa" / "postgres-18" / "data"
    os.kill(int((data / "postmaster.pid").read_text().split("\n")[0]), signal.SIGKILL)
    databases = made.databases()
    assert databases.ensure("qa", Services()).url.reveal() == url
    assert query(url, "SELECT count(*) FROM t") == [(3,)]


def test_would_lose_survives_a_crash_of_the_server(made: Ground, url: str) -> None:
    """A crash throws the counters away; what the numbers of rows prove is still told."""
    databases = made.databases()
    point = databases.make_restore_point("qa", "before-crash")
    query(url, "INSERT INTO t VALUES (3), (4)")
    data = made.home.environments / "qa" / "postgres-18" / "data"
    os.kill(int((data / "postmaster.pid").read_text().split("\n")[0]), signal.SIGKILL)
    databases.ensure("qa", Services())
    assert databases.would_lose(point).tables == {"public.t": (2, 0, 0)}
