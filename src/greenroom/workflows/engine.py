"""Carries out durable work: claims a row, runs its steps one by one, writes every transition.

kill -9 anywhere leaves a row that the next worker takes up at the same step. The engine knows nothing of
releases or databases: steps do, gates are asked through `decide`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from structlog.contextvars import bound_contextvars

from greenroom.domain.disk import disk_full, is_full, says_full
from greenroom.domain.errors import BadInput, Errored, GreenroomError, Refused
from greenroom.domain.plan import WorkKind
from greenroom.domain.trace import trace_id
from greenroom.domain.work import Change, Direction, State, Work, back_off, step_done, step_failed
from greenroom.store.works import LeaseLost
from greenroom.workflows.claiming import Claims, Decide, about, contradicted
from greenroom.workflows.lease import Lease, Leases
from greenroom.workflows.step import Again, Done, NewEvidence, Step, StepContext, StepFailed
from greenroom.workflows.world import World

log = structlog.get_logger(__name__)

ALL_KINDS = frozenset(WorkKind)
URGENT = frozenset({WorkKind.PROMOTION, WorkKind.ROLLBACK, WorkKind.RESTORE})
REFRESH_HOLDS = ("exchange", "open")
"""Where a refresh stands while visitors wait for it; going back, too."""
ANSWERS = (Refused, BadInput)
IDLE_SECONDS = 0.5
STORE_SECONDS = 1.0
"""How soon a store that is away is looked for again: visitors may be held until it is back."""


class Engine:
    """Some worker threads over one store. Several engines, in other processes, may share the store."""

    def __init__(
        self,
        world: World,
        steps: Mapping[tuple[WorkKind, str], Step],
        decide: Decide,
        *,
        owner: str,
        threads: int = 4,
        lease_seconds: float = 30.0,
        crash: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.world = world
        self.steps = steps
        self.owner = owner
        self.crash = crash
        self.leases = Leases(world, owner, lease_seconds)
        self.claims = Claims(world, owner, self.leases, decide)
        # One thread at least is never busy with a build or a check: a way back must not wait behind them.
        self._threads = [
            threading.Thread(target=self._loop, args=(ALL_KINDS if n else URGENT,), name=f"worker-{n}", daemon=True)
            for n in range(threads)
        ]
        self._stop = threading.Event()
        self._wake = threading.Condition()

    # --- life --------------------------------------------------------------------------------------

    def start(self) -> None:
        self.world.workers.enlist(self.owner)
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
        self.world.workers.discharge(self.owner)

    def poke(self) -> None:
        """There may be something to do: look now instead of at the next poll."""
        with self._wake:
            self._wake.notify_all()

    def _loop(self, kinds: frozenset[WorkKind]) -> None:
        misses = 0
        while not self._stop.is_set():
            try:
                found = self.run_one(kinds)
                misses = 0
            except SQLAlchemyError as e:  # the store is locked, full or gone: work waits, nothing is lost
                misses += 1
                if misses & (misses - 1) == 0:  # ever more seldom: the first says it all
                    log.warning("store.unavailable", error=str(e).splitlines()[0], misses=misses)
                self._stop.wait(STORE_SECONDS)
                continue
            except Exception:  # a defect of ours must not end the thread: the others' work goes on
                misses += 1
                log.exception("worker.broke", next_try=back_off(misses))
                self._stop.wait(back_off(misses))
                continue
            if not found:
                with self._wake:
                    self._wake.wait(IDLE_SECONDS)

    # --- one row -----------------------------------------------------------------------------------

    def run_one(self, kinds: frozenset[WorkKind] = ALL_KINDS) -> bool:
        """Claim one row of these kinds and carry it as far as it goes now. False when there is nothing to do."""
        lease = self.claims.next(kinds)
        if lease is None:
            return False
        about = {
            "work": lease.work.id,
            "environment": lease.work.about,
            "trace": f"{trace_id(lease.work.id):032x}",
        }
        try:
            with bound_contextvars(**about):
                self._carry(lease)
        except LeaseLost:
            log.info("lease.lost", work=lease.work.id, environment=lease.work.about, owner=self.owner)
        except SQLAlchemyError as e:
            if says_full(str(e)):  # the row cannot say it: whoever follows the work is told
                said = disk_full(self.world.house.where(), "the store takes nothing more", "it then goes on by itself")
                self.world.progress.say(lease.work.id, lease.work.step or "", f"{said.message}: {said.hint}")
            raise
        finally:
            self.leases.release(lease)
        return True

    def _carry(self, lease: Lease) -> None:
        while lease.work.state is State.ACTIVE and not (self._stop.is_set() and may_rest(lease.work)):
            if not self._step(lease):
                break

    # --- one step ----------------------------------------------------------------------------------

    def _step(self, lease: Lease) -> bool:
        """Run the step under the cursor and write what came of it. False when the row rests until later."""
        work = lease.work
        step = self.steps.get((work.kind, work.step or ""))
        if work.cancel and work.direction is Direction.FORWARD and (step is None or step.returns):
            self._transition(lease, None, _turn_back(work, work.cursor), "", 0)
            return True
        if step is None:
            self._transition(lease, None, self._unknown_step(work), "errored", 0.0)
            return lease.work.state is State.ACTIVE
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
            evidence, error = e.evidence, self._as_error(e.error)
        except Exception as e:  # noqa: BLE001 - whatever a step raises, the row must say so
            error = self._as_error(e)
        seconds = self.world.clock.monotonic() - began
        if isinstance(done, Again):
            change = Change(State.ACTIVE, work.cursor, work.direction, wake_at=done.at, error=work.error)
            self._settle(lease, done, change, "again", seconds, started=started)
            return False
        if isinstance(done, Done):
            self._settle(lease, done, step_done(work), "done", seconds, started=started)
            self.crash(f"{work.kind}.{step.name}.{work.direction}.recorded")
            return lease.work.state is State.ACTIVE
        log.warning("step.failed", step=step.name, direction=work.direction.value, **_brief(error))
        change = self._after_failure(work, step, error)
        failed = Done(evidence=evidence)
        word = "failed" if isinstance(error, ANSWERS) else "errored"
        self._settle(lease, failed, change, word, seconds, started=started, detail=str(error))
        return change.state is State.ACTIVE and change.wake_at is None

    def _after_failure(self, work: Work, step: Step, error: GreenroomError) -> Change:
        """No is an answer, and so is that what was given cannot be understood: neither is asked twice. What could not
        be told is tried again."""
        retry = not isinstance(error, ANSWERS)
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

    def _settle(
        self, lease: Lease, done: Done | Again, change: Change, outcome: str, seconds: float, **more: Any
    ) -> None:
        """Write what came of a step. What the store will not take for any other reason than being away would be done
        again for ever: then a person must look."""
        try:
            self._transition(lease, done, change, outcome, seconds, **more)
        except LeaseLost:
            raise
        except Exception as e:
            if isinstance(e, DBAPIError) and (isinstance(e, OperationalError) or e.connection_invalidated):
                raise  # the store was away
            log.exception("transition.refused", work=lease.work.id, step=lease.work.step)
            work, error = lease.work, self._as_error(e)
            stuck = Change(State.ATTENTION, work.cursor, work.direction, work.attempts + 1, error=error.as_dict())
            self._transition(lease, None, stuck, "errored", seconds, started=more.get("started"))

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
            if self._is_last_chance(work, new):  # asked to cancel while the last step that can be undone was ending
                new = store.works.change(tx, new, _turn_back(new, work.cursor))
            if new.state is State.ACTIVE and (told := store.witness.work(tx, work.id)).flaws:  # changed meanwhile
                error = contradicted(work, told).as_dict()
                change = Change(State.ATTENTION, new.cursor, new.direction, work.attempts, error=error)
                new = store.works.change(tx, new, change)
            if started is not None and outcome != "again":
                store.works.remember(tx, work, work.step or "", outcome, started, seconds, detail)
            if isinstance(done, Done):
                for item in done.evidence:
                    self.world.record_evidence(tx, work, item)
                if done.record:
                    done.record(tx)
            if new.state is not State.ACTIVE:
                more = {"error": dict(change.error)} if change.error else {}
                store.recorder.append(tx, work.requested_by, f"{work.kind}.{new.state}", about(work, **more))
                store.works.signal(tx, work.environment)
        lease.work = new
        if outcome == "done":
            log.info("step.done", step=work.step, direction=work.direction.value, seconds=round(seconds, 3))
        if new.state is not State.ACTIVE:
            _log_end(new)
        if new.state is not State.ACTIVE or change.wake_at is not None:
            self.poke()

    def _is_last_chance(self, before: Work, after: Work) -> bool:
        """True when `after` would pass the point of return although somebody asked to cancel."""
        if not after.cancel or after.state is not State.ACTIVE or after.direction is not Direction.FORWARD:
            return False
        left, entered = (self.steps.get((w.kind, w.step or "")) for w in (before, after))
        return bool(left and left.returns and entered and not entered.returns)

    def _unknown_step(self, work: Work) -> Change:
        """A step this version does not know: never guessed at. Backward, one that never began is passed over."""
        with self.world.store.database.reading() as tx:
            began = any(line["step"] == work.step for line in self.world.store.works.history(tx, work.id))
        if work.direction is Direction.BACKWARD and not began:
            return step_done(work)
        error = Errored(
            "work.step_unknown",
            f"this Greenroom does not know the step {work.step!r} of {work.id}",
            because="the plan was made by another version",
            hint="run the version that made it; or cancel the work, then resume it",
        )
        return Change(State.ATTENTION, work.cursor, work.direction, work.attempts, error=error.as_dict())

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

    def _as_error(self, error: Exception) -> GreenroomError:
        if not isinstance(error, GreenroomError) and is_full(error):
            return disk_full(self.world.house.where(), str(error), "then release, promote or roll back again")
        return _as_error(error)

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
    return {"code": error.code, "message": error.message, "because": error.because[:500], "next": error.hint}


def _log_end(work: Work) -> None:
    """For whoever reads the log: which release, how it ended, and what to do about it."""
    error = work.error or {}
    said = {k: error[k] for k in ("code", "message", "next") if error.get(k)}
    level = log.info if work.state is State.DONE else log.warning
    level("work.ended", kind=work.kind.value, state=work.state.value, release=work.release, **said)


def may_rest(work: Work) -> bool:
    """False while visitors are held: they wait for this work's switch, which must not wait for the next start."""
    if work.kind is WorkKind.REFRESH:
        return work.step not in REFRESH_HOLDS
    held = (work.facts.get("restore-point") or {}).get("held")
    return not held or "at" in (work.facts.get("switch") or {})


def _turn_back(work: Work, cursor: int) -> Change:
    """Undo from `cursor`, because somebody asked to cancel."""
    return Change(State.ACTIVE, cursor, Direction.BACKWARD, error={"outcome": "cancelled", "message": work.cancel})
