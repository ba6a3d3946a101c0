"""Stand-ins for the clock and identifiers, for unit tests."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from greenroom.ports.runtime import Fence

ANY_CLAIM = Fence("nowhere", 0)
"""For what a test starts or stops itself: it stands in nobody's way."""


class FakeClock:
    """Time that moves only when a test says so; `sleep` moves it."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self.at = at
        self.ticks = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.ticks += seconds


class Counter:
    """Identifiers that tests can read: PREFIX-000000000001, …"""

    def __init__(self) -> None:
        self._next = itertools.count(1)

    def new(self, prefix: str) -> str:
        return f"{prefix}-{next(self._next):012d}"
