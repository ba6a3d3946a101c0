"""The application's role, database and extensions: what it may do in its own database, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from greenroom.adapters.postgres.connect import APP, MAINTENANCE, Connection, Door, probe, session
from greenroom.domain.errors import Errored

SCHEMAS = {"pg_cron": ("cron", ["schedule", "unschedule"])}
"""Schemas of extensions' own that nobody may enter unasked, and the functions in them that are for applications."""

FUNCTIONS = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = %s::regnamespace AND proname = ANY(%s)"

IS_OPEN = "SELECT datallowconn AND datconnlimit <> 0 FROM pg_database WHERE datname = %s"
"""Without a single connection left, only the superuser enters: a restore bars it so while it has more to bring."""

APP_ATTRIBUTES = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT")


def ensure_ground(superuser: Door, application: Door, extensions: Iterable[str]) -> str:
    """Role, database and extensions are there and the application can enter; the server's version, as "18.4"."""
    with session(superuser, MAINTENANCE) as connection:
        ensure_role(connection, application)
        ensure_database(connection)
        version = version_of(connection)
    wanted = [e for e in extensions if e != "plpgsql"]
    if wanted:
        ensure_extensions(superuser, wanted)
    ensure_entry(superuser, application)
    return version


def ensure_role(connection: Connection, application: Door) -> None:
    """The role exists and has no power over the cluster, whatever was done to it since."""
    app = sql.Identifier(APP)
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP]).fetchone()
    if known is None:
        connection.execute(sql.SQL("CREATE ROLE {} {}").format(app, APP_ATTRIBUTES))
        set_password(connection, application)
    else:
        connection.execute(sql.SQL("ALTER ROLE {} {}").format(app, APP_ATTRIBUTES))
    for database in (MAINTENANCE, "template1"):
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def set_password(connection: Connection, application: Door) -> None:
    """Hashed here: the server never sees the password itself, and no log can hold it."""
    plain, name = application.password.reveal().encode(), application.user.encode()
    hashed = connection.pgconn.encrypt_password(plain, name, b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(application.user), sql.Literal(hashed))
    )


def ensure_database(connection: Connection) -> None:
    """The application's database exists and takes connections. Raises Errored (`database.closed`) amid a restore."""
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", [APP]).fetchone() is None:
        create_database(connection, APP)
    need_open(connection)


def need_open(connection: Connection) -> None:
    """The application may enter its database. Raises Errored (`database.closed`) amid a restore."""
    if connection.execute(IS_OPEN, [APP]).fetchone() != (True,):
        raise Errored(
            "database.closed",
            "the database takes no connections",
            because="a restore was interrupted",
            hint="resume it, or put back what was kept aside",
        )


def create_database(connection: Connection, name: str) -> None:
    """An empty database that belongs to the application's role and that nobody else may enter."""
    app, database = sql.Identifier(APP), sql.Identifier(name)
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(database, app))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))


def ensure_extensions(superuser: Door, extensions: Iterable[str]) -> None:
    with session(superuser, APP) as connection:
        for name in extensions:
            connection.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA public CASCADE").format(sql.Identifier(name))
            )
            if name in SCHEMAS:
                _give(connection, *SCHEMAS[name])


def _give(connection: Connection, schema: str, functions: list[str]) -> None:
    """To the application and to nobody else: who may read everything may enter every schema, and what everybody may
    call there (`cron.schedule`) acts on after they left."""
    names = {"schema": sql.Identifier(schema), "app": sql.Identifier(APP)}
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {app}").format(**names))
    for (function,) in connection.execute(FUNCTIONS, [schema, functions]).fetchall():
        connection.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {f} TO {app}").format(f=sql.SQL(function), **names))
    connection.execute(sql.SQL("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC").format(**names))


def ensure_entry(superuser: Door, application: Door) -> None:
    """Enter as the application would; a password that is not the kept one is set to it."""
    try:
        probe(application, APP)
    except Errored as error:
        if error.code != "database.password":
            raise
        with session(superuser, MAINTENANCE) as connection:
            set_password(connection, application)
        probe(application, APP)


def version_of(connection: Connection) -> str:
    number = connection.info.server_version
    return f"{number // 10000}.{number % 10000}"
