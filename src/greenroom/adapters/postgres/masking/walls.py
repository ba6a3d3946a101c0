"""What an application wrote runs where its data is masked, and has no power there: it never sees the masking key.

Checks, generated columns, index expressions, domains, casts and `sql` rules call functions of the application's. They
run in sessions of a role that exists for the length of one copy or examination: it logs in itself, so that no way leads
back to a superuser; it may read rows and, in a target, add them. Two holes are closed meanwhile and opened again:
functions that run with the rights of their powerful owner, and functions that PostgreSQL cannot confine.

The key lies in a table of a schema that nobody but the superuser may look into. The masker reads views over it and a
table: a view reads its tables with its owner's rights, while functions in the statement have the caller's alone
(documentation, 39.5). So digests come out of a view, and the key does not.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from greenroom.adapters.postgres.connect import MASKER, OWN_SETTINGS, Connection, Door
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.neutralise import event_triggers_rest
from greenroom.adapters.postgres.roles import set_password
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.secret import Secret

SCHEMA = "pg_greenroom"
"""Holds the key and what is to be put back. PostgreSQL lets nobody else use a name like this, and no dump, no catalog
of the application's and no leak check looks into it."""

KEY = f"(SELECT key FROM {SCHEMA}.key OFFSET 0) k"
"""What a view over the key joins: one row with the column `key`, bytea."""

RULING = OWN_SETTINGS | {"allow_system_table_mods": "on"}

REACHING = (
    "adminpack", "aws_lambda", "aws_s3", "dblink", "file_fdw", "http", "mysql_fdw", "oracle_fdw", "orafce", "pg_net",
    "pgsql_http", "plsh", "postgres_fdw", "tds_fdw",
)  # fmt: skip
"""Extensions whose functions reach files, programs or other servers for whoever may call them."""

POWERFUL = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files")
"""A member of one of these, as every superuser is, can leave the database."""

_IS_POWERFUL = (
    "EXISTS (SELECT FROM pg_roles power WHERE power.rolname = ANY (%s) AND pg_has_role({}, power.oid, 'MEMBER'))"
)

_OF_EXTENSION = """EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
      AND d.classid = '{}'::regclass AND d.objid = {} {})"""

FUNCTIONS = f"""
    INSERT INTO {SCHEMA}.functions
    SELECT p.oid, p.prosecdef, p.proacl,
           p.prosecdef AND {_IS_POWERFUL.format("p.proowner")},
           (l.lanname IN ('internal', 'c') OR NOT l.lanpltrusted)
             AND NOT (l.lanname IN ('internal', 'c') AND {_OF_EXTENSION.format("pg_proc", "p.oid", "")})
           OR {_OF_EXTENSION.format("pg_proc", "p.oid", "AND e.extname = ANY (%s)")}
      FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid >= 16384
"""
"""Of every function of the application's and of extensions: as it was, whether it runs with power that its caller does
not have, and whether PostgreSQL could not confine it (untrusted languages, libraries of nobody knows whose)."""

CONFINE = f"""
    UPDATE pg_proc p SET prosecdef = p.prosecdef AND NOT f.is_powerful,
           proacl = CASE WHEN f.is_free THEN ARRAY[makeaclitem(10, 10, 'EXECUTE', false)] ELSE p.proacl END
      FROM {SCHEMA}.functions f WHERE f.oid = p.oid AND (f.is_powerful OR f.is_free)
"""

GRANTED_ANEW = f"""
    INSERT INTO {SCHEMA}.functions SELECT p.oid, p.prosecdef, p.proacl, false, false
      FROM pg_proc p JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid
     WHERE p.oid < 16384 AND p.proacl IS DISTINCT FROM i.initprivs
"""
WITHDRAW = f"""
    UPDATE pg_proc p SET proacl = i.initprivs FROM pg_init_privs i
     WHERE i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid AND p.oid IN (SELECT oid FROM {SCHEMA}.functions)
       AND p.oid < 16384
"""
"""PostgreSQL's own functions that read files or settings, should somebody have let others call them."""

RELATIONS = f"""
    INSERT INTO {SCHEMA}.relations SELECT c.oid, c.relowner FROM pg_class c
     WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm') AND {_IS_POWERFUL.format("c.relowner")}
       AND NOT {_OF_EXTENSION.format("pg_class", "c.oid", "")}
"""
"""Indexes are built, and materialized views filled, with the rights of whoever owns the table."""

OWNED = f"UPDATE pg_class c SET relowner = %s::regrole FROM {SCHEMA}.relations r WHERE c.oid = r.oid"
GIVEN_BACK = (
    f"""UPDATE pg_class c SET relowner = r.owner FROM pg_index i JOIN {SCHEMA}.relations r ON r.oid = i.indrelid
         WHERE c.oid = i.indexrelid""",
    f"UPDATE pg_class c SET relowner = r.owner FROM {SCHEMA}.relations r WHERE c.oid = r.oid",
    f"DELETE FROM {SCHEMA}.relations",
)
OPEN_AGAIN = f"UPDATE pg_proc p SET prosecdef = f.definer, proacl = f.acl FROM {SCHEMA}.functions f WHERE f.oid = p.oid"

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"


