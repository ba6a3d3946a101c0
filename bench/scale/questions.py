"""What is asked of a store every day, each with how long it takes there."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.worlds import actor

from bench.scale.life import Lived
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.services import collect, promotions, record_keeping, releases, status
from greenroom.store import records
from greenroom.store.database import Database

ROUNDS = 30
ENGINEER, ADMINISTRATOR = actor(Role.ENGINEER), actor(Role.ADMINISTRATOR)

VERIFY = """
import json, sys, time
from pathlib import Path
from greenroom.domain.roles import Role
from greenroom.services import record_keeping
from greenroom.store.database import Database
from tests.twins import FakeClock
from tests.worlds import actor, memory_app, memory_world
app = memory_app(memory_world(Path("/"), None, database=Database.sqlite(Path(sys.argv[1]), FakeClock())))
def memory(of):
    told = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in told if line.startswith(of)).split()[1]) / 1024
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here (proc_pid_clear_refs(5))
before = memory("VmRSS")
began = time.perf_counter()
told = record_keeping.verify(app, actor(Role.ADMINISTRATOR))
assert told["verified"], told
print(json.dumps([time.perf_counter() - began, memory("VmHWM") - before, told["entries"]]))
"""
"""In a process of its own, because memory is counted: seconds, MiB more than before, entries."""


def milliseconds(ask: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median over some rounds, after one that warms up."""
    ask()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def quick(lived: Lived) -> dict[str, Callable[[], object]]:
    """Questions that should not grow with what there ever was."""
    world, app = lived.world, lived.app
    database, works, owner, numbers = world.store.database, world.store.works, "bench", itertools.cycle(range(20))

    def looked() -> object:
        with database.reading() as tx:
            now = world.clock.now()
            return works.due(tx, now) or works.candidates(tx, owner, [], now, list(WorkKind))

    def known() -> object:
        with database.reading() as tx:
            return records.account_by_token(tx, lived.token_hash)

    def witnessed() -> object:
        with database.reading() as tx:
            return world.store.witness.work(tx, f"promotion-old-{next(numbers)}")  # another one each time

    with database.reading() as tx:
        middle = world.store.recorder.count(tx) // 2
    return {
        "one decision": lambda: promotions.why(app, ENGINEER, lived.newest, "production"),
        "status": lambda: status.path(app, ENGINEER),
        "work list": lambda: status.works(app, ENGINEER),
        "work list of one environment": lambda: status.works(app, ENGINEER, environment="qa"),
        "one work": lambda: status.work(app, ENGINEER, lived.some_work),
        "release list": lambda: releases.listed(app, ENGINEER),
        "a release by its version": lambda: app.release_digest("3.0"),
        "a page of the ledger": lambda: record_keeping.entries(app, ADMINISTRATOR, after=middle, limit=100),
        "a worker that looks for work": looked,
        "one work beside the ledger": witnessed,
        "whose token it is": known,
    }


def whole(lived: Lived, file: Path) -> dict[str, float]:
    """What must look at everything, or opens it: each once. Keys carry their unit."""
    root = Path(__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-c", VERIFY, str(file)], check=True, capture_output=True, text=True, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    seconds, memory, entries = json.loads(told.stdout)
    began = time.perf_counter()
    collect.collect(lived.app, ADMINISTRATOR)
    collecting = time.perf_counter() - began
    began = time.perf_counter()
    again = Database.sqlite(file, lived.world.clock)
    again.open()
    opening = time.perf_counter() - began
    again.close()
    return {
        "proving the ledger, s": seconds,
        "proving, µs an entry": seconds / entries * 1e6,
        "memory for proving, MiB": memory,
        "garbage collection, s": collecting,
        "opening the store, ms": opening * 1000,
        "size of the file, MB": _size(lived, file) / 1e6,
    }


def _size(lived: Lived, file: Path) -> int:
    """Bytes, with nothing left in the write-ahead log."""
    with lived.world.store.database.engine.connect().execution_options(greenroom_reading=True) as plain:
        plain.exec_driver_sql("COMMIT")  # a checkpoint belongs to no transaction
        plain.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        plain.exec_driver_sql("BEGIN")
    return file.stat().st_size
