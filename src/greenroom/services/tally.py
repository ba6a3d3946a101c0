"""What happened since this control plane started, in numbers: counters that only grow, for whoever scrapes them."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds. Steps take from milliseconds (a switch) to an hour (a migration)."""


@dataclass
class Histogram:
    """`counts[i]` values were at most `BUCKETS[i]` and more than the one before; the last count is of the rest."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Tally:
    """Thread-safe. `ended` by kind, environment and state; `refusals` by gate and environment; `steps` by kind, step,
    direction and outcome; `logged` by level and event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: Counter[tuple[str, str, str]] = Counter()
        self._refusals: Counter[tuple[str, str]] = Counter()
        self._logged: Counter[tuple[str, str]] = Counter()
        self._steps: dict[tuple[str, str, str, str], Histogram] = {}

    def ended(self, kind: str, environment: str, state: str) -> None:
        with self._lock:
            self._ended[kind, environment, state] += 1

    def refused(self, gate: str, environment: str) -> None:
        with self._lock:
            self._refusals[gate, environment] += 1

    def logged(self, level: str, event: str) -> None:
        with self._lock:
            self._logged[level, event] += 1

    def step(self, kind: str, line: Mapping[str, Any]) -> None:
        key = (kind, str(line["step"]), str(line["direction"]), str(line["outcome"]))
        with self._lock:
            self._steps.setdefault(key, Histogram()).add(float(line["seconds"]))

    def read(self) -> Read:
        with self._lock:
            steps = {k: Histogram(list(h.counts), h.total) for k, h in self._steps.items()}
            return Read(Counter(self._ended), Counter(self._refusals), Counter(self._logged), steps)


@dataclass(frozen=True)
class Read:
    """All of it as of one moment."""

    ended: Counter[tuple[str, str, str]]
    refusals: Counter[tuple[str, str]]
    logged: Counter[tuple[str, str]]
    steps: Mapping[tuple[str, str, str, str], Histogram]
