"""One PostgreSQL cluster per environment."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.ports.damage import Damage


@dataclass(frozen=True)
class Database:
    """How an application reaches its database. `url` holds the password of the application's own role."""

    environment: str
    url: Secret
    version: str  # "18.4"
    provider: str  # "embedded" or the host's binary directory


@dataclass(frozen=True)
class RestorePoint:
    """A state of an environment's database that can be brought back, and how much had happened by then."""

    name: str
    environment: str
    at: datetime
    bytes: int
    facts: Mapping[str, Any] = field(default_factory=dict)  # e.g. row counters by table


@dataclass(frozen=True)
class Lost:
    """What going back to a restore point would undo: rows written since, by table (inserted, updated, deleted)."""

    since: datetime
    tables: Mapping[str, tuple[int, int, int]]

    @property
    def rows(self) -> int:
        return sum(sum(v) for v in self.tables.values())


class Databases(Protocol):
    def ensure(self, environment: str, services: Services) -> Database:
        """The environment's cluster runs (kept by the keeper), with the application's role and database.

        Idempotent. Raises Refused (`database.version`) when the cluster on disk is of another major version than
        the release wants, Refused (`database.extension`) when an extension cannot be had and from where it could.
        """

    def passwords(self, environment: str) -> tuple[Secret, ...]:
        """Those of its roles that were made so far, for whoever must keep them out of sight. Starts nothing."""

    def port(self, environment: str) -> int | None:
        """Where applications find it on 127.0.0.1; None where none was made. Starts nothing."""

    def scratch(self, services: Services) -> AbstractContextManager[Database]:
        """A throw-away database for the clean room, gone afterwards."""

    def fingerprint(self, environment: str) -> str:
        """A digest of the schema (tables, columns, types, constraints, indexes), equal when nothing changed.

        Raises Errored (`database.closed`) amid a restore.
        """

    def migration_lock(self, environment: str, *, seconds: float) -> AbstractContextManager[None]:
        """Only one migration at a time, across all workers: an advisory lock in the database itself.

        Raises Errored (`database.migration_busy`) after `seconds`.
        """

    def make_restore_point(self, environment: str, name: str) -> RestorePoint:
        """Idempotent under `name`."""

    def restore_points(self, environment: str) -> list[RestorePoint]:
        """Newest first."""

    def would_lose(self, point: RestorePoint) -> Lost:
        """What was written since the point."""

    def restore(self, point: RestorePoint, *, aside: str) -> None:
        """Bring the point back; the present database is kept under the name `aside`. Idempotent under `aside`."""

    def put_back(self, environment: str, *, aside: str) -> None:
        """Undo of `restore`: what was kept aside is the database again. Idempotent."""

    def drop_restore_points(self, environment: str, keep: int) -> int:
        """Forget all but the newest `keep`; how many went."""

    def sweep(self) -> int:
        """Remove what a killed control plane left of scratch databases; how many. Called when one starts."""

    def connections(self, environment: str) -> int:
        """How many the application holds at the moment."""

    def open_door(self, environment: str, name: str, *, writes: bool, until: datetime) -> Secret:
        """Let a person into the application's database by hand, over TCP from this machine: a URL with a role of its
        own that reads everything (with `writes`, writes it as well), logs in until `until` at most, and whose
        statements are logged. The URL is kept nowhere; under the same name again it is another one, and the one
        before opens nothing.

        Raises Errored (`database.absent`).
        """

    def close_door(self, environment: str, name: str) -> None:
        """Its role opens nothing any more and its sessions are ended. Idempotent; nothing where there is none.

        Raises Errored (`glass.sessions_remain`), and what connecting raises.
        """

    def doors(self, environment: str) -> Mapping[str, int]:
        """By name, those that open or have sessions, and how many; also those whose time is over, and those that came
        with a restored state. Nothing where there is no database."""

    def damage(self, environment: str) -> list[Damage]:
        """What is wrong with the environment's cluster or its restore points; nothing for one that never had any."""

    def stop(self, environment: str) -> None:
        """Stop the cluster; its data stays."""
