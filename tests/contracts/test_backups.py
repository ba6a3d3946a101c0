"""Every `Backups` keeps the port's promises: real PostgreSQL (embedded and the host's) and the memory twin."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.memory.backups import MemoryBackups
from greenroom.adapters.postgres.backup.backups import PostgresBackups
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.domain.backup import Archive, Mark, Retention, Target, choose
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.release import Services
from greenroom.ports.backups import Backups, Rebuilt, Storage
from tests.postgres_ground import Ground, ground, query, tear_out

names = (f"e{n}" for n in itertools.count())


class Bench(Protocol):
    """Backups, and environments with an application that writes to them."""

    backups: Backups
    makes_increments: bool

    def begin(self) -> str: ...
    def write(self, environment: str, rows: int) -> None: ...
    def rows(self, environment: str) -> int: ...
    def lose(self, environment: str) -> None: ...
    def damage(self, environment: str, backup: str) -> None: ...


class MemoryBench:
    makes_increments = True

    def __init__(self) -> None:
        self.backups = MemoryBackups(SystemClock())

    def begin(self) -> str:
        environment = next(names)
        self.backups.begin(environment)
        self.backups.protect(environment)
        return environment

    def write(self, environment: str, rows: int) -> None:
        self.backups.write(environment, "public.t", rows)

    def rows(self, environment: str) -> int:
        return self.backups.rows(environment, "public.t") or 0

    def lose(self, environment: str) -> None:
        self.backups.lose(environment)

    def damage(self, environment: str, backup: str) -> None:
        self.backups.damaged[backup] = "a bit was flipped"


class PostgresBench:
    def __init__(self, on: Ground, major: int) -> None:
        self.ground, self.major, self.makes_increments = on, major, major >= 17
        self.databases = on.databases()
        self.backups = PostgresBackups(
            on.home,
            on.keeper,
            "shop",
            SystemClock(),
            storage=lambda environment: Storage(),
            ensure_user=on.ensure_user,
            adopt=adopt,
        )

    def begin(self) -> str:
        environment = next(names)
        query(self.url(environment), "CREATE TABLE t (id serial PRIMARY KEY, said text)")
        assert self.backups.protect(environment).problem == ""
        return environment

    def url(self, environment: str) -> str:
        return self.databases.ensure(environment, Services(self.major)).url.reveal()

    def write(self, environment: str, rows: int) -> None:
        query(self.url(environment), "INSERT INTO t (said) SELECT 'x' FROM generate_series(1, %s)", rows)

    def rows(self, environment: str) -> int:
        return int(query(self.url(environment), "SELECT count(*) FROM t")[0][0])

    def lose(self, environment: str) -> None:
        """kill -9, and everything of the cluster removed, its settings too; the archive had all of it by then."""
        import os
        import signal

        wait_until(lambda: self.backups.stream(environment).behind == 0)
        pid = self.ground.keeper.status(f"postgres/{environment}").pid
        assert pid is not None
        with suppress(ProcessLookupError):  # it may have noticed, and ended
            tear_out(self.ground.home.environments / environment / f"postgres-{self.major}")
            os.kill(pid, signal.SIGKILL)

    def damage(self, environment: str, backup: str) -> None:
        """One bit of its stored bytes."""
        (base,) = (self.ground.home.backups / environment / "repository").glob(f"*/backups/{backup}/base")
        flip(base, base.stat().st_size // 2)


def flip(file: Path, at: int) -> None:
    with file.open("r+b") as content:
        content.seek(at)
        byte = content.read(1)[0]
        content.seek(at)
        content.write(bytes([byte ^ 4]))


def wait_until(reached: Any, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def real() -> Iterator[Ground]:
    with ground() as made:
        yield made


@pytest.fixture(params=["memory", 18, pytest.param(15, marks=pytest.mark.needs("postgres15"))], ids=str)
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return MemoryBench()
    return PostgresBench(request.getfixturevalue("real"), request.param)


def rebuilt(bench: Bench, environment: str, target: Target, *, into: str | None = None, name: str = "r") -> Rebuilt:
    route = choose(bench.backups.archive(environment), target)
    return bench.backups.rebuild(route, environment, name, into=into or environment, census=True, say=str)


def rows_of(found: Rebuilt | Mark) -> int:
    return int(found.census["tables"]["public.t"]["rows"])


def test_a_backup_is_made_once_under_its_name(bench: Bench) -> None:
    """Asked for again it is the same; the archive lists it, and it knows what it needs."""
    environment = bench.begin()
    bench.write(environment, 5)
    first = bench.backups.take(environment, "b1", full=True, say=str)
    assert bench.backups.take(environment, "b1", full=True, say=str) == first
    assert [b.name for b in bench.backups.archive(environment).backups] == ["b1"]
    assert first.is_full
    assert first.start <= first.stop
    assert first.size > 0


def test_an_increment_builds_on_the_newest_where_it_can(bench: Bench) -> None:
    """PostgreSQL 17 and newer make one; older ones make a full backup, and say so."""
    environment, said = bench.begin(), list[str]()
    bench.backups.take(environment, "b1", full=True, say=str)
    bench.write(environment, 5)
    second = bench.backups.take(environment, "b2", full=False, say=said.append)
    assert second.parent == ("b1" if bench.makes_increments else None)
    assert bench.makes_increments or any("no incremental backups" in line for line in said)
    assert rows_of(rebuilt(bench, environment, Target())) == 5


def test_a_mark_is_gone_back_to_exactly(bench: Bench) -> None:
    """Rows and checksums of the restored cluster are those recorded at the mark; what came later is not in it."""
    environment = bench.begin()
    bench.write(environment, 3)
    bench.backups.take(environment, "b1", full=True, say=str)
    bench.write(environment, 4)
    mark = bench.backups.mark(environment, "here", census=True)
    assert bench.backups.mark(environment, "here", census=True) == mark
    bench.write(environment, 50)
    bench.backups.ship(environment)
    route = choose(bench.backups.archive(environment), Target(mark=mark))
    assert bench.backups.would_lose(environment, route).tables["public.t"] == (50, 0, 0)
    found = rebuilt(bench, environment, Target(mark=mark))
    assert found.census["tables"] == mark.census["tables"]
    assert rows_of(found) == 7
    assert bench.rows(environment) == 57


def test_an_instant_is_gone_back_to(bench: Bench) -> None:
    """What was committed before it is there, what came after is not; an instant after the last commit is the latest."""
    environment = bench.begin()
    bench.backups.take(environment, "b1", full=True, say=str)
    bench.write(environment, 2)
    time.sleep(0.02)
    at = datetime.now(UTC)
    time.sleep(0.02)
    bench.write(environment, 30)
    assert rows_of(rebuilt(bench, environment, Target(time=at))) == 2
    assert rows_of(rebuilt(bench, environment, Target(time=datetime.now(UTC)), name="r2")) == 32


def test_an_instant_before_every_backup_is_refused(bench: Bench) -> None:
    """And it is said how far back one can go."""
    environment, before = bench.begin(), datetime.now(UTC)
    bench.backups.take(environment, "b1", full=True, say=str)
    with pytest.raises(Refused) as refused:
        choose(bench.backups.archive(environment), Target(time=before))
    assert refused.value.code == "backup.out_of_reach"


def test_what_is_lost_altogether_comes_back(bench: Bench) -> None:
    """All that had reached the archive is there again, the last transaction too; and it is backed up at once."""
    environment = bench.begin()
    bench.backups.take(environment, "b1", full=True, say=str)
    for _ in range(5):
        bench.write(environment, 3)
    bench.lose(environment)
    rebuilt(bench, environment, Target())
    bench.backups.exchange(environment, "r")
    bench.backups.exchange(environment, "r")
    assert bench.rows(environment) == 15
    assert bench.backups.stream(environment).problem == ""
    bench.write(environment, 1)
    assert rows_of(rebuilt(bench, environment, Target(), name="again")) == 16


def test_the_present_cluster_is_kept_and_comes_back(bench: Bench) -> None:
    """After the exchange the old state is in place; put back, the newer one is, with nothing missing."""
    environment = bench.begin()
    bench.write(environment, 1)
    bench.backups.take(environment, "b1", full=True, say=str)
    mark = bench.backups.mark(environment, "here")
    bench.write(environment, 9)
    rebuilt(bench, environment, Target(mark=mark))
    bench.backups.exchange(environment, "r")
    assert bench.rows(environment) == 1
    assert set(bench.backups.asides(environment)) == {"r"}
    bench.backups.put_back(environment, "r")
    bench.backups.put_back(environment, "r")
    assert bench.rows(environment) == 10
    assert dict(bench.backups.asides(environment)) == {}
    bench.write(environment, 5)
    bench.backups.take(environment, "b2", full=True, say=str)
    assert rows_of(rebuilt(bench, environment, Target(), name="r2")) == 15


def test_another_environment_can_have_it(bench: Bench) -> None:
    """What is rebuilt for another one touches neither; it can be thrown away."""
    environment, other = bench.begin(), bench.begin()
    bench.write(environment, 8)
    bench.write(other, 2)
    bench.backups.take(environment, "b1", full=True, say=str)
    assert rows_of(rebuilt(bench, environment, Target(), into=other)) == 8
    bench.backups.discard(other, "r")
    bench.backups.discard(other, "r")
    assert (bench.rows(environment), bench.rows(other)) == (8, 2)


def test_a_damaged_backup_is_named_and_the_one_before_is_used(bench: Bench) -> None:
    """Found when it is read; from then on it is not chosen any more, and nothing is lost by that."""
    environment = bench.begin()
    bench.backups.take(environment, "b1", full=True, say=str)
    bench.write(environment, 6)
    bench.backups.take(environment, "b2", full=True, say=str)
    bench.backups.ship(environment)
    bench.damage(environment, "b2")
    with pytest.raises(Errored) as found:
        bench.backups.verify(environment, "b2", say=str)
    assert (found.value.code, found.value.facts["backup"]) == ("backup.damaged", "b2")
    if isinstance(bench, MemoryBench):
        assert choose(bench.backups.archive(environment), Target()).base.name == "b1"
    made = rebuilt(bench, environment, Target())
    assert (made.backup, rows_of(made)) == ("b1", 6)


def test_what_is_expired_is_what_nothing_needs(bench: Bench) -> None:
    """With no window and one full backup to keep, the older one goes, its log with it; the latest can be reached."""
    environment = bench.begin()
    bench.backups.take(environment, "b1", full=True, say=str)
    bench.write(environment, 1)
    bench.backups.take(environment, "b2", full=True, say=str)
    bench.backups.ship(environment)
    before = bench.backups.archive(environment)
    assert bench.backups.expire(environment, Retention(0.0, 1, 0), in_use=("b1",)) == []
    assert bench.backups.expire(environment, Retention(0.0, 1, 0), in_use=()) == ["b1"]
    after = bench.backups.archive(environment)
    assert [b.name for b in after.backups] == ["b2"]
    assert isinstance(bench, MemoryBench) or len(segments(after)) < len(segments(before))
    assert rows_of(rebuilt(bench, environment, Target())) == 1


def test_what_is_not_backed_up_says_so(bench: Bench) -> None:
    """No archive, and an error that names the environment."""
    assert bench.backups.archive("nowhere") == Archive((), ())
    with pytest.raises(Errored) as error:
        bench.backups.protect("nowhere")
    assert error.value.code == "database.absent"


def segments(archive: Archive) -> list[str]:
    return [n for n in archive.wal if len(n.removesuffix(".partial")) == 24]
