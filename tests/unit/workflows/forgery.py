"""What somebody may write into a row of work past Greenroom: each is found, whatever state the work is in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import IntegrityError

from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.work import ENDED, State, Work
from greenroom.store import tables as t
from greenroom.store.works import Works

w = t.work.c
BEFORE = (State.WAITING, State.QUEUED)
"""The ledger does not tell these two apart."""

FORGERIES: dict[str, Callable[[Work], dict[str, Any]]] = {
    "kind": lambda work: {"kind": "restore"},
    "environment": lambda work: {"environment": "qa" if work.environment != "qa" else None},
    "release": lambda work: {"release": "sha256:evil"},
    "release behind the request": lambda work: {"release": "sha256:evil", "request": {**work.request, "release": "x"}},
    "plan": lambda work: {"plan": {"version": 1, "steps": ["start", "switch"]}},
    "request": lambda work: {"request": {**work.request, "mode": "restore", "point": "p"}},
    "asker": lambda work: {"requested_by": "eve"},
    "when it was asked for": lambda work: {"requested_at": work.requested_at.replace(year=2020)},
    "not before": lambda work: {"not_before": work.requested_at.replace(year=2020)},
    "error": lambda work: {"error": {"code": "x", "message": "nothing went wrong"}},
    "cancel": lambda work: {"cancel": "eve: no"},
    "cursor": lambda work: {"cursor": 1 if work.state in BEFORE else len(work.plan.steps)},
    "facts": lambda work: {"facts": {"forged": {}}},
    "begun": lambda work: {"started_at": work.requested_at},
    "end": lambda work: {"ended_at": None if work.ended_at else work.requested_at},
    **{f"state {state}": (lambda work, state=state: {"state": state.value}) for state in State},
}


def says_something_else(how: str, work: Work) -> bool:
    """False where a row may say it: how far it is, or what went wrong so far, stands on the ledger when it ended."""
    if how.startswith("state "):
        now = State(how.removeprefix("state "))
        return now is not work.state and not (now in BEFORE and work.state in BEFORE)
    if how in ("cursor", "facts"):
        return work.state in (*BEFORE, State.ACTIVE)
    if how == "begun":
        return work.state in BEFORE
    if how == "error":
        return work.state in ENDED or work.state is State.ATTENTION
    if how == "cancel":
        return work.state not in ENDED and work.kind is not WorkKind.CHECK
    return True


def forge(tx: Connection, work: Work, how: str) -> bool:
    """Write it; False when the store itself does not take it."""
    try:
        with tx.begin_nested():
            return tx.execute(t.work.update().where(w.id == work.id).values(**FORGERIES[how](work))).rowcount == 1
    except IntegrityError:  # a second one that holds the environment
        return False


def copied(tx: Connection, work: Work, new_id: str, **columns: Any) -> None:
    """A row like this one, under another id."""
    row = dict(tx.execute(select(t.work).where(w.id == work.id)).one()._mapping)
    tx.execute(t.work.insert().values(**{**row, "schedule_key": None, "id": new_id, **columns}))


def removed(tx: Connection, work: Work) -> None:
    tx.execute(delete(t.history).where(t.history.c.work == work.id))
    tx.execute(delete(t.work).where(w.id == work.id))


def restore_of_production(tx: Connection, works: Works, asker: str = "engineer", state: State = State.QUEUED) -> str:
    """The worst that a row can do: production's data goes back to where nobody wanted it. The work's id."""
    now = works.database.clock.now()
    release = tx.scalar(select(t.environment.c.current).where(t.environment.c.id == "production"))
    evil = Work(
        "restore-evil", WorkKind.RESTORE, "production", release, PLANS[WorkKind.RESTORE], State.QUEUED, asker, now
    )
    works.add(tx, evil)
    works.set_columns(tx, evil.id, [State.QUEUED], state=state, request={"to": None, "reason": json.dumps("evil")})
    return evil.id
