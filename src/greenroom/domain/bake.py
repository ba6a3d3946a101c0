"""Is the new release worse than what was there before? A pure comparison of what the edge saw."""

from __future__ import annotations

from dataclasses import dataclass

FLOOR_SECONDS = 0.05
"""Latencies below this are not compared: a p99 that grows from 2 to 8 ms is noise, not a reason."""

TAIL_REQUESTS = 1_000
"""With fewer, a 99th percentile is hardly more than the slowest request: the median is compared instead."""

WARM_UP_SECONDS = 5.0
"""Latencies are not judged before: connections open, caches fill, and visitors who were held arrive at once."""

SLOW_LOOKS = 3
"""It must be slower at so many looks in a row: one hiccup of the machine is no reason to go back."""


@dataclass(frozen=True)
class Limits:
    """When a release counts as worse: its share of failures exceeds the baseline's by more than `max_failed`, or
    its latency exceeds `max_slower` times the baseline's. Nothing is judged below `min_requests`."""

    max_failed: float = 0.01
    max_slower: float = 3.0
    min_requests: int = 50


@dataclass(frozen=True)
class Seen:
    """Requests, failures, the median and the 99th percentile of latency in seconds."""

    requests: int
    failed: int
    p50: float = 0.0
    p99: float = 0.0

    @property
    def failed_share(self) -> float:
        return self.failed / self.requests if self.requests else 0.0


def why_failing(limits: Limits, before: Seen, after: Seen, exits: int) -> str | None:
    """Why it fails more than what was there before, in words; None while it does not. `exits`: how often its
    processes ended by themselves."""
    if exits > 0:
        return f"its processes ended by themselves {exits} times"
    allowed = before.failed_share + limits.max_failed
    if after.requests < limits.min_requests or after.failed_share <= allowed:
        return None
    return f"{after.failed} of {after.requests} requests failed ({after.failed_share:.1%}), allowed {allowed:.1%}"


def why_slower(limits: Limits, before: Seen, after: Seen) -> str | None:
    """Why it is slower, in words; None while it is not, or while too little was seen of either."""
    if min(before.requests, after.requests) < limits.min_requests:
        return None
    enough = min(before.requests, after.requests) >= TAIL_REQUESTS
    name, was, now = ("p99", before.p99, after.p99) if enough else ("median", before.p50, after.p50)
    limit = max(was * limits.max_slower, FLOOR_SECONDS)
    if now <= limit:
        return None
    return f"its {name} is {now * 1000:.0f} ms, before {was * 1000:.0f} ms, allowed {limit * 1000:.0f} ms"
