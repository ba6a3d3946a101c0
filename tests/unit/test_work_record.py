"""What entries tell of work, whichever version wrote them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.work import Direction, State, Work
from greenroom.domain.work_record import asking, compared, contradictions, tells
from greenroom.store.recorder import jsonable
from greenroom.store.works import _values

AT = datetime(2026, 11, 27, tzinfo=UTC)
ASKED: dict[WorkKind, tuple[str | None, dict[str, Any]]] = {
    WorkKind.RELEASE: (None, {"commit": "HEAD", "repository": "/shop", "then_promote": "dev"}),
    WorkKind.PROMOTION: ("production", {}),
    WorkKind.ROLLBACK: ("production", {"mode": "as-is", "point": None, "reason": "slow", "from_work": "promotion-1"}),
    WorkKind.CHECK: ("qa", {"checks": ["journey"]}),
    WorkKind.BACKUP: (None, {"full": True, "environment": "production"}),
    WorkKind.RESTORE: ("production", {"to": None, "reason": "lost"}),
    WorkKind.DRILL: (None, {"environment": "production"}),
    WorkKind.VERIFY: (None, {"name": None, "environment": "production"}),
    WorkKind.DISCOVERY: (None, {"environment": "production"}),
    WorkKind.DATASET: (None, {"to": None, "environment": "production"}),
    WorkKind.REFRESH: ("staging", {"source": "production", "dataset": None, "to": None, "seed": False}),
}
"""What each kind of work is asked for with: its environment, its request."""


def asked(kind: WorkKind) -> Work:
    environment, request = ASKED[kind]
    release = None if kind is WorkKind.RELEASE else "sha256:a"
    return Work("w", kind, environment, release, PLANS[kind], State.QUEUED, "mia", AT, request=request)


def row(work: Work, **columns: Any) -> dict[str, Any]:
    """The columns as the store keeps them."""
    kept = {**_values(work), "started_at": None, "ended_at": None, "cancel": None, **columns}
    return dict(jsonable(kept))


def formerly(work: Work) -> dict[str, Any]:
    """The entry of a version that did not say the plan: 0.1.0's, word for word."""
    return {"about": {"work": work.id, "environment": work.about, "release": work.release, **work.request}}


def told(work: Work, subject: dict[str, Any]) -> dict[str, Any]:
    found = tells(7, work.requested_by, f"{work.kind}.requested", subject)
    assert found is not None
    assert found[0] == work.id
    return found[1]


@pytest.mark.parametrize("kind", WorkKind)
@pytest.mark.parametrize("entry", [asking, formerly])
def test_what_was_asked_for_is_told_by_entries_old_and_new(kind: WorkKind, entry: Any) -> None:
    """The row of each kind is what its entry tells, and what was changed in it is found and names the entry."""
    work = asked(kind)
    entries = told(work, entry(work))
    assert contradictions(work.id, entries, row(work)) == []
    other = "restore" if kind is not WorkKind.RESTORE else "drill"
    forged = {
        "kind": other, "environment": "uat", "release": "sha256:evil", "requested_by": "eve",
        "request": {"evil": True}, "plan": {"version": 1, "steps": ["switch"]},
    }  # fmt: skip
    for column, value in forged.items():
        (said, *_) = contradictions(work.id, entries, row(work, **{column: value}))
        assert said.startswith(f"work w: {column} is ")
        assert "entry 7 asks for" in said


def test_a_request_cannot_stand_for_a_column() -> None:
    """An old entry told request and columns in one: the release asked for, put into the request, hides no other."""
    work = asked(WorkKind.PROMOTION)
    entries = told(work, formerly(work))
    forged = row(work, release="sha256:evil", request={"release": "sha256:a"})
    assert contradictions(work.id, entries, forged) != []


def test_a_promotion_asked_for_with_its_release_is_told_by_old_entries_too() -> None:
    """They said which release's work asked for it; that is for readers alone."""
    work = asked(WorkKind.PROMOTION)
    subject = formerly(work)
    subject["about"]["after"] = "release-1"
    assert contradictions(work.id, told(work, subject), row(work)) == []


def test_under_way_it_may_stand_anywhere_within_its_plan_and_nowhere_else() -> None:
    """Either direction, any of its steps, with what they recorded: the ledger hears of it at the end."""
    work = asked(WorkKind.PROMOTION)
    entries = told(work, asking(work)) | (tells(8, "mia", "promotion.started", {"about": {"work": "w"}}) or ("", {}))[1]
    steps = work.plan.steps
    for cursor in range(len(steps)):
        for direction in Direction:
            here = {"cursor": cursor, "direction": direction.value, "facts": {steps[cursor]: {}}}
            under_way = row(work, state="active", started_at=AT, **here)
            assert contradictions("w", entries, under_way) == []
            assert compared("w", entries, under_way).has_begun
    for out in ({"cursor": -1}, {"cursor": len(steps)}, {"facts": {"other": {}}}, {"state": "queued"}):
        assert contradictions("w", entries, row(work, **{"state": "active", "started_at": AT} | out)) != []


def test_waiting_and_being_queued_are_not_told_apart() -> None:
    """Nothing has begun either way; whatever shows that something had is found."""
    work = asked(WorkKind.PROMOTION)
    entries = told(work, asking(scheduled(work)))
    later = row(scheduled(work))
    for state in ("waiting", "queued"):
        assert contradictions("w", entries, {**later, "state": state}) == []
    for begun in ({"cursor": 3}, {"direction": "backward"}, {"facts": {"check": {}}}, {"started_at": "2026"}):
        assert contradictions("w", entries, {**later, **begun}) != []


def scheduled(work: Work) -> Work:
    """The same, scheduled."""
    return replace(work, not_before=AT + timedelta(days=1))
