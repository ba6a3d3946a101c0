"""How long to wait before a process that ended is started again."""

from __future__ import annotations

STEADY = 60.0


def failures_after(failures: int, uptime: float) -> int:
    """Ends in a row that came soon: one more, or the first again after `STEADY` seconds up."""
    return 1 if uptime >= STEADY else failures + 1


def delay(failures: int, first: float, longest: float) -> float:
    """Seconds: `first` after the first end, doubling, at most `longest`."""
    return 0.0 if failures <= 0 else float(min(longest, first * 2 ** min(failures - 1, 10)))
