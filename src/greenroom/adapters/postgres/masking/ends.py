"""The two sides of a masked copy: where a connection leads, with which settings; also for PostgreSQL's programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict

from greenroom.adapters.postgres.connect import OWN_SETTINGS, Connection, Door, options, ranked, translated
from greenroom.domain.errors import BadInput
from greenroom.domain.secret import Secret

SETTINGS = OWN_SETTINGS | {
    "client_encoding": "UTF8",
    "lc_monetary": "C",
    "synchronous_commit": "off",  # an unfinished target is begun anew anyway; the end is written with a checkpoint
    "max_parallel_workers_per_gather": "0",  # as many workers as cores read already
}

PROGRAM = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""Connection parameters and the variables by which libpq's programs take them (documentation, 34.15)."""


@dataclass(frozen=True)
class End:
    """One database. `parameters` are libpq's, without the password; `settings` those of every session."""

    parameters: Mapping[str, str]
    password: Secret = field(default_factory=lambda: Secret(""))
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)

    @classmethod
    def behind(cls, door: Door, database: str) -> End:
        return cls({k: str(v) for k, v in door.at(database).items()}, door.password)

    @classmethod
    def at(cls, url: Secret) -> End:
        """A server known by its URL. Raises BadInput (`data.url`) without showing it: it may hold a password."""
        try:
            found = {k: str(v) for k, v in conninfo_to_dict(url.reveal()).items() if v is not None}
        except psycopg.Error as error:
            raise BadInput(
                "data.url",
                "the source's URL cannot be read",
                hint="write postgresql://USER@HOST:PORT/DATABASE, the password as a secret",
            ) from error
        return cls(found, Secret(found.pop("password", "")))

    @contextmanager
    def session(self, *, settings: Mapping[str, str] | None = None) -> Iterator[Connection]:
        """A connection in autocommit for one piece of work; errors of the driver become `Errored`."""
        with translated(f"work in database {self.parameters.get('dbname', '')}"):
            password = {"password": self.password.reveal()} if self.password.reveal() else {}
            connection = psycopg.connect(
                **(dict(self.parameters) | password),  # type: ignore[arg-type]
                options=options(self.settings if settings is None else settings),
                application_name="greenroom",
                connect_timeout=10,
                autocommit=True,
                prepare_threshold=None,
            )
            try:
                yield ranked(connection)
            finally:
                connection.close()

    def env(self, **more: str) -> dict[str, str]:
        """What PostgreSQL's own client programs read."""
        known = {PROGRAM[k]: v for k, v in self.parameters.items() if k in PROGRAM}
        if self.password.reveal():
            known["PGPASSWORD"] = self.password.reveal()
        return known | {"PGOPTIONS": options({**self.settings, **more}), "PGCONNECT_TIMEOUT": "10"}
