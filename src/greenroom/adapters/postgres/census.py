"""How much a database holds and how much was written to it: the ground for saying what going back would lose.

Precision. The server's counters see every attempted write, rolled-back ones too; sessions hand theirs in at
the end of a transaction, at most once a second, an idle one up to ten seconds later. So a difference of counters may be
too high, and for the last seconds too low; the exact difference in rows corrects the latter for inserts and deletes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import sql

from greenroom.adapters.postgres.connect import Connection

COUNTERS = """
    SELECT c.oid::int8, format('%I.%I', n.nspname, c.relname), coalesce(pg_stat_get_tuples_inserted(c.oid), 0),
           coalesce(pg_stat_get_tuples_updated(c.oid), 0), coalesce(pg_stat_get_tuples_deleted(c.oid), 0)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""

EPOCH = """
    SELECT d.oid::int8, s.stats_reset::text, (SELECT stats_reset::text FROM pg_stat_bgwriter)
      FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = current_database()
"""
"""Counters can be compared only within one epoch: resets, crash recovery and another database begin a new one."""

RECENT = """
    SELECT coalesce(1 - extract(epoch FROM clock_timestamp() - max(state_change)), 0)::float8
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

Changes = tuple[int, int, int]
"""Rows inserted, updated, deleted."""


@dataclass(frozen=True)
class Tally:
    """One table. `rows` is None when it was not counted."""

    name: str
    rows: int | None
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True)
class Census:
    """All tables of a database by object identifier, and the epoch that their counters belong to."""

    epoch: str
    tables: Mapping[int, Tally]

    def as_facts(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "tables": {str(oid): asdict(tally) for oid, tally in self.tables.items()}}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Census:
        """The census that `as_facts` wrote, also after a trip through JSON."""
        return cls(facts["epoch"], {int(oid): Tally(**tally) for oid, tally in facts["tables"].items()})

    def rows_by_name(self) -> dict[str, int | None]:
        return {tally.name: tally.rows for tally in self.tables.values()}


def read_counters(connection: Connection) -> Census:
    """Names and counters, no rows."""
    epoch = json.dumps(connection.execute(EPOCH).fetchone())
    return Census(
        epoch,
        {
            oid: Tally(name, None, inserted, updated, deleted)
            for oid, name, inserted, updated, deleted in connection.execute(COUNTERS).fetchall()
        },
    )


def with_rows(connection: Connection, census: Census, go_on: Callable[[], bool] = lambda: True) -> Census:
    """The census with exact rows as the connection's snapshot sees them, while `go_on` says so.

    A table that is gone from the snapshot keeps None.
    """
    counted = {}
    there = {row[0] for row in connection.execute(COUNTERS).fetchall()}
    for oid, tally in census.tables.items():
        rows = _rows(connection, oid) if oid in there and go_on() else None
        counted[oid] = Tally(tally.name, rows, tally.inserted, tally.updated, tally.deleted)
    return Census(census.epoch, counted)


def _rows(connection: Connection, oid: int) -> int:
    name = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s",
        [oid],
    ).fetchone()
    if name is None:
        return 0
    row = connection.execute(sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(*name))).fetchone()
    return int(row[0]) if row else 0


def unsettled_seconds(connection: Connection) -> float:
    """How long until sessions that just did something have handed in their counters (0 to 1)."""
    row = connection.execute(RECENT).fetchone()
    return min(1.0, max(0.0, float(row[0]))) if row else 0.0


def changes(then: Census, now: Census) -> dict[str, Changes]:
    """What was written between the two, by the table's present name (its former one, if it is gone).

    Within one epoch tables are matched by identity, so a renamed one stays itself; otherwise by name, and only what the
    numbers of rows prove is said: updates cannot be told then.
    """
    is_same_epoch = then.epoch == now.epoch
    former = dict(then.tables) if is_same_epoch else {}
    by_name = {t.name: t for t in then.tables.values()} if not is_same_epoch else {}
    found: dict[str, Changes] = {}
    for oid, tally in now.tables.items():
        before = former.pop(oid, None) if is_same_epoch else by_name.pop(tally.name, None)
        found[tally.name] = _changed(before or Tally(tally.name, 0, 0, 0, 0), tally, is_same_epoch)
    for gone in (*former.values(), *by_name.values()):
        found.setdefault(gone.name, (0, 0, gone.rows or 0))
    return {name: change for name, change in sorted(found.items()) if any(change)}


def _changed(then: Tally, now: Tally, is_same_epoch: bool) -> Changes:
    inserted = updated = deleted = 0
    if is_same_epoch:
        inserted = max(0, now.inserted - then.inserted)
        updated = max(0, now.updated - then.updated)
        deleted = max(0, now.deleted - then.deleted)
    if then.rows is None or now.rows is None:
        return inserted, updated, deleted
    net = now.rows - then.rows
    return max(inserted, net + deleted, 0), updated, max(deleted, -net)
