"""Backups in their details: killed at every boundary, full disks, flipped bits, a second place, what lies open."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.backup.backups import PostgresBackups
from greenroom.adapters.postgres.backup.places import Bucket
from greenroom.adapters.postgres.connect import MAINTENANCE, session
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.domain.backup import Target, choose
from greenroom.domain.errors import Errored, GreenroomError, Refused
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.ports.backups import Storage
from tests.contracts.test_backups import flip, wait_until
from tests.killing import killed_at
from tests.life_support import free_ports
from tests.postgres_ground import Ground, ground, query, tear_out
from tests.small_disk import small_disk

REBUILDING = ("rebuild.laid_out", "rebuild.log", "rebuild.recovered")
EXCHANGING = ("exchange.stopped", "exchange.aside", "exchange.in_place")


@pytest.fixture(scope="module")
def made() -> Iterator[Ground]:
    with ground() as made:
        yield made


def backups_of(made: Ground, storage: Storage | None = None, **more: Any) -> PostgresBackups:
    return PostgresBackups(
        made.home,
        made.keeper,
        "shop",
        SystemClock(),
        storage=lambda environment: storage or Storage(),
        ensure_user=made.ensure_user,
        adopt=adopt,
        **more,
    )


def begun(
    made: Ground, environment: str, storage: Storage | None = None, major: int = 18
) -> tuple[PostgresBackups, str]:
    """Backed up, with two rows; and the application's address."""
    url = made.databases().ensure(environment, Services(major)).url.reveal()
    query(url, "CREATE TABLE t (id serial PRIMARY KEY, said text)")
    query(url, "INSERT INTO t (said) VALUES ('one'), ('two')")
    backups = backups_of(made, storage)
    assert backups.protect(environment).problem == ""
    return backups, url


def rows(made: Ground, environment: str, major: int = 18) -> int:
    url = made.databases().ensure(environment, Services(major)).url.reveal()
    return int(query(url, "SELECT count(*) FROM t")[0][0])


def killed(made: Ground, boundary: str, act: Any) -> None:
    """Another process does it and is killed with -9 at that boundary."""
    killed_at(boundary, lambda reached: act(backups_of(made, reached=reached)))


@pytest.fixture(scope="module")
def restorable(made: Ground) -> Iterator[Any]:
    """A cluster with a mark at two rows, and three rows now; each use restores under a name of its own."""
    backups, url = begun(made, "kills")
    backups.take("kills", "b1", full=True, say=str)
    mark = backups.mark("kills", "here")
    query(url, "INSERT INTO t (said) VALUES ('three')")
    yield backups, mark


def restore(backups: PostgresBackups, mark: Any, name: str) -> None:
    route = choose(backups.archive("kills"), Target(mark=mark))
    backups.rebuild(route, "kills", name, into="kills", census=False, say=str)
    backups.exchange("kills", name)


@pytest.mark.parametrize("boundary", REBUILDING + EXCHANGING)
def test_killed_anywhere_it_is_finished_by_the_next(made: Ground, restorable: Any, boundary: str) -> None:
    """Done again the mark is in place, synced as ever, and what was there is aside; put back, nothing is missing."""
    backups, mark = restorable
    name = f"again-{boundary}"
    killed(made, boundary, lambda b: restore(b, mark, name))
    restore(backups, mark, name)
    assert rows(made, "kills") == 2
    assert query(made.databases().ensure("kills", Services()).url.reveal(), "SHOW fsync") == [("on",)]
    backups.put_back("kills", name)
    backups.discard("kills", name)
    assert rows(made, "kills") == 3
    wait_until(lambda: backups.stream("kills").problem == "")


@pytest.mark.parametrize("boundary", REBUILDING + EXCHANGING)
def test_killed_anywhere_it_can_be_taken_back(made: Ground, restorable: Any, boundary: str) -> None:
    """Undone instead, the database is as it was, running, its log flowing, and nothing is left lying about."""
    backups, mark = restorable
    name = f"undo-{boundary}"
    killed(made, boundary, lambda b: restore(b, mark, name))
    backups.put_back("kills", name)
    backups.discard("kills", name)
    assert rows(made, "kills") == 3
    wait_until(lambda: backups.stream("kills").problem == "")
    assert list((made.home.environments / "kills/rebuilt").iterdir()) == []
    assert list((made.home.environments / "kills/aside").iterdir()) == []


@pytest.mark.parametrize("boundary", ["put_back.out", "put_back.in_place"])
def test_a_killed_way_back_is_finished_by_the_next(made: Ground, restorable: Any, boundary: str) -> None:
    """As if it had not been killed."""
    backups, mark = restorable
    name = f"back-{boundary}"
    restore(backups, mark, name)
    killed(made, boundary, lambda b: b.put_back("kills", name))
    backups.put_back("kills", name)
    backups.discard("kills", name)
    assert rows(made, "kills") == 3


