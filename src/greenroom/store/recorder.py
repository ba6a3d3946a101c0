"""The one way in which recorded facts change: row and ledger entry in the same transaction.

An entry's subject holds, by table name, the columns that were set. Folding all entries in order therefore
gives every recorded table again; `Told` does it, and `differences` compares.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from greenroom.domain import ledger as chain
from greenroom.domain import work_record
from greenroom.domain.discretion import with_digests
from greenroom.domain.errors import Errored
from greenroom.domain.ledger import Entry, timestamp
from greenroom.store import tables as t
from greenroom.store.columns import storable
from greenroom.store.database import Database

Row = Mapping[str, Any]

NEWS_AT_A_TIME = 10_000
ROWS_AT_A_TIME = 200
"""Rows that are held in memory while tables are compared: a release's descriptor has some kilobytes."""


class Recorder:
    """Writes facts. All methods take the transaction they belong to."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def record(self, tx: Connection, actor: str, event: str, /, about: Row | None = None, **rows: Row) -> Entry:
        """Upsert each row (keyword: table name; `id` is its key) and append the entry that says so.

        `about` is further context for readers; it is not part of any table.
        """
        stored = {name: storable(row) for name, row in rows.items()}
        for name, row in stored.items():
            upsert(tx, t.RECORDED[name], row)
        subject: dict[str, Any] = {name: jsonable(row) for name, row in stored.items()}
        if about:
            subject["about"] = jsonable(about)
        return self.append(tx, actor, event, subject)

    def append(self, tx: Connection, actor: str, event: str, subject: Row) -> Entry:
        """Append to the chain what the store will give back: the hash is of that. Of what programs said it has digests:
        whoever may read the ledger need not be one who may read logs. Transactions take turns, so the last
        entry stays the last until this one is written."""
        last = tx.execute(select(t.ledger).order_by(t.ledger.c.seq.desc()).limit(1)).first()
        now = self.database.clock.now()
        entry = chain.append(
            _entry(last._mapping) if last else None, now, *storable((actor, event, with_digests(jsonable(subject))))
        )
        tx.execute(t.ledger.insert().values(**_columns(entry)))
        self.database.appended(tx, entry.seq, entry.hash)
        return entry

    def entries(self, tx: Connection, *, after: int = 0, limit: int | None = None) -> Iterator[Entry]:
        """The ledger in order, streamed."""
        query = select(t.ledger).where(t.ledger.c.seq > after).order_by(t.ledger.c.seq)
        if limit is not None:
            query = query.limit(limit)
        for row in tx.execution_options(yield_per=1000).execute(query):
            yield _entry(row._mapping)

    def newest(self, tx: Connection, *, before: int | None = None, limit: int) -> list[Entry]:
        """The last entries (of those before `before`), in order."""
        query = select(t.ledger).order_by(t.ledger.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(t.ledger.c.seq < before)
        return [_entry(row._mapping) for row in reversed(tx.execute(query).all())]

    def count(self, tx: Connection) -> int:
        return tx.scalar(select(func.coalesce(func.max(t.ledger.c.seq), 0))) or 0


def upsert(tx: Connection, table: Table, row: Row) -> None:
    """Insert, or set just the given columns of the row with this id."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    rest = {k: v for k, v in row.items() if k != "id"}
    changed = tx.execute(table.update().where(table.c.id == row["id"]).values(**rest)) if rest else None
    if changed is None or changed.rowcount == 0:
        tx.execute(insert(table).values(**row).on_conflict_do_nothing())


def jsonable(value: Any) -> Any:
    """JSON form of a row: instants as text, sets as sorted lists."""
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(jsonable(v) for v in value)
    if isinstance(value, (list, tuple)):
        return [jsonable(v) for v in value]
    return value


