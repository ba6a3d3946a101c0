"""One decision, with 1,000 releases and 100,000 ledger entries behind it."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from tests.worlds import actor, memory_app, memory_world, placed, sealed

from bench.figure import Figure
from greenroom.domain import ledger as chain
from greenroom.domain.roles import Role
from greenroom.services import promotions
from greenroom.store import tables

RELEASES, ENTRIES, ROUNDS = 1_000, 100_000, 200


def measure(directory: Path) -> list[Figure]:
    world = memory_world(directory)
    newest = [sealed(world, f"{n}.0") for n in range(RELEASES)][-1]
    for environment in ("dev", "qa", "packaging", "uat", "staging"):
        placed(world, newest, environment)
    _fill(world)
    app, who = memory_app(world), actor(Role.ENGINEER)
    promotions.why(app, who, newest, "production")
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        promotions.why(app, who, newest, "production")
        seconds.append(time.perf_counter() - began)
    how = f"median of {ROUNDS}; {RELEASES:,} releases, {ENTRIES:,} ledger entries, SQLite; every gate, all reads"
    return [Figure("one decision", statistics.median(seconds) * 1000, "ms", 5.0, how)]


def _fill(world) -> None:
    """Ledger entries of a long life, properly chained."""
    recorder = world.store.recorder
    with world.store.database.transaction() as tx:
        count = recorder.count(tx)
        entry = next(recorder.entries(tx, after=count - 1))
        rows = []
        for n in range(count, ENTRIES):
            entry = chain.append(entry, world.clock.now(), "bench", "noted", {"about": {"n": n}})
            rows.append({c.name: getattr(entry, c.name) for c in tables.ledger.columns})
        tx.execute(tables.ledger.insert(), rows)