def test_a_database_that_is_gone_is_not_begun_anew(made: Ground) -> None:
    """An empty one in its place would be taken for it: it is refused, and the restore is named."""
    begun(made, "gone")
    pid = made.keeper.status("postgres/gone").pid
    assert pid is not None
    with suppress(ProcessLookupError):  # it may have noticed, and ended
        tear_out(made.home.environments / "gone/postgres-18")
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(Refused) as refused:
        made.databases().ensure("gone", Services())
    assert refused.value.code == "database.lost"
    assert "greenroom backup restore gone" in refused.value.hint


def test_nothing_lies_open_in_a_repository(made: Ground) -> None:
    """A row is in no file of it, nor is the key; without encryption it can be read, so the search finds things."""
    for name, is_encrypted in (("sealed", True), ("opened", False)):
        backups, url = begun(made, name, Storage(is_encrypted=is_encrypted))
        query(url, "INSERT INTO t (said) VALUES ('a-very-private-word')")
        backups.take(name, "b1", full=True, say=str)
        backups.ship(name)
        stored = b"".join(f.read_bytes() for f in (made.home.backups / name / "repository").rglob("*") if f.is_file())
        assert (b"a-very-private-word" in stored) is not is_encrypted
        assert (made.home.private / "backup.key").read_bytes() not in stored


def test_without_the_key_nothing_is_made_up(made: Ground) -> None:
    """A lost key is named, and no new one takes its place."""
    backups, _ = begun(made, "keyless")
    key = made.home.private / "backup.key"
    kept = key.read_bytes()
    key.unlink()
    try:
        with pytest.raises(Errored) as error:
            backups.take("keyless", "b1", full=True, say=str)
        assert error.value.code == "backup.key_gone"
        assert not key.exists()
    finally:
        key.write_bytes(kept)


def test_what_one_place_has_lost_the_other_brings_back(made: Ground, tmp_path: Path) -> None:
    """A flipped bit in the first place is found and named, and the restore reads the second; then all of the first."""
    backups, url = begun(made, "two", Storage(second=str(tmp_path / "second")))
    backups.take("two", "b1", full=True, say=str)
    backups.copy("two", "b1", say=str)
    query(url, "INSERT INTO t (said) VALUES ('three')")
    backups.ship("two")
    repository = made.home.backups / "two/repository"
    (base,) = repository.glob("*/backups/b1/base")
    flip(base, 100_000)
    said: list[str] = []
    backups.verify("two", "b1", say=said.append)
    assert any("is damaged" in line and "the other place has it whole" in line for line in said)
    shutil.rmtree(repository)
    found = backups.rebuild(choose(backups.archive("two"), Target()), "two", "r", into="two", census=True, say=str)
    assert found.census["tables"]["public.t"]["rows"] == 3
    backups.discard("two", "r")


@contextmanager
def s3() -> Iterator[str]:
    """A store that speaks S3, on loopback."""
    port = free_ports("s3")["s3"]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_bucket_is_a_second_place(made: Ground) -> None:
    """Any S3-compatible store: what is there alone is brought back, the segment that was being received too."""
    import boto3

    access = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    with s3() as endpoint:
        boto3.client("s3", endpoint_url=endpoint, **access).create_bucket(Bucket="backups")
        storage = Storage(
            second="s3://backups/production",
            endpoint=endpoint,
            region="us-east-1",
            access_key=Secret("a"),
            secret_key=Secret("b"),
        )
        backups, url = begun(made, "bucket", storage)
        backups.take("bucket", "b1", full=True, say=str)
        assert backups.copy("bucket", "b1", say=str) > 1_000_000
        assert backups.copy("bucket", "b1", say=str) == 0
        query(url, "INSERT INTO t (said) VALUES ('three')")
        wait_until(lambda: backups.stream("bucket").behind == 0)
        backups.ship("bucket")
        backups.mark("bucket", "m")
        shutil.rmtree(made.home.backups / "bucket/repository")
        shutil.rmtree(made.home.backups / "bucket/spool")
        route = choose(backups.archive("bucket"), Target())
        assert route.wal[-1].endswith(".partial")
        found = backups.rebuild(route, "bucket", "r", into="other", census=True, say=str)
        assert found.census["tables"]["public.t"]["rows"] == 3
        options = {"endpoint": endpoint, "region": "us-east-1", "access_key_id": "a", "secret_access_key": "b"}
        bucket = Bucket("s3://backups/production", options)
        bucket.delete("nothing/here")
        with pytest.raises(Errored) as error:
            b"".join(bucket.read("nothing/here"))
        assert error.value.code == "backup.absent"
    with pytest.raises(Errored) as away:
        bucket.write("a", [b"x"])
    assert away.value.code == "backup.place"


