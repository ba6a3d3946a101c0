"""Durable work in the store: creating, claiming, renewing and changing rows.

A claim increments the environment's fencing token; every change afterwards says WHERE id AND token, so a
worker that lost its lease changes nothing. No method holds a transaction longer than its own statements.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, func, or_, select, tuple_
from sqlalchemy.exc import IntegrityError

from greenroom.domain.plan import Plan, WorkKind
from greenroom.domain.work import ENDED, HOLDS_SLOT, Change, Direction, State, Work
from greenroom.store import tables as t
from greenroom.store.database import Database

w = t.work.c
OPEN_STATES = [s.value for s in State if s not in ENDED]
CLAIMABLE_STATES = [State.QUEUED.value, State.ACTIVE.value]
LONGEST_REST = timedelta(minutes=2)
SLOT_STATES = [s.value for s in HOLDS_SLOT]


class LeaseLost(Exception):
    """Another worker has taken this row; whoever sees this stops touching anything at once."""


class Works:
    """The rows of the `work` table and their history."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, tx: Connection, work: Work, *, schedule_key: str | None = None) -> bool:
        """Insert a new row; False when its schedule key exists already (it was scheduled before)."""
        if schedule_key and tx.scalar(select(w.id).where(w.schedule_key == schedule_key)):
            return False
        tx.execute(t.work.insert().values(schedule_key=schedule_key, **_values(work)))
        return True

    def get(self, tx: Connection, work_id: str) -> Work | None:
        row = tx.execute(select(t.work).where(w.id == work_id)).first()
        return _work(row._mapping) if row else None

    def find(
        self,
        tx: Connection,
        *,
        environment: str | None = None,
        states: Sequence[State] | None = None,
        kinds: Sequence[WorkKind] | None = None,
        release: str | None = None,
        before: Work | None = None,
        limit: int = 200,
    ) -> list[Work]:
        """Newest first."""
        query = select(t.work)
        if before is not None:
            query = query.where(tuple_(w.requested_at, w.id) < (before.requested_at, before.id))
        if environment is not None:
            query = query.where(w.environment == environment)
        if states is not None:
            query = query.where(w.state.in_([s.value for s in states]))
        if kinds is not None:
            query = query.where(w.kind.in_([k.value for k in kinds]))
        if release is not None:
            query = query.where(w.release == release)
        if states is None:
            query = query.order_by(w.requested_at.desc(), w.id.desc()).limit(limit)
            return [_work(r._mapping) for r in tx.execute(query)]
        # Sorted here: an ORDER BY makes SQLite walk all work of an environment by time instead of looking up its state.
        found = [_work(r._mapping) for r in tx.execute(query)]
        return sorted(found, key=lambda work: (work.requested_at, work.id), reverse=True)[:limit]

    def count(self, tx: Connection, environment: str | None = None) -> int:
        """How many there ever were (in this environment)."""
        query = select(func.count()).select_from(t.work)
        return tx.scalar(query if environment is None else query.where(w.environment == environment)) or 0

    def holder(self, tx: Connection, environment: str) -> Work | None:
        """The work that holds an environment's slot: active, or standing in attention."""
        row = tx.execute(select(t.work).where(w.environment == environment, w.state.in_(SLOT_STATES))).first()
        return _work(row._mapping) if row else None

    # --- waiting -----------------------------------------------------------------------------------

    def due(self, tx: Connection, now: datetime) -> bool:
        """True if the time of some waiting row has come."""
        return tx.scalar(select(w.id).where(w.state == State.WAITING.value, w.wake_at <= now).limit(1)) is not None

    def wake_due(self, tx: Connection, now: datetime) -> int:
        """Queue waiting rows whose time has come; the claim decides again whether they may go."""
        due = and_(w.state == State.WAITING.value, w.wake_at.is_not(None), w.wake_at <= now)
        return tx.execute(t.work.update().where(due).values(state=State.QUEUED.value, wake_at=None)).rowcount

    def signal(self, tx: Connection, environment: str | None = None) -> int:
        """Something changed that waiting work may wait for: queue it, to be decided again."""
        query = t.work.update().where(w.state == State.WAITING.value)
        if environment is not None:
            query = query.where(w.environment == environment)
        return tx.execute(query.values(state=State.QUEUED.value, wake_at=None)).rowcount

    # --- claiming ----------------------------------------------------------------------------------

    def candidates(
        self, tx: Connection, owner: str, mine: Sequence[str], now: datetime, kinds: Collection[WorkKind]
    ) -> list[Work]:
        """Rows of these kinds that this worker may take: queued ones whose environment is free, and active ones nobody
        holds. `mine` are the rows this worker runs at the moment; its other rows are left-overs of a former life.

        Nothing rests longer than a minute or so: a rest that ends much later was begun before the clock went back.
        """
        other = t.work.alias()
        free = ~exists(select(other.c.id).where(other.c.environment == w.environment, other.c.state.in_(SLOT_STATES)))
        queued = and_(w.state == State.QUEUED.value, or_(w.environment.is_(None), free))
        lost = or_(w.owner.is_(None), w.owner == owner, w.lease_until < self.database.now(tx))
        rested = or_(w.wake_at.is_(None), w.wake_at <= now, w.wake_at > now + LONGEST_REST)
        active = and_(w.state == State.ACTIVE.value, lost, rested)
        wanted = and_(
            w.state.in_(CLAIMABLE_STATES),
            or_(queued, active),
            w.id.not_in(list(mine)),
            w.kind.in_([k.value for k in kinds]),
        )
        query = select(t.work).where(wanted).order_by(w.requested_at, w.id)
        return [_work(r._mapping) for r in tx.execute(query.limit(20))]

    def claim(self, tx: Connection, work: Work, owner: str, lease_seconds: float) -> Work | None:
        """Take a candidate: state active, a new fencing token, a lease. None when somebody was quicker."""
        token = self._next_token(tx, work)
        was_free = or_(w.owner.is_(None), w.owner == owner, w.lease_until < self.database.now(tx))
        values = {
            "state": State.ACTIVE.value,
            "owner": owner,
            "token": token,
            "lease_until": self.database.now(tx) + lease_seconds,
            "wake_at": None,
            "started_at": work.started_at or self.database.clock.now(),
        }
        try:
            with tx.begin_nested():
                changed = tx.execute(
                    t.work.update()
                    .where(w.id == work.id, w.token == work.token, w.state == work.state.value, was_free)
                    .values(**values)
                )
        except IntegrityError:  # the partial index: another row of this environment became active meanwhile
            return None
        return self.get(tx, work.id) if changed.rowcount else None

    def _next_token(self, tx: Connection, work: Work) -> int:
        """Tokens of an environment only grow, over all of its work; work without one counts for itself."""
        if work.environment is None:
            return work.token + 1
        found = tx.scalar(select(t.fence.c.token).where(t.fence.c.environment == work.environment).with_for_update())
        if found is None:
            tx.execute(t.fence.insert().values(environment=work.environment, token=1))
            return 1
        tx.execute(t.fence.update().where(t.fence.c.environment == work.environment).values(token=found + 1))
        return int(found) + 1

    def renew(self, tx: Connection, work: Work, owner: str, lease_seconds: float) -> bool:
        """Extend the lease; False when the row is no longer ours."""
        changed = tx.execute(
            t.work.update()
            .where(w.id == work.id, w.token == work.token, w.owner == owner)
            .values(lease_until=self.database.now(tx) + lease_seconds)
        )
        return changed.rowcount == 1

    def cancel_of(self, tx: Connection, work_id: str) -> str | None:
        """Who asked to cancel, and why; None if nobody did."""
        return tx.scalar(select(w.cancel).where(w.id == work_id))

    # --- changing ----------------------------------------------------------------------------------

    def change(self, tx: Connection, work: Work, change: Change, *, facts: Mapping[str, Any] | None = None) -> Work:
        """One transition. Raises LeaseLost when the row's token is not `work.token` any more."""
        now = self.database.clock.now()
        ends = change.state in ENDED
        values: dict[str, Any] = {
            "state": change.state.value,
            "cursor": change.cursor,
            "direction": change.direction.value,
            "attempts": change.attempts,
            "wake_at": change.wake_at,
            "error": change.error,
            "ended_at": now if ends else None,
        }
        if facts is not None:
            values["facts"] = dict(facts)
        if ends and change.state is not State.DONE:  # what did not happen may be scheduled again
            values["schedule_key"] = None
        if change.wake_at is not None or change.state is not State.ACTIVE:
            values |= {"owner": None, "lease_until": None}
        changed = tx.execute(t.work.update().where(w.id == work.id, w.token == work.token).values(**values))
        if changed.rowcount != 1:
            raise LeaseLost(work.id)
        found = self.get(tx, work.id)
        if found is None:
            raise LeaseLost(work.id)
        return found

    def cancel(self, tx: Connection, work_id: str, why: str) -> bool:
        """Flag unfinished work to be cancelled at the next step boundary, and let it rest no longer."""
        query = t.work.update().where(w.id == work_id, unfinished(), w.cancel.is_(None))
        done = tx.execute(query.values(cancel=why, wake_at=None)).rowcount == 1
        self.set_columns(tx, work_id, [State.WAITING], state=State.QUEUED)
        return done

    def set_columns(self, tx: Connection, work_id: str, states: Sequence[State], **values: Any) -> bool:
        """Set columns of a row that stands in one of `states`; False when it does not."""
        plain = {k: v.value if isinstance(v, (State, Direction)) else v for k, v in values.items()}
        query = t.work.update().where(w.id == work_id, w.state.in_([s.value for s in states]))
        return tx.execute(query.values(**plain)).rowcount == 1

    def remember(
        self, tx: Connection, work: Work, step: str, outcome: str, started_at: datetime, seconds: float, detail: str
    ) -> None:
        """One line of history."""
        tx.execute(
            t.history.insert().values(
                work=work.id,
                step=step,
                direction=work.direction.value,
                attempt=work.attempts + 1,
                outcome=outcome,
                started_at=started_at,
                seconds=seconds,
                detail=detail[:4000],
            )
        )

    def history(self, tx: Connection, work_id: str) -> list[dict[str, Any]]:
        """Every attempt of every step, in the order it happened."""
        rows = tx.execute(select(t.history).where(t.history.c.work == work_id).order_by(t.history.c.id))
        return [dict(r._mapping) for r in rows]

    def history_after(self, tx: Connection, line: int, limit: int) -> list[dict[str, Any]]:
        """Lines of all work after this one, in order: writers take turns, so a later line never has a smaller id."""
        c = t.history.c
        rows = tx.execute(select(t.history).where(c.id > line).order_by(c.id).limit(limit))
        return [dict(r._mapping) for r in rows]


