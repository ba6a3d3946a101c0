"""Production's data where somebody else manages its database: read from a server that is known by its URL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.domain.source import SourceServer
from greenroom.ports.datasets import GoOn, Say


@dataclass(frozen=True)
class Fetched:
    """What a copy brought. `as_of`: the instant of its snapshot, on a replica that of the last change it had replayed;
    `version` and `extensions` are those of the copy's own server; `said` what stayed behind or was decided, in words.
    """

    place: str
    as_of: datetime
    source_version: str
    version: str
    extensions: tuple[str, ...]
    rows: int
    bytes: int
    seconds: float
    said: tuple[str, ...] = ()


class Sources(Protocol):
    """The server is only read, in sessions that cannot write, and no data of it leaves the place it was copied to."""

    def copy(
        self,
        server: SourceServer,
        password: Secret | None,
        into: str,
        name: str,
        services: Services,
        *,
        say: Say,
        go_on: GoOn,
    ) -> Fetched:
        """A copy of everything in it under one snapshot, beside whatever `into` (an environment, or the vault) has, as
        a cluster of `services.postgres` that has the vault's superuser password. Idempotent by name; what an
        attempt left that did not come to its end is thrown away.

        Raises Refused (`data.source_…`, `home.no_room`, `database.extension`, `database.version`) before anything
        moves when it cannot be read, or cannot be read completely; Errored (`data.source_…`) when it broke off.
        """
