"""Break-glass access: a role of its own for one person, until an instant, and its end.

The role reads everything (`pg_read_all_data`, PostgreSQL 14), or writes as well; row security holds for it. What it
does stands in the cluster's log under its name, and only a superuser could switch that off. Its password is given away
once and kept nowhere. `VALID UNTIL` keeps it from logging in after its end; sessions that are open then are ended by
`close`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from psycopg import sql

from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, GLASS, MAINTENANCE, Connection, Door, NotYet, probe, session
from greenroom.adapters.postgres.record import Cluster
from greenroom.adapters.postgres.roles import IS_OPEN, set_password
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.names import checked_name
from greenroom.domain.secret import Secret
from greenroom.ports.clock import Clock

OLDEST = 14
CONNECTIONS = 3
ENTER_SECONDS = LEAVE_SECONDS = 10.0
ATTRIBUTES = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT")

SETTINGS = {
    "log_statement": "all",
    "log_min_error_statement": "error",  # also what was not understood, and so never began
    "idle_in_transaction_session_timeout": "5min",  # a transaction forgotten at night would hold migrations up
}

DOORS = """
    SELECT r.rolname, count(a.pid) FROM pg_roles r LEFT JOIN pg_stat_activity a ON a.usesysid = r.oid
    WHERE r.rolname ~ %s GROUP BY r.rolname, r.rolcanlogin HAVING r.rolcanlogin OR count(a.pid) > 0
"""

OWNS_IN = """
    SELECT DISTINCT d.datname FROM pg_shdepend s
    JOIN pg_roles r ON r.oid = s.refobjid JOIN pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass AND r.rolname = %s AND d.datallowconn
"""


class GlassDoors:
    """Opens, closes and counts them in the clusters of one project."""

    def __init__(self, clusters: Clusters, clock: Clock) -> None:
        self._clusters, self._clock = clusters, clock

    def open(self, environment: str, name: str, *, writes: bool, until: datetime) -> Secret:
        role, cluster = role_of(name), self._clusters.need(environment)
        _refuse_old(environment, cluster)
        door = Door("127.0.0.1", cluster.port, role, Secret(secrets.token_urlsafe(32)))
        with self._clusters.held(environment):
            self._clusters.renew_settings(cluster)
            self._remove(cluster, role)
            with session(self._clusters.superuser(cluster), MAINTENANCE) as connection, connection.transaction():
                _make(connection, door, writes=writes, until=until)
        self._enter(door)
        return Secret(f"postgresql://{role}:{door.password.reveal()}@{door.host}:{door.port}/{APP}")

    def close(self, environment: str, name: str) -> None:
        role, cluster = role_of(name), self._clusters.find(environment)
        if cluster is not None:
            with self._clusters.held(environment):
                self._remove(cluster, role)

    def all(self, environment: str) -> Mapping[str, int]:
        cluster = self._clusters.find(environment)
        if cluster is None:
            return {}
        with session(self._clusters.superuser(cluster), MAINTENANCE) as connection:
            found = connection.execute(DOORS, [f"^{GLASS}_[a-z0-9]{{1,24}}$"]).fetchall()
        return {name_of(role): int(count) for role, count in found}

    def _enter(self, door: Door) -> None:
        """What is given away opens: a server takes a moment to read its settings again."""
        end = self._clock.monotonic() + ENTER_SECONDS
        while True:
            try:
                return probe(door, APP)
            except (NotYet, Errored):
                if self._clock.monotonic() > end:
                    raise
            self._clock.sleep(0.05)

    def _remove(self, cluster: Cluster, role: str) -> None:
        """First nobody can come in any more, then those inside leave, then its jobs go, and the role. What it made
        (large objects, with the right to write) belongs to the application from then on. Where a database that was put
        aside still names it, the role stays, and opens nothing."""
        superuser = self._clusters.superuser(cluster)
        with session(superuser, MAINTENANCE) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                return
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role)))
            self._end_sessions(connection, role)
            owns_in = [row[0] for row in connection.execute(OWNS_IN, [role]).fetchall()]
            is_open = connection.execute(IS_OPEN, [APP]).fetchone() == (True,)
        if is_open and "pg_cron" in cluster.record.preloaded:
            with session(superuser, APP) as connection:
                _unschedule(connection, role)
        for database in owns_in:
            with session(superuser, database) as connection:
                names = {"role": sql.Identifier(role), "app": sql.Identifier(APP)}
                connection.execute(sql.SQL("REASSIGN OWNED BY {role} TO {app}").format(**names))
                connection.execute(sql.SQL("DROP OWNED BY {role}").format(**names))
        try:
            with session(superuser, MAINTENANCE) as connection:
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        except Errored as error:
            if error.facts.get("sqlstate") != DEPENDED_ON:
                raise

    def _end_sessions(self, connection: Connection, role: str) -> None:
        end = self._clock.monotonic() + LEAVE_SECONDS
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
        while connection.execute(query, [role]).fetchall():
            if self._clock.monotonic() > end:
                raise Errored(
                    "glass.sessions_remain",
                    f"sessions of {name_of(role)} do not end",
                    because=f"they were told to {LEAVE_SECONDS:g} s ago; nobody new comes in",
                    hint="it is tried again every few seconds; greenroom doctor names it until it is over",
                )
            self._clock.sleep(0.02)


DEPENDED_ON = "2BP01"


def role_of(name: str) -> str:
    """The role's name for that of a piece of access: `glass-01abc` is `greenroom_glass_01abc`."""
    return "greenroom_" + checked_name(name, "break-glass access").replace("-", "_")


def name_of(role: str) -> str:
    return role.removeprefix("greenroom_").replace("_", "-")


def _make(connection: Connection, door: Door, *, writes: bool, until: datetime) -> None:
    role, group = sql.Identifier(door.user), sql.Identifier(GLASS)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [GLASS]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(group))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(APP), group))
    connection.execute(
        sql.SQL("CREATE ROLE {} {} CONNECTION LIMIT {} VALID UNTIL {}").format(
            role, ATTRIBUTES, sql.Literal(CONNECTIONS), sql.Literal(until.isoformat())
        )
    )
    set_password(connection, door)
    for granted in (GLASS, "pg_read_all_data", *(["pg_write_all_data"] if writes else [])):
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(granted), role))
    settings = SETTINGS if writes else {**SETTINGS, "default_transaction_read_only": "on"}
    for setting, value in settings.items():
        connection.execute(
            sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(setting), sql.Literal(value))
        )


def _unschedule(connection: Connection, role: str) -> None:
    """Who may write every table may write that of `pg_cron`'s jobs: theirs would run into nothing for ever."""
    if connection.execute("SELECT FROM pg_extension WHERE extname = 'pg_cron'").fetchone() is not None:
        connection.execute("DELETE FROM cron.job WHERE username = %s", [role])


def _refuse_old(environment: str, cluster: Cluster) -> None:
    if cluster.record.major < OLDEST:
        raise Refused(
            "glass.version",
            f"nobody can be let into {environment}'s database by hand",
            because=f"it is PostgreSQL {cluster.record.major}, which has no role that reads everything",
            hint=f"move the project to PostgreSQL {OLDEST} or newer",
        )
