"""What is remembered of a protected cluster beside its data: enough to bring it back when all of that is gone.

backups/ENV/identity.json     whose repository this is
backups/ENV/spool/NNNN/       what pg_receivewal writes; the highest number is written to
backups/ENV/repository/       the first place, unless the configuration names another
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.backup.places import Bucket, Directory, Place
from greenroom.adapters.postgres.backup.repository import Repository
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.sealing.files import write_atomically
from greenroom.domain.errors import Errored
from greenroom.domain.names import checked_name
from greenroom.domain.wal import DEFAULT_SEGMENT_BYTES, HISTORY_NAME, PARTIAL, SEGMENT_NAME
from greenroom.ports.backups import Storage

KEY_BYTES = 32


@dataclass(frozen=True)
class Identity:
    """Which cluster an environment's repository is of."""

    system: str
    major: int
    version: str
    segment_bytes: int = DEFAULT_SEGMENT_BYTES
    extensions: tuple[str, ...] = ()


class Ground:
    """Files beside the repository, and the way to it."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def folder(self, environment: str) -> Path:
        return own_directory(self._home.backups / checked_name(environment, "environment"), 0o700)

    def identity(self, environment: str) -> Identity | None:
        file = self._home.backups / checked_name(environment, "environment") / "identity.json"
        try:
            stored = json.loads(file.read_text())
            return Identity(**{**stored, "extensions": tuple(stored["extensions"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Errored(
                "backup.unreadable", f"{file} cannot be read", because=str(error), hint="restore it from a copy"
            ) from error

    def need(self, environment: str) -> Identity:
        found = self.identity(environment)
        if found is None:
            raise Errored(
                "backup.unprotected",
                f"{environment} is not backed up",
                hint="greenroom backup now begins it; backups in greenroom.yaml keeps it going",
            )
        return found

    def remember(self, environment: str, identity: Identity) -> None:
        file = self.folder(environment) / "identity.json"
        write_atomically(file, json.dumps(asdict(identity), indent=1).encode(), 0o600)

    def repository(self, environment: str, storage: Storage) -> Repository:
        system = self.need(environment).system
        first = Directory(Path(storage.directory) if storage.directory else self.folder(environment) / "repository")
        return Repository(system, self.key(environment) if storage.is_encrypted else None, first, _second(storage))

    def key(self, environment: str) -> bytes:
        """The repository's key, 32 random bytes in `home.private`, made on first use and never made anew: what another
        key sealed could not be read again."""
        file = self._home.private / "backup.key"
        with locked(self._home.private / ".backup.key.lock"):
            if not file.exists():
                if any(self._home.backups.glob("*/key-made")):
                    raise Errored(
                        "backup.key_gone",
                        "the key of the backups is gone",
                        because=f"{file} does not exist, and backups sealed with it do",
                        hint="bring it back from your copy of it: without it no backup can be read",
                    )
                write_atomically(file, secrets.token_bytes(KEY_BYTES), 0o600)
            found = file.read_bytes()
        if len(found) != KEY_BYTES:
            raise Errored("backup.key_gone", f"{file} is not a key", hint="bring it back from your copy of it")
        (self.folder(environment) / "key-made").touch(mode=0o600)
        return found

    # --- the spool ---------------------------------------------------------------------------------

    def spools(self, environment: str) -> list[Path]:
        """Oldest first; the last one is written to."""
        folder = own_directory(self.folder(environment) / "spool", 0o700)
        return sorted(p for p in folder.iterdir() if p.name.isdecimal())

    def spool(self, environment: str, *, fresh: bool = False) -> Path:
        """Where the log is received; `fresh` begins another, which starts where the slot stands."""
        known = self.spools(environment)
        if known and not fresh:
            return known[-1]
        number = int(known[-1].name) + 1 if known else 1
        return own_directory(self.folder(environment) / "spool" / f"{number:04}", 0o700)

    def received(self, environment: str) -> dict[str, Path]:
        """Files of the log that wait in spools, by name: see `received_in`."""
        return received_in(self.spools(environment))


def received_in(spools: Iterable[Path]) -> dict[str, Path]:
    """Files of the log in spools, oldest first, by name. Of one name the newest counts; a segment that is whole in one
    spool is not waited for in another."""
    found: dict[str, Path] = {}
    for spool in spools:
        for file in spool.iterdir():
            if SEGMENT_NAME.fullmatch(file.name.removesuffix(PARTIAL)) or HISTORY_NAME.fullmatch(file.name):
                found[file.name] = file
    return {n: p for n, p in found.items() if n.removesuffix(PARTIAL) == n or n.removesuffix(PARTIAL) not in found}


def _second(storage: Storage) -> Place | None:
    second = storage.second
    if second is None:
        return None
    if second.startswith("s3://"):
        options = {
            "endpoint": storage.endpoint or "",
            "region": storage.region or "",
            "access_key_id": storage.access_key.reveal() if storage.access_key else "",
            "secret_access_key": storage.secret_key.reveal() if storage.secret_key else "",
        }
        return Bucket(second, {k: v for k, v in options.items() if v})
    return Directory(Path(second))
