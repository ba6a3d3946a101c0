"""Live progress: the last lines each piece of work said, for those who watch; kept in memory only."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime

from greenroom.ports.clock import Clock
from greenroom.store.columns import storable

LINES = 500
WORKS = 200


@dataclass(frozen=True)
class Said:
    """One line. `number` grows by one per work, so that a watcher can ask for what is new."""

    number: int
    at: datetime
    step: str
    text: str


class Progress:
    """Thread-safe. Oldest works and lines fall out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: OrderedDict[str, deque[Said]] = OrderedDict()
        self._lock = threading.Lock()

    def say(self, work_id: str, step: str, text: str) -> None:
        with self._lock:
            lines = self._lines.setdefault(work_id, deque(maxlen=LINES))
            number = lines[-1].number + 1 if lines else 1
            lines.append(Said(number, self._clock.now(), step, storable(text[:2000])))
            while len(self._lines) > WORKS:
                self._lines.popitem(last=False)

    def after(self, work_id: str, number: int) -> list[Said]:
        """Lines said after `number`, in order."""
        with self._lock:
            return [s for s in self._lines.get(work_id, ()) if s.number > number]
