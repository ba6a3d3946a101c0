"""Keeping backups going by themselves: the log flows, what came is moved on, and backups and drills are asked for when
they are due; break-glass access ends, clones that nobody asks for go. Nobody has to begin it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from greenroom.config.project import BackupPolicy
from greenroom.domain.errors import GreenroomError
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Actor, Role
from greenroom.domain.upkeep import due_backup
from greenroom.domain.work import State, Work
from greenroom.services import backups, clones, data, glass
from greenroom.services.app import App
from greenroom.store import records

log = structlog.get_logger(__name__)

CUSTODIAN = Actor("greenroom", frozenset({Role.OPERATOR, Role.ENGINEER}))
LOOK_SECONDS = 5.0
AGAIN_SECONDS = 900.0
"""How long after a backup or drill that did not succeed the next is asked for: a full disk is not freed by trying."""


class Custodian:
    """Looks after every environment that is backed up; `start` and `stop` from the same thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stop = threading.Event()
        self._told: dict[str, str] = {}
        self._thread = threading.Thread(target=self._repeat, args=("look", self.look), name="custodian", daemon=True)
        # Of its own: moving backups to a second place may take hours, and access ends within seconds.
        self._doorkeeper = threading.Thread(
            target=self._repeat, args=("doors", self.keep_doors), name="doorkeeper", daemon=True
        )

    def start(self) -> None:
        self._thread.start()
        self._doorkeeper.start()

    def stop(self, seconds: float = 10.0) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)
            self._doorkeeper.join(seconds)

    def keep_doors(self) -> None:
        """One look at who is let into databases by hand."""
        glass.tend(self._app)

    def _repeat(self, what: str, once: Callable[[], object]) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                once()
                self._told.pop(what, None)
            except Exception as e:  # noqa: BLE001 - whatever it is, the next look may find it gone
                self._tell(what, type(e).__name__, error=f"{type(e).__name__}: {e}")

    def _tell(self, what: str, reason: str, **told: str) -> None:
        """Once for each reason, until it is another one or all is well: the figures in its words may change with every
        look."""
        if self._told.get(what) != reason:
            self._told[what] = reason
            log.warning("custody.failed", **told)

    @contextmanager
    def _looking_after(self, what: str, name: str) -> Iterator[None]:
        """What is refused or fails for one environment, or one clone, holds up no other."""
        where = {"clone" if what == "clone" else "environment": name}
        try:
            yield
            self._told.pop(f"{what} {name}", None)
        except GreenroomError as e:
            told = {k: str(v) for k, v in e.as_dict().items()}
            self._tell(f"{what} {name}", f"{e.code} {e.message}", **where, **told)

    def look(self) -> list[Work]:
        """One round over all environments; the work that was asked for. One in trouble holds up no other."""
        asked: list[Work] = []
        for environment in self._app.world.project().environments:
            if not environment.backups.is_on or not self._has_database(environment.name):
                continue
            with self._looking_after("backups", environment.name):
                asked += self._look_after(environment.name, environment.backups)
        clones.expire(self._app, CUSTODIAN, lambda key: self._looking_after("clone", key))
        return asked + self._refresh()

    def _look_after(self, environment: str, policy: BackupPolicy) -> list[Work]:
        world = self._app.world
        with world.store.database.reading() as tx:
            holder = world.store.works.holder(tx, environment)
        if holder is not None and holder.kind is WorkKind.RESTORE:
            return []  # it takes the log apart itself
        stream = world.backups.protect(environment)
        if not stream.problem:
            world.backups.ship(environment)
        archive, now, asked = world.backups.archive(environment), world.clock.now(), list[Work]()
        wanted = due_backup(
            archive,
            now,
            full=policy.full_seconds,
            incremental=policy.incremental_seconds,
            has_gap=stream.gap is not None,
        )
        if wanted and not stream.problem and self._may_again(WorkKind.BACKUP, environment, now):
            asked.append(backups.back_up(self._app, CUSTODIAN, environment, full=wanted == "full"))
        if archive.backups and self._is_drill_due(environment, policy, now):
            asked.append(backups.drill(self._app, CUSTODIAN, environment))
        return asked

    def _refresh(self) -> list[Work]:
        """Environments whose data is older than their `data.refresh` are filled anew; where a masked dataset is wanted
        and the newest is too old as well, one is made first."""
        asked: list[Work] = []
        now = self._app.world.clock.now()
        for one in self._app.world.project().environments:
            if one.refresh_seconds is None:
                continue
            with self._looking_after("data", one.name):
                due = data.due(self._app, one.name, one.refresh_seconds, now)
                if due is WorkKind.DATASET and self._may_again(due, data.source_of(self._app), now):
                    asked.append(data.make(self._app, CUSTODIAN))
                elif due is WorkKind.REFRESH and self._may_again(due, one.name, now):
                    work, _ = data.refresh(self._app, CUSTODIAN, one.name)
                    asked += [work] if work else []
        return asked

    def _is_drill_due(self, environment: str, policy: BackupPolicy, now: datetime) -> bool:
        with self._app.world.store.database.reading() as tx:
            last = records.newest_evidence(tx, "drill", environment)
        is_old = last is None or now - last.at >= timedelta(seconds=policy.drill_seconds)
        return is_old and self._may_again(WorkKind.DRILL, environment, now)

    def _may_again(self, kind: WorkKind, environment: str, now: datetime) -> bool:
        """Not while one is under way, nor soon after one that did not succeed."""
        with self._app.world.store.database.reading() as tx:
            found = self._app.world.store.works.find(tx, kinds=[kind], limit=50)
        last = next((w for w in found if w.about == environment), None)
        if last is None or last.state is State.DONE:
            return True
        ended = last.ended_at
        return ended is not None and now - ended >= timedelta(seconds=AGAIN_SECONDS)

    def _has_database(self, environment: str) -> bool:
        with self._app.world.store.database.reading() as tx:
            row = next((r for r in records.environments(tx) if r.name == environment), None)
            if row is None or row.current is None:
                return False
            return records.release(tx, row.current).descriptor.services.postgres is not None
