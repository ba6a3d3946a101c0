"""Backups of an environment's database cluster, and bringing states of it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from greenroom.domain.backup import Archive, Backup, Mark, Retention, Route
from greenroom.domain.secret import Secret

Say = Callable[[str], None]


@dataclass(frozen=True)
class Storage:
    """Where an environment's repository is. `directory` None: in the home. `second`: a directory, or `s3://BUCKET/…`."""

    directory: str | None = None
    second: str | None = None
    endpoint: str | None = None
    region: str | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None
    is_encrypted: bool = True
    wal_limit: int = 4 << 30
    """Bytes of the log that production keeps for an archive that does not take them; beyond, it goes on without."""


@dataclass(frozen=True)
class Stream:
    """How the log reaches the archive. `behind` is what production has written and the archive has not, in bytes.

    `problem` is empty while all is well. `gap` names the first file of the log that can no longer be had;
    `second` is what keeps the second place from having everything too.
    """

    is_running: bool
    behind: int | None
    at: datetime
    problem: str = ""
    gap: str | None = None
    second: str = ""


@dataclass(frozen=True)
class Rebuilt:
    """A cluster that was brought back: whole, replayed, able to run.

    `position` is where the log ended, `last_commit` the instant of the last transaction in it (None: none was
    replayed), `timeline` the one it will write on; it left `parent` at `forked_from`. `census` holds rows and checksums
    by table, where asked for.
    """

    backup: str
    position: int
    last_commit: datetime | None
    timeline: int
    parent: int
    forked_from: int
    seconds: float
    bytes: int
    census: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Loss:
    """What going back would undo: transactions that changed rows and committed after the target, and the rows they
    inserted, updated and deleted, by table. `transactions` None: not counted, and `problem` says why. `first` and
    `last` are the instants of the first and the last of them."""

    transactions: int | None
    first: datetime | None = None
    last: datetime | None = None
    tables: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    problem: str = ""


class Backups(Protocol):
    """Production is read by backups alone; what is brought back comes from the repository and never from production.

    `environment` names whose repository is meant. Names of backups and marks are given by the caller and unique.
    """

    def protect(self, environment: str) -> Stream:
        """The log flows into the archive from now on: slot, receiver. Idempotent; mends what it can, such as a slot
        that was lost.

        Raises Errored (`database.absent`), Refused (`backup.too_old`) for a PostgreSQL that cannot do it.
        """

    def stream(self, environment: str) -> Stream:
        """How it stands; changes nothing."""

    def ship(self, environment: str) -> int:
        """Move what has been received into the repository and its second place; how many files. Idempotent."""

    def take(self, environment: str, name: str, *, full: bool, say: Say) -> Backup:
        """Make a base backup, read it back and compare it with its manifest; only then it exists. Idempotent by name.

        An increment needs PostgreSQL 17 and a backup to build on; else it is a full one, and `say` tells so. Raises
        Errored (`backup.damaged`) when what was stored is not what the manifest says.
        """

    def copy(self, environment: str, name: str, *, say: Say) -> int:
        """Bring the backup to the second place; bytes sent. 0 when there is none, or it is there."""

    def verify(self, environment: str, name: str, *, say: Say) -> Backup:
        """Read every byte of it, in every place. A damaged one is remembered as such.

        Raises Errored (`backup.damaged`) naming what is damaged when no place has it whole.
        """

    def archive(self, environment: str) -> Archive:
        """All there is, of the cluster that the environment has (or had last)."""

    def mark(self, environment: str, name: str, *, census: bool = False) -> Mark:
        """A named restore point; returns once it is in the archive. Idempotent by name.

        Raises Errored (`backup.archive_behind`) when it does not get there within its time limit.
        """

    def would_lose(self, environment: str, route: Route) -> Loss:
        """Counted in the log; changes nothing. Of what never reached the archive it can say nothing."""

    def rebuild(self, route: Route, environment: str, name: str, *, into: str, census: bool, say: Say) -> Rebuilt:
        """Bring the route's state back as a cluster of the environment `into`, kept under `name` and not running.

        Touches neither the environment's cluster nor that of `into`. Idempotent by name. Raises Errored
        (`backup.damaged`, with the backup's name in `facts`), Refused (`home.no_room`, `backup.not_reached`).
        """

    def exchange(self, environment: str, name: str) -> None:
        """What was rebuilt under `name` becomes the environment's cluster, running; the present one is kept aside under
        `name`. Idempotent."""

    def put_back(self, environment: str, name: str) -> None:
        """Undo of `exchange`: the cluster that was kept aside runs again. Idempotent."""

    def asides(self, environment: str) -> Mapping[str, datetime]:
        """Clusters that exchanges put aside, by name, with the instant."""

    def discard(self, environment: str, name: str) -> None:
        """Remove what `rebuild` made and `exchange` did not use. Idempotent."""

    def expire(self, environment: str, policy: Retention, *, in_use: tuple[str, ...]) -> list[str]:
        """Forget what nothing needs; the names of backups that went."""
