"""Work always ends or stands before a person, whatever its steps do; what was done is undone from the failed step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.plan import PLANS, Plan, WorkKind
from greenroom.domain.work import (
    BACK_OFF,
    ENDED,
    HOLDS_SLOT,
    STEP_ATTEMPTS,
    UNDO_ATTEMPTS,
    UNDONE,
    Change,
    Direction,
    State,
    Work,
    back_off,
    step_done,
    step_failed,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
kinds = st.sampled_from(WorkKind)


@dataclass(frozen=True)
class Outcome:
    """What a step does when it is asked: True happened; else it failed, maybe worth a retry, maybe for a person."""

    done: bool
    retry: bool = False
    attention: bool = False


outcomes = st.one_of(
    st.just(Outcome(True)),
    st.builds(Outcome, st.just(False), st.booleans(), st.sampled_from([False, False, False, True])),
)


def work_of(kind: WorkKind, **values: object) -> Work:
    return replace(
        Work("w", kind, "production", "sha256:1", PLANS[kind], State.ACTIVE, "rita", NOW),
        **values,
    )


def after(work: Work, outcome: Outcome, error: str = "broke") -> tuple[Work, Change]:
    """The row as a store writes it once the step under the cursor had this outcome."""
    if outcome.done:
        change = step_done(work)
    else:
        change = step_failed(work, {"code": error}, retry=outcome.retry, attention=outcome.attention, now_plus=LATER)
    told = {name: getattr(change, name) for name in ("state", "cursor", "direction", "attempts", "wake_at", "error")}
    return replace(work, **told), change


@given(kinds, st.lists(outcomes, max_size=60))
def test_it_ends_or_a_person_must_look(kind: WorkKind, told: list[Outcome]) -> None:
    """Driven by any outcomes the cursor stays in the plan, moves by at most one, turns once, and the work ends."""
    work = work_of(kind)
    turned = 0
    outcomes_left = iter(told)
    for _ in range(len(work.plan.steps) * (STEP_ATTEMPTS + UNDO_ATTEMPTS) * 2):
        if work.state is not State.ACTIVE:
            break
        assert work.step in work.plan.steps
        before = work
        work, _ = after(work, next(outcomes_left, Outcome(True)))
        assert abs(work.cursor - before.cursor) <= 1
        assert -1 <= work.cursor <= len(work.plan.steps)
        turned += work.direction is not before.direction
        assert not (before.direction is Direction.BACKWARD and work.direction is Direction.FORWARD)
        assert work.state in (State.ACTIVE, State.DONE, State.ATTENTION, UNDONE[kind])
    assert work.state in ENDED | {State.ATTENTION}
    assert turned <= 1
    assert (work.state is State.DONE) == (work.cursor == len(work.plan.steps))
    if work.state in ENDED - {State.DONE}:
        assert work.cursor == -1
        assert work.error


@given(kinds, st.data())
def test_undo_begins_at_the_failed_step_and_leaves_none_out(kind: WorkKind, data: st.DataObject) -> None:
    """The step that failed may be half done: it is undone first, then each one before it, and none after it."""
    work = work_of(kind)
    failing = data.draw(st.integers(0, len(work.plan.steps) - 1))
    for _ in range(failing):
        work, _ = after(work, Outcome(True))
    work, _ = after(work, Outcome(False))
    assert (work.cursor, work.direction, work.attempts) == (failing, Direction.BACKWARD, 0)
    undone = []
    while work.state is State.ACTIVE:
        undone.append(work.step)
        work, _ = after(work, Outcome(True))
    assert undone == list(reversed(work.plan.steps[: failing + 1]))
    assert (work.state, work.error) == (UNDONE[kind], {"code": "broke"})


@given(kinds, st.integers(0, 20))
def test_a_step_is_tried_so_often_and_not_more(kind: WorkKind, more: int) -> None:
    """Worth a retry means three attempts, each after a rest; the next failure turns around with a fresh count."""
    work = work_of(kind)
    for attempt in range(1, STEP_ATTEMPTS):
        work, change = after(work, Outcome(False, retry=True))
        assert (work.direction, work.attempts, work.wake_at) == (Direction.FORWARD, attempt, LATER)
    work, change = after(work, Outcome(False, retry=True))
    assert (work.direction, change.attempts, change.wake_at) == (Direction.BACKWARD, 0, None)


def test_an_undo_is_tried_longer_then_a_person_must_look() -> None:
    """An undo is repeated whatever the step says of retries, keeps why the work failed, and then asks for a person."""
    work = work_of(WorkKind.PROMOTION, cursor=3)
    work, _ = after(work, Outcome(False), "why it failed")
    for attempt in range(1, UNDO_ATTEMPTS):
        work, change = after(work, Outcome(False), "the undo")
        assert (work.state, work.attempts, work.wake_at) == (State.ACTIVE, attempt, LATER)
        assert work.error == {"code": "why it failed"}
    work, change = after(work, Outcome(False), "the undo")
    assert (work.state, work.cursor, work.direction) == (State.ATTENTION, 3, Direction.BACKWARD)
    assert work.error == {"code": "the undo"}


@pytest.mark.parametrize("direction", Direction)
def test_attention_comes_at_once_and_moves_nothing(direction: Direction) -> None:
    """A step that asks for a person stops there, in either direction, with its error."""
    work, _ = after(work_of(WorkKind.PROMOTION, cursor=2, direction=direction), Outcome(False, True, attention=True))
    assert (work.state, work.cursor, work.direction) == (State.ATTENTION, 2, direction)
    assert work.error == {"code": "broke"}


def test_success_starts_the_count_anew() -> None:
    """Attempts belong to one step: the next begins with none."""
    work, _ = after(work_of(WorkKind.PROMOTION), Outcome(False, retry=True))
    work, change = after(work, Outcome(True))
    assert (change.cursor, change.attempts, change.wake_at) == (1, 0, None)


@pytest.mark.parametrize("kind", WorkKind)
def test_what_was_undone_ends_as_its_kind_does(kind: WorkKind) -> None:
    """Every kind of work has an end for having been undone, and it is an end."""
    assert UNDONE[kind] in ENDED


@given(st.integers(0, 10**6))
def test_rests_grow_and_stay_bounded(attempts: int) -> None:
    """Every attempt waits at least as long as the one before, at most a minute."""
    assert BACK_OFF[0] <= back_off(attempts) <= back_off(attempts + 1) <= BACK_OFF[-1]


def test_no_state_is_both_ended_and_holding() -> None:
    """Ended work holds no environment; waiting work neither."""
    assert not ENDED & HOLDS_SLOT
    assert {State.WAITING, State.QUEUED} & (ENDED | HOLDS_SLOT) == set()


def test_a_step_outside_the_plan_is_none() -> None:
    """Before the first and after the last there is no step."""
    work = work_of(WorkKind.CHECK)
    assert replace(work, cursor=-1).step is None
    assert replace(work, cursor=1).step is None
    assert replace(work, cursor=0, plan=Plan(())).step is None
