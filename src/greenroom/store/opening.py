"""Making a store, or bringing an older one to today's schema.

Each step is one transaction: killed in the middle, the store is of the schema before or of the one after. Several
control planes that open one store at once take turns; who comes second finds the step done. Before the first step a
SQLite file is copied beside itself, `NAME.schema-N`: the way back to an older Greenroom.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, select

from greenroom.domain.errors import Errored
from greenroom.store.lookups import indexes
from greenroom.store.migrations import Step, ahead_of
from greenroom.store.tables import SCHEMA_VERSION, meta, metadata

if TYPE_CHECKING:
    from greenroom.store.database import Database

APPEND_ONLY_SQLITE = (
    "CREATE TRIGGER IF NOT EXISTS ledger_no_update BEFORE UPDATE ON ledger"
    " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS ledger_no_delete BEFORE DELETE ON ledger"
    " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
)
APPEND_ONLY_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
    "CREATE OR REPLACE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger"
    " FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()",
)


def make_or_migrate(database: Database, *, reached: Callable[[str], None] = lambda boundary: None) -> None:
    """The store has today's tables afterwards. Raises Refused (`store.newer`), Errored (`store.copy_failed`).

    `reached` is told what was just done, so that tests can die there.
    """
    with database.reading() as tx:
        found = _version(tx)
    steps = ahead_of(found) if found is not None else ()
    if steps and database.file is not None:
        _copy(database.file, database.file.with_name(f"{database.file.name}.schema-{found}"))
        reached("copied")
    for step in steps:
        with database.transaction() as tx:
            _take(tx, step, reached)
        reached(f"schema {step.version}")
    with database.transaction() as tx:
        ahead_of(_version(tx) or 0)  # another may have brought it further than we know meanwhile
        metadata.create_all(tx, checkfirst=True)
        append_only = APPEND_ONLY_SQLITE if database.is_sqlite else APPEND_ONLY_POSTGRESQL
        for statement in (*append_only, *indexes(sqlite=database.is_sqlite)):
            tx.exec_driver_sql(statement)
        if _version(tx) is None:
            tx.execute(meta.insert().values(key="schema", value=str(SCHEMA_VERSION)))


def _version(tx: Connection) -> int | None:
    """The schema a store is of; None for one that is not made yet."""
    if not inspect(tx).has_table(meta.name):
        return None
    found = tx.scalar(select(meta.c.value).where(meta.c.key == "schema"))
    return None if found is None else int(found)


def _take(tx: Connection, step: Step, reached: Callable[[str], None]) -> None:
    if _version(tx) != step.version - 1:
        return  # another control plane was quicker
    step.forward(tx)
    reached(f"changed to {step.version}")
    tx.execute(meta.update().where(meta.c.key == "schema").values(value=str(step.version)))


def _copy(file: Path, copy: Path) -> None:
    """All of the store as of one instant; complete under its name, or not there at all. One that is there stays."""
    if copy.exists():
        return
    partial = copy.with_name(f".{copy.name}.{os.getpid()}")
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        source, target = sqlite3.connect(file), sqlite3.connect(partial)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(copy)
    except (OSError, sqlite3.Error) as e:
        with suppress(OSError):
            partial.unlink()
        raise Errored(
            "store.copy_failed",
            f"the store could not be copied to {copy} before it is migrated",
            because=str(e),
            hint="make room on its disk and start again; nothing was changed",
        ) from e
