"""What happened lately, kept in memory: whoever watches a release looks every second, and reads only what is new.

Reading a minute of a busy edge's log at every look would cost more than serving that minute did.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from greenroom.adapters.caddy import traffic
from greenroom.adapters.caddy.traffic import Visit
from greenroom.ports.edge import TrafficReport

HORIZON = 120.0
"""Seconds of visits that are remembered, for each environment that was asked about within as long."""


class RecentTraffic:
    """`traffic.report`, with a memory: the same answers, whatever is asked."""

    def __init__(self, log: Path, clock: Callable[[], float] = time.time) -> None:
        self._log = log
        self._clock = clock
        self._followers: dict[str, _Follower] = {}
        self._lock = threading.Lock()

    def report(self, environment: str, since: datetime, until: datetime) -> TrafficReport:
        """Requests of the environment's visitors that ended in [since, until)."""
        now = self._clock()
        if not now - HORIZON + traffic.JITTER < since.timestamp():
            return traffic.report(self._log, environment, since, until)
        with self._lock:
            self._followers = {name: f for name, f in self._followers.items() if f.is_awake(now)}
            follower = self._followers.get(environment)
            if follower is None or not follower.catch_up(now):
                follower = self._followers[environment] = _Follower(self._log, environment, now)
            return traffic.summed(environment, since, until, follower.visits)


class _Follower:
    """One environment's visits of the last `HORIZON` seconds, and where in the log the next ones will stand."""

    def __init__(self, log: Path, environment: str, now: float) -> None:
        self.visits: deque[Visit] = deque()
        self._log = log
        self._environment = environment
        self._looked_at = now
        self._read_to: tuple[os.stat_result, int] | None = None
        self._begin(now - HORIZON)

    def is_awake(self, now: float) -> bool:
        """False when it was left alone for so long, or the clock went back so far, that it may know too little."""
        return 0 <= now - self._looked_at < HORIZON

    def catch_up(self, now: float) -> bool:
        """Read what was written since the last time; forget what is older than the horizon. False when the log is not
        the file it was: then it has to be read anew."""
        if self._read_to is None or not self.is_awake(now):
            return False
        before, offset = self._read_to
        try:
            file = self._log.open("rb")
        except FileNotFoundError:
            return False
        with file:
            found = os.fstat(file.fileno())
            if not os.path.samestat(found, before) or found.st_size < offset:
                return False
            file.seek(offset)
            self._read(file)
        self._looked_at = now
        while self.visits and self.visits[0].ended < now - HORIZON:
            self.visits.popleft()
        return True

    def _begin(self, since: float) -> None:
        """Read all that may have happened since then.

        The present file is opened before its rotated predecessors are listed: one that is rotated just now is then
        found among them, and left out.
        """
        with ExitStack() as stack:
            try:
                present = stack.enter_context(self._log.open("rb"))
            except FileNotFoundError:  # never written, or just rotated: looked for again at the next look
                present = None
            mine = os.fstat(present.fileno()) if present else None
            for file in traffic.files(self._log, since):
                with file:
                    if mine is None or not os.path.samestat(os.fstat(file.fileno()), mine):
                        traffic.seek(file, since - traffic.JITTER)
                        self._read(file)
            self._read_to = None
            if present:
                traffic.seek(present, since - traffic.JITTER)
                self._read(present)

    def _read(self, file: BinaryIO) -> None:
        """To the end, or to a line that is still being written."""
        offset = file.tell()
        for line in file:
            if not line.endswith(b"\n"):
                break
            offset += len(line)
            visit = traffic.visit(line, self._environment)
            if visit is not None:
                self.visits.append(visit)
        self._read_to = os.fstat(file.fileno()), offset
