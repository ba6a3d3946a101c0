"""Carrying the rows, piece by piece, and what is told of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.plan import Chunk
from greenroom.adapters.postgres.masking.relay import relay
from greenroom.adapters.postgres.masking.verification import Compared
from greenroom.adapters.postgres.masking.workers import Stop, told
from greenroom.domain.errors import Errored


@dataclass(frozen=True)
class Progress:
    """How far the rows are: of one table, and `share` (0 to 1) of all, by bytes as they lie in the source."""

    table: str
    rows: int
    bytes: int
    share: float


@dataclass
class Report:
    """What was copied: rows by table, what was decided without being asked for, what stayed behind, seconds by part."""

    plan: str
    masked_columns: int
    rows: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    compared: list[Compared] = field(default_factory=list)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began


@dataclass
class Rows:
    """The rows of one copy. `whole` is the size of all its pieces. Several workers carry at once."""

    stop: Stop
    report: Report
    progress: Callable[[Progress], None]
    whole: int
    _done: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def carry(self, source: Connection, target: Connection, chunk: Chunk) -> None:
        """One piece: altogether or not at all, for it is kept only when the source has come to its end. Raises Errored
        (`data.copy_differs`)."""
        path, carried = chunk.table.path, 0

        def moved(size: int) -> None:
            nonlocal carried
            self.stop.check()
            carried += size
            share = min(1.0, (self._done + min(carried, chunk.size)) / self.whole)
            self.progress(Progress(path, self.report.rows.get(path, 0), carried, share))

        with told(f"copy {path}"), target.transaction():
            left, arrived = relay(source, chunk.read, target, chunk.write, moved)
        if left != arrived:
            raise Errored(
                "data.copy_differs",
                f"{left} rows of {path} left, {arrived} arrived",
                hint="copy again; if it differs again, this is a defect of Greenroom: please report it",
            )
        with self._lock:
            self._done += max(chunk.size, 1)
            self.report.bytes += carried
            self.report.rows[path] = self.report.rows.get(path, 0) + arrived
        self.progress(Progress(path, self.report.rows[path], carried, self._done / self.whole))
