"""What is remembered of a cluster, and where its parts lie."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenroom.adapters.home import Home
from greenroom.adapters.postgres.settings import PRELOADED
from greenroom.adapters.postgres.tools import Tools
from greenroom.domain.errors import Errored


@dataclass(frozen=True)
class Record:
    """`cluster.json`: how the cluster was last set up."""

    major: int
    port: int
    provider: str
    bin: str
    libraries: str | None
    extensions: tuple[str, ...] = ()

    @property
    def preloaded(self) -> frozenset[str]:
        return PRELOADED.intersection(self.extensions)


@dataclass(frozen=True)
class Cluster:
    """A cluster that is on disk, and how to reach it once it runs."""

    environment: str
    root: Path
    sockets: Path
    log: Path
    record: Record

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def port(self) -> int:
        return self.record.port

    @property
    def tools(self) -> Tools:
        return Tools(Path(self.record.bin), Path(self.record.libraries) if self.record.libraries else None)

    @property
    def kept_as(self) -> str:
        return f"postgres/{self.environment}"


def user_name(home: Home, project: str, environment: str) -> str:
    """The operating-system user of an environment's cluster: at most 31 bytes, never the name of an application's."""
    whole = json.dumps(["database", str(home.root), project, environment])
    return f"gr-{project}-{environment}"[:21].rstrip("-") + f"-{hashlib.sha256(whole.encode()).hexdigest()[:6]}-db"


def read_number(file: Path) -> int:
    """Raises Errored (`database.record`)."""
    try:
        return int(file.read_text())
    except (OSError, ValueError) as error:
        raise Errored(
            "database.record", f"{file} cannot be read", because=str(error), hint="restore it from a backup of the home"
        ) from error


def read_record(file: Path) -> Record:
    """Raises Errored (`database.record`)."""
    try:
        stored: dict[str, Any] = json.loads(file.read_text())
        return Record(**{**stored, "extensions": tuple(stored["extensions"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Errored(
            "database.record", f"{file} cannot be read", because=str(error), hint="restore it from a backup"
        ) from error
