"""Rows and checksums by table, at one exact position of the log: what a drill compares a restored cluster with.

The position is that of a named restore point, made while nothing committed: the snapshot before and the snapshot after
it are the same. Then what the snapshot sees is what a recovery up to that point gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from greenroom.adapters.postgres.connect import APP, Connection, Door, session
from greenroom.domain.errors import Errored
from greenroom.domain.wal import parse_lsn
from greenroom.ports.clock import Clock

ATTEMPTS = 200
PAGES = 8192
"""Checksums cover the first 64 MiB of each table: physically equal clusters have the same rows there."""

COUNT_SECONDS = 60.0

MARK = "SELECT made::text, pg_walfile_name(made) FROM pg_create_restore_point(%s) made"
"""Its file names the timeline: a restore may have begun another one that no era tells of yet."""

TABLES = """
    SELECT c.oid, n.nspname, c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY pg_relation_size(c.oid), c.oid
"""


WRITING = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL)
         + (SELECT count(*) FROM pg_prepared_xacts)
"""
"""Transactions that write. One that is newer than every ended one stands in no snapshot, and its commit can be in the
log before anybody sees it: looked at between the restore point and the second snapshot, it is in one of the two."""


def make_mark(connection: Connection, label: str) -> tuple[int, int]:
    """Make a restore point: its timeline and its position."""
    return _place(connection.execute(MARK, [label]).fetchone())


def _place(row: tuple[Any, ...] | None) -> tuple[int, int]:
    position, file = row or ("0/0", "00000001")
    return int(str(file)[:8], 16), parse_lsn(str(position))


def mark_with_census(door: Door, label: str, clock: Clock) -> tuple[str, tuple[int, int], Mapping[str, Any]]:
    """Make a restore point and count what there is at that point: the label it got, its timeline and position, the
    census.

    On a database that never rests the census is left out, and says so.
    """
    with session(door, APP, autocommit=False) as counting, session(door, APP) as marking:
        for attempt in range(ATTEMPTS):
            counting.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            before = _one(counting, "SELECT pg_current_snapshot()::text")
            named = f"{label}.{attempt}"
            with marking.pipeline():
                made = marking.execute(MARK, [named])
                busy = marking.execute(WRITING.encode())
                after = marking.execute("SELECT pg_current_snapshot()::text")
            place, now = _place(made.fetchone()), str((after.fetchone() or [""])[0])
            is_quiet = (busy.fetchone() or [1])[0] == 0
            if is_quiet and before == now and before.endswith(":"):  # nothing was under way, nothing came between
                return named, place, census(counting, clock)
            counting.rollback()
            clock.sleep(0.01)
        return named, place, {"left_out": "the database never rested while the restore point was made"}


def census(connection: Connection, clock: Clock) -> dict[str, Any]:
    """`tables`: rows and checksum by table, the small ones first; `uncounted`: how many were left out for time."""
    end = clock.monotonic() + COUNT_SECONDS
    found: dict[str, dict[str, Any]] = {}
    tables = connection.execute(TABLES.encode()).fetchall()
    for _, schema, name in tables:
        if clock.monotonic() > end:
            break
        table = sql.Identifier(schema, name)
        row = connection.execute(
            sql.SQL(
                # ROW(t.*) is the row as such: `t` could be a column of that name, or have a cast of the application's
                "SELECT count(*), coalesce(sum(hashtextextended(ROW(t.*)::text, 0)::numeric)"
                " FILTER (WHERE t.ctid < {}::tid), 0)::text FROM {} t"
            ).format(sql.Literal(f"({PAGES},0)"), table)
        ).fetchone()
        if row is not None:
            found[f"{schema}.{name}"] = {"rows": int(row[0]), "checksum": str(row[1])}
    return {"tables": found, "uncounted": len(tables) - len(found)}


def counted(door: Door, names: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """A census of a cluster that nobody else uses."""
    with session(door, APP) as connection:
        return census(connection, clock)


def _one(connection: Connection, statement: str) -> str:
    row = connection.execute(statement.encode()).fetchone()
    if row is None:
        raise Errored(
            "database.failed",
            "the database gave no answer",
            because=statement,
            hint="greenroom doctor looks at the databases; try again then",
        )
    return str(row[0])