class Told:
    """Every recorded table as the ledger tells it, and what it tells of work, kept beside memory: in a temporary
    database of SQLite's own, so that proving a ledger of any length takes the same memory. Close it when done."""

    def __init__(self) -> None:
        self._kept = sqlite3.connect("")  # a private file, gone with the connection
        self._kept.execute("PRAGMA journal_mode = OFF")
        self._kept.execute("CREATE TABLE told (name, id, col, value, PRIMARY KEY (name, id, col)) WITHOUT ROWID")
        self._news: list[tuple[str, str, str, str]] = []

    def following(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, taken in as they pass."""
        for entry in entries:
            self.take(entry)
            yield entry

    def take(self, entry: Entry) -> None:
        for name, row in entry.subject.items():
            if name in t.RECORDED:
                self._note(name, row["id"], row)
        if told := work_record.tells(entry.seq, entry.actor, entry.event, entry.subject):
            self._note(work_record.TABLE, *told)
        if len(self._news) > NEWS_AT_A_TIME:
            self._settle()

    def row(self, name: str, key: str) -> dict[str, Any] | None:
        """The columns that were ever set, with what they were set to last; None: no entry speaks of that row."""
        self._settle()
        found = self._kept.execute("SELECT col, value FROM told WHERE name = ? AND id = ?", (name, key)).fetchall()
        return {column: json.loads(value) for column, value in found} if found else None

    def keys(self, name: str) -> Iterator[str]:
        """The ids of a table, in order."""
        self._settle()
        for (key,) in self._kept.execute("SELECT DISTINCT id FROM told WHERE name = ? ORDER BY id", (name,)):
            yield key

    def close(self) -> None:
        self._kept.close()

    def _note(self, name: str, key: str, columns: Row) -> None:
        self._news += [(name, key, column, json.dumps(value)) for column, value in columns.items()]

    def _settle(self) -> None:
        self._kept.executemany("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)", self._news)
        self._news.clear()


def project(entries: Iterable[Entry]) -> Told:
    """What all entries together tell."""
    told = Told()
    for entry in entries:
        told.take(entry)
    return told


def differences(tx: Connection, told: Told) -> list[str]:
    """Where the tables and the ledger disagree, in words; empty when all is well."""
    found: list[str] = []
    for name, table in {**t.RECORDED, work_record.TABLE: t.work}.items():
        compare = partial(unlike, table) if name in t.RECORDED else work_record.contradictions
        try:
            for row in tx.execution_options(yield_per=ROWS_AT_A_TIME).execute(select(table).order_by(table.c.id)):
                found += compare(row.id, told.row(name, row.id), jsonable(dict(row._mapping)))
        except Errored as unreadable:
            found.append(f"{name}: a row was changed past the ledger: {unreadable.because}")
            continue
        missing = (key for key in told.keys(name) if tx.scalar(select(table.c.id).where(table.c.id == key)) is None)
        for key in missing:
            found += compare(key, told.row(name, key), None)
    return found


def unlike(table: Table, key: str, told: Row | None, kept: Row | None) -> list[str]:
    """How one row (None: there is none) differs from what the ledger tells of it, in words. Entries of earlier versions
    tell what programs said, later ones its digest."""
    if kept is None:
        return [f"{table.name} {key}: on the ledger, but missing from the store"]
    if told is None:
        return [f"{table.name} {key}: in the store, but not on the ledger"]
    wrong = [c.name for c in table.columns if _told(told, c) not in (kept[c.name], with_digests(kept[c.name]))]
    return [f"{table.name} {key}: {c} was changed past the ledger" for c in wrong]


def _told(row: Row, column: Column[Any]) -> Any:
    """What the ledger says of a column; one it never mentions still has its default."""
    if column.name in row:
        return row[column.name]
    return getattr(column.default, "arg", None)


def _entry(row: RowMapping) -> Entry:
    return Entry(row["seq"], row["at"], row["actor"], row["event"], row["subject"], row["prev"], row["hash"])


def _columns(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "event": entry.event,
        "subject": dict(entry.subject),
        "prev": entry.prev,
        "hash": entry.hash,
    }
