"""A database whose schema a test writes as a word."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from greenroom.domain.errors import Errored
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.ports.clock import Clock
from greenroom.ports.damage import Damage
from greenroom.ports.databases import Database, Lost, RestorePoint


class ScriptedDatabases:
    """A schema is a word: `schema[environment]`. Restore points keep it; what was written since is `written`."""

    def __init__(self, clock: Clock) -> None:
        self.schema: dict[str, str] = {}
        self.written: Mapping[str, tuple[int, int, int]] = {}
        self.open_doors: dict[str, dict[str, int]] = {}
        self.given: list[Secret] = []  # every URL that let somebody in
        self.is_away = False  # nobody answers those who ask for doors
        self.reached: Callable[[str], None] = lambda boundary: None
        self._closed: set[str] = set()  # amid a restore
        self._clock = clock
        self._points: dict[tuple[str, str], tuple[RestorePoint, str]] = {}
        self._aside: dict[tuple[str, str], str] = {}

    def ensure(self, environment: str, services: Services) -> Database:
        self.schema.setdefault(environment, "empty")
        return Database(environment, Secret(f"postgresql://app:pw-{environment}@/shop"), "18.4", "scripted")

    def port(self, environment: str) -> int | None:
        return 25400 if environment in self.schema else None

    def passwords(self, environment: str) -> tuple[Secret, ...]:
        return (Secret(f"pw-{environment}"),) if environment in self.schema else ()

    @contextmanager
    def scratch(self, services: Services) -> Iterator[Database]:
        yield Database("scratch", Secret("postgresql://app:pw@/scratch"), "18.4", "scripted")

    def fingerprint(self, environment: str) -> str:
        if environment in self._closed:
            raise Errored("database.closed", "the database takes no connections")
        return "sha256:" + hashlib.sha256(self.schema.get(environment, "empty").encode()).hexdigest()

    @contextmanager
    def migration_lock(self, environment: str, *, seconds: float) -> Iterator[None]:
        yield

    def make_restore_point(self, environment: str, name: str) -> RestorePoint:
        point = RestorePoint(name, environment, self._clock.now(), 4096)
        return self._points.setdefault((environment, name), (point, self.schema.get(environment, "empty")))[0]

    def restore_points(self, environment: str) -> list[RestorePoint]:
        found = [p for (e, _), (p, _) in self._points.items() if e == environment]
        return sorted(found, key=lambda p: p.at, reverse=True)

    def would_lose(self, point: RestorePoint) -> Lost:
        return Lost(point.at, self.written)

    def restore(self, point: RestorePoint, *, aside: str) -> None:
        self._closed.add(point.environment)
        self.reached("exchange.closed")
        present = self.schema.get(point.environment, "empty")
        if self._aside.setdefault((point.environment, aside), present) == present:
            self.schema[point.environment] = self._points[point.environment, point.name][1]
        self._closed.discard(point.environment)

    def put_back(self, environment: str, *, aside: str) -> None:
        if (environment, aside) in self._aside:
            self.schema[environment] = self._aside.pop((environment, aside))

    def drop_restore_points(self, environment: str, keep: int) -> int:
        old = self.restore_points(environment)[keep:]
        for point in old:
            del self._points[environment, point.name]
        return len(old)

    def sweep(self) -> int:
        return 0

    def connections(self, environment: str) -> int:
        return 0

    def open_door(self, environment: str, name: str, *, writes: bool, until: datetime) -> Secret:
        if self.is_away:
            raise Errored("database.unreachable", "nobody answers where the database should be")
        self.open_doors.setdefault(environment, {})[name] = 0
        self.given.append(Secret(f"postgresql://{name}:door-{environment}-{len(self.given)}@/app"))
        return self.given[-1]

    def close_door(self, environment: str, name: str) -> None:
        if self.is_away:
            raise Errored("database.unreachable", "nobody answers where the database should be")
        self.open_doors.get(environment, {}).pop(name, None)

    def doors(self, environment: str) -> Mapping[str, int]:
        if self.is_away:
            raise Errored("database.unreachable", "nobody answers where the database should be")
        return dict(self.open_doors.get(environment, {}))

    def damage(self, environment: str) -> list[Damage]:
        return []

    def stop(self, environment: str) -> None:
        """Nothing runs."""
