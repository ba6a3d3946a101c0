"""Clones: a dataset's cluster, copied, with passwords of its own, under the keeper.

    env/KEY/clone.json                  who has it, of which dataset, until when, and how far it is
    env/KEY/postgres-MAJOR/{data,…}     as every cluster's (`cluster.py`)

All clones of a home run as one operating-system user, which no application has: making a user costs more than making a
clone. What lies in a directory without `clone.json` is never touched here.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Door, NotYet, probe, session
from greenroom.adapters.postgres.database import url_of
from greenroom.adapters.postgres.datasets.vault import HARMLESS, read_dataset
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.neutralise import neutralise
from greenroom.adapters.postgres.roles import ensure_ground, set_password
from greenroom.adapters.postgres.room import need_room_for_copy
from greenroom.adapters.postgres.scratch import copy_tree, kill_server_in
from greenroom.adapters.postgres.settings import STILL
from greenroom.adapters.sealing.files import write_atomically
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.clone import PREFIX, Clone, CloneState, busy
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.kinds import DataLabel
from greenroom.domain.ledger import timestamp
from greenroom.domain.names import VAULT, checked_name
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret

USER = PREFIX
"""Whose operating-system user runs the clones: no environment is called so, for no valid name ends with a hyphen."""

COPY_SECONDS = 24 * 3600.0
SMALL = STILL | {
    "shared_buffers": "16MB",
    "max_connections": "50",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_replication_slots": "0",
    "synchronous_commit": "off",  # a clone that loses the last half second of its developer's changes is still one
}
"""Many run beside each other, and nothing is ever recovered from their log."""

SHUT = (CloneState.MAKING, CloneState.DROPPED)


class PostgresClones:
    """Fulfils `ports.clones.Clones`. `clusters` must give all of them the user of `USER` and the settings `SMALL`.

    Making one touches nothing. `reached` names boundaries, so that tests can be killed there.
    """

    def __init__(
        self,
        home: Home,
        clusters: Clusters,
        credentials: FileSecrets,
        reached: Callable[[str], None] = lambda boundary: None,
    ) -> None:
        self._home, self._clusters, self._credentials, self._reached = home, clusters, credentials, reached

    def deciding(self) -> AbstractContextManager[None]:
        return locked(self._locks() / ".clones")

    @contextmanager
    def held(self, key: str, *, seconds: float | None = None) -> Iterator[None]:
        with ExitStack() as turn:
            try:
                turn.enter_context(locked(self._locks() / f".{checked_name(key, 'clone')}.clone", seconds=seconds))
            except TimeoutError as error:
                raise busy() from error
            yield

    def all(self) -> list[Clone]:
        there = (c for c in self._known() if c.state is not CloneState.DROPPED)
        return sorted(there, key=lambda c: (c.name, c.owner))

    def note(self, clone: Clone) -> None:
        folder = own_directory(self._folder(clone), 0o711)
        write_atomically(folder / "clone.json", json.dumps(_as_dict(clone), indent=1).encode(), 0o600)

    def need_room(self, clone: Clone) -> None:
        found, source = read_dataset(self._home, clone.dataset)
        present = self._folder(clone)
        place = self._home.environments
        need_room_for_copy(f"the clone {clone.name}", source, place, found.bytes, gives_back=present)

    def fill(self, clone: Clone) -> None:
        key = clone.key
        found, source = read_dataset(self._home, clone.dataset)
        major = int((source / "PG_VERSION").read_text())
        self.need_room(clone)
        self._take_out(clone, major)
        root = own_directory(self._folder(clone) / f"postgres-{major}", 0o711)
        copy_tree(source, root / "data", self._clusters.account(key), seconds=COPY_SECONDS)
        self._reached("fill.copied")
        self._credentials.put(key, SUPERUSER, self._clusters.password(VAULT, SUPERUSER))
        cluster = self._clusters.up(key, Services(major, found.extensions))
        self._reached("fill.started")
        door, own = self._clusters.superuser(cluster), Secret(secrets.token_urlsafe(32))
        if not (source.parent / HARMLESS).exists():
            neutralise(door)
        with session(door, MAINTENANCE) as connection:
            set_password(connection, self._clusters.application(cluster))
            set_password(connection, Door(door.host, door.port, SUPERUSER, own))
        self._reached("fill.settled")
        self._credentials.put(key, SUPERUSER, own)

    def url(self, clone: Clone) -> Secret:
        found = self._clusters.find(clone.key)
        if found is None:
            raise Errored(
                "clone.absent",
                f"the clone {clone.name} is not there",
                hint="greenroom clone list shows those there are",
            )
        application = self._clusters.application(found)
        if not self._opens(application):
            cluster = self._clusters.up(clone.key, Services(found.record.major, found.record.extensions))
            ensure_ground(self._clusters.superuser(cluster), application, cluster.record.extensions)
        return url_of(application)

    def clear(self, clone: Clone) -> None:
        cluster = self._clusters.find(clone.key)
        if cluster is not None:
            self._clusters.down(clone.key)
            kill_server_in(cluster.data)
            # Named after the port: once that is free, the directory may be another clone's.
            shutil.rmtree(cluster.sockets, ignore_errors=True)
            cluster.log.unlink(missing_ok=True)
        self._take_out(clone, None)
        self._credentials.forget(clone.key)
        folder = self._folder(clone)
        if folder.exists():
            doomed = folder / "clone.json"  # last, so that a clearing cut short is found and finished
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path != doomed:  # a record that was cut off half-way
                    path.unlink()
            doomed.unlink(missing_ok=True)
            folder.rmdir()

    def sweep(self) -> int:
        swept = 0
        for known in self._known():
            with suppress(Refused), self.held(known.key, seconds=0):  # one that is being made just now is no left-over
                now = self._read(self._folder(known) / "clone.json")
                if now is not None and now.state in SHUT:
                    self.clear(now)
                    swept += 1
        return swept

    def _opens(self, application: Door) -> bool:
        """True where it runs already and lets its owner in: by far the usual case, and asked for all day long."""
        try:
            probe(application, APP)
        except (NotYet, Errored):
            return False
        return True

    def _take_out(self, clone: Clone, major: int | None) -> None:
        """No server runs and nothing is in it; of a cluster of the same major version, the port stays."""
        self._clusters.down(clone.key)
        for root in self._folder(clone).glob("postgres-*"):
            kill_server_in(root / "data")
            if root.name != f"postgres-{major}":
                shutil.rmtree(root)
            elif (root / "data").exists():
                shutil.rmtree(root / "data")

    def _known(self) -> list[Clone]:
        found = (self._read(f) for f in self._home.environments.glob(f"{PREFIX}*/clone.json"))
        return [c for c in found if c is not None]

    def _read(self, file: Path) -> Clone | None:
        """None for one that was removed meanwhile. Raises Errored (`clone.record`)."""
        try:
            stored: dict[str, Any] = json.loads(file.read_text())
            instants = {k: datetime.fromisoformat(stored[k]) for k in ("made_at", "expires_at")}
            label, state = DataLabel[str(stored["label"]).upper()], CloneState(stored["state"])
            return Clone(**{**stored, **instants, "label": label, "state": state})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Errored(
                "clone.record",
                f"{file} cannot be read",
                because=str(error),
                hint="remove it together with the directory that it is in, and make the clone again",
            ) from error

    def _folder(self, clone: Clone) -> Path:
        return self._home.environments / checked_name(clone.key, "clone")

    def _locks(self) -> Path:
        return own_directory(self._home.private / "database", 0o700)


def _as_dict(clone: Clone) -> dict[str, Any]:
    instants = {"made_at": timestamp(clone.made_at), "expires_at": timestamp(clone.expires_at)}
    return asdict(clone) | instants | {"label": clone.label.name.lower()}
