"""Leases: a worker owns a row only while it keeps renewing; before each effect it makes sure.

The guard uses the monotonic clock, so that a worker paused past its lease (SIGSTOP, a sleeping laptop)
finds out before it touches anything, without asking anybody.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from greenroom.domain.work import Work
from greenroom.store.works import LeaseLost
from greenroom.workflows.world import World

log = structlog.get_logger(__name__)

MARGIN = 0.25
"""The share of a lease's time that is not used for effects: an effect begun late must still end within it."""


class Lease:
    """One claimed row. `work` is replaced after each transition; its token stays."""

    def __init__(self, work: Work, world: World, seconds: float, since: float) -> None:
        self.work = work
        self._world = world
        self._seconds = seconds
        self._renewed = since
        self._lost = False

    def guard(self) -> None:
        """Raise LeaseLost unless the lease certainly holds."""
        if self._lost or self._world.clock.monotonic() - self._renewed > self._seconds * (1 - MARGIN):
            raise LeaseLost(self.work.id)

    def renewed(self, at: float) -> None:
        self._renewed = at

    def lose(self) -> None:
        self._lost = True


class Leases:
    """The rows this worker runs, and the thread that renews them."""

    def __init__(self, world: World, owner: str, seconds: float) -> None:
        self.seconds = seconds
        self._world = world
        self._owner = owner
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._claiming = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew_forever, name="leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    @contextmanager
    def claiming(self) -> Iterator[None]:
        """One claim at a time in this process, so that two threads never take one row."""
        with self._claiming:
            yield

    def hold(self, work: Work, since: float) -> Lease:
        """`since`: the monotonic clock just before the claim was written. Not after: a worker that is paused between
        the two would think its lease new when it wakes."""
        lease = Lease(work, self._world, self.seconds, since)
        with self._lock:
            self._held[work.id] = lease
        return lease

    def release(self, lease: Lease) -> None:
        with self._lock:
            self._held.pop(lease.work.id, None)

    def running(self) -> list[str]:
        with self._lock:
            return list(self._held)

    def renew_all(self) -> None:
        """Renew every lease; one that is not ours any more is marked lost. A store that is away changes nothing:
        the guard's clock runs out by itself."""
        with self._lock:
            leases = list(self._held.values())
        for lease in leases:
            try:
                with self._world.store.database.transaction() as tx:
                    at = self._world.clock.monotonic()  # in our turn: what was waited for it is not the lease's loss
                    ours = self._world.store.works.renew(tx, lease.work, self._owner, self.seconds)
            except SQLAlchemyError as e:
                log.warning("lease.not_renewed", work=lease.work.id, error=str(e).splitlines()[0])
                continue
            if ours:
                lease.renewed(at)
            elif self._is_held(lease):
                lease.lose()

    def _is_held(self, lease: Lease) -> bool:
        with self._lock:
            return self._held.get(lease.work.id) is lease

    def _renew_forever(self) -> None:
        while not self._stop.wait(self.seconds / 4):
            self.renew_all()
