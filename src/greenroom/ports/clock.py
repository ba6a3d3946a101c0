"""Time and identifiers come in from outside, so that tests choose them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, UTC, aware."""

    def monotonic(self) -> float:
        """Seconds that never go back, for durations and leases."""

    def sleep(self, seconds: float) -> None:
        """Return after about `seconds`."""


class Identifiers(Protocol):
    def new(self, prefix: str) -> str:
        """A new unique identifier `PREFIX-xxxxxxxxxxxx`, sortable by time of creation within a process."""
