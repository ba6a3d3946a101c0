"""A rebuilt cluster takes the place of an environment's own, which is kept aside; and the way back.

    env/ENV/rebuilt/NAME/data  →  env/ENV/postgres-MAJOR/data  →  env/ENV/aside/NAME/data

Two renames on one file system; whoever finds a state between them goes on from it. `reached` names each boundary, so
that tests can be killed there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.backup.ground import Ground
from greenroom.adapters.postgres.backup.rebuilding import Rebuilding
from greenroom.adapters.postgres.backup.receiving import Receiving
from greenroom.adapters.postgres.backup.repository import Repository
from greenroom.adapters.postgres.cluster import STOP_SECONDS, Clusters, kept
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.scratch import kill_server_in
from greenroom.adapters.sealing.files import sync_directory, write_atomically
from greenroom.domain.errors import Errored
from greenroom.domain.names import checked_name
from greenroom.domain.release import Services
from greenroom.domain.wal import Era, era_at
from greenroom.keeper.spec import Keeper
from greenroom.ports.backups import Rebuilt, Storage
from greenroom.ports.clock import Clock

BEGAN = "began"
"""Beside what was rebuilt: when it was first started in its place."""


class Exchanging:
    """Puts clusters in place and takes them out."""

    def __init__(
        self,
        home: Home,
        keeper: Keeper,
        clusters: Clusters,
        ground: Ground,
        rebuilding: Rebuilding,
        receiving: Receiving,
        clock: Clock,
        reached: Callable[[str], None],
    ) -> None:
        self._home, self._keeper, self._clusters, self._ground = home, keeper, clusters, ground
        self._rebuilding, self._receiving, self._clock, self._reached = rebuilding, receiving, clock, reached

    def exchange(self, environment: str, name: str, repository: Repository, storage: Storage) -> None:
        with self._held(environment):
            rebuilt = self._rebuilding.known(environment, name)
            if rebuilt is None:
                raise Errored("backup.not_rebuilt", f"nothing is rebuilt under {name}", hint="begin the restore again")
            new, present = self._rebuilding.folder(environment, name) / "data", self._data(environment)
            if new.is_dir():
                self._stop(environment)
                self._reached("exchange.stopped")
                if present.is_dir():
                    self._put_aside(environment, name, present, repository)
                self._reached("exchange.aside")
                present.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
                self._ground.spool(environment, fresh=True)  # the log goes on from another place
                new.rename(present)
                sync_directory(present.parent)
            self._reached("exchange.in_place")
            self._live(environment, name, rebuilt, repository, storage)

    def put_back(self, environment: str, name: str, repository: Repository, storage: Storage) -> None:
        with self._held(environment):
            present, aside = self._data(environment), self._aside(environment) / name
            if (aside / "data").is_dir():
                self._stop(environment)
                if present.is_dir():
                    self._take_out(environment, name, present)
                self._reached("put_back.out")
                self._ground.spool(environment, fresh=True)
                (aside / "data").rename(present)
                sync_directory(present.parent)
            self._reached("put_back.in_place")
            if (aside / "aside.json").exists():  # it goes last: while it is there, this may not have been told yet
                told = json.loads((aside / "aside.json").read_text())
                last = era_at(repository.archive().eras, None)
                if last is None or told.get("era") != last.at.isoformat():  # else no other life was told of meanwhile
                    self._begin_era(repository, Era(self._clock.now(), int(told["timeline"])))
                self._reached("put_back.told")
                shutil.rmtree(aside)
            rebuilt = self._rebuilding.known(environment, name)
            is_placed = not (self._rebuilding.folder(environment, name) / "data").is_dir()
            if present.is_dir() and rebuilt is not None and is_placed:  # there was nothing to put in its place
                self._live(environment, name, rebuilt, repository, storage)
            elif present.is_dir():
                self._up(environment)
                self._receiving.protect(environment, storage)

    def _live(self, environment: str, name: str, rebuilt: Rebuilt, repository: Repository, storage: Storage) -> None:
        """What was rebuilt is in its place: it runs, its log flows, and its era is told.

        Only then: one that does not start is no life, and is put back; and along a timeline whose history the receiver
        has not brought yet no restore finds the way. It began as it was first started, whenever it is gone on with.
        """
        file = self._rebuilding.folder(environment, name) / BEGAN
        if not file.exists():
            write_atomically(file, self._clock.now().isoformat().encode(), 0o600)
        self._up(environment)
        self._reached("exchange.started")
        self._receiving.protect(environment, storage)
        self._reached("exchange.protected")
        began = datetime.fromisoformat(file.read_text())
        self._begin_era(repository, Era(began, rebuilt.timeline, rebuilt.parent, rebuilt.forked_from))

    def _take_out(self, environment: str, name: str, present: Path) -> None:
        new = self._rebuilding.folder(environment, name) / "data"
        if not new.parent.is_dir():
            own_directory(new.parent, 0o711)
        if new.is_dir():
            shutil.rmtree(present)
        else:
            present.rename(new)

    def asides(self, environment: str) -> dict[str, datetime]:
        folder = self._aside(environment)
        return {
            p.parent.name: datetime.fromisoformat(json.loads(p.read_text())["at"]) for p in folder.glob("*/aside.json")
        }

    def drop_aside(self, environment: str, name: str) -> None:
        shutil.rmtree(self._aside(environment) / name, ignore_errors=True)

    def _put_aside(self, environment: str, name: str, present: Path, repository: Repository) -> None:
        era = era_at(repository.archive().eras, None)
        folder = own_directory(self._aside(environment) / name, 0o711)
        record = {"at": self._clock.now().isoformat(), "timeline": era.timeline if era else 1}
        record |= {"era": era.at.isoformat()} if era else {}
        write_atomically(folder / "aside.json", json.dumps(record).encode(), 0o600)
        present.rename(folder / "data")
        sync_directory(folder)

    def _begin_era(self, repository: Repository, era: Era) -> None:
        last = era_at(repository.archive().eras, None)
        if last is None or (last.timeline, last.fork) != (era.timeline, era.fork):
            repository.put_era(era)

    def _stop(self, environment: str) -> None:
        """Receiver first: what it has is kept. A server whose files were taken away may not end by itself."""
        self._receiving.stop(environment)
        with kept():
            self._keeper.stop(f"postgres/{environment}", seconds=STOP_SECONDS)
        kill_server_in(self._data(environment))

    def _up(self, environment: str) -> None:
        identity = self._ground.need(environment)
        self._clusters.up(environment, Services(identity.major, identity.extensions))

    def _data(self, environment: str) -> Path:
        major = self._ground.need(environment).major
        return self._home.environments / checked_name(environment, "environment") / f"postgres-{major}" / "data"

    def _aside(self, environment: str) -> Path:
        return own_directory(self._home.environments / checked_name(environment, "environment") / "aside", 0o711)

    def _held(self, environment: str) -> AbstractContextManager[None]:
        return locked(self._ground.folder(environment) / ".exchange.lock")