def unfinished() -> ColumnElement[bool]:
    """The condition of rows that have not ended: by the states there are, which an index finds, and not by those to
    leave out, which reads every row there ever was."""
    return w.state.in_(OPEN_STATES)


def _values(work: Work) -> dict[str, Any]:
    return {
        "id": work.id,
        "kind": work.kind.value,
        "environment": work.environment,
        "release": work.release,
        "plan": work.plan.as_dict(),
        "state": work.state.value,
        "requested_by": work.requested_by,
        "requested_at": work.requested_at,
        "cursor": work.cursor,
        "direction": work.direction.value,
        "facts": dict(work.facts),
        "request": dict(work.request),
        "not_before": work.not_before,
        "wake_at": work.wake_at,
        "error": work.error,
    }


def _work(row: RowMapping) -> Work:
    return Work(
        id=row["id"],
        kind=WorkKind(row["kind"]),
        environment=row["environment"],
        release=row["release"],
        plan=Plan(tuple(row["plan"]["steps"]), row["plan"]["version"]),
        state=State(row["state"]),
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        cursor=row["cursor"],
        direction=Direction(row["direction"]),
        facts=row["facts"],
        request=row["request"],
        not_before=row["not_before"],
        wake_at=row["wake_at"],
        attempts=row["attempts"],
        error=row["error"],
        cancel=row["cancel"],
        token=row["token"],
        owner=row["owner"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )
