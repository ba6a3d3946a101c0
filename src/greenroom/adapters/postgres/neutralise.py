"""Making a copy of production's databases harmless: nothing in it fetches, sends or lets in by itself any more.

Call it as the superuser of a copy that runs apart and keeps still (`settings.STILL`). A copy that was started otherwise
has begun to act before anybody could ask it not to. Never on production.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from greenroom.adapters.postgres.connect import APP, MAINTENANCE, OWN_SETTINGS, SUPERUSER, Connection, Door, session
from greenroom.domain.errors import Errored, Refused

QUIET = OWN_SETTINGS | {"session_preload_libraries": "", "local_preload_libraries": ""}
"""A library that production loads into every session, and that is not here, would let nobody in."""

OWN = (SUPERUSER, APP)
"""Roles that Greenroom made and gives passwords of their own in each environment."""

NOWHERE = "host=/nonexistent dbname=nowhere"
"""What subscriptions are told instead of production's publisher, its user and its password (libpq, 32.1.1)."""

KEPT_OF_A_MAPPING = ("user", "username")
"""Options of a user mapping that let nobody in: everything else of it may be a password, a key or the way to one."""

CALLING_OUT = (
    "archive_command", "archive_library", "archive_cleanup_command", "restore_command", "recovery_end_command",
    "primary_conninfo", "primary_slot_name", "synchronous_standby_names", "synchronized_standby_slots",
    "ssl_passphrase_command", "log_destination", "listen_addresses", "cron.host", "cron.database_name",
)  # fmt: skip
"""Settings that run programs, wait for other servers or answer them."""

LOADING = ("shared_preload_libraries", "session_preload_libraries", "local_preload_libraries", "dynamic_library_path")
"""Settings of the server, a role or a database by which code runs that is not in the copy, also by itself: what an
environment's server loads, its release declares."""

# Every statement names its schema: a copy may hold functions and operators of anybody's.
SUBSCRIPTIONS = """
    SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
    WHERE d.datname = pg_catalog.current_database()
      AND (s.subenabled OR s.subslotname IS NOT NULL OR s.subconninfo <> %s) ORDER BY 1
"""
PUBLICATIONS = "SELECT pubname FROM pg_catalog.pg_publication ORDER BY 1"
MAPPINGS = """
    SELECT m.srvname, CASE WHEN m.umuser <> 0 THEN m.usename END, array(
        SELECT o.option_name FROM pg_catalog.pg_options_to_table(m.umoptions) o
        WHERE o.option_name <> ALL (%s) ORDER BY 1)
    FROM pg_catalog.pg_user_mappings m ORDER BY 1, 2
"""
ALWAYS_FIRING = """
    SELECT evtname, evtenabled = 'A' FROM pg_catalog.pg_event_trigger WHERE evtenabled IN ('A', 'R') ORDER BY 1
"""
HAS_CRON = "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_cron')"
CRON = "UPDATE cron.job SET active = false WHERE active RETURNING jobid, coalesce(jobname, '')"
SLOTS = """
    SELECT slot_name, active_pid FROM pg_catalog.pg_replication_slots
    WHERE slot_type = 'logical' AND database = pg_catalog.current_database() ORDER BY 1
"""
DATABASES = """
    SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname
"""
ROLES = """
    SELECT rolname FROM pg_catalog.pg_authid
    WHERE rolname <> ALL (%s) AND (rolcanlogin OR rolpassword IS NOT NULL) AND oid >= 16384 ORDER BY 1
"""
ATTACHED = """
    SELECT d.datname, r.rolname, split_part(c.setting, '=', 1)
    FROM pg_catalog.pg_db_role_setting s
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    CROSS JOIN LATERAL unnest(s.setconfig) c (setting) ORDER BY 1, 2, 3
"""
SYSTEM = """
    SELECT DISTINCT name FROM pg_catalog.pg_file_settings WHERE sourcefile LIKE '%/postgresql.auto.conf' ORDER BY 1
"""
LIBRARIES = """
    SELECT DISTINCT p.probin FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    WHERE pg_catalog.starts_with(p.probin, '$libdir/') ORDER BY 1
"""
"""Of extensions, in the server's own directory: what an application's session loads at its first use of them."""

DEFINED = "SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings WHERE pg_catalog.strpos(name, '.') > 0"
"""Settings of the libraries that a session has loaded. What somebody made up (`app.key`) is not among them."""
ENDED_SECONDS = 10


@dataclass
class Neutralised:
    """In words for people, with names as they stand in the database. `did` is empty when nothing was left to do; `left`
    is what is there and harmless."""

    did: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def neutralise(door: Door) -> Neutralised:
    """Make the cluster behind `door` harmless; its data and its schema stay. What was done in a database is done
    altogether or not at all; done again, it finds nothing to do.

    Raises Refused (`database.in_recovery`) for a server that still follows another, and Errored as every work in a
    database does.
    """
    found = Neutralised()
    with session(door, MAINTENANCE, settings=QUIET) as connection:
        _refuse_recovering(connection)
        names = [str(row[0]) for row in connection.execute(DATABASES).fetchall()]
    for name in names:
        with session(door, name, settings=QUIET) as connection:
            _database(connection, name, found)
    with session(door, MAINTENANCE, settings=QUIET) as connection:
        _settings(door, names, connection, found)
        _roles(connection, found)
    return found


def _refuse_recovering(connection: Connection) -> None:
    row = connection.execute("SELECT pg_catalog.pg_is_in_recovery()").fetchone()
    if row is not None and row[0]:
        raise Refused(
            "database.in_recovery",
            "the copy cannot be made harmless yet",
            because="it is in recovery: it still follows what it was copied from",
            hint="let it be promoted first, and keep it away from the network until then",
        )


def _database(connection: Connection, name: str, found: Neutralised) -> None:
    with connection.transaction(), event_triggers_rest(connection):
        _subscriptions(connection, name, found)
        _mappings(connection, name, found)
        _cron(connection, name, found)  # its own trigger needs the library loaded, to tell a launcher that rests here
    _slots(connection, name, found)
    if publications := _names(connection, PUBLICATIONS):
        found.left.append(f"{name}: publications {_listed(publications)}; nobody can subscribe without a login")


@contextmanager
def event_triggers_rest(connection: Connection) -> Iterator[None]:
    """What is changed here is no business of the application's triggers, which may NOTIFY, log or refuse. As a replica
    only those fire that were told to fire there too: they are switched off, and on again, in the same transaction."""
    firing = connection.execute(ALWAYS_FIRING).fetchall()
    for name, _ in firing:
        connection.execute(sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(sql.Identifier(name)))
    connection.execute("SET LOCAL session_replication_role = replica")
    yield
    connection.execute("SET LOCAL session_replication_role = origin")
    for name, is_always in firing:
        how = sql.SQL("ENABLE ALWAYS" if is_always else "ENABLE REPLICA")
        connection.execute(sql.SQL("ALTER EVENT TRIGGER {} ").format(sql.Identifier(name)) + how)


def _subscriptions(connection: Connection, database: str, found: Neutralised) -> None:
    names = _names(connection, SUBSCRIPTIONS, NOWHERE)
    for name in names:
        which = sql.Identifier(name)
        for change in ("DISABLE", "SET (slot_name = NONE)"):
            connection.execute(sql.SQL("ALTER SUBSCRIPTION {} ").format(which) + sql.SQL(change))
        connection.execute(sql.SQL("ALTER SUBSCRIPTION {} CONNECTION {}").format(which, sql.Literal(NOWHERE)))
    if names:
        said = "disabled, detached from their slots, their connections forgotten"
        found.did.append(f"{database}: subscriptions {_listed(names)} {said}")


def _mappings(connection: Connection, database: str, found: Neutralised) -> None:
    changed = []
    for server, user, options in connection.execute(MAPPINGS, [list(KEPT_OF_A_MAPPING)]).fetchall():
        if options:
            who = sql.SQL("PUBLIC") if user is None else sql.Identifier(user)
            dropped = sql.SQL(", ").join(sql.SQL("DROP {}").format(sql.Identifier(o)) for o in options)
            statement = sql.SQL("ALTER USER MAPPING FOR {} SERVER {} OPTIONS ({})")
            connection.execute(statement.format(who, sql.Identifier(server), dropped))
            changed.append(f"{user or 'PUBLIC'} on {server} ({', '.join(options)})")
    if changed:
        found.did.append(f"{database}: user mappings of foreign servers lost what lets them in: {'; '.join(changed)}")


