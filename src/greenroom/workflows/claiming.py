"""Taking up work: which row next, and whether its gates still let it go. One transaction, nothing slow in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from greenroom.domain.errors import GreenroomError, Refused
from greenroom.domain.gate import Decision
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import SYSTEM
from greenroom.domain.work import State, Work
from greenroom.domain.work_record import Compared
from greenroom.workflows.lease import Lease, Leases
from greenroom.workflows.world import World

log = structlog.get_logger(__name__)

RECHECK = timedelta(seconds=60)
"""A waiting row is decided again at least this often, whatever it waits for."""

Decide = Callable[[Connection, Work], Decision | None]


class Claims:
    """Claims rows for one worker. `decide` asks the gates; None: no gate guards this work."""

    def __init__(self, world: World, owner: str, leases: Leases, decide: Decide) -> None:
        self._world = world
        self._owner = owner
        self._leases = leases
        self._decide = decide
        self._doubt: Refused | None = None

    def next(self, kinds: frozenset[WorkKind]) -> Lease | None:
        """A lease on the next row of these kinds that may go; None when there is nothing to do."""
        world = self._world
        with world.store.database.reading() as tx:  # looking is cheap and blocks nobody
            now, running = world.clock.now(), self._leases.running()
            works = world.store.works
            found = works.candidates(tx, self._owner, running, now, kinds)
            due = works.due(tx, now)
            if not due and not found:
                return None
            self._doubt = self._doubted(tx) if due or _begins_a_promotion(found) else None
        with self._leases.claiming():
            with world.store.database.transaction() as tx:
                since = world.clock.monotonic()  # in our turn, and before the store's clock is read: never too late
                world.store.works.wake_due(tx, world.clock.now())
                claimed = self._first(tx, kinds)
            return self._leases.hold(claimed, since) if claimed else None  # held only once it is committed

    def _doubted(self, tx: Connection) -> Refused | None:
        """Why nothing may be promoted: the ledger is not the one that was written."""
        try:
            self._world.store.witness.chain_holds(tx)
        except Refused as why:
            log.error("ledger.broken", because=why.because)  # noqa: TRY400 - it says what and why
            return why
        return None

    def _first(self, tx: Connection, kinds: frozenset[WorkKind]) -> Work | None:
        """The first candidate that may go and that nobody else took."""
        store, now = self._world.store, self._world.clock.now()
        for work in store.works.candidates(tx, self._owner, self._leases.running(), now, kinds):
            told = store.witness.work(tx, work.id)
            if told.flaws:
                self._set_apart(tx, work, told)
                return None  # whose turn it is now, the next look says
            if work.state is State.QUEUED and not self._admit(tx, work):
                continue
            claimed = store.works.claim(tx, work, self._owner, self._leases.seconds)
            if claimed:
                self._end_if_stopped(work)
                if work.state is State.QUEUED:
                    store.recorder.append(tx, claimed.requested_by, f"{claimed.kind}.started", about(claimed))
                return claimed
        return None

    def _end_if_stopped(self, work: Work) -> None:
        """Whoever had it and is stopped must not go on when continued. Before the claim is committed: if we died in
        between, our next life would find the row its own."""
        if work.owner not in (None, self._owner) and self._world.workers.end_if_stopped(work.owner or ""):
            log.warning("worker.ended", work=work.id, owner=work.owner, why="it was stopped for longer than its lease")

    def _admit(self, tx: Connection, work: Work) -> bool:
        """Decide again at the moment of execution, whoever asked: True when every gate passes."""
        if work.cancel:
            self._end(tx, work, "cancelled", {"outcome": "refused", "message": work.cancel})
            return False
        if self._doubt is not None and work.kind is WorkKind.PROMOTION:  # a way back stays open
            self._end(tx, work, "refused", self._doubt.as_dict())
            return False
        try:
            decision = self._decide(tx, work)
        except GreenroomError as e:
            self._end(tx, work, "refused", e.as_dict())
            return False
        except SQLAlchemyError:
            raise
        except Exception as e:  # the environment or the release it names is no longer there
            log.exception("work.unfounded", work=work.id)
            gone = Refused(
                "work.unfounded",
                f"{work.kind} into {work.environment} lost its ground",
                because=repr(e),
                hint="see whether the environment is still on the path, and ask again",
            )
            self._end(tx, work, "refused", gone.as_dict())
            return False
        if decision is None or decision.passed:
            return True
        if decision.refused:
            self._end(tx, work, "refused", _refusal(work, decision))
            return False
        soon = self._world.clock.now() + RECHECK
        wake = min(decision.wake_at or soon, soon)
        self._world.store.works.set_columns(tx, work.id, [State.QUEUED], state=State.WAITING, wake_at=wake)
        return False

    def _set_apart(self, tx: Connection, work: Work, told: Compared) -> None:
        """Nothing of it is carried out. Of what had begun nothing is undone either, for that would go by the same row:
        a person must look, and its environment stays locked. Whoever had it and was paused changes it no more."""
        state, word = (State.ATTENTION, "attention") if told.has_begun else (State.REJECTED, "refused")
        error = contradicted(work, told).as_dict()
        log.error("work.contradicted", work=work.id, because=error["because"])
        ended = None if told.has_begun else self._world.clock.now()
        rest = {"token": work.token + 1, "owner": None, "lease_until": None, "wake_at": None, "schedule_key": None}
        values = {"state": state, "error": error, "ended_at": ended, **rest}
        self._world.store.works.set_columns(tx, work.id, [work.state], **values)
        self._world.store.recorder.append(tx, SYSTEM.name, f"{work.kind}.{word}", about(work, error=error))

    def _end(self, tx: Connection, work: Work, word: str, error: Mapping[str, Any]) -> None:
        """It ends without having begun; a schedule that it had may be made again."""
        values = {"state": State.REJECTED, "error": error, "ended_at": self._world.clock.now(), "schedule_key": None}
        self._world.store.works.set_columns(tx, work.id, [State.QUEUED], **values)
        self._world.store.recorder.append(tx, work.requested_by, f"{work.kind}.{word}", about(work, error=dict(error)))


def _begins_a_promotion(found: Sequence[Work]) -> bool:
    return any(work.state is State.QUEUED and work.kind is WorkKind.PROMOTION for work in found)


def contradicted(work: Work, told: Compared) -> Refused:
    """Why work is not carried out whose row is not what the ledger tells."""
    return Refused(
        "work.contradicted",
        f"{work.id} is not carried out: {work.kind} in {work.about or 'no environment'}",
        because=f"the store contradicts the ledger: {'; '.join(told.flaws)}",
        hint="greenroom ledger verify names every difference: somebody wrote past Greenroom; bring back a copy",
    )


def about(work: Work, **more: Any) -> dict[str, Any]:
    """A ledger entry's subject that speaks of a piece of work and sets no row."""
    return {"about": {"work": work.id, "environment": work.about, "release": work.release, **more}}


def _refusal(work: Work, decision: Decision) -> dict[str, Any]:
    return {
        "outcome": "refused",
        "code": "gate.refused",
        "message": f"{work.kind} into {work.environment} was refused",
        "because": "; ".join(f"{x.gate}: {x.verdict.because}" for x in decision.refused),
        "facts": decision.as_dict(),
    }
