"""Durable work: the state machine, as values. The store carries it out; the engine runs its steps.

    waiting ──▶ queued ──▶ active ──▶ done
       │          │          ├──────▶ rolled_back   (a step failed or somebody cancelled: undone)
       └──────────┴─▶ rejected└─────▶ attention     (an undo failed, or a step name is unknown)
                                         └─▶ queued (a person said resume)

Invariants: at most one row per environment is active or in attention holding the slot; `cursor` only
moves by one; a row that ended never changes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from greenroom.domain.plan import Plan, WorkKind


class State(StrEnum):
    """Where a piece of work stands. `errored` steps retry within `active`; `rejected` means the answer was no."""

    WAITING = "waiting"  # for an approval, a window, a soak: nothing runs and no thread waits
    QUEUED = "queued"  # every gate passed; next free worker takes it
    ACTIVE = "active"  # a worker holds it; its environment is locked to it
    DONE = "done"
    ROLLED_BACK = "rolled_back"
    REJECTED = "rejected"
    ATTENTION = "attention"  # a person must look; `resume` goes on, and the environment stays locked


ENDED = frozenset({State.DONE, State.ROLLED_BACK, State.REJECTED})
HOLDS_SLOT = frozenset({State.ACTIVE, State.ATTENTION})


class Direction(StrEnum):
    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True)
class Work:
    """One row. `facts` is what the steps recorded, by step name; `token` is the fencing token of the claim."""

    id: str
    kind: WorkKind
    environment: str | None
    release: str | None
    plan: Plan
    state: State
    requested_by: str
    requested_at: datetime
    cursor: int = 0
    direction: Direction = Direction.FORWARD
    facts: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    not_before: datetime | None = None
    wake_at: datetime | None = None
    attempts: int = 0
    error: Mapping[str, Any] | None = None
    cancel: str | None = None  # who asked, and why
    token: int = 0
    owner: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def about(self) -> str | None:
        """The environment it is about: the one it holds, or, for a backup, the one it works beside."""
        return self.environment or self.request.get("environment")

    @property
    def step(self) -> str | None:
        """The step the cursor stands on, or None when the plan has run out."""
        return self.plan.steps[self.cursor] if 0 <= self.cursor < len(self.plan.steps) else None


@dataclass(frozen=True)
class Change:
    """What one transition writes, in one transaction that says WHERE id AND token."""

    state: State
    cursor: int
    direction: Direction
    attempts: int = 0
    wake_at: datetime | None = None
    error: Mapping[str, Any] | None = None


UNDONE = {
    WorkKind.RELEASE: State.REJECTED,
    WorkKind.PROMOTION: State.ROLLED_BACK,
    WorkKind.ROLLBACK: State.REJECTED,
    WorkKind.CHECK: State.REJECTED,
    WorkKind.BACKUP: State.REJECTED,
    WorkKind.RESTORE: State.ROLLED_BACK,
    WorkKind.DRILL: State.REJECTED,
    WorkKind.VERIFY: State.REJECTED,
    WorkKind.DISCOVERY: State.REJECTED,
    WorkKind.DATASET: State.REJECTED,
    WorkKind.REFRESH: State.ROLLED_BACK,
}
"""How work of a kind ends when all of it was undone: a rollback that cannot be is an answer of no."""

UNDO_ATTEMPTS = 5
STEP_ATTEMPTS = 3
BACK_OFF = (1.0, 3.0, 10.0, 30.0, 60.0)


def step_done(work: Work) -> Change:
    """The step under the cursor happened (or was undone): move on, or end."""
    if work.direction is Direction.FORWARD:
        if work.cursor + 1 == len(work.plan.steps):
            return Change(State.DONE, work.cursor + 1, work.direction)
        return Change(State.ACTIVE, work.cursor + 1, work.direction)
    if work.cursor == 0:
        return Change(UNDONE[work.kind], -1, work.direction, error=work.error)
    return Change(State.ACTIVE, work.cursor - 1, work.direction, error=work.error)


def step_failed(work: Work, error: Mapping[str, Any], *, retry: bool, attention: bool, now_plus: datetime) -> Change:
    """The step did not happen.

    Forward: try again while it is worth it, else undo from this very step (it may be half done). Backward:
    retry with back-off, then a person must look. `attention` asks for a person at once.
    """
    attempts = work.attempts + 1
    if attention:
        return Change(State.ATTENTION, work.cursor, work.direction, attempts, error=error)
    if work.direction is Direction.BACKWARD:
        if attempts >= UNDO_ATTEMPTS:
            return Change(State.ATTENTION, work.cursor, work.direction, attempts, error=error)
        return Change(State.ACTIVE, work.cursor, work.direction, attempts, wake_at=now_plus, error=work.error)
    if retry and attempts < STEP_ATTEMPTS:
        return Change(State.ACTIVE, work.cursor, work.direction, attempts, wake_at=now_plus)
    return Change(State.ACTIVE, work.cursor, Direction.BACKWARD, error=error)


def back_off(attempts: int) -> float:
    """Seconds to wait before attempt number `attempts + 1`."""
    return BACK_OFF[min(attempts, len(BACK_OFF) - 1)]
