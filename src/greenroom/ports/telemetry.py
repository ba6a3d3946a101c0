"""Where traces go. A dead collector never holds up work: spans are told by a thread of their own, and told again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from greenroom.domain.trace import Span


class Traces(Protocol):
    def tell(self, spans: Sequence[Span]) -> None:
        """Hand them over; returns when they are somebody else's. Telling a span twice is harmless.

        Raises Errored (`telemetry.unavailable`) when they are not; they are told again later.
        """
