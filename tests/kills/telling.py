"""What store, kernel and workers say when work does not end: who holds what, and who waits for it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from greenroom.adapters.clock import SystemClock
from greenroom.store.database import Database

ROWS = """SELECT id, kind, environment, state, cursor, direction, attempts, owner, token,
    lease_until - extract(epoch FROM clock_timestamp()) AS lease_left, wake_at, cancel, error
    FROM work ORDER BY requested_at DESC LIMIT 4"""
LINES = """SELECT work, step, direction, attempt, outcome, started_at, seconds, left(detail, 300) AS detail
    FROM history ORDER BY id DESC LIMIT 25"""
SESSIONS = """SELECT pid, state, wait_event_type, wait_event, clock_timestamp() - state_change AS since_change,
    clock_timestamp() - xact_start AS in_transaction, pg_blocking_pids(pid) AS blocked_by, left(query, 200) AS query
    FROM pg_stat_activity WHERE datname = current_database() ORDER BY xact_start NULLS LAST"""
LOCKS = """SELECT pid, locktype, relation::regclass::text AS relation, mode, granted, objid FROM pg_locks
    WHERE locktype = 'advisory' OR NOT granted OR mode LIKE 'Row%' ORDER BY pid"""


def told(store: str, processes: Sequence[tuple[int, Path]], seconds: float = 5) -> str:
    """Rows, history, sessions and locks of the store; file locks, threads and the log of each worker."""
    said = [f"now {SystemClock().now()}"]
    database = Database(store, SystemClock(), connections=1)
    try:
        with database.reading() as tx:
            for title, query in (("work", ROWS), ("history", LINES), ("sessions", SESSIONS), ("locks", LOCKS)):
                said += [f"--- {title}", *(_line(dict(row._mapping)) for row in tx.execute(text(query)))]
    finally:
        database.close()
    for pid, log in processes:
        said += [f"--- worker {pid}", *_threads(pid), *_file_locks(pid)]
        os.kill(pid, signal.SIGUSR1)  # tests.kills.worker writes its stacks into its log
    time.sleep(min(seconds, 1))
    for pid, log in processes:
        said += [f"--- log of {pid}: {log}", log.read_text()[-20000:]]
    return "\n".join(said)


def _line(row: dict[str, Any]) -> str:
    return "  ".join(f"{k}={v}" for k, v in row.items() if v is not None)


def _threads(pid: int) -> list[str]:
    found = []
    for task in sorted(Path(f"/proc/{pid}/task").iterdir()):
        state = (task / "stat").read_text().rpartition(")")[2].split()[0]
        found.append(f"{(task / 'comm').read_text().strip()} {task.name} {state} {(task / 'wchan').read_text()}")
    return found


def _file_locks(pid: int) -> list[str]:
    return [line for line in Path("/proc/locks").read_text().splitlines() if f" {pid} " in line]