def mounted(folder: Path, size: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(folder)], check=True)


@pytest.mark.needs("root")
def test_a_full_repository_fails_the_backup_and_nothing_else(made: Ground, tmp_path: Path) -> None:
    """The backup is refused by name, nothing of it counts, production serves on; with room it is made."""
    storage = Storage(directory=str(tmp_path / "small"))
    backups, _ = begun(made, "full", storage)
    mounted(tmp_path / "small", "8m")
    try:
        with pytest.raises(GreenroomError) as error:
            backups.take("full", "b1", full=True, say=str)
        assert error.value.code == "database.disk_full"
        assert backups.archive("full").backups == ()
        assert rows(made, "full") == 2
    finally:
        subprocess.run(["umount", str(tmp_path / "small")], check=True)
    backups.protect("full")
    assert backups.take("full", "b1", full=True, say=str).is_full


@pytest.mark.needs("loop")
def test_a_disk_that_fills_up_while_it_is_rebuilt_is_named(made: Ground) -> None:
    """Somebody takes the room that there was, before the files or before the log; with room again it is rebuilt."""
    backups, _ = begun(made, "filling")
    backups.take("filling", "b1", full=True, say=str)
    route = choose(backups.archive("filling"), Target())
    folder = made.home.environments / "filling/rebuilt"
    with small_disk(folder, 200) as disk:
        for begins in ("laying out", "files of the log"):

            def fill(said: str, begins: str = begins) -> None:
                if begins in said:
                    disk.fill(leave=4 << 20)

            with pytest.raises(Errored) as error:
                backups.rebuild(route, "filling", "r", into="filling", census=False, say=fill)
            assert error.value.code == "database.disk_full", begins
            backups.discard("filling", "r")
            disk.make_room()
        backups.rebuild(route, "filling", "r", into="filling", census=False, say=str)


def _is_given_up(connection: Any, url: str) -> bool:
    """A slot that asks for too much is given up at a checkpoint; at the next one, when that was just under way."""
    query(url, "INSERT INTO t (said) VALUES ('more')")
    connection.execute("CHECKPOINT")
    return bool(connection.execute("SELECT wal_status = 'lost' FROM pg_replication_slots").fetchone()[0])


@pytest.mark.needs("root")
def test_a_full_archive_disk_stops_nobody_and_leaves_a_hole_with_a_name(made: Ground) -> None:
    """Production writes on beyond the limit; the hole is named; with room again, a full backup ends it."""
    storage = Storage(wal_limit=64 << 20)
    backups, url = begun(made, "hole", storage)
    backups.take("hole", "b1", full=True, say=str)
    backups.ship("hole")
    spool = made.home.backups / "hole/spool"
    mounted(spool, "20m")
    try:
        backups_of(made, storage).protect("hole")
        for _ in range(14):
            query(url, "INSERT INTO t (said) SELECT repeat('x', 1000) FROM generate_series(1, 12000)")
        assert rows(made, "hole") == 2 + 14 * 12000
        assert backups.stream("hole").problem
    finally:
        made.keeper.stop("wal/hole")
        subprocess.run(["umount", str(spool)], check=True)
    superuser = backups._clusters.superuser(backups._clusters.need("hole"))
    with session(superuser, MAINTENANCE) as connection:
        wait_until(lambda: _is_given_up(connection, url))
    assert backups.protect("hole").problem == ""
    backups.ship("hole")
    query(url, "INSERT INTO t (said) SELECT repeat('x', 1000) FROM generate_series(1, 30000)")
    wait_until(lambda: backups.stream("hole").behind == 0)
    backups.ship("hole")
    missing = backups.stream("hole").gap
    assert missing is not None
    route = choose(backups.archive("hole"), Target())
    assert route.missing == missing
    backups.take("hole", "b2", full=True, say=str)
    assert backups.stream("hole").gap is None
    assert choose(backups.archive("hole"), Target()).base.name == "b2"


def test_a_second_place_that_is_away_is_caught_up_with(made: Ground, tmp_path: Path) -> None:
    """Backups go on in the first place, and it is said; once the second is there it gets all it lacks."""
    blocked = tmp_path / "second"
    blocked.write_text("a file where the directory should be")
    backups, url = begun(made, "away", Storage(second=str(blocked)))
    backups.take("away", "b1", full=True, say=str)
    query(url, "INSERT INTO t (said) VALUES ('three')")
    backups.ship("away")
    assert str(blocked) in backups.stream("away").second
    blocked.unlink()
    backups.ship("away")
    assert backups.stream("away").second == ""
    shutil.rmtree(made.home.backups / "away/repository")
    shutil.rmtree(made.home.backups / "away/spool")
    found = backups.rebuild(choose(backups.archive("away"), Target()), "away", "r", into="away", census=True, say=str)
    assert found.census["tables"]["public.t"]["rows"] == 3
