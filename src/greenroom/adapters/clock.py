"""The real clock, and identifiers that sort by the time they were made."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

CLOCK_VARIABLE = "GREENROOM_CLOCK_FILE"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


class SystemClock:
    """Fulfils `ports.clock.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ShiftedClock(SystemClock):
    """For tests: the wall clock is off by as many seconds as the file says, and jumps when the file is replaced. What
    counts seconds since the start of the machine goes on, as it does where a real clock is set."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=float(self._file.read_text()))


def clock_of(environ: Mapping[str, str]) -> SystemClock:
    """The clock of this machine, unless `GREENROOM_CLOCK_FILE` names a file that shifts it."""
    file = environ.get(CLOCK_VARIABLE)
    return ShiftedClock(Path(file)) if file else SystemClock()


class SortableIdentifiers:
    """`PREFIX-` and 15 characters of base 32: 9 of milliseconds since the epoch, 6 at random."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock

    def new(self, prefix: str) -> str:
        stamp = int(self._clock.now().timestamp() * 1000)
        text = "".join(ALPHABET[(stamp >> shift) & 31] for shift in range(40, -1, -5))
        return f"{prefix}-{text}{''.join(secrets.choice(ALPHABET) for _ in range(6))}"
