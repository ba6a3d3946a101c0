"""Do the rows that a decision reads say what the ledger says? Asked at the moment it matters, in a few milliseconds.

`greenroom ledger verify` proves everything and takes seconds. A decision rests on few rows: for those alone the entries
that tell of them are looked up (the ledger is indexed by what its entries set). Each is hashed again and must be named
by the entry after it; the rows must be what they add up to. So changed, added and missing rows are found.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy import Text as PlainText

from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import Refused
from greenroom.domain.work_record import Compared, compared, tells
from greenroom.store import tables as t
from greenroom.store.database import Database
from greenroom.store.lookups import told_by
from greenroom.store.recorder import jsonable, unlike

REMEMBERED = 4096
"""Entries whose hash need not be computed again as long as every byte of them is the same."""


class Witness:
    """Compares rows with the ledger of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def flaws(self, tx: Connection, table: str, by: str, values: Collection[str]) -> list[str]:
        """Where rows of `table` whose column `by` holds one of `values` differ from the ledger; empty: nowhere."""
        wanted, rows = sorted(set(values)), t.RECORDED[table]
        if not wanted:
            return []
        told, flaws = self._fold(tx, table, by, wanted)
        ids = wanted if by == "id" else list(told)
        found = tx.execute(_rows(table, by), {"wanted": wanted, "ids": ids})
        kept = {row.id: jsonable(dict(row._mapping)) for row in found}
        for key in sorted(set(told) | set(kept)):
            flaws += unlike(rows, key, told.get(key), kept.get(key))
        return flaws

    def work(self, tx: Connection, work_id: str) -> Compared:
        """The row of this work beside the entries about it."""
        told: dict[str, Any] = {}
        flaws: list[str] = []
        for row in tx.execute(_about_work(sqlite=self._database.is_sqlite), {"wanted": work_id}):
            subject = _genuine(row)
            if subject is None:
                flaws.append(f"entry {row.seq} of the ledger was changed")
            elif found := tells(int(row.seq), row.actor, row.event, subject):
                told |= found[1]
        kept = tx.execute(select(t.work).where(t.work.c.id == work_id)).one_or_none()
        found_so = compared(work_id, told, None if kept is None else jsonable(dict(kept._mapping)))
        return Compared((*flaws, *found_so.flaws), found_so.has_begun)

    def last_applied(self, tx: Connection) -> str | None:
        """The configuration that was applied last, as the ledger tells it."""
        found: str | None = tx.scalar(_last_applied(sqlite=self._database.is_sqlite))
        return found

    def tells(self, tx: Connection, table: str, key: str) -> bool:
        """True if an entry sets this row."""
        told = _told(table, "id", sqlite=self._database.is_sqlite)
        return tx.scalar(select(t.ledger.c.seq).where(told == key).limit(1)) is not None

    def chain_holds(self, tx: Connection) -> None:
        """Raises Refused (`ledger.broken`) when an entry is missing, or when the last one that this process wrote is no
        longer what it was, or the entries after it do not follow. For a reading transaction: what it sees stays."""
        c = t.ledger.c
        count, tip = tx.execute(select(func.count(), func.max(c.seq)).select_from(t.ledger)).one()
        if count != (tip or 0):
            raise _broken(f"{tip or 0} entries were written, {count} are there")
        known = self._database.tip_before(tx)
        after = known[0] if known else count
        entries = tx.execute(_entries().where(c.seq >= after).order_by(c.seq)).all()
        if known and (not entries or entries[0].hash != known[1]):
            raise _broken(f"entry {after} is not the one that was written")
        for row in entries:
            if _subject(*row[:7]) is None or row.named != (row.hash if row.seq != tip else None):
                raise _broken(f"entry {row.seq} was changed")

    def _fold(
        self, tx: Connection, table: str, by: str, values: list[str]
    ) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """What the ledger tells of these rows, and which of the entries that tell it were changed."""
        told: dict[str, dict[str, Any]] = {}
        flaws: list[str] = []
        for row in tx.execute(_about(table, by, sqlite=self._database.is_sqlite), {"wanted": values}):
            subject = _genuine(row)
            if subject is None:
                flaws.append(f"entry {row.seq} of the ledger was changed")
            else:
                told.setdefault(subject[table]["id"], {}).update(subject[table])
        return told, flaws


@lru_cache
def _about(table: str, by: str, *, sqlite: bool) -> Any:
    """The entries, in order, that tell of rows whose column `by` was ever set to one of `wanted`.

    Of an environment's many entries the newest of each event suffices: one event always sets the same columns.
    """
    c, key = t.ledger.c, _told(table, "id", sqlite=sqlite)
    wanted = _many("wanted")
    about: ColumnElement[bool] = key.in_(wanted)
    if by != "id":
        about = key.in_(select(key).select_from(t.ledger).where(_told(table, by, sqlite=sqlite).in_(wanted)))
    if table == "environment":
        about = c.seq.in_(select(func.max(c.seq)).where(about).group_by(key, c.event))
    return _entries().where(about).order_by(c.seq)


@lru_cache
def _about_work(*, sqlite: bool) -> Any:
    """The entries, in order, that tell of one piece of work."""
    return _entries().where(_told("about", "work", sqlite=sqlite) == bindparam("wanted")).order_by(t.ledger.c.seq)


@lru_cache
def _rows(table: str, by: str) -> Select[Any]:
    c = t.RECORDED[table].c
    return select(t.RECORDED[table]).where(or_(c[by].in_(_many("wanted")), c.id.in_(_many("ids"))))


@lru_cache
def _last_applied(*, sqlite: bool) -> Select[Any]:
    """Configurations are applied at growing times, whatever the clock: the latest time is the last one's."""
    at = _told("policy", "at", sqlite=sqlite)
    return (
        select(_told("policy", "id", sqlite=sqlite)).select_from(t.ledger).order_by(at.desc()).limit(1).where(at > "")
    )


def _many(name: str) -> BindParameter[str]:
    return bindparam(name, expanding=True, type_=PlainText)


@lru_cache
def _entries() -> Any:
    """Every entry as it is stored, and how the entry after it names it (None: there is none after it)."""
    after, c = t.ledger.alias("entry_after"), t.ledger.c
    raw = [type_coerce(x, PlainText).label(x.name) for x in (c.seq, c.at, c.actor, c.event, c.subject, c.prev, c.hash)]
    return select(*raw, after.c.prev.label("named")).outerjoin(after, after.c.seq == c.seq + 1)


def _genuine(row: Row[Any]) -> Mapping[str, Any] | None:
    """An entry's subject; None when the entry does not have the hash that it carries, or the next names another."""
    return _subject(*row[:7]) if row.named is None or row.named == row.hash else None


@lru_cache(maxsize=REMEMBERED)
def _subject(
    seq: int, at: str, actor: str, event: str, subject: str, prev: str, its_hash: str
) -> Mapping[str, Any] | None:
    """The entry's subject; None when the entry does not have the hash that it carries."""
    try:
        found: Mapping[str, Any] = json.loads(subject)
        return found if digest_of([seq, at, actor, event, found, prev]) == its_hash else None
    except (ValueError, RecursionError):
        return None


def _told(table: str, name: str, *, sqlite: bool) -> ColumnElement[str]:
    return literal_column(told_by(table, name, sqlite=sqlite), PlainText)


def _broken(because: str) -> Refused:
    return Refused(
        "ledger.broken",
        "the ledger is not what was written",
        because=because,
        hint="greenroom ledger verify names the first entry that is wrong; find out who wrote past Greenroom",
    )
