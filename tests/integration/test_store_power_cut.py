"""The power goes while work is written: whatever the disk kept of the store's three files, it opens, proves, goes on.

The files are copied while a promotion is carried out, in an order and at moments that no transaction knows of, and the
store is started from the copy. What SQLite promises with `synchronous=FULL` is asked for: every transaction whose end
was reported before the copying began is there.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from greenroom.domain import ledger as chain
from greenroom.domain.ledger import Verified
from greenroom.domain.roles import Role
from greenroom.domain.work import ENDED, State
from greenroom.services import judgements, promotions
from greenroom.store import tables as t
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder, differences, project
from tests.old_stores import Continued
from tests.twins import FakeClock
from tests.unit.workflows.story import Story
from tests.worlds import actor, memory_app

WAL_HEADER, FRAME_HEADER = 32, 24
"""Bytes (https://www.sqlite.org/fileformat2.html, 4.1 and 4.2)."""


class Writer:
    """Promotions and approvals, one after the other, on a store of its own; `acknowledged` entries are durable."""

    def __init__(self, directory: Path) -> None:
        self.story = Story(directory)
        self.file = directory / "greenroom.db"
        self.acknowledged = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._stop.set()
        self._thread.join()
        self.story.world.store.database.close()

    def _write(self) -> None:
        """Each round: back to 1.0, then forward to 2.0, with all their transitions."""
        app, engineer, manager = memory_app(self.story.world), actor(Role.ENGINEER), actor(Role.MANAGER)
        while not self._stop.is_set():
            work = promotions.promote(app, engineer, self.story.new, "production").work
            assert work is not None
            judgements.approve(app, manager, self.story.new, "production")
            self._carry(work.id)
            if self._stop.is_set():  # it may not have come far enough to go back from
                return
            back = promotions.roll_back(app, actor(Role.OPERATOR), "production").work
            assert back is not None
            self._carry(back.id)

    def _carry(self, work: str) -> None:
        while self.story.work(work).state not in ENDED and not self._stop.is_set():
            if not self.story.engine.run_one():
                self.story.world.clock.sleep(1.0)
            self._note()

    def _note(self) -> None:
        with self.story.world.store.database.reading() as tx:
            self.acknowledged = tx.scalar(select(func.max(t.ledger.c.seq))) or 0


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Short: the addresses of sockets are below it, and have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="gr-") as name:
        yield Path(name)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer(tmp_path / "written") as made:
        yield made


def copied(writer: Writer, to: Path, order: tuple[str, ...]) -> int:
    """The store's files one after the other, as a machine that stops leaves them; what was acknowledged before."""
    while not writer.acknowledged:
        pass
    acknowledged = writer.acknowledged
    to.mkdir(parents=True)
    for companion in order:
        source = Path(f"{writer.file}{companion}")
        if source.exists():
            shutil.copy(source, to / f"greenroom.db{companion}")
    return acknowledged


def assert_goes_on(file: Path, at_least: int, directory: Path, *, work: bool = True) -> int:
    """It opens, its pages are whole, the ledger proves, nothing acknowledged is missing, unfinished work ends well."""
    database = Database.sqlite(file, FakeClock())
    database.open()
    assert database.damage() == []
    recorder = Recorder(database)
    with database.reading() as tx:
        found = chain.verify(recorder.entries(tx))
        assert isinstance(found, Verified)
        assert found.entries >= at_least
        assert differences(tx, project(recorder.entries(tx))) == []
        unfinished = list(tx.scalars(select(t.work.c.id).where(t.work.c.state.not_in([s.value for s in ENDED]))))
    if work:
        story = Continued(directory, database)
        for one in unfinished:
            assert story.run(one, until=lambda w: w.state is State.WAITING).state in (*ENDED, State.WAITING)
    database.close()
    return found.entries


