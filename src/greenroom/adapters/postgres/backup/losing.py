"""What going back would undo, read from the log itself: transactions that committed after the target, and their rows.

`pg_waldump` (documentation, "PostgreSQL Server Applications") prints a line for each record. Rows count for the
transaction that wrote them, and that for what it committed as: what was rolled back is lost to nobody. Transactions
that changed no row of a table (maintenance, Greenroom's own) do not count; neither do changes of the schema.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from greenroom.adapters.postgres.tools import Tools, command
from greenroom.domain.wal import format_lsn, parse_lsn

MOST_FILES = 64
"""A gigabyte of log: beyond, counting takes longer than a person waits."""

USER_OBJECTS_FROM = 16384  # FirstNormalObjectId: below are the catalogues
RECORD = re.compile(r"rmgr: (\w+) .*? tx:\s+(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), .*? desc: (.*)")
RELATION = re.compile(r"rel \d+/(\d+)/(\d+)")
TUPLES = re.compile(r"ntuples: (\d+)|(\d+) tuples")
COMMIT = re.compile(r"COMMIT(?:_PREPARED)? (?:\d+: )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) (\w+)")
SUBTRANSACTIONS = re.compile(r"subxacts: ([\d ]+)")
VERBS = {"INSERT": 0, "MULTI_INSERT": 0, "UPDATE": 1, "HOT_UPDATE": 1, "DELETE": 2}


@dataclass
class Tally:
    """Lost so far; `tables` maps a file number to rows inserted, updated, deleted."""

    transactions: int = 0
    first: datetime | None = None
    last: datetime | None = None
    tables: dict[int, list[int]] = field(default_factory=dict)


def dumped(tools: Tools, folder: Path, timeline: int, start: int, end: int | None) -> Iterator[str]:
    """The log's records on one timeline, as text, to the end of what there is."""
    argv = [tools.program("pg_waldump"), f"--path={folder}", f"--timeline={timeline}", f"--start={format_lsn(start)}"]
    if end is not None:
        argv.append(f"--end={format_lsn(end)}")
    process = subprocess.Popen(
        command(argv, None),
        env=tools.env(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it always ends with the complaint that the log ends
        text=True,
        errors="replace",
    )
    if process.stdout is None:
        raise LookupError("it was started with a pipe")
    with process.stdout:
        yield from process.stdout
    process.wait()


def count(lines: Iterable[str], is_lost: Callable[[datetime, int], bool], tally: Tally) -> None:
    """Add what these records say. `is_lost(instant, position)` tells of a commit whether it lies behind the target."""
    open_rows: dict[int, dict[int, list[int]]] = {}
    for line in lines:
        found = RECORD.match(line)
        if found is None:
            continue
        manager, transaction, lsn, said = found[1], int(found[2]), found[3], found[4]
        if manager in ("Heap", "Heap2"):
            _note(open_rows, transaction, said)
        elif manager == "Transaction" and (commit := COMMIT.match(said)):
            family = [transaction]
            if subs := SUBTRANSACTIONS.search(said):
                family += map(int, subs[1].split())
            at = datetime.strptime(commit[1], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
            rows = [open_rows.pop(t) for t in family if t in open_rows]
            if rows and is_lost(at, parse_lsn(lsn)):
                _lose(tally, at, rows)


def _note(open_rows: dict[int, dict[int, list[int]]], transaction: int, said: str) -> None:
    verb = said.split(" ", 1)[0].split("+")[0]
    where = RELATION.search(said)
    if verb not in VERBS or where is None or int(where[2]) < USER_OBJECTS_FROM:
        return
    many = TUPLES.search(said) if verb == "MULTI_INSERT" else None
    rows = open_rows.setdefault(transaction, {}).setdefault(int(where[2]), [0, 0, 0])
    rows[VERBS[verb]] += int(many[1] or many[2]) if many else 1


def _lose(tally: Tally, at: datetime, changed: Iterable[Mapping[int, list[int]]]) -> None:
    tally.transactions += 1
    tally.first = min(tally.first or at, at)
    tally.last = max(tally.last or at, at)
    for tables in changed:
        for relation, rows in tables.items():
            known = tally.tables.setdefault(relation, [0, 0, 0])
            for n in range(3):
                known[n] += rows[n]
