"""Carries out durable work: claims a row, runs its steps one by one, writes every transition.

kill -9 anywhere leaves a row that the next worker takes up at the same step. The engine knows nothing of
releases or databases: steps do, gates are asked through `decide`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from greenroom.domain.errors import Errored, GreenroomError, Refused
from greenroom.domain.gate import Decision
from greenroom.domain.plan import WorkKind
from greenroom.domain.work import Change, Direction, State, Work, back_off, step_done, step_failed
from greenroom.store.works import LeaseLost
from greenroom.workflows.lease import Lease, Leases
from greenroom.workflows.step import Again, Done, NewEvidence, Step, StepContext, StepFailed
from greenroom.workflows.world import World

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.5
RECHECK_SECONDS = 60.0
"""A waiting row is decided again at least this often, whatever it waits for."""


class Engine:
    """Some worker threads over one store. Several engines, in other processes, may share the store."""

    def __init__(
        self,
        world: World,
        steps: Mapping[tuple[WorkKind, str], Step],
        decide: Callable[[Connection, Work], Decision | None],
        *,
        owner: str,
        threads: int = 4,
        lease_seconds: float = 30.0,
        crash: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.world = world
        self.steps = steps
        self.decide = decide
        self.owner = owner
        self.crash = crash
        self.leases = Leases(world, owner, lease_seconds)
        self._threads = [threading.Thread(target=self._loop, name=f"worker-{n}", daemon=True) for n in range(threads)]
        self._stop = threading.Event()
        self._wake = threading.Condition()

    # --- life --------------------------------------------------------------------------------------

    def start(self) -> None:
        self.leases.start()
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Take no new work and end at the next step boundary; what is unfinished goes on at the next start."""
        self._stop.set()
        self.poke()
        for thread in self._threads:
            thread.join(seconds)
        self.leases.stop()

    def poke(self) -> None:
        """There may be something to do: look now instead of at the next poll."""
        with self._wake:
            self._wake.notify_all()

    def _loop(self) -> None:
        misses = 0
        while not self._stop.is_set():
            try:
                found = self.run_one()
                misses = 0
            except SQLAlchemyError as e:  # the store is locked, full or gone: work waits, nothing is lost
                misses += 1
                log.warning("store.unavailable", error=str(e).splitlines()[0], next_try=back_off(misses))
                self._stop.wait(back_off(misses))
                continue
            if not found:
                with self._wake:
                    self._wake.wait(IDLE_SECONDS)

    # --- one row -----------------------------------------------------------------------------------

    def run_one(self) -> bool:
        """Claim one row and carry it as far as it goes now. False when there is nothing to do."""
        lease = self._claim()
        if lease is None:
            return False
        try:
            while lease.work.state is State.ACTIVE and not self._stop.is_set():
                if not self._step(lease):
                    break
        except LeaseLost:
            log.info("lease.lost", work=lease.work.id, owner=self.owner)
        finally:
            self.leases.release(lease)
        return True

    def _claim(self) -> Lease | None:
        world = self.world
        with world.store.database.reading() as tx:  # looking is cheap and blocks nobody
            now = world.clock.now()
            due = world.store.works.due(tx, now) or world.store.works.candidates(
                tx, self.owner, self.leases.running(), now
            )
        if not due:
            return None
        with self.leases.claiming(), world.store.database.transaction() as tx:
            world.store.works.wake_due(tx, world.clock.now())
            for work in world.store.works.candidates(tx, self.owner, self.leases.running(), world.clock.now()):
                if work.state is State.QUEUED and not self._admit(tx, work):
                    continue
                claimed = world.store.works.claim(tx, work, self.owner, self.leases.seconds)
                if claimed:
                    if work.state is State.QUEUED:
                        world.store.recorder.append(
                            tx, claimed.requested_by, f"{claimed.kind}.started", _about(claimed)
                        )
                    return self.leases.hold(claimed)
        return None

    def _admit(self, tx: Connection, work: Work) -> bool:
        """Decide again at the moment of execution, whoever asked: True when every gate passes."""
        if work.cancel:
            self._end_unstarted(tx, work, "cancelled", {"outcome": "refused", "message": work.cancel})
            return False
        decision = self.decide(tx, work)
        if decision is None or decision.passed:
            return True
        if decision.refused:
            error = {
                "outcome": "refused",
                "code": "gate.refused",
                "message": f"{work.kind} into {work.environment} was refused",
                "because": "; ".join(f"{x.gate}: {x.verdict.because}" for x in decision.refused),
                "facts": decision.as_dict(),
            }
            self._end_unstarted(tx, work, "refused", error)
            return False
        wake = min(decision.wake_at or self._in(RECHECK_SECONDS), self._in(RECHECK_SECONDS))
        self.world.store.works.set_columns(tx, work.id, [State.QUEUED], state=State.WAITING, wake_at=wake)
        return False

    def _end_unstarted(self, tx: Connection, work: Work, word: str, error: Mapping[str, Any]) -> None:
        now = self.world.clock.now()
        self.world.store.works.set_columns(tx, work.id, [State.QUEUED], state=State.REJECTED, error=error, ended_at=now)
        self.world.store.recorder.append(tx, work.requested_by, f"{work.kind}.{word}", _about(work, error=dict(error)))

    # --- one step ----------------------------------------------------------------------------------

    def _step(self, lease: Lease) -> bool:
        """Run the step under the cursor and write what came of it. False when the row rests until later."""
        work = lease.work
        step = self.steps.get((work.kind, work.step or ""))
        if step is None:
            self._transition(lease, None, _unknown_step(work), "errored", 0.0)
            return False
        if work.cancel and work.direction is Direction.FORWARD and step.returns:
            lease.work = work = replace(work, error={"outcome": "cancelled", "message": work.cancel})
            self._transition(
                lease, None, Change(State.ACTIVE, work.cursor, Direction.BACKWARD, error=work.error), "", 0
            )
            return True
        started, began = self.world.clock.now(), self.world.clock.monotonic()
        evidence: tuple[NewEvidence, ...] = ()
        done: Done | Again | None = None
        try:
            self.crash(f"{work.kind}.{step.name}.{work.direction}.before")
            context = self._context(lease)
            done = step.do(context) if work.direction is Direction.FORWARD else step.undo(context)
            self.crash(f"{work.kind}.{step.name}.{work.direction}.after")
        except LeaseLost:
            raise
        except StepFailed as e:
            evidence, error = e.evidence, _as_error(e.error)
        except Exception as e:  # noqa: BLE001 - whatever a step raises, the row must say so
            error = _as_error(e)
        seconds = self.world.clock.monotonic() - began
        if isinstance(done, Again):
            change = Change(State.ACTIVE, work.cursor, work.direction, wake_at=done.at, error=work.error)
            self._transition(lease, done, change, "again", seconds, started=started)
            return False
        if isinstance(done, Done):
            self._transition(lease, done, step_done(work), "done", seconds, started=started)
            self.crash(f"{work.kind}.{step.name}.{work.direction}.recorded")
            return lease.work.state is State.ACTIVE
        log.warning("step.failed", work=work.id, step=step.name, direction=work.direction, **_brief(error))
        change = self._after_failure(work, step, error)
        failed = Done(evidence=evidence)
        word = "failed" if isinstance(error, Refused) else "errored"
        self._transition(lease, failed, change, word, seconds, started=started, detail=str(error))
        return change.state is State.ACTIVE and change.wake_at is None

    def _after_failure(self, work: Work, step: Step, error: GreenroomError) -> Change:
        """A refusal is an answer and is not asked twice; what could not be told is tried again."""
        retry = not isinstance(error, Refused)
        later = self._in(back_off(work.attempts))
        if work.direction is Direction.FORWARD and not step.returns:  # past the point of return: only onward
            exhausted = work.attempts + 1 >= 5
            if exhausted:
                return Change(State.ATTENTION, work.cursor, work.direction, work.attempts + 1, error=error.as_dict())
            return Change(State.ACTIVE, work.cursor, work.direction, work.attempts + 1, wake_at=later)
        return step_failed(
            work,
            error.as_dict(),
            retry=retry,
            attention=error.code.endswith(".attention"),
            now_plus=later,
        )

    def _transition(
        self,
        lease: Lease,
        done: Done | Again | None,
        change: Change,
        outcome: str,
        seconds: float,
        *,
        started: Any = None,
        detail: str = "",
    ) -> None:
        """Cursor, facts, evidence, history and ledger in one transaction; raises LeaseLost when not ours."""
        work, store = lease.work, self.world.store
        facts = dict(work.facts)
        if done is not None and isinstance(done, (Done, Again)) and done.facts and work.step:
            facts[work.step] = {**(facts.get(work.step) or {}), **done.facts}
        with store.database.transaction() as tx:
            new = store.works.change(tx, work, change, facts=facts)
            if started is not None and outcome != "again":
                store.works.remember(tx, work, work.step or "", outcome, started, seconds, detail)
            if isinstance(done, Done):
                for item in done.evidence:
                    self.world.record_evidence(tx, work, item)
                if done.record:
                    done.record(tx)
            if new.state is not State.ACTIVE:
                error = {"error": dict(change.error)} if change.error else {}
                store.recorder.append(tx, work.requested_by, f"{work.kind}.{new.state}", _about(work, **error))
                store.works.signal(tx, work.environment)
        lease.work = new
        if new.state is not State.ACTIVE or change.wake_at is not None:
            self.poke()

    def _context(self, lease: Lease) -> StepContext:
        work = lease.work

        def cancelled() -> bool:
            with self.world.store.database.reading() as tx:
                return self.world.store.works.cancel_of(tx, work.id) is not None

        return StepContext(
            work=work,
            world=self.world,
            guard=lease.guard,
            crash=lambda name: self.crash(f"{work.kind}.{work.step}.{name}"),
            say=lambda text: self.world.progress.say(work.id, work.step or "", text),
            cancelled=cancelled,
        )

    def _in(self, seconds: float) -> Any:
        return self.world.clock.now() + timedelta(seconds=seconds)


def _as_error(error: Exception) -> GreenroomError:
    if isinstance(error, GreenroomError):
        return error
    return Errored(
        "step.broke",
        f"a step broke: {type(error).__name__}",
        because=str(error)[:2000],
        hint="this is a defect of Greenroom: please report it with the control plane's log",
    )


def _brief(error: GreenroomError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "because": error.because[:500]}


def _about(work: Work, **more: Any) -> dict[str, Any]:
    return {"about": {"work": work.id, "environment": work.environment, "release": work.release, **more}}


def _unknown_step(work: Work) -> Change:
    error = Errored(
        "work.step_unknown",
        f"this Greenroom does not know the step {work.step!r} of {work.id}",
        because="the plan was made by another version",
        hint="run the version that made it, or cancel the work",
    )
    return Change(State.ATTENTION, work.cursor, work.direction, work.attempts, error=error.as_dict())