@dataclass(frozen=True)
class Masker:
    """The role without power in one database: `end` is how it enters."""

    ruler: End
    end: End
    name: str

    def keep(self, key: Secret) -> None:
        """The key (hexadecimal digits) enters as a parameter, so that no log and no list of activities shows it."""
        with self._ruling() as connection:
            connection.execute(f"CREATE UNLOGGED TABLE {SCHEMA}.key (key bytea NOT NULL)".encode())
            connection.execute(f"INSERT INTO {SCHEMA}.key VALUES (decode(%s, 'hex'))".encode(), [key.reveal()])

    def confine(self, views: Iterable[str] = (), *, writes: bool = False) -> None:
        """From here on the application's functions have no power, and the masker may read what there is: the tables,
        and these views, given as statements that make them. `writes`: it may add rows, too."""
        role, rights = sql.Identifier(self.name), sql.SQL("SELECT, INSERT" if writes else "SELECT")
        with self._ruling() as connection:
            for (schema,) in connection.execute(SCHEMAS.encode()).fetchall():
                where = sql.SQL("IN SCHEMA {} TO {}").format(sql.Identifier(schema), role)
                connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role))
                connection.execute(sql.SQL("GRANT {} ON ALL TABLES ").format(rights) + where)
                connection.execute(sql.SQL("GRANT SELECT ON ALL SEQUENCES ") + where)
                connection.execute(sql.SQL("GRANT EXECUTE ON ALL ROUTINES ") + where)
            # Noted with the masker's rights: they are taken away as all others are.
            connection.execute(FUNCTIONS.encode(), [[*POWERFUL], [*REACHING]])
            connection.execute(GRANTED_ANEW.encode())
            connection.execute(CONFINE.encode())
            connection.execute(WITHDRAW.encode())
            for view in views:
                connection.execute(view.encode())
            granted = sql.SQL("GRANT SELECT ON {} TO {}")
            for (view,) in connection.execute(VIEWS.encode()).fetchall():
                connection.execute(granted.format(sql.Identifier(SCHEMA, view), role))

    @contextmanager
    def owning(self) -> Iterator[None]:
        """What a superuser owns is the masker's for the length of the block: indexes are built, views filled and checks
        tested with its rights. No rights may be granted meanwhile: they would be in its name."""
        with self._ruling() as connection:
            connection.execute(RELATIONS.encode(), [[*POWERFUL]])
            connection.execute(OWNED.encode(), [self.name])
        yield
        with self._ruling() as connection:
            for statement in GIVEN_BACK:
                connection.execute(statement.encode())

    def leave(self) -> None:
        """The database is as it was before the masker came, and nothing of the key is in it."""
        with self._ruling() as connection:
            _leave(connection)

    @contextmanager
    def _ruling(self) -> Iterator[Connection]:
        with (
            self.ruler.session(settings=RULING) as connection,
            connection.transaction(),
            event_triggers_rest(connection),
        ):
            yield connection


VIEWS = f"SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = '{SCHEMA}'::regnamespace"


@contextmanager
def masker(end: End) -> Iterator[Masker]:
    """A role without power in this database, which `end` must rule; it is gone at the end of the block.

    What an earlier one left when it was killed is removed first. Raises Refused (`data.read_only`), and Errored as
    every work in a database does.
    """
    with end.session(settings=RULING) as connection:
        if connection.execute("SELECT pg_is_in_recovery()").fetchall()[0][0]:
            raise Refused(
                "data.read_only",
                "data is masked in a database that may be written to, and this one is a standby",
                because="a role without power is made in it, in which masks are computed",
                hint="restore a backup of it, and mask that",
            )
        with connection.transaction(), event_triggers_rest(connection):
            _leave(connection)
            made = _made(connection, end)
    try:
        yield made
    except BaseException:
        with contextlib.suppress(Errored):  # its server may be what failed; the next one begins with removing it
            made.leave()
        raise
    made.leave()


def _made(connection: Connection, end: End) -> Masker:
    name, password = _name(connection), Secret(secrets.token_urlsafe(32))
    role, database = sql.Identifier(name), sql.Identifier(connection.info.dbname)
    if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [MASKER]).fetchall():
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(MASKER)))
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN BYPASSRLS IN ROLE {}").format(role, sql.Identifier(MASKER)))
    set_password(connection, Door("", 0, name, password))
    connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, role))
    connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(SCHEMA), role))
    connection.execute(
        f"CREATE TABLE {SCHEMA}.functions (oid oid PRIMARY KEY, definer bool, acl aclitem[], is_powerful bool,"
        f" is_free bool); CREATE TABLE {SCHEMA}.relations (oid oid PRIMARY KEY, owner oid)".encode()
    )
    return Masker(end, End({**end.parameters, "user": name}, password), name)


def _leave(connection: Connection) -> None:
    name = _name(connection)
    if connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [SCHEMA]).fetchall():
        for statement in (OPEN_AGAIN, *GIVEN_BACK):
            connection.execute(statement.encode())
        connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE".encode())
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchall():
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    is_used = "SELECT FROM pg_auth_members WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = %s)"
    if not connection.execute(is_used.encode(), [MASKER]).fetchall():
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(MASKER)))


def _name(connection: Connection) -> str:
    """One for each database: roles are the whole server's."""
    oid = connection.execute("SELECT oid::int8 FROM pg_database WHERE datname = current_database()").fetchall()[0][0]
    return f"{MASKER}_{oid}"