@pytest.mark.parametrize("round", range(5))
def test_the_files_as_they_are_at_one_moment(writer: Writer, tmp_path: Path, round: int) -> None:
    """As a snapshot of the disk: frames that were written and not yet acknowledged may be there or not."""
    entries = []
    for n in range(4):
        with writer_held(writer):  # no checkpoint moves pages from one file to the other between two copies
            acknowledged = copied(writer, tmp_path / f"copy-{n}", ("", "-wal", "-shm"))
        entries.append(assert_goes_on(tmp_path / f"copy-{n}" / "greenroom.db", acknowledged, tmp_path))
    assert entries == sorted(entries)


@pytest.mark.parametrize("shm", ["kept", "lost", "of another moment", "garbage"])
@pytest.mark.parametrize("wal", ["whole", "last frame torn", "last frame's bytes wrong", "cut in the middle", "lost"])
def test_what_a_machine_may_leave_of_the_companions(wal: str, shm: str, writer: Writer, tmp_path: Path) -> None:
    """The index is made anew from the log; of a damaged log every whole transaction before the damage counts."""
    early = tmp_path / "early"
    with writer_held(writer):
        copied(writer, early, ("", "-wal", "-shm"))
    file = tmp_path / "copy" / "greenroom.db"
    with writer_held(writer):
        acknowledged = copied(writer, file.parent, ("", "-wal", "-shm"))
    log, index = Path(f"{file}-wal"), Path(f"{file}-shm")
    frame = FRAME_HEADER + 4096
    frames = (log.stat().st_size - WAL_HEADER) // frame
    assert frames > 2
    whole = log.read_bytes()
    if wal == "last frame torn":
        log.write_bytes(whole[: WAL_HEADER + (frames - 1) * frame + 1000])
    elif wal == "last frame's bytes wrong":
        log.write_bytes(whole[:-1] + bytes([whole[-1] ^ 0xFF]))
    elif wal == "cut in the middle":
        log.write_bytes(whole[: WAL_HEADER + frames // 2 * frame + 7])
    elif wal == "lost":
        log.unlink()
    if shm == "lost":
        index.unlink()
    elif shm == "of another moment":
        shutil.copy(early / "greenroom.db-shm", index)
    elif shm == "garbage":
        index.write_bytes(random.Random(1).randbytes(index.stat().st_size))
    # A log that lost what was synced is worse than a power cut: then the store must be an earlier one, and whole.
    assert_goes_on(file, acknowledged if wal == "whole" else 0, tmp_path, work=wal != "lost")


class writer_held:
    """Nobody checkpoints meanwhile: a reader's transaction keeps the log from being started anew."""

    def __init__(self, writer: Writer) -> None:
        self._file = writer.file

    def __enter__(self) -> None:
        self._reader = sqlite3.connect(self._file, isolation_level=None)
        self._reader.execute("PRAGMA wal_autocheckpoint = 0")
        self._reader.execute("BEGIN")
        self._reader.execute("SELECT count(*) FROM ledger").fetchone()

    def __exit__(self, *problem: object) -> None:
        self._reader.close()


def test_killed_while_it_writes(tmp_path: Path) -> None:
    """The files that a process leaves which is killed with -9 in the middle of transactions; ten times over."""
    for n, seconds in zip(range(5), itertools.cycle((0.15, 0.3, 0.45)), strict=False):
        home = tmp_path / f"killed-{n}"
        writes, told = os.pipe()
        pid = os.fork()
        if pid == 0:  # pragma: no cover - the child ends by the signal
            try:
                with Writer(home) as writer:
                    while not writer.acknowledged:
                        threading.Event().wait(0.01)
                    os.write(told, b".")
                    threading.Event().wait(30)
            finally:
                os._exit(1)
        os.close(told)
        assert os.read(writes, 1) == b".", "it never wrote"
        os.close(writes)
        threading.Event().wait(seconds)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        assert_goes_on(home / "greenroom.db", 1, home)
