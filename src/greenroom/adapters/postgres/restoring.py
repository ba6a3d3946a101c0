"""Bringing a restore point back beside the present database, and exchanging the two in one transaction.

    (nothing) → loading:X → ready:X → [ app → aside:X, ready:X → app ]        restore
                                      [ app → undone:X, aside:X → app ] → -   put back

What is called `ready` is complete and verified; the brackets are one transaction each, so `app` always exists. Where
the server loads `pg_cron`, `ready` is barred for all but the superuser, and so is `app` until its jobs are there and
their scheduler runs: that it is barred says that there is more to do. Whoever finds a state goes on from it. `reached`
names each boundary, so that tests can be killed there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from greenroom.adapters.home import Home
from greenroom.adapters.postgres.archive import load, load_jobs
from greenroom.adapters.postgres.census import Census, read_counters, with_rows
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, Connection, session
from greenroom.adapters.postgres.record import Cluster
from greenroom.adapters.postgres.restore_points import RestorePoints, checked_point
from greenroom.adapters.postgres.roles import IS_OPEN, create_database
from greenroom.domain.errors import Errored
from greenroom.domain.release import Services
from greenroom.ports.clock import Clock
from greenroom.ports.databases import RestorePoint

LONGEST_NAME = 63  # NAMEDATALEN - 1
LEAVE_SECONDS = 10.0

SCHEDULER = "pg_cron"
SCHEDULERS_TABLES = ("cron.job", "cron.job_run_details")
HAS_SCHEDULER = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron')"
IS_AWAKE = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher')"

ASIDES = "SELECT datname FROM pg_database WHERE datname LIKE 'aside:%' ORDER BY oid DESC"
"""Newest first: identifiers are given out in the order in which databases are made."""


@dataclass(frozen=True)
class Names:
    """The databases of one restore."""

    loading: str
    ready: str
    aside: str
    undone: str

    @classmethod
    def of(cls, aside: str) -> Names:
        """Colons keep them apart from anything an application would name; long names become their digest."""
        key = checked_point(aside)
        if len(key) > LONGEST_NAME - len("loading:"):
            key = hashlib.sha256(aside.encode()).hexdigest()[:40]
        return cls(*(f"{state}:{key}" for state in ("loading", "ready", "aside", "undone")))


class Restoring:
    """Restores and takes restores back; every call may be repeated after any interruption."""

    def __init__(
        self,
        home: Home,
        clusters: Clusters,
        points: RestorePoints,
        clock: Clock,
        reached: Callable[[str], None] = lambda boundary: None,
    ) -> None:
        self._home, self._clusters, self._points, self._clock, self._reached = home, clusters, points, clock, reached

    def restore(self, point: RestorePoint, aside: str) -> None:
        names = Names.of(aside)
        cluster = self._running(point.environment)
        with self._clusters.held(point.environment):
            with self._administer(cluster) as connection:
                there = _databases(connection)
                if names.aside not in there:
                    if names.ready not in there:
                        self._make_ready(connection, cluster, point, names)
                    self._exchange(connection, {APP: names.aside, names.ready: APP})
                is_barred = connection.execute(IS_OPEN, [APP]).fetchone() == (False,)
            if is_barred:
                self._bring_jobs(cluster, point)
            self._wake_scheduler(cluster)
            if is_barred:
                with self._administer(cluster) as connection:
                    _admit(connection, APP)

    def put_back(self, environment: str, aside: str) -> None:
        names = Names.of(aside)
        cluster = self._running(environment)
        with self._clusters.held(environment):
            with self._administer(cluster) as connection:
                if names.aside in _databases(connection):
                    self._exchange(connection, {APP: names.undone, names.aside: APP})
                    self._reached("put-back.exchanged")
                _open(connection, APP)
                for leftover in (names.loading, names.ready, names.undone):
                    _drop(connection, leftover)
            self._wake_scheduler(cluster)

    def drop_asides(self, environment: str, keep: int) -> int:
        """Drop all but the newest `keep` databases that were put aside; how many went."""
        cluster = self._clusters.find(environment)
        if cluster is None:
            return 0
        with self._clusters.held(environment), self._administer(cluster) as connection:
            asides = connection.execute(ASIDES).fetchall()[max(0, keep) :]
            for (name,) in asides:
                _drop(connection, name)
            return len(asides)

    def _running(self, environment: str) -> Cluster:
        """Where the server loads `pg_cron` it may be just restarting: whoever did that may have been killed."""
        cluster = self._clusters.need(environment)
        if SCHEDULER not in cluster.record.preloaded:
            return cluster
        return self._clusters.up(environment, Services(cluster.record.major, cluster.record.extensions))

    def _administer(self, cluster: Cluster) -> AbstractContextManager[Connection]:
        return session(self._clusters.superuser(cluster), MAINTENANCE)

    def _make_ready(self, connection: Connection, cluster: Cluster, point: RestorePoint, names: Names) -> None:
        archive = self._points.archive(point)
        _drop(connection, names.loading)
        create_database(connection, names.loading)
        self._reached("restore.created")
        superuser, application = self._clusters.superuser(cluster), self._clusters.application(cluster, over_tcp=False)
        load(cluster.tools, superuser, application, archive, names.loading, work=self._home.work)
        self._reached("restore.loaded")
        self._verify(cluster, point, names.loading)
        _copy_settings(connection, APP, names.loading)
        if SCHEDULER in cluster.record.preloaded:
            _bar(connection, names.loading)
        self._reached("restore.verified")
        _rename(connection, names.loading, names.ready)
        self._reached("restore.ready")

    def _verify(self, cluster: Cluster, point: RestorePoint, database: str) -> None:
        """As many rows in every table as the point counted. The planner's statistics are made on the way."""
        with session(self._clusters.application(cluster, over_tcp=False), database) as connection:
            connection.execute("ANALYZE")
        with session(self._clusters.superuser(cluster), database) as connection:
            found = with_rows(connection, read_counters(connection)).rows_by_name()
        wanted = Census.from_facts(point.facts).rows_by_name()
        if SCHEDULER in cluster.record.extensions:  # they come when the database has its name
            wanted = {t: n for t, n in wanted.items() if t not in SCHEDULERS_TABLES}
        differing = sorted(t for t in wanted.keys() | found.keys() if wanted.get(t) != found.get(t))
        if differing:
            told = ", ".join(f"{t}: {found.get(t)} rows, not {wanted.get(t)}" for t in differing[:5])
            raise Errored(
                "database.restore_differs",
                f"restore point {point.name} does not come back as it was",
                because=told,
                hint="the present database is untouched; take another restore point or a backup",
            )

    def _bring_jobs(self, cluster: Cluster, point: RestorePoint) -> None:
        """Those of `pg_cron`, which could not be loaded before: only the database of that name can hold them."""
        superuser = self._clusters.superuser(cluster)
        with session(superuser, APP) as connection:
            is_there = connection.execute(HAS_SCHEDULER).fetchone() == (True,)
        if not is_there:
            load_jobs(cluster.tools, superuser, self._points.archive(point), work=self._home.work)
        self._reached("restore.jobs")

    def _wake_scheduler(self, cluster: Cluster) -> None:
        """The scheduler of `pg_cron` had to leave the database, and the server does not start it again by itself."""
        if SCHEDULER not in cluster.record.preloaded:
            return
        with self._administer(cluster) as connection:
            is_awake = connection.execute(IS_AWAKE).fetchone() == (True,)
        if not is_awake:
            self._clusters.restart(cluster, lambda: self._reached("restarting"))
        self._reached("restarted")

    def _exchange(self, connection: Connection, renames: dict[str, str]) -> None:
        """Refuse newcomers, end the sessions, rename all at once. If it cannot be done, `app` is open again."""
        _close(connection, APP)
        self._reached("exchange.closed")
        try:
            self._end_sessions(connection, APP)
            self._reached("exchange.alone")
            with connection.transaction():
                for name, new in renames.items():
                    _rename(connection, name, new)
                _open(connection, APP)
        except (Errored, psycopg.Error):
            _open(connection, APP)
            raise
        self._reached("exchange.done")

    def _end_sessions(self, connection: Connection, database: str) -> None:
        end = self._clock.monotonic() + LEAVE_SECONDS
        while connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database]
        ).fetchall():
            if self._clock.monotonic() > end:
                raise Errored(
                    "database.sessions_remain",
                    f"sessions in {database} do not end",
                    hint="end what holds the database open, such as a console; then greenroom resume WORK",
                )
            self._clock.sleep(0.01)


def _databases(connection: Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()}


def _rename(connection: Connection, name: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new)))


def _open(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))


def _close(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))


def _bar(connection: Connection, name: str) -> None:
    """Nobody enters but the superuser, whom the limit does not hold for; it stays with the database that is renamed."""
    connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 0").format(sql.Identifier(name)))


def _admit(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1").format(sql.Identifier(name)))


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _copy_settings(connection: Connection, source: str, target: str) -> None:
    """Settings attached to the database itself (`ALTER DATABASE … SET`) are not in a dump of it."""
    rows = connection.execute(
        "SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
        " WHERE d.datname = %s AND s.setrole = 0",
        [source],
    ).fetchall()
    for (setting,) in rows:
        name, _, value = setting.partition("=")
        with connection.transaction():
            connection.execute("SELECT set_config(%s, %s, true)", [name, value])
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} FROM CURRENT").format(sql.Identifier(target), sql.Identifier(name))
            )
