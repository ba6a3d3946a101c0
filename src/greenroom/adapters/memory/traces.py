"""Traces kept in a list; `broken` plays a collector that is away."""

from __future__ import annotations

from collections.abc import Sequence

from greenroom.domain.errors import Errored
from greenroom.domain.trace import Span


class MemoryTraces:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.broken = False

    def tell(self, spans: Sequence[Span]) -> None:
        if self.broken:
            raise Errored("telemetry.unavailable", "the spans could not be told", because="it is broken")
        self.spans += spans
