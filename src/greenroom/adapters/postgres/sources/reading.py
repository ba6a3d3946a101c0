"""The server that is read: sessions that can do it no harm, what it is, and why it could not be read completely.

Everything that refuses is asked before anything moves. No word of the server is repeated that could hold a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.catalog_sql import of_the_application
from greenroom.adapters.postgres.masking.ends import SETTINGS, End
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.secret import Secret, redact
from greenroom.domain.source import SourceServer

OLDEST = 13
READING = SETTINGS | {
    "default_transaction_read_only": "on",
    "lock_timeout": "10s",  # we come after whoever changes a table, and do not queue before those who use it
    "statement_timeout": "6h",
    "idle_in_transaction_session_timeout": "5min",  # a snapshot that nobody uses any more keeps nothing from vacuum
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
    "tcp_user_timeout": "90000",
}
"""Of every session of the source. The server ends those of a Greenroom that went away without a word."""

KEEPALIVE = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "6",
    "tcp_user_timeout": "90000",
}

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_NAMED = 20

OPERATIONAL = frozenset((
    "apg_plan_mgmt", "auto_explain", "aws_commons", "aws_lambda", "aws_s3", "azure", "azure_ai", "azure_storage",
    "google_insights", "google_ml_integration", "google_vacuum_mgmt", "hypopg", "log_fdw", "pg_buffercache",
    "pg_cron", "pg_hint_plan", "pg_prewarm", "pg_proctab", "pg_repack", "pg_stat_kcache", "pg_stat_statements",
    "pg_store_plans", "pg_wait_sampling", "pgaudit", "pglogical", "pgstattuple", "rds_activity_stream", "rds_tools",
))  # fmt: skip
"""Extensions by which a server is looked after, not an application: they stay behind where nothing depends on them."""

UNREADABLE = of_the_application("""
    SELECT format('table %I.%I', n.nspname, c.relname), CASE
           WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE on its schema is missing'
           WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'SELECT is missing'
           WHEN row_security_active(c.oid) THEN 'row security hides rows'
           ELSE 'it is unlogged, and a replica has no rows of it' END
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND OURS(pg_class, c.oid)
       AND (NOT has_schema_privilege(n.oid, 'USAGE') OR NOT has_table_privilege(c.oid, 'SELECT')
            OR row_security_active(c.oid) OR (c.relpersistence = 'u' AND pg_is_in_recovery()))
    UNION ALL
    SELECT format('sequence %I.%I', n.nspname, c.relname), 'SELECT is missing'
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND OURS(pg_class, c.oid)
       AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT'))
    UNION ALL
    SELECT format('%s large objects', count(*)), 'SELECT is missing'
      FROM pg_largeobject_metadata m
     WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND NOT pg_has_role(m.lomowner, 'USAGE')
       AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
                          AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
    HAVING count(*) > 0
    ORDER BY 1
""")

EXTENSIONS = """
    WITH member AS (
        SELECT classid, objid, refobjid AS extension FROM pg_depend
         WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass),
    theirs AS (  -- with what belongs to a member: the rule of a view, a default of a table
        SELECT classid, objid, extension FROM member
        UNION SELECT d.classid, d.objid, m.extension FROM pg_depend d
          JOIN member m ON m.classid = d.refclassid AND m.objid = d.refobjid WHERE d.deptype IN ('i', 'a'))
    SELECT e.extname, EXISTS (
           SELECT FROM member m JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid
            WHERE m.extension = e.oid AND d.deptype = 'n' AND NOT EXISTS (
                  SELECT FROM theirs t WHERE t.classid = d.classid AND t.objid = d.objid AND t.extension = e.oid))
      FROM pg_extension e WHERE e.extname <> 'plpgsql' ORDER BY 1
"""
"""With whether something that is not its own depends on it."""

FACTS = """
    SELECT pg_is_in_recovery(), clock_timestamp(), pg_last_xact_replay_timestamp(),
           pg_database_size(current_database()), current_user
