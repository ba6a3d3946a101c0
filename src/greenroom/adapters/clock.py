"""The real clock, and identifiers that sort by the time they were made."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


class SystemClock:
    """Fulfils `ports.clock.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SortableIdentifiers:
    """`PREFIX-` and 15 characters of base 32: 9 of milliseconds since the epoch, 6 at random."""

    def new(self, prefix: str) -> str:
        stamp = time.time_ns() // 1_000_000
        text = "".join(ALPHABET[(stamp >> shift) & 31] for shift in range(40, -1, -5))
        return f"{prefix}-{text}{''.join(secrets.choice(ALPHABET) for _ in range(6))}"
