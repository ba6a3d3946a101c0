"""The clock jumps a day forward and back: schedules run once, leases hold, the ledger stays in order and proves."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from greenroom.domain import ledger as chain
from greenroom.domain.gate import Passed
from greenroom.domain.ledger import Verified, parse_timestamp
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import doctor, judgements, promotions, status
from greenroom.store import records
from tests.unit.workflows.story import Crash, Story
from tests.unit.workflows.test_crashes import assert_sound, promoted
from tests.worlds import actor, memory_app

DAY = timedelta(days=1)
ENGINEER, MANAGER = actor(Role.ENGINEER), actor(Role.MANAGER)


def jump(story: Story, by: timedelta) -> None:
    """The wall clock is set; what counts seconds since the start goes on as it does."""
    story.world.clock.at += by  # type: ignore[attr-defined]


@pytest.mark.parametrize("by", [DAY, -DAY])
@pytest.mark.parametrize("at", ["start", "switch", "bake", "record"])
def test_a_promotion_under_way_ends_well(at: str, by: timedelta, tmp_path: Path) -> None:
    """Whenever the clock jumps, the same worker takes its row up again at once and carries it to its end."""
    story = Story(tmp_path)
    work = promoted(story)
    story.crash_at = f"promotion.{at}.forward.after"
    with pytest.raises(Crash):
        for _ in range(100):
            if not story.engine.run_one():
                story.world.clock.sleep(1.0)
    story.engine = story.new_engine()
    jump(story, by)
    assert story.run(work).state is State.DONE
    assert_sound(story, work, story.new)


@pytest.mark.parametrize("by", [DAY, -DAY])
def test_nobody_else_switches_traffic_meanwhile(by: timedelta, tmp_path: Path) -> None:
    """A worker whose lease seems to have ended, because the clock jumped, cannot write once another took the row; a
    worker whose lease still holds is not robbed by a clock that goes back."""
    story = Story(tmp_path)
    work = promoted(story)
    lease = story.engine.claims.next(frozenset({story.work(work).kind}))
    assert lease is not None
    jump(story, by)
    other = story.new_engine(owner="another")
    took = other.claims.next(frozenset({story.work(work).kind}))
    assert (took is not None) == (by > timedelta(0))
    story.engine.leases.renew_all()
    held = True
    try:
        lease.guard()
    except Exception:
        held = False
    assert held == (took is None)


def test_a_schedule_runs_once(tmp_path: Path) -> None:
    """The clock reaches its hour by a jump, goes back before it, and passes it again: there is one promotion."""
    story = Story(tmp_path)
    app = memory_app(story.world)
    at = (story.world.clock.now() + timedelta(hours=12)).replace(tzinfo=None).isoformat()
    asked = promotions.schedule(app, ENGINEER, story.new, "production", at, "UTC").work
    assert asked is not None
    judgements.approve(app, MANAGER, story.new, "production")
    assert story.run(asked.id, until=lambda w: w.state is State.WAITING).state is State.WAITING
    jump(story, DAY)
    assert story.run(asked.id).state is State.DONE
    jump(story, -DAY)
    for _ in range(30):
        story.engine.run_one()
        story.world.clock.sleep(3600)
    with story.world.store.database.reading() as tx:
        works = story.world.store.works.find(tx, environment="production", release=story.new)
    assert [w.id for w in works] == [asked.id]
    assert_sound(story, asked.id, story.new)


def test_findings_from_the_future_prove_nothing_and_come_back(tmp_path: Path) -> None:
    """What was recorded before the clock went back is not taken for fresh; it is again once its time has come."""
    story = Story(tmp_path)
    app = memory_app(story.world)
    judgements.freeze(app, MANAGER, "production", reason="audit")
    jump(story, -DAY)
    answer = promotions.why(app, ENGINEER, story.new, "production")
    assert any(line.gate == "freeze" for line in answer.decision.lines if not isinstance(line.verdict, Passed))
    jump(story, DAY)
    judgements.thaw(app, MANAGER, "production")
    work = promoted(story)
    assert story.run(work).state is State.DONE


def test_the_ledger_stays_in_order_and_the_doctor_names_the_future(tmp_path: Path) -> None:
    """Entries follow each other whatever their times say; those of a time to come are named until it has come."""
    story = Story(tmp_path)
    app = memory_app(story.world)
    for by in (DAY, -DAY, timedelta(0)):
        jump(story, by)
        judgements.freeze(app, MANAGER, "production", reason="audit")
    with story.world.store.database.reading() as tx:
        found = chain.verify(story.world.store.recorder.entries(tx))
        assert isinstance(found, Verified)
        assert len(records.freezes_of(tx, "production")) == 3
    (said,) = [f for f in doctor.examine(app, actor(Role.OPERATOR)) if f["name"] == "clock"]
    assert said["outcome"] == "failed"
    assert said["said"].startswith("1 ledger entries are of a time to come")
    jump(story, DAY)
    (said,) = [f for f in doctor.examine(app, actor(Role.OPERATOR)) if f["name"] == "clock"]
    assert said["outcome"] == "passed"


def test_a_clock_set_back_neither_prolongs_nor_blinds_the_bake(tmp_path: Path) -> None:
    """A day back in the middle of a bake: it ends after its time all the same, and sees what happens meanwhile."""
    story = Story(tmp_path)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: w.step == "bake")
    story.world.clock.at -= timedelta(days=1)
    began = story.world.clock.monotonic()
    assert story.run(work_id).state is State.DONE
    assert 8 <= story.world.clock.monotonic() - began <= 13
    assert_sound(story, work_id, story.new)


def test_a_bake_tells_when_it_ends(tmp_path: Path) -> None:
    """The same from the first look to the last; after a jump of the clock, what is so now; afterwards nothing."""
    story = Story(tmp_path)
    work_id = promoted(story)
    app = memory_app(story.world)

    def told() -> datetime | None:
        found: datetime | None = status.work(app, ENGINEER, work_id)["bakes_until"]
        return found

    assert told() is None
    story.run(work_id, until=lambda w: "ends_at" in (w.facts.get("bake") or {}))
    end = told()
    switched = parse_timestamp(story.work(work_id).facts["switch"]["at"])
    assert end is not None
    assert abs(end - switched - timedelta(seconds=10)) <= timedelta(seconds=1)
    for _ in range(4):
        story.world.clock.sleep(1.0)
        story.engine.run_one()
        assert told() == end
    story.world.clock.at -= timedelta(hours=1)
    story.engine.run_one()
    now = told()
    assert now is not None
    assert abs(now - (end - timedelta(hours=1))) <= timedelta(seconds=3)
    assert story.run(work_id).state is State.DONE
    assert told() is None


def test_a_release_that_fails_after_the_clock_was_set_back_is_switched_away_from(tmp_path: Path) -> None:
    """The bake goes on looking: what fails from then on counts."""
    story = Story(tmp_path)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: w.step == "bake")
    story.world.clock.at -= timedelta(days=1)
    story.engine.run_one()
    for _ in range(50):
        at = story.world.clock.now() + timedelta(milliseconds=500)
        story.world.edge.record("production", story.new, 500, 0.01, at)
    assert story.run(work_id).state is State.ROLLED_BACK
    assert_sound(story, work_id, story.old)
