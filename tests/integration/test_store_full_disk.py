"""A full disk: writing fails for real, with ENOSPC, on a small file system of its own. Nothing is half-recorded,
nothing is lost, and when there is room again it goes on."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from greenroom.domain import ledger as chain
from greenroom.domain.errors import Errored
from greenroom.domain.ledger import Verified
from greenroom.domain.work import State
from greenroom.store import tables as t
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder, differences, project
from greenroom.workflows.engine import Engine
from tests.old_stores import LAID, write_sqlite
from tests.twins import FakeClock
from tests.unit.workflows.story import Crash, Story
from tests.unit.workflows.test_crashes import promoted

pytestmark = pytest.mark.needs("root")


class Disk:
    """A file system of four megabytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ballast = root / "ballast"

    def fill(self) -> None:
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    def make_room(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Short: the addresses of sockets are below it, and have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="gr-") as name:
        yield Path(name)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    root = tmp_path / "disk"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", root], check=True)
    yield Disk(root)
    subprocess.run(["umount", "--lazy", root], check=True)


def write_log_anew(disk: Disk) -> None:
    """The write-ahead log begins empty, so that the next transaction needs room."""
    with closing(sqlite3.connect(disk.root / "greenroom.db")) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sound(database: Database) -> int:
    """Whole pages, a ledger that proves, tables that say the same; how many entries."""
    assert database.damage() == []
    recorder = Recorder(database)
    with database.reading() as tx:
        found = chain.verify(recorder.entries(tx))
        assert isinstance(found, Verified)
        assert set(differences(tx, project(recorder.entries(tx)))) <= LAID
        assert tx.scalar(select(func.count()).select_from(t.ledger)) == found.entries
    return found.entries


def test_a_record_is_made_whole_or_not_at_all(disk: Disk) -> None:
    """Recording until nothing fits any more: the one that failed left neither row nor entry, the next one works again
    once there is room."""
    database = Database.sqlite(disk.root / "greenroom.db", FakeClock())
    database.open()
    recorder, made = Recorder(database), 0
    disk.fill()
    with pytest.raises(OperationalError, match="full|disk I/O"):
        for n in range(10_000):
            with database.transaction() as tx:
                row = {"id": f"f{n}", "environment": "qa", "by": "mia", "reason": "x" * 500, "at": database.clock.now()}
                recorder.record(tx, "mia", "freeze.declared", freeze=row)
            made += 1
    disk.make_room()
    assert sound(database) == made
    with database.transaction() as tx:
        recorder.append(tx, "mia", "noted", {"about": {}})
    assert sound(database) == made + 1
    database.close()


def test_a_promotion_waits_for_room_and_goes_on(disk: Disk) -> None:
    """The store refuses every transition while the disk is full; with room again the work ends done, each step once on
    the ledger."""
    story = Story(disk.root)
    work = promoted(story)
    story.crash_at = "promotion.start.forward.recorded"
    with pytest.raises(Crash):
        story.engine.run_one()
    story.engine = story.new_engine()
    write_log_anew(disk)
    disk.fill()
    failed = 0
    for _ in range(200):
        try:
            story.engine.run_one()
        except OperationalError:
            failed += 1
        if failed >= 3:
            break
    assert failed >= 3, "the disk was never full"
    disk.make_room()
    story.engine = story.new_engine()
    assert story.run(work).state is State.DONE
    sound(story.world.store.database)
    story.world.store.database.close()


def test_the_engine_itself_survives_it(disk: Disk) -> None:
    """Its threads go on looking, and finish the work when there is room."""
    story = Story(disk.root)
    work = promoted(story)
    write_log_anew(disk)
    disk.fill()
    engine = Engine(story.world, story.engine.steps, lambda tx, w: None, owner="worker", threads=2)
    engine.start()
    try:
        for _ in range(3):
            engine.poke()
        with pytest.raises(OperationalError), story.world.store.database.transaction() as tx:
            for _ in range(2_000):
                story.world.store.recorder.append(tx, "mia", "noted", {"about": {"text": "x" * 1000}})
        disk.make_room()
        assert all(thread.is_alive() for thread in engine._threads)
    finally:
        engine.stop()
    ended = story.run(work)
    assert ended.state is State.DONE, ended.error
    sound(story.world.store.database)
    story.world.store.database.close()


def test_no_room_for_the_copy_before_a_migration(disk: Disk) -> None:
    """It is said which copy, nothing is changed and nothing is left of it; with room the migration is made."""
    file = write_sqlite("0.1.0", disk.root / "greenroom.db")
    disk.fill()
    database = Database.sqlite(file, FakeClock())
    with pytest.raises(Errored) as caught:
        database.open()
    assert caught.value.code in ("store.copy_failed", "store.unreadable")
    assert "room" in caught.value.hint or "disk is full" in caught.value.hint
    assert [p.name for p in disk.root.glob("*schema-*")] == []
    disk.make_room()
    database.open()
    sound(database)
    database.close()
