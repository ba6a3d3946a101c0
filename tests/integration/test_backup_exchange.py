"""A restore that goes wrong, is taken back, is killed or met by others: the way to every later state stays right."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.postgres.backup.backups import PostgresBackups
from greenroom.domain.backup import Mark, Target, choose
from greenroom.domain.errors import Errored
from greenroom.ports.backups import Rebuilt
from tests.contracts.test_backups import wait_until
from tests.integration.test_backups import backups_of, begun, killed, rows
from tests.postgres_ground import Ground, ground, query

HOW = "INSERT INTO t (said) SELECT 'more' FROM generate_series(1, %s)"


@pytest.fixture(scope="module")
def made() -> Iterator[Ground]:
    with ground() as made:
        yield made


class Life:
    """One environment, backed up with two rows; what is written and restored there."""

    def __init__(self, made: Ground, name: str) -> None:
        self.ground, self.name = made, name
        self.backups, self.url = begun(made, name)
        self.backups.take(name, "b1", full=True, say=str)

    @property
    def data(self) -> Path:
        return self.ground.home.environments / self.name / "postgres-18" / "data"

    def marked(self, mark: str, more: int) -> Mark:
        """A mark, and so many rows after it."""
        found = self.backups.mark(self.name, mark)
        query(self.url, HOW, more)
        return found

    def rebuild(self, target: Target, name: str) -> Rebuilt:
        route = choose(self.backups.archive(self.name), target)
        return self.backups.rebuild(route, self.name, name, into=self.name, census=True, say=str)

    def rebuilt_rows(self, target: Target, name: str) -> int:
        """What would be brought back; thrown away again."""
        try:
            return int(self.rebuild(target, name).census["tables"]["public.t"]["rows"])  # type: ignore[index, call-overload]
        finally:
            self.backups.discard(self.name, name)

    def assert_the_latest_is_what_is_there(self, name: str) -> None:
        """With rows that come only now, once they are in the archive, and once it was shipped."""
        query(self.url, HOW, 5)
        wait_until(lambda: self.backups.stream(self.name).behind == 0)
        self.backups.ship(self.name)
        assert self.rebuilt_rows(Target(), name) == rows(self.ground, self.name)
        assert self.backups.stream(self.name).gap is None


@pytest.mark.parametrize("boundary", ["put_back.out", "put_back.in_place", "put_back.told"])
def test_a_killed_way_back_is_the_life_that_goes_on(made: Ground, boundary: str) -> None:
    """What is written after it is what the next restore brings, not the restored state that was left."""
    life = Life(made, boundary.replace(".", "-").replace("_", "-"))
    mark = life.marked("here", 1)
    life.rebuild(Target(mark=mark), "r")
    life.backups.exchange(life.name, "r")
    killed(made, boundary, lambda b: b.put_back(life.name, "r"))
    life.backups.put_back(life.name, "r")
    life.backups.discard(life.name, "r")
    assert rows(made, life.name) == 3
    assert dict(life.backups.asides(life.name)) == {}
    life.assert_the_latest_is_what_is_there("later")


def test_a_restore_that_did_not_start_is_no_life(made: Ground) -> None:
    """Taken back, nothing leads over it: neither to an instant at which it lay there, nor to what a later restore of
    another state, which is given its timeline's number again, goes on to."""
    life = Life(made, "unstarted")
    mark = life.marked("early", 1)
    life.rebuild(Target(mark=mark), "r")

    def broken(here: str) -> None:
        if here == "exchange.in_place":
            (life.data / "global/pg_control").unlink()

    with pytest.raises(Errored) as failed:
        backups_of(made, reached=broken).exchange(life.name, "r")
    assert failed.value.code == "database.start_failed"
    between = datetime.now(UTC)
    time.sleep(0.02)
    life.backups.put_back(life.name, "r")
    life.backups.discard(life.name, "r")
    assert rows(made, life.name) == 3
    query(life.url, HOW, 10)
    assert life.rebuilt_rows(Target(time=between), "between") == 3

    late = life.marked("late", 100)
    assert life.rebuild(Target(mark=late), "again").timeline == 2
    life.backups.exchange(life.name, "again")
    assert rows(made, life.name) == 13
    life.assert_the_latest_is_what_is_there("later")


