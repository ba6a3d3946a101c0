"""Databases for development and tests: tables are numbers of rows, the schema is a list of words."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from greenroom.adapters.postgres.census import Census, Tally, changes
from greenroom.adapters.postgres.providers import Provider, choose
from greenroom.adapters.postgres.restore_points import checked_point
from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.names import checked_name
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.ports.clock import Clock
from greenroom.ports.damage import Damage
from greenroom.ports.databases import Database, Lost, RestorePoint

PROVIDERS = (
    Provider("embedded", 18, Path("/embedded"), frozenset({"plpgsql", "vector"})),
    Provider("/host/15", 15, Path("/host/15"), frozenset({"plpgsql", "pg_trgm", "unaccent"})),
)


@dataclass
class State:
    """What one database holds. `schema` grows by `change_schema`."""

    tables: dict[str, Tally] = field(default_factory=dict)
    schema: list[str] = field(default_factory=list)


@dataclass
class Cluster:
    """One environment's databases, by name, and the dumps of its restore points."""

    database: Database
    major: int
    state: State = field(default_factory=State)
    asides: dict[str, State] = field(default_factory=dict)
    points: dict[str, tuple[RestorePoint, State]] = field(default_factory=dict)
    epoch: int = 0  # a restored database counts anew
    migrating: bool = False
    connections: int = 0
    doors: dict[str, int] = field(default_factory=dict)  # by name, the number in its password


class MemoryDatabases:
    """Fulfils `ports.databases.Databases`. `write` and `change_schema` are what an application would do."""

    def __init__(self, clock: Clock, providers: Sequence[Provider] = PROVIDERS) -> None:
        self._clock, self._providers = clock, providers
        self._clusters: dict[str, Cluster] = {}
        self._opened = 0

    def ensure(self, environment: str, services: Services) -> Database:
        checked_name(environment, "environment")
        provider = choose(services, self._providers)
        known = self._clusters.get(environment)
        if known is None:
            url = Secret(f"postgresql://app:secret-of-{environment}@127.0.0.1:{25400 + len(self._clusters)}/app")
            known = Cluster(Database(environment, url, f"{provider.major}.0", provider.name), provider.major)
            self._clusters[environment] = known
        if known.major != provider.major:
            raise Refused("database.version", f"{environment}'s database is PostgreSQL {known.major}")
        return known.database

    def port(self, environment: str) -> int | None:
        names = list(self._clusters)
        return 25400 + names.index(environment) if environment in names else None

    def passwords(self, environment: str) -> tuple[Secret, ...]:
        known = self._clusters.get(environment)
        return (known.database.url,) if known else ()

    @contextmanager
    def scratch(self, services: Services) -> Iterator[Database]:
        provider = choose(services, self._providers)
        yield Database("scratch", Secret("postgresql://app:s@127.0.0.1:1/app"), f"{provider.major}.0", provider.name)

    def sweep(self) -> int:
        return 0

    def fingerprint(self, environment: str) -> str:
        state = self._need(environment).state
        return digest_of([sorted(state.tables), sorted(state.schema)])

    @contextmanager
    def migration_lock(self, environment: str, *, seconds: float) -> Iterator[None]:
        cluster = self._need(environment)
        end = self._clock.monotonic() + seconds
        while cluster.migrating:
            if self._clock.monotonic() >= end:
                raise Errored("database.migration_busy", f"another migration of {environment} is under way")
            self._clock.sleep(0.05)
        cluster.migrating = True
        try:
            yield
        finally:
            cluster.migrating = False

    def make_restore_point(self, environment: str, name: str) -> RestorePoint:
        cluster = self._need(environment)
        if checked_point(name) not in cluster.points:
            facts = self._census(cluster).as_facts()
            size = sum(t.rows or 0 for t in cluster.state.tables.values())
            point = RestorePoint(name, environment, self._clock.now(), size, facts)
            cluster.points[name] = (point, copy.deepcopy(cluster.state))
        return cluster.points[name][0]

    def restore_points(self, environment: str) -> list[RestorePoint]:
        checked_name(environment, "environment")
        known = self._clusters.get(environment)
        points = [point for point, _ in known.points.values()] if known else []
        return sorted(points, key=lambda p: (p.at, p.name), reverse=True)

    def would_lose(self, point: RestorePoint) -> Lost:
        now = self._census(self._need(point.environment))
        return Lost(point.at, changes(Census.from_facts(point.facts), now))

    def restore(self, point: RestorePoint, *, aside: str) -> None:
        cluster = self._need(point.environment)
        if checked_point(aside) in cluster.asides:
            return
        if point.name not in cluster.points:
            raise Errored("database.no_restore_point", f"{point.environment} has no restore point {point.name}")
        cluster.asides[aside] = cluster.state
        cluster.state = copy.deepcopy(cluster.points[point.name][1])
        cluster.epoch += 1

    def put_back(self, environment: str, *, aside: str) -> None:
        cluster = self._need(environment)
        if checked_point(aside) in cluster.asides:
            cluster.state = cluster.asides.pop(aside)
            cluster.epoch -= 1

    def drop_restore_points(self, environment: str, keep: int) -> int:
        old = self.restore_points(environment)[max(0, keep) :]
        for point in old:
            del self._clusters[environment].points[point.name]
        return len(old)

    def connections(self, environment: str) -> int:
        return self._need(environment).connections

    def open_door(self, environment: str, name: str, *, writes: bool, until: datetime) -> Secret:
        checked_name(name, "break-glass access")
        cluster = self._need(environment)
        self._opened += 1
        cluster.doors[name] = self._opened
        return Secret(f"postgresql://{name}:door-{self._opened}@{cluster.database.url.reveal().rpartition('@')[2]}")

    def close_door(self, environment: str, name: str) -> None:
        found = self._clusters.get(checked_name(environment, "environment"))
        if found is not None:
            found.doors.pop(checked_name(name, "break-glass access"), None)

    def doors(self, environment: str) -> Mapping[str, int]:
        found = self._clusters.get(checked_name(environment, "environment"))
        return dict.fromkeys(found.doors, 0) if found else {}

    def damage(self, environment: str) -> list[Damage]:
        return []

    def stop(self, environment: str) -> None:
        checked_name(environment, "environment")

    def write(self, environment: str, table: str, *, inserted: int = 0, updated: int = 0, deleted: int = 0) -> None:
        """Rows written by the application; a table is made by its first write."""
        tables = self._need(environment).state.tables
        was = tables.get(table, Tally(table, 0, 0, 0, 0))
        rows = (was.rows or 0) + inserted - deleted
        tables[table] = Tally(table, rows, was.inserted + inserted, was.updated + updated, was.deleted + deleted)

    def rows(self, environment: str, table: str) -> int | None:
        """None when there is no such table."""
        found = self._need(environment).state.tables.get(table)
        return found.rows if found else None

    def change_schema(self, environment: str, word: str) -> None:
        self._need(environment).state.schema.append(word)

    def connect(self, environment: str, count: int) -> None:
        """Let so many sessions be open."""
        self._need(environment).connections = count

    def _census(self, cluster: Cluster) -> Census:
        return Census(str(cluster.epoch), dict(enumerate(cluster.state.tables.values())))

    def _need(self, environment: str) -> Cluster:
        found = self._clusters.get(checked_name(environment, "environment"))
        if found is None:
            raise Errored("database.absent", f"{environment} has no database yet")
        return found
