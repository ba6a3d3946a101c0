"""What happened, by release, from Caddy's access log.

The log is in the order of time up to a little jitter, so the start of a span is found by bisection: the cost is
that of the span, however long the log. A last line still being written is left for the next reading.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from greenroom.ports.edge import Traffic, TrafficReport

_JITTER = 2.0
"""Seconds by which a line may stand out of order: requests that end together race for the file."""


@dataclass
class Tally:
    """Counts of one release while they are gathered."""

    requests: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)

    def traffic(self, release: str) -> Traffic:
        self.seconds.sort()
        return Traffic(release, self.requests, self.failed, percentile(self.seconds, 50), percentile(self.seconds, 99))


def report(log: Path, environment: str, since: datetime, until: datetime) -> TrafficReport:
    """Requests of the environment's visitors that ended in [since, until).

    Previews are not visitors. A wait (held) and a stream count as requests, but their durations say nothing about
    the release's speed and are left out of the percentiles.
    """
    tallies: dict[str, Tally] = defaultdict(Tally)
    begin, end = since.timestamp(), until.timestamp()
    mark = f'"env":"{environment}"'.encode()  # spares the parsing of others' lines
    for line in _lines(log, begin, end):
        if mark in line and (entry := parsed(line)) and begin <= entry["ts"] < end and _counts(entry, environment):
            _add(tallies[str(entry["release"])], entry)
    releases = tuple(tally.traffic(release) for release, tally in sorted(tallies.items()))
    return TrafficReport(environment, since, until, releases)


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


def _add(tally: Tally, entry: dict[str, Any]) -> None:
    status = int(entry.get("status", 0))
    tally.requests += 1
    tally.failed += status == 0 or status >= 500
    is_stream = status == 101 or str(entry.get("content_type", "")).startswith("text/event-stream")
    if not is_stream and not entry.get("held"):
        tally.seconds.append(float(entry.get("duration", 0.0)))


def _lines(log: Path, since: float, until: float) -> Iterator[bytes]:
    for file in _files(log, since):
        with file:
            _seek(file, since - _JITTER)
            yield from _until(file, until + _JITTER)


def _files(log: Path, since: float) -> Iterator[BinaryIO]:
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
        if stat.st_ino in seen or stat.st_mtime < since - _JITTER:
            file.close()
            continue
        seen.add(stat.st_ino)
        yield file


def _seek(file: BinaryIO, since: float) -> None:
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
