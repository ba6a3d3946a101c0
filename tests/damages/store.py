"""Greenroom's own database: pages, entries, rows, times."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from greenroom.adapters.clock import SystemClock
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder
from tests.damages.ground import Damage, damage
from tests.life_support import Life
from tests.twins import FakeClock


def copied_store(life: Life) -> Path:
    """A consistent copy, as docs/operate/backup-of-greenroom-itself.md makes it."""
    copy = life.root / "copy-of.db"
    with closing(sqlite3.connect(life.home.store)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def put_back(life: Life, copy: Path) -> None:
    assert life.run("down", "--keep-applications").returncode == 0
    shutil.copy(copy, life.home.store)
    life.home.store.chmod(0o600)
    for companion in ("-wal", "-shm"):
        Path(f"{life.home.store}{companion}").unlink(missing_ok=True)
    told = life.run("up")
    assert told.returncode == 0, told.stderr


def forced(life: Life, *statements: str) -> None:
    """What somebody does who has the file and knows SQL."""
    with closing(sqlite3.connect(life.home.store, isolation_level=None)) as store:
        for statement in ("DROP TRIGGER IF EXISTS ledger_no_update", "DROP TRIGGER IF EXISTS ledger_no_delete"):
            store.execute(statement)
        for statement in statements:
            assert store.execute(statement).rowcount > 0


@damage
def a_page_of_the_store_is_overwritten(life: Life) -> Damage:
    copy = copied_store(life)
    assert life.run("down", "--keep-applications").returncode == 0
    with closing(sqlite3.connect(life.home.store)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = store.execute("SELECT rootpage FROM sqlite_master WHERE name = 'history'").fetchone()
        (size,) = store.execute("PRAGMA page_size").fetchone()
    with life.home.store.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))
    assert life.run("up").returncode == 0
    said = yield "store", "the database file is damaged"
    assert "put a copy of greenroom.db in its place" in said["next"]
    put_back(life, copy)


def sealing(life: Life) -> int:
    """The number of an entry that tells of no account: whose account is in doubt is not heard at all."""
    with closing(sqlite3.connect(life.home.store)) as store:
        return int(store.execute("SELECT min(seq) FROM ledger WHERE event = 'release.sealed'").fetchone()[0])


@damage
def an_entry_of_the_ledger_is_changed(life: Life) -> Damage:
    copy, seq = copied_store(life), sealing(life)
    forced(life, f"UPDATE ledger SET actor = 'nobody' WHERE seq = {seq}")
    said = yield "ledger", f"entry {seq}: its contents do not match its hash"
    assert "put a copy" in said["next"]
    put_back(life, copy)


@damage
def an_entry_of_the_ledger_is_deleted(life: Life) -> Damage:
    copy, seq = copied_store(life), sealing(life)
    forced(life, f"DELETE FROM ledger WHERE seq = {seq}")
    yield "ledger", f"entry {seq}: expected entry {seq}, found {seq + 1}"
    put_back(life, copy)


@damage
def a_row_is_changed_past_the_ledger(life: Life) -> Damage:
    copy = copied_store(life)
    forced(life, "UPDATE release SET version = '9.9' WHERE version = '1.0'")
    yield "ledger", "version was changed past the ledger"
    put_back(life, copy)


@damage
def entries_come_from_the_future(life: Life) -> Damage:
    """Written properly by a control plane whose clock was a day ahead, and was set right since."""
    copy = copied_store(life)
    database = Database.sqlite(life.home.store, FakeClock(SystemClock().now() + timedelta(days=1)))
    with database.transaction() as tx:
        Recorder(database).append(tx, "greenroom", "noted", {"about": {}})
    database.close()
    said = yield "clock", "is of"
    assert "set this clock right" in said["next"]
    put_back(life, copy)
