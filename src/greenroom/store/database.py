"""Opening the store: SQLite (WAL, synchronous=FULL) by default, PostgreSQL for several workers; one code path.

A store written by a newer Greenroom is refused politely; an older one is migrated forward step by step.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from greenroom.domain.errors import Errored
from greenroom.ports.clock import Clock
from greenroom.store.opening import make_or_migrate
from greenroom.store.tables import ledger

TURN = text("SELECT pg_advisory_xact_lock(7310922), set_config('idle_in_transaction_session_timeout', :idle, true)")
"""Transactions that write take turns on PostgreSQL, as SQLite's BEGIN IMMEDIATE makes them: what one has read (a gate's
evidence, the ledger's last entry) is still so when it writes. Whoever falls asleep in its turn loses it: a worker that
is paused in the middle of a transaction would stop all others."""


class Database:
    """Connections and transactions. `url` is SQLAlchemy's; `Database.sqlite(path)` makes the usual one.

    Whoever holds a connection asks for no second one: with `connections` such callers at once all would wait.
    """

    def __init__(self, url: str, clock: Clock, *, connections: int = 32, turn_seconds: float = 10.0) -> None:
        self.turn_seconds = turn_seconds
        self.is_sqlite = url.startswith("sqlite")
        self.clock = clock
        options: dict[str, Any] = {"connect_args": {"timeout": 30}} if self.is_sqlite else {"pool_pre_ping": True}
        self.tip: tuple[int, str] | None = None
        """Number and hash of the last ledger entry that this process wrote: the ledger must still have it."""
        self.engine: Engine = create_engine(url, pool_size=connections, max_overflow=0, **options)
        event.listen(self.engine, "rollback", _forget)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_immediate)

    @classmethod
    def sqlite(cls, path: Path, clock: Clock) -> Database:
        return cls(f"sqlite:///{path}", clock)

    @property
    def file(self) -> Path | None:
        """Where a SQLite store lies; None for PostgreSQL."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name else None

    def _make_private(self) -> None:
        """The file is ours alone, whatever the umask; SQLite gives its companions the same mode."""
        if self.file is not None:
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self.file.chmod(0o600)

    def open(self) -> None:
        """Make or migrate the tables: see `store.opening`.

        Raises Refused (`store.newer`) for a store of a later Greenroom, Errored (`store.unreadable`,
        `store.copy_failed`).
        """
        with opening():
            self._make_private()
            make_or_migrate(self)

    def has_lived(self) -> bool:
        """True when anything was ever recorded in it. Makes nothing, neither file nor table."""
        if self.file is not None and not (self.file.exists() and self.file.stat().st_size):
            return False
        try:
            with self.reading() as tx:
                return inspect(tx).has_table(ledger.name) and tx.scalar(select(ledger.c.seq).limit(1)) is not None
        finally:
            # No connection may be open when `open` touches the file: closing any descriptor of it lets go of the locks
            # that SQLite holds for this process (POSIX), and another would then remove the log under us.
            self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction that may write: all of it happens or none of it, and no other at the same time.

        Everybody waits for it: nothing slow happens in one, and it is never held across a step.
        """
        with self.engine.begin() as tx:
            if not self.is_sqlite:
                tx.execute(TURN, {"idle": f"{self.turn_seconds * 1000:.0f}"})
            yield tx
            tip = tx.info.pop(_TIP, None)
        # Only now: a commit that a full disk refused has written nothing.
        if tip is not None and (self.tip is None or tip[0] > self.tip[0]):
            self.tip = tip

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view for reading: all of it as of one instant. It does not wait for writers."""
        options: dict[str, Any] = {"greenroom_reading": True}
        if not self.is_sqlite:
            options["isolation_level"] = "REPEATABLE READ"
        known = self.tip
        with self.engine.connect().execution_options(**options) as tx:
            tx.info[_KNOWN] = known
            yield tx

    def tip_before(self, tx: Connection) -> tuple[int, str] | None:
        """The last entry that this process had written when `tx`, a reading one, began: it must be in what `tx` sees.
        One that was written since need not be."""
        known: tuple[int, str] | None = tx.info[_KNOWN]
        return known

    def appended(self, tx: Connection, seq: int, its_hash: str) -> None:
        """The ledger ends with this entry, once the transaction is committed."""
        tx.info[_TIP] = (seq, its_hash)

    def damage(self) -> list[str]:
        """What the database itself finds wrong with its pages; empty when all is well, or when it is not ours to look.

        Reads the file anew: a page that is still in memory would hide what became of it on the disk. PostgreSQL keeps
        checksums of its own, and its pages are its administrator's.
        """
        if self.file is None:
            return []
        with closing(sqlite3.connect(f"file:{quote(str(self.file))}?mode=ro", uri=True)) as fresh:
            try:
                said = [str(row[0]) for row in fresh.execute("PRAGMA integrity_check(20)")]
            except sqlite3.DatabaseError as e:  # so damaged that it cannot be looked through
                return [str(e)]
        return [] if said == ["ok"] else said

    def now(self, tx: Connection) -> float:
        """Seconds since the epoch on the store's clock: PostgreSQL's own, so that workers' clocks may differ."""
        if self.is_sqlite:
            return self.clock.now().timestamp()
        return float(tx.scalar(text("SELECT extract(epoch FROM clock_timestamp())")))

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def opening() -> Iterator[None]:
    """What a store that is not there, not whole or held by another says becomes Errored (`store.unreadable`)."""
    try:
        yield
    except (SQLAlchemyError, OSError) as e:
        raise Errored(
            "store.unreadable",
            "the store cannot be opened",
            because=str(e).splitlines()[0],
            hint="see whether its disk is full or another program holds it; `greenroom doctor` looks closer",
        ) from e


_TIP, _KNOWN = "greenroom_tip", "greenroom_known"


def _forget(tx: Connection) -> None:
    if not tx.invalidated:  # a connection that was lost takes along what it remembered
        tx.info.pop(_TIP, None)


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event says BEGIN IMMEDIATE itself
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    reading = connection.get_execution_options().get("greenroom_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