def _cron(connection: Connection, database: str, found: Neutralised) -> None:
    row = connection.execute(HAS_CRON).fetchone()
    if row is None or not row[0]:
        return
    jobs = [f"{jobname or 'unnamed'} ({jobid})" for jobid, jobname in connection.execute(CRON).fetchall()]
    if jobs:
        found.did.append(f"{database}: jobs of pg_cron set inactive: {', '.join(jobs)}")


def _slots(connection: Connection, database: str, found: Neutralised) -> None:
    slots = connection.execute(SLOTS).fetchall()
    for name, pid in slots:
        if pid is not None:
            ended = connection.execute("SELECT pg_catalog.pg_terminate_backend(%s, %s)", [pid, ENDED_SECONDS * 1000])
            if ended.fetchone() != (True,):
                raise Errored(
                    "database.slot_held",
                    f"the replication slot {name} of the copy is still read",
                    because=f"process {pid} did not end within {ENDED_SECONDS} s",
                    hint="keep whoever reads from the copy away from it, then try again",
                )
        connection.execute("SELECT pg_catalog.pg_drop_replication_slot(%s)", [name])
    if slots:
        found.did.append(f"{database}: logical replication slots dropped: {_listed([n for n, _ in slots])}")


def _settings(door: Door, databases: Sequence[str], connection: Connection, found: Neutralised) -> None:
    """Those that came with the copy's own files or are attached to a role or a database: what calls out, what loads,
    and what the application made up, which may be a key or an address of production's."""
    system, attached = _names(connection, SYSTEM), connection.execute(ATTACHED).fetchall()
    made_up = _made_up(door, databases, [*system, *(name for _, _, name in attached)])
    system = [name for name in system if name.lower() in {*CALLING_OUT, *LOADING, *made_up}]
    attached = [one for one in attached if one[2].lower() in {*CALLING_OUT, *LOADING, *made_up}]
    if system:
        for name in system:
            connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(*name.split("."))))
        connection.execute("SELECT pg_catalog.pg_reload_conf()")
        found.did.append(f"settings of the server forgotten: {_listed(system)}")
    for database, role, name in attached:
        where = sql.SQL("ROLE {}").format(sql.Identifier(role) if role else sql.SQL("ALL"))
        if database:
            where += sql.SQL(" IN DATABASE {}").format(sql.Identifier(database))
        connection.execute(sql.SQL("ALTER {} RESET {}").format(where, sql.Identifier(*name.split("."))))
    if attached:
        said = [
            f"{name} of {' in '.join(n for n in (role, database) if n) or 'everybody'}"
            for database, role, name in attached
        ]
        found.did.append(f"settings of roles and databases forgotten: {_listed(said)}")


def _made_up(door: Door, databases: Sequence[str], settings: Sequence[str]) -> set[str]:
    """Which of the settings, in lower case, neither the server nor a library of an extension in a database defines. A
    name tells nothing: `pgcrypto.key` is somebody's secret, `hnsw.ef_search` a parameter of the extension `vector`."""
    unknown = {name.lower() for name in settings if "." in name}
    for database in databases if unknown else ():
        with session(door, database, settings=QUIET) as connection:
            libraries = _names(connection, LIBRARIES)
            unknown.difference_update(_names(connection, DEFINED))
        for library in libraries if unknown else ():
            with session(door, database, settings=QUIET) as connection:  # its own: some end the session
                try:
                    connection.execute(sql.SQL("LOAD {}").format(sql.Literal(library)))
                except psycopg.Error:  # no session of the copy loads it either: nothing is defined by it here
                    continue
                unknown.difference_update(_names(connection, DEFINED))
    return unknown


def _roles(connection: Connection, found: Neutralised) -> None:
    names = _names(connection, ROLES, list(OWN))
    with connection.transaction():
        for name in names:
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(name)))
    if names:
        found.did.append(f"roles that can no longer log in, their passwords removed: {_listed(names)}")


def _names(connection: Connection, statement: str, *values: str | Sequence[str]) -> list[str]:
    return [str(row[0]) for row in connection.execute(statement.encode(), list(values) or None).fetchall()]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