"""


@dataclass(frozen=True)
class Standing:
    """What the server is as the snapshot is taken. `used` are extensions on which something of the application's
    depends. `bytes` is the size of its database, indexes included."""

    version: int
    is_replica: bool
    as_of: datetime
    bytes: int
    user: str
    extensions: tuple[str, ...]
    used: frozenset[str]

    @property
    def named(self) -> str:
        """The version as people say it: `15.9`."""
        return f"{self.version // 10000}.{self.version % 10000}"


def end_of(server: SourceServer, password: Secret | None) -> End:
    """The server as an end of a copy. On the network it is spoken to in TLS unless the URL says otherwise."""
    found = End.at(Secret(server.url))
    parameters = {**KEEPALIVE, **found.parameters}
    if not all(h in LOOPBACK or h.startswith("%2f") for h in server.hosts):
        parameters.setdefault("sslmode", "require")
    return replace(found, parameters=parameters, password=password or Secret(""), settings=READING)


def look(connection: Connection) -> Standing:
    """Asked within the transaction that holds the snapshot. Raises Refused (`data.source_older`)."""
    version = connection.info.server_version
    if version // 10000 < OLDEST:
        raise Refused(
            "data.source_older",
            f"the source is PostgreSQL {version // 10000}, which is not read",
            because=f"PostgreSQL {OLDEST} and newer are",
            hint=f"upgrade it to PostgreSQL {OLDEST} or newer",
        )
    is_replica, now, replayed, size, user = connection.execute(FACTS.encode()).fetchall()[0]
    rows = connection.execute(EXTENSIONS.encode()).fetchall()
    return Standing(
        version,
        is_replica,
        min(now, replayed) if is_replica and replayed else now,
        size,
        user,
        tuple(name for name, _ in rows),
        frozenset(name for name, is_used in rows if is_used),
    )


def refuse_unreadable(connection: Connection, standing: Standing, place: str) -> None:
    """Raises Refused (`data.source_unreadable`) with everything that could not be read, and why."""
    found = connection.execute(UNREADABLE.encode()).fetchall()
    if not found:
        return
    said = [f"{name}: {why}" for name, why in found]
    more = f"; and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
    grants = []
    if any("missing" in s for s in said):
        grants.append(f"GRANT pg_read_all_data TO {standing.user} (PostgreSQL 14 and newer)")
    if any("row security" in s for s in said):
        grants.append(f"ALTER ROLE {standing.user} BYPASSRLS, or a role that owns these tables")
    if any("unlogged" in s for s in said):
        grants.append("the URL of the primary, or ALTER TABLE … SET LOGGED")
    if any("large objects" in s for s in said):
        grants.append("a role that owns the large objects")
    raise Refused(
        "data.source_unreadable",
        f"{standing.user} cannot read {place} completely: {len(said)} things are hidden from it",
        because="; ".join(said[:MOST_NAMED]) + more,
        hint="; ".join(grants),
        facts={"unreadable": said[:200]},
    )


@contextmanager
def of_the_source(place: str, password: Secret | None, secret: str | None) -> Iterator[None]:
    """Errors of connections in words about the source, whose password is in none of them. `secret` is its name."""
    try:
        yield
    except Errored as error:
        because = redact(error.because, [password] if password else [])
        known = f"greenroom secret set ENVIRONMENT {secret}" if secret else "data/source_password names its secret"
        if error.code == "database.password":
            raise Refused(
                "data.source_refused",
                f"{place} does not let Greenroom in",
                because=because,
                hint=f"{known}; the server's own rules (pg_hba.conf, firewall) must let this machine in, too",
            ) from None
        if error.code in ("database.unreachable", "database.starting", "database.busy", "database.closed"):
            raise Errored(
                "data.source_unreachable",
                f"{place} is not to be reached",
                because=because,
                hint="what an environment holds stays; ask again once it answers",
            ) from None
        if str(error.facts.get("sqlstate", "")) == "40001":
            raise Errored(
                "data.source_conflict",
                f"the replica {place} needed what was being read to follow its primary",
                because=because,
                hint="set hot_standby_feedback = on there, or a longer max_standby_streaming_delay",
            ) from None
        raise
