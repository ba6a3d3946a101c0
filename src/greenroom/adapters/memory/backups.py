"""Backups for development and tests: a cluster is a value of its tables, the log is a list of such values.

Everything that decides (`choose`, `expired`) is the real thing; only files and servers are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from greenroom.adapters.postgres.restore_points import checked_point
from greenroom.domain.backup import Archive, Backup, Mark, Retention, Route, expired
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.names import checked_name
from greenroom.domain.wal import DEFAULT_SEGMENT_BYTES, Era, Segment
from greenroom.ports.backups import Loss, Rebuilt, Say, Stream
from greenroom.ports.clock import Clock

Tables = dict[str, int]
STEP = 1024
"""Bytes of log that one write makes."""


@dataclass
class Line:
    """One environment's cluster and its archive. `log` holds instant, position and the tables after each write."""

    tables: Tables = field(default_factory=dict)
    position: int = DEFAULT_SEGMENT_BYTES
    timeline: int = 1
    is_protected: bool = False
    is_lost: bool = False
    log: list[tuple[datetime, int, int, Tables]] = field(default_factory=list)
    backups: dict[str, Backup] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    eras: list[Era] = field(default_factory=list)
    rebuilt: dict[str, tuple[Rebuilt, Tables]] = field(default_factory=dict)
    aside: dict[str, tuple[datetime, Tables, int, int]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


class MemoryBackups:
    """Fulfils `ports.backups.Backups`. `write` is what an application would do, `lose` what a disk does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self.damaged: dict[str, str] = {}  # by backup: found when it is read
        self.problem = ""

    # --- the world around it -----------------------------------------------------------------------

    def begin(self, environment: str) -> None:
        """The environment has a cluster from now on."""
        self._lines.setdefault(checked_name(environment, "environment"), Line())

    def write(self, environment: str, table: str, rows: int = 1) -> None:
        """One transaction."""
        line = self._need(environment)
        line.tables = {**line.tables, table: line.tables.get(table, 0) + rows}
        line.position += STEP
        line.log.append((self._clock.now(), line.timeline, line.position, line.tables))

    def rows(self, environment: str, table: str) -> int | None:
        return self._need(environment).tables.get(table)

    def lose(self, environment: str) -> None:
        self._need(environment).is_lost = True

    # --- the port ----------------------------------------------------------------------------------

    def protect(self, environment: str) -> Stream:
        line = self._need(environment)
        line.is_protected = True
        if not line.eras:
            line.eras.append(Era(self._clock.now(), line.timeline))
        return self.stream(environment)

    def stream(self, environment: str) -> Stream:
        line = self._need(environment)
        problem = "the cluster's data is gone" if line.is_lost else self.problem
        is_running = line.is_protected and not problem
        return Stream(is_running, 0 if is_running else None, self._clock.now(), problem, None)

    def ship(self, environment: str) -> int:
        return 0

    def take(self, environment: str, name: str, *, full: bool, say: Say) -> Backup:
        line = self._protected(environment)
        if checked_point(name) in line.backups:
            return line.backups[name]
        usable = [b for b in line.backups.values() if b.timeline == line.timeline and not b.damaged]
        parent = None if full or not usable else max(usable, key=lambda b: b.stop)
        if parent is None and not full:
            say("there is nothing to build on: a full one")
        now, size = self._clock.now(), sum(line.tables.values())
        line.position += STEP
        backup = Backup(
            name,
            environment,
            environment,
            line.timeline,
            line.position,
            line.position,
            now,
            now,
            parent.name if parent else None,
            size,
            size,
            "18.0",
        )
        line.log.append((now, line.timeline, line.position, line.tables))
        line.backups[name] = backup
        return backup

    def copy(self, environment: str, name: str, *, say: Say) -> int:
        return 0

    def verify(self, environment: str, name: str, *, say: Say) -> Backup:
        line = self._protected(environment)
        if name not in line.backups:
            raise Errored("backup.absent", f"{environment} has no backup {name}")
        self._read(line, name)
        return line.backups[name]

    def archive(self, environment: str) -> Archive:
        line = self._lines.get(checked_name(environment, "environment"))
        if line is None or not line.is_protected:
            return Archive((), ())
        wal = {}
        for timeline in {e.timeline for e in line.eras}:
            for number in range(1, line.position // DEFAULT_SEGMENT_BYTES + 1):
                wal[Segment(timeline, number).name] = DEFAULT_SEGMENT_BYTES
        return Archive(tuple(line.backups.values()), tuple(line.eras), wal, tuple(line.marks.values()))

    def mark(self, environment: str, name: str, *, census: bool = False) -> Mark:
        line = self._protected(environment)
        if line.is_lost:
            raise Errored("database.absent", f"{environment} has no database")
        if checked_point(name) not in line.marks:
            line.position += STEP
            now = self._clock.now()
            line.log.append((now, line.timeline, line.position, line.tables))
            counted = _census(line.tables) if census else {}
            line.marks[name] = Mark(name, name, environment, environment, line.timeline, line.position, now, counted)
        return line.marks[name]

    def would_lose(self, environment: str, route: Route) -> Loss:
        line = self._protected(environment)
        if route.target.mark is None and route.target.time is None:
            return Loss(0)
        state = _at(line, route)
        lost = {t: (n - state.get(t, 0), 0, 0) for t, n in line.tables.items() if n > state.get(t, 0)}
        return Loss(sum(rows for rows, _, _ in lost.values()), tables=lost)

    def rebuild(self, route: Route, environment: str, name: str, *, into: str, census: bool, say: Say) -> Rebuilt:
        line = self._protected(environment)
        target = self._lines.setdefault(into, Line())
        if name not in target.rebuilt:
            for backup in route.chain:
                self._read(line, backup.name)
            tables = _at(line, route)
            timeline = max(e.timeline for e in line.eras) + 1
            position = _position(line, route)
            made = Rebuilt(route.base.name, position, None, timeline, route.timeline, position, 0.0, route.base.size)
            target.rebuilt[name] = (replace(made, census=_census(tables) if census else {}), tables)
        return target.rebuilt[name][0]

    def exchange(self, environment: str, name: str) -> None:
        line = self._need(environment)
        if name in line.done:
            return
        if name not in line.rebuilt:
            raise Errored("backup.not_rebuilt", f"nothing is rebuilt under {name}")
        made, tables = line.rebuilt[name]
        if not line.is_lost:
            line.aside[name] = (self._clock.now(), line.tables, line.timeline, line.position)
        line.tables, line.timeline, line.is_lost = tables, made.timeline, False
        line.eras.append(Era(self._clock.now(), made.timeline, made.parent, made.forked_from))
        line.done.add(name)

    def put_back(self, environment: str, name: str) -> None:
        line = self._need(environment)
        if name in line.done and name in line.aside:
            _, line.tables, line.timeline, line.position = line.aside.pop(name)
            line.eras.append(Era(self._clock.now(), line.timeline))
            line.done.discard(name)

    def asides(self, environment: str) -> Mapping[str, datetime]:
        line = self._lines.get(checked_name(environment, "environment"))
        return {name: at for name, (at, *_) in line.aside.items()} if line else {}

    def discard(self, environment: str, name: str) -> None:
        if environment in self._lines:
            self._lines[environment].rebuilt.pop(name, None)

    def expire(self, environment: str, policy: Retention, *, in_use: tuple[str, ...]) -> list[str]:
        line = self._protected(environment)
        gone = expired(self.archive(environment), policy, self._clock.now(), in_use=in_use)
        for name in gone.backups:
            del line.backups[name]
        for name in gone.marks:
            del line.marks[name]
        return list(gone.backups)

    def _read(self, line: Line, name: str) -> None:
        why = self.damaged.get(name)
        if why is not None:
            line.backups[name] = replace(line.backups[name], damaged=why)
            raise Errored("backup.damaged", f"backup {name} is damaged", because=why, facts={"backup": name})

    def _protected(self, environment: str) -> Line:
        line = self._need(environment)
        if not line.is_protected:
            raise Errored("backup.unprotected", f"{environment} is not backed up")
        return line

    def _need(self, environment: str) -> Line:
        found = self._lines.get(checked_name(environment, "environment"))
        if found is None:
            raise Errored("database.absent", f"{environment} has no database yet")
        return found


def _census(tables: Tables) -> dict[str, Any]:
    return {"tables": {t: {"rows": n, "checksum": str(n)} for t, n in tables.items()}, "uncounted": 0}


def _position(line: Line, route: Route) -> int:
    known = [p for at, timeline, p, _ in line.log if timeline == route.timeline and _is_before(route, at, p)]
    return max(known, default=route.base.stop)


def _at(line: Line, route: Route) -> Tables:
    """The tables as the route's target had them."""
    known = [(p, tables) for at, t, p, tables in line.log if t == route.timeline and _is_before(route, at, p)]
    if not known:
        known = [(p, tables) for _, _, p, tables in line.log if p <= route.base.stop]
    if not known:
        raise Refused("backup.not_reached", f"{route.target.words} could not be reached")
    return dict(max(known, key=lambda k: k[0])[1])


def _is_before(route: Route, at: datetime, position: int) -> bool:
    mark, time = route.target.mark, route.target.time
    return position <= mark.lsn if mark else time is None or at <= time
