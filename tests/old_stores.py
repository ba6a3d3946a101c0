"""Stores that earlier versions wrote, frozen as SQL under `tests/cases/stores/`, and a world that goes on over one."""

from __future__ import annotations

import itertools
import sqlite3
import warnings
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, inspect, select
from sqlalchemy.exc import SAWarning

from greenroom.domain.release import Descriptor
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.ports.edge import Pointer
from greenroom.services import judgements, policy, record_keeping
from greenroom.services.recovery import recover
from greenroom.store import records
from greenroom.store import tables as t
from greenroom.store.database import Database
from greenroom.workflows.world import World
from tests.unit.workflows.story import Story
from tests.worlds import actor, memory_app, memory_world

STORES = Path(__file__).parent / "cases" / "stores"
LAID = {f"work promotion-{n:012}: in the store, but no entry asks for it" for n in (3, 5, 7, 14, 22)}
"""Of 0.1.0: rows that the story it was frozen in laid by itself, without the entries that Greenroom writes."""

VERSIONS = sorted(p.name for p in STORES.iterdir())


def text_of(version: str, dialect: str) -> str:
    """The SQL that makes the store of this version again."""
    return (STORES / version / f"{dialect}.sql").read_text() + (STORES / version / "rows.sql").read_text()


def write_sqlite(version: str, file: Path) -> Path:
    """The store as a SQLite file, as that version left it."""
    with sqlite3.connect(file) as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.executescript(text_of(version, "sqlite"))
    store.close()
    return file


def shape(database: Database) -> dict[str, Any]:
    """Tables, columns, keys and indexes, comparable between a new store and a migrated one."""
    with database.reading() as tx, warnings.catch_warnings():
        # Indexes over what a ledger's entry says are no columns'; they are made at every opening, old store or new.
        warnings.filterwarnings("ignore", "Skipped unsupported reflection", SAWarning)
        found = MetaData()
        found.reflect(tx)
        looked = inspect(tx)
        return {
            name: {
                "columns": [(c.name, str(c.type), c.nullable, c.primary_key) for c in table.columns],
                "indexes": sorted(
                    (i["name"], tuple(map(str, i["column_names"])), bool(i["unique"])) for i in looked.get_indexes(name)
                ),
                "unique": sorted(tuple(u["column_names"]) for u in looked.get_unique_constraints(name)),
            }
            for name, table in found.tables.items()
        }


class Continued(Story):
    """Goes on over an opened store: releases and pointers as its rows say, everything else a twin."""

    def __init__(self, directory: Path, database: Database) -> None:
        self.world: World = memory_world(directory, None, database=database)
        self.world.ids._next = itertools.count(1_000)  # type: ignore[attr-defined] # past what is recorded
        self.world.edge.configure(policy.sites(self.world.project()))
        self.seen: list[str] = []
        self.crash_at = None
        self.engine = self.new_engine()
        with database.reading() as tx:
            for row in tx.execute(select(t.release)):
                described = Descriptor.from_dict(row.descriptor)
                assert self.world.artifacts.put(described, {"app.py": row.version}) == row.id
            rows = records.environments(tx)
        for row in rows:
            if row.current and self.world.project().environment(row.name).runs:
                self.world.databases.ensure(row.name, self.world.release(row.current).descriptor.services)
                self.world.edge.point(row.name, Pointer(row.dial, row.current, 0))
        recover(memory_app(self.world))


def go_on(directory: Path, database: Database) -> None:
    """Everything that was recorded still holds; the promotion that waited for an approval is approved and done."""
    story = Continued(directory, database)
    app, manager = memory_app(story.world), actor(Role.MANAGER)
    told = record_keeping.verify(app, manager)
    assert set(told["problems"]) <= LAID
    with database.reading() as tx:
        (waiting,) = story.world.store.works.find(tx, states=[State.WAITING])
    judgements.approve(app, manager, waiting.release or "", waiting.environment or "")
    assert story.run(waiting.id).state is State.DONE
    assert story.world.environment("production").current == waiting.release
    after = record_keeping.verify(app, manager)
    assert after["problems"] == told["problems"]
    assert after["entries"] > told["entries"]
