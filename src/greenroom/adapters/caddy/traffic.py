"""What happened, by release, from Caddy's access log.

The log is in the order of time up to a little jitter, so the start of a span is found by bisection: the cost is
that of the span, however long the log. A last line still being written is left for the next reading.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from greenroom.ports.edge import Traffic, TrafficReport

JITTER = 2.0
"""Seconds by which a line may stand out of order: requests that end together race for the file."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a visitor. `ended` in seconds since the epoch; `seconds` None where its duration says nothing
    about the release's speed: a wait (held) and a stream."""

    ended: float
    release: str
    failed: bool
    seconds: float | None


def report(log: Path, environment: str, since: datetime, until: datetime) -> TrafficReport:
    """Requests of the environment's visitors that ended in [since, until). Previews are not visitors."""
    visits = (visit(line, environment) for line in _lines(log, since.timestamp(), until.timestamp()))
    return summed(environment, since, until, (v for v in visits if v is not None))


def summed(environment: str, since: datetime, until: datetime, visits: Iterable[Visit]) -> TrafficReport:
    """Counts and percentiles by release of the visits that ended in [since, until)."""
    begin, end = since.timestamp(), until.timestamp()
    found: dict[str, list[Visit]] = defaultdict(list)
    for one in visits:
        if begin <= one.ended < end:
            found[one.release].append(one)
    return TrafficReport(environment, since, until, tuple(_traffic(r, found[r]) for r in sorted(found)))


def visit(line: bytes, environment: str) -> Visit | None:
    """What a line of the log says of a visitor of this environment; None when it speaks of something else."""
    if f'"env":"{environment}"'.encode() not in line:  # spares the parsing of others' lines
        return None
    entry = parsed(line)
    if entry is None or not _counts(entry, environment):
        return None
    status = int(entry.get("status", 0))
    is_stream = status == 101 or str(entry.get("content_type", "")).startswith("text/event-stream")
    seconds = None if is_stream or entry.get("held") else float(entry.get("duration", 0.0))
    return Visit(float(entry["ts"]), str(entry["release"]), status == 0 or status >= 500, seconds)


def _traffic(release: str, visits: list[Visit]) -> Traffic:
    seconds = sorted(v.seconds for v in visits if v.seconds is not None)
    failed = sum(v.failed for v in visits)
    return Traffic(release, len(visits), failed, percentile(seconds, 50), percentile(seconds, 99))


def percentile(ordered: list[float], percent: float) -> float:
    """Nearest rank of a sorted list; 0.0 of an empty one."""
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1] if ordered else 0.0


def parsed(line: bytes) -> dict[str, Any] | None:
    """The entry, or None for what is no entry: a line cut by a full disk or a kill."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("ts"), (int, float)) else None


def _counts(entry: dict[str, Any], environment: str) -> bool:
    return entry.get("env") == environment and entry.get("door") == "site" and bool(entry.get("release"))


def _lines(log: Path, since: float, until: float) -> Iterator[bytes]:
    for file in files(log, since):
        with file:
            seek(file, since - JITTER)
            yield from _until(file, until + JITTER)


def files(log: Path, since: float) -> Iterator[BinaryIO]:
    """The log and its rotated predecessors, those that can hold anything since; each once.

    The present file is opened before the others are listed, so one that is rotated just now is still read.
    """
    seen: set[int] = set()
    for path in (log, *sorted(log.parent.glob(f"{log.stem}-*{log.suffix}"))):
        try:
            file = path.open("rb")
        except FileNotFoundError:  # never written, or rotated out of existence
            continue
        stat = os.fstat(file.fileno())
        if stat.st_ino in seen or stat.st_mtime < since - JITTER:
            file.close()
            continue
        seen.add(stat.st_ino)
        yield file


def seek(file: BinaryIO, since: float) -> None:
    """Stand at the start of a line at or before the first entry since then: bisection over byte offsets."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > 4096:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()  # the rest of a line
        start = file.tell()
        entry = next((e for e in map(parsed, iter(file.readline, b"")) if e), None)
        if entry is None or entry["ts"] >= since:
            high = middle
        else:
            low = start
    file.seek(low)


def _until(file: BinaryIO, until: float) -> Iterator[bytes]:
    for number, line in enumerate(iter(file.readline, b"")):
        if not line.endswith(b"\n"):
            return
        # Looking at each line's time would double the cost; one in a thousand bounds the reading.
        if number % 1000 == 999 and (entry := parsed(line)) and entry["ts"] > until:
            return
        yield line
