"""On PostgreSQL too: a store of any earlier version is opened, migrated, gone on with, by one or by several at once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from greenroom.domain.errors import Errored, Refused
from greenroom.domain.release import Services
from greenroom.store import opening
from greenroom.store.database import Database
from greenroom.store.migrations import Step
from greenroom.store.tables import SCHEMA_VERSION
from tests.old_stores import VERSIONS, go_on, shape, text_of
from tests.postgres_ground import ground, query
from tests.twins import FakeClock

numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a database in a real cluster."""
    with ground() as made:
        yield made.databases().ensure("dev", Services()).url.reveal()


class Room:
    """One schema of its own in the server: empty, or as an earlier version left it."""

    def __init__(self, server: str, version: str | None = None) -> None:
        self.schema = f"upgrade_{next(numbers)}"
        query(server, f"CREATE SCHEMA {self.schema}")
        self.plain = f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{self.schema}"
        if version is not None:
            with psycopg.connect(self.plain, autocommit=True) as store:
                store.execute(text_of(version, "postgresql"))
                store.execute("SELECT setval('history_id_seq', (SELECT max(id) FROM history))")

    def database(self) -> Database:
        return Database(self.plain.replace("postgresql://", "postgresql+psycopg://", 1), FakeClock())

    def schema_version(self) -> str:
        with psycopg.connect(self.plain) as store:
            row = store.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
            return row[0] if row else ""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_an_earlier_version_goes_on(version: str, server: str, tmp_path: Path) -> None:
    """The promotion that waited for an approval is approved and carried out to its end; the ledger verifies."""
    database = Room(server, version).database()
    database.open()
    go_on(tmp_path, database)
    database.close()


def test_a_migrated_store_is_as_a_new_one(server: str) -> None:
    """Tables, columns and indexes are the same, whichever way a store came to today's schema."""
    migrated, new = Room(server, "0.1.0").database(), Room(server).database()
    shapes = []
    for database in (migrated, new):
        database.open()
        shapes.append(shape(database))
        database.close()
    assert shapes[0] == shapes[1]


def test_several_that_open_an_old_store_at_once_migrate_it_once(server: str) -> None:
    """Control planes of one store may be upgraded and started together."""
    room = Room(server, "0.1.0")
    stores = [room.database() for _ in range(4)]
    problems: list[Exception] = []

    def open_one(store: Database) -> None:
        try:
            store.open()
        except Exception as e:
            problems.append(e)

    threads = [threading.Thread(target=open_one, args=(s,)) for s in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert problems == []
    assert room.schema_version() == str(SCHEMA_VERSION)


def test_a_step_that_fails_leaves_the_store_as_it_was(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a step never stays, and the next start tries again."""

    def half(tx: object) -> None:
        tx.exec_driver_sql("CREATE TABLE half (id integer)")
        tx.exec_driver_sql("CREATE INDEX nothing ON nowhere (id)")

    room = Room(server, "0.1.0")
    monkeypatch.setattr(opening, "ahead_of", lambda version: (Step(2, half),) if version == 1 else ())
    database = room.database()
    with pytest.raises(Errored):
        database.open()
    assert room.schema_version() == "1"
    monkeypatch.undo()
    database.open()
    with database.reading() as tx:
        assert tx.scalar(text("SELECT to_regclass('half')")) is None
    assert room.schema_version() == str(SCHEMA_VERSION)
    database.close()


def test_a_store_of_a_newer_greenroom_is_refused_and_left_alone(server: str) -> None:
    """An older program adds nothing to a newer store."""
    room = Room(server)
    with psycopg.connect(room.plain, autocommit=True) as store:
        store.execute("CREATE TABLE meta (key text PRIMARY KEY, value text)")
        store.execute("INSERT INTO meta VALUES ('schema', '999')")
    database = room.database()
    with pytest.raises(Refused) as caught:
        database.open()
    assert caught.value.code == "store.newer"
    with database.reading() as tx:
        assert tx.scalar(text("SELECT to_regclass('ledger')")) is None
    database.close()
