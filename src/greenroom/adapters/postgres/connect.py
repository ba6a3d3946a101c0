"""Connecting to PostgreSQL; no exception of its driver leaves this package."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from greenroom.adapters.courtesy import follow
from greenroom.adapters.postgres.tools import disk_full
from greenroom.domain.errors import Errored
from greenroom.domain.secret import Secret

SUPERUSER = "postgres"
APP = "app"
"""The application's role and database carry the same name in every environment."""

GLASS = "greenroom_glass"
"""The group of the roles of people who were let in by hand. It cannot log in itself."""

MASKER = "greenroom_masker"
"""The group of the roles that read and write rows while data is masked; each lives as long as its work."""

MAINTENANCE = "postgres"
"""The database for administration; applications may not connect to it."""

PEER = struct.Struct("3i")
"""Pid, user and group of who listens on a socket (unix(7), SO_PEERCRED)."""

OWN_SETTINGS = {
    "search_path": "pg_catalog",  # an application must not slip its own functions under our statements
    "role": "none",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read\\ committed",
    "row_security": "off",
    "quote_all_identifiers": "off",
    "client_min_messages": "warning",
    "datestyle": "ISO,MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "jit": "off",  # compiling the long expressions of masks takes longer than all the rows of a piece
}
"""An application may attach settings to its own database and role; those given at the connection win over them."""

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Door:
    """Where a cluster takes connections, and who enters."""

    host: str  # directory of the unix socket, or 127.0.0.1
    port: int
    user: str
    password: Secret

    def at(self, database: str) -> dict[str, Any]:
        return {"host": self.host, "port": self.port, "user": self.user, "dbname": database}

    def env(self, settings: Mapping[str, str] = OWN_SETTINGS) -> dict[str, str]:
        """What PostgreSQL's own client programs read."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password.reveal(),
            "PGOPTIONS": options(settings),
            "PGCONNECT_TIMEOUT": "10",
        }


class NotYet(Exception):
    """Nobody answers, or the server is still starting or recovering."""


def options(settings: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


@contextmanager
def session(
    door: Door, database: str, *, autocommit: bool = True, settings: Mapping[str, str] = OWN_SETTINGS
) -> Iterator[Connection]:
    """A connection for one piece of work; errors of the driver become `Errored`, inside the block too."""
    with translated(f"work in database {database}"):
        connection = _open(door, database, autocommit, settings)
        try:
            yield connection
        finally:
            connection.close()


def probe(door: Door, database: str) -> None:
    """Connect once. Raises NotYet while the server is not there; Errored when it answers and says no."""
    try:
        with translated(f"connect to database {database}"):
            _open(door, database, autocommit=True).close()
    except Errored as error:
        if error.code in ("database.unreachable", "database.starting"):
            raise NotYet(error.because) from error
        raise


def _open(door: Door, database: str, autocommit: bool, settings: Mapping[str, str] = OWN_SETTINGS) -> Connection:
    connection = psycopg.connect(
        **door.at(database),
        password=door.password.reveal(),
        options=options(settings),
        application_name="greenroom",
        connect_timeout=10,
        autocommit=autocommit,
        prepare_threshold=None,
    )
    return ranked(connection)


def ranked(connection: Connection) -> Connection:
    """What works for us behind it stands back if its server does. Known by who listens on the socket: that is the
    server of this machine, or whoever leads on to one of another, whose processes are none of ours."""
    with socket.socket(fileno=os.dup(connection.fileno())) as own:
        if own.family == socket.AF_UNIX:
            listener, _, _ = PEER.unpack(own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
            follow(connection.info.backend_pid, listener)
    return connection


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn every exception of the driver into `Errored`; `doing` says what was tried."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, doing) from error


def translate(error: psycopg.Error, doing: str) -> Errored:
    """The error of ours for one of the driver's. At connection time there is no SQLSTATE, only the server's words."""
    said = str(error).strip()
    state = error.sqlstate or ""
    if state.startswith("28") or "password authentication failed" in said or "no pg_hba.conf entry" in said:
        return Errored(
            "database.password",
            "the database does not accept Greenroom's password",
            because=said,
            hint="restore the home's private directory from a backup",
        )
    if state == "57P03" or "the database system is" in said:
        return Errored(
            "database.starting",
            "the database is not ready yet",
            because=said,
            hint="ask again in a moment; greenroom doctor says how it stands if it stays so",
        )
    if state == "53100" or "No space left on device" in said:
        return disk_full(said)
    if state in ("53300", "53200") or "too many clients" in said or "remaining connection slots" in said:
        return Errored(
            "database.busy",
            "the database has no connection or memory left",
            because=said,
            hint="let the application hold fewer connections, or end some; then try again",
        )
    if state == "3D000" or "not currently accepting connections" in said:
        return Errored(
            "database.closed",
            f"could not {doing}",
            because=said,
            hint="a restore was interrupted: resume it, or put back what was kept aside",
        )
    if isinstance(error, psycopg.OperationalError) and not state:
        return Errored(
            "database.unreachable",
            "nobody answers where the database should be",
            because=said,
            hint="the keeper starts it again by itself; greenroom doctor says how it stands if it stays away",
        )
    return Errored(
        "database.failed",
        f"could not {doing}",
        because=said,
        facts=places_of(error),
        hint="its own words say what it lacks: mend that, then try again",
    )


def places_of(error: psycopg.Error) -> dict[str, str]:
    """Where in the database it happened, in names and numbers: nothing of it is a value. A function of the
    application's may put a value into each of them (`RAISE … USING CONSTRAINT`): of its errors the state alone is told.
    """
    diag = error.diag
    if is_in_a_function(error):
        return {"sqlstate": error.sqlstate} if error.sqlstate else {}
    known = {
        "sqlstate": error.sqlstate,
        "schema": diag.schema_name,
        "table": diag.table_name,
        "column": diag.column_name,
        "constraint": diag.constraint_name,
        "type": diag.datatype_name,
        "position": diag.statement_position,
    }
    return {name: found for name, found in known.items() if found}


def is_in_a_function(error: psycopg.Error) -> bool:
    """True when a function in the database raised it, or what it called did; messages come in the C locale."""
    return "function " in (error.diag.context or "") or error.diag.source_function == "exec_stmt_raise"


def socket_of(directory: Path, port: int) -> Path:
    """The unix socket that a server with this port makes in its directory."""
    return directory / f".s.PGSQL.{port}"
