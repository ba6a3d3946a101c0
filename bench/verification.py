"""Proving a ledger, as a ratio to reading it: what hashing costs on top."""

from __future__ import annotations

import time
from pathlib import Path

from tests.worlds import actor, memory_app, memory_world

from bench.decision import _fill
from bench.figure import Figure
from greenroom.domain.roles import Role
from greenroom.services import record_keeping


def measure(directory: Path) -> list[Figure]:
    world = memory_world(directory)
    _fill(world)
    began = time.perf_counter()
    with world.store.database.reading() as tx:
        count = sum(1 for _ in world.store.recorder.entries(tx))
    reading = time.perf_counter() - began
    began = time.perf_counter()
    told = record_keeping.verify(memory_app(world), actor(Role.ADMINISTRATOR))
    proving = time.perf_counter() - began
    assert told["verified"], told
    how = f"ledger verify (chain and tables) / reading the same {count:,} entries once, {proving:.1f} s"
    return [Figure("proving the ledger", proving / reading, "×", 10.0, how)]