def test_what_was_brought_in_the_place_of_nothing_is_a_life(made: Ground) -> None:
    """The directory is lost, what is brought does not start at once, and the restore is taken back: it is all there is,
    and what is written in it is what the next restore brings."""
    life = Life(made, "lost")
    life.marked("here", 1)
    wait_until(lambda: life.backups.stream(life.name).behind == 0)
    life.backups.ship(life.name)
    life.rebuild(Target(), "r")
    made.keeper.stop(f"postgres/{life.name}")
    shutil.rmtree(life.data)

    def broken(here: str) -> None:
        if here == "exchange.started":
            raise Errored("database.start_failed", "it does not start today")

    with pytest.raises(Errored):
        backups_of(made, reached=broken).exchange(life.name, "r")
    began = datetime.now(UTC)
    time.sleep(0.02)
    life.backups.put_back(life.name, "r")
    assert life.backups.archive(life.name).eras[-1].at < began
    life.backups.discard(life.name, "r")
    assert rows(made, life.name) == 3
    life.assert_the_latest_is_what_is_there("later")


def test_a_restore_that_fails_begins_no_life_anew(made: Ground) -> None:
    """After an earlier one it is taken back to the life that goes on: its backups still count."""
    life = Life(made, "again")
    mark = life.marked("here", 1)
    life.rebuild(Target(mark=mark), "r")
    life.backups.exchange(life.name, "r")
    eras = life.backups.archive(life.name).eras
    late = life.marked("late", 1)
    life.rebuild(Target(mark=late), "s")
    killed(made, "exchange.in_place", lambda b: b.exchange(life.name, "s"))
    life.backups.put_back(life.name, "s")
    assert life.backups.archive(life.name).eras == eras
    life.backups.discard(life.name, "s")
    life.assert_the_latest_is_what_is_there("later")


@pytest.mark.parametrize("boundary", ["exchange.in_place", "exchange.started", "exchange.protected"])
def test_a_killed_restore_that_is_gone_on_with_is_a_life(made: Ground, boundary: str) -> None:
    """Whichever of its halves it was killed in; what is written in it is what the next restore brings."""
    life = Life(made, boundary.replace(".", "-").replace("_", "-"))
    mark = life.marked("here", 1)
    life.rebuild(Target(mark=mark), "r")
    killed(made, boundary, lambda b: b.exchange(life.name, "r"))
    if boundary == "exchange.protected":
        assert [life.backups.mark(life.name, m, census=c).timeline for m, c in (("m", False), ("n", True))] == [2, 2]
    life.backups.exchange(life.name, "r")
    assert rows(made, life.name) == 2
    life.assert_the_latest_is_what_is_there("later")


def at_once(act: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    wrong: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, wrong


def test_who_looks_after_the_log_meanwhile_does_not_lead_it_elsewhere(made: Ground) -> None:
    """Somebody was about to start the receiver as a restore began: afterwards it receives into the spool that the
    restore made, and all that is written comes into the archive."""
    life = Life(made, "crossed")
    mark = life.marked("here", 1)
    life.rebuild(Target(mark=mark), "r")
    other: PostgresBackups = backups_of(made)
    about_to, go_on, really = threading.Event(), threading.Event(), other._receiving._run

    def late(*given: Any) -> None:
        about_to.set()
        assert go_on.wait(60)
        really(*given)

    other._receiving._run = late  # type: ignore[method-assign]
    looking, wrong = at_once(lambda: other.protect(life.name))
    assert about_to.wait(60)
    restoring, failed = at_once(lambda: life.backups.exchange(life.name, "r"))
    restoring.join(5)  # as far as it comes while the other one is there
    go_on.set()
    for thread in (looking, restoring):
        thread.join(120)
        assert not thread.is_alive()
    assert (wrong, failed) == ([], [])
    receiver = made.keeper.status(f"wal/{life.name}").pid
    newest = life.backups._ground.spools(life.name)[-1]
    assert f"--directory={newest}" in Path(f"/proc/{receiver}/cmdline").read_text().split("\0")
    life.assert_the_latest_is_what_is_there("later")
