"""kill -9 anywhere: each promotion and rollback ends done or undone, and what is pointed to is what is recorded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from greenroom.domain import ledger as chain
from greenroom.domain.evidence import Outcome
from greenroom.domain.ledger import Verified
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import judgements, promotions
from greenroom.store import records
from greenroom.store.recorder import differences, project
from tests.unit.workflows.story import BAKING, Story
from tests.worlds import actor, memory_app

ENGINEER = actor(Role.ENGINEER)
MANAGER = actor(Role.MANAGER)


def promoted(story: Story) -> str:
    """Ask for 2.0 in production, with the approval it needs; the work's id."""
    app = memory_app(story.world)
    work = promotions.promote(app, ENGINEER, story.new, "production").work
    assert work is not None
    judgements.approve(app, MANAGER, story.new, "production")
    return work.id


def assert_sound(story: Story, work_id: str, release: str) -> None:
    """Visitors, rows, ledger and processes tell one story: `release` serves, by itself."""
    row = story.world.environment("production")
    pointer = story.world.edge.pointer("production")
    assert row.current == release
    assert pointer is not None
    assert pointer.dial == row.dial
    assert pointer.release == release
    tag = (row.current_work or "").rpartition("-")[2]
    assert {i.rpartition(".")[2] for i in story.running()} <= {tag}
    assert not any(story.world.runtime.ranks.get(i) for i in story.running())  # type: ignore[attr-defined]
    with story.world.store.database.reading() as tx:
        assert isinstance(chain.verify(story.world.store.recorder.entries(tx)), Verified)
        assert differences(tx, project(story.world.store.recorder.entries(tx))) == []
        found = [e for e in records.evidence_of(tx, story.new) if e.facts.get("work") == work_id]
    assert len(found) == 1


def points(tmp_path: Path, *, fails: bool) -> list[str]:
    """Every crash point that this story passes, in order, once."""
    story = Story(tmp_path)
    if fails:
        story.world.runtime.will_finish(("python", "journey.py"), 1, "it is broken")
    story.run(promoted(story))
    return list(dict.fromkeys(story.seen))


def test_a_promotion_ends_done_and_leaves_nothing_behind(tmp_path):
    """The plain story: 2.0 serves, 1.0 was stopped after the bake, one piece of evidence says so."""
    story = Story(tmp_path)
    work = story.run(promoted(story))
    assert work.state is State.DONE
    assert_sound(story, work.id, story.new)


def test_a_promotion_killed_at_any_point_ends_done(tmp_path):
    """Whatever boundary or effect the control plane dies at, its next life finishes the promotion."""
    names = points(tmp_path / "names", fails=False)
    assert len(names) > 25
    for number, name in enumerate(names):
        story = Story(tmp_path / str(number))
        story.crash_at = name
        work = story.run(promoted(story))
        assert story.crash_at is None, f"{name} was not passed"
        assert work.state is State.DONE, name
        assert_sound(story, work.id, story.new)


def test_a_failing_promotion_killed_at_any_point_is_undone(tmp_path):
    """The same for a release whose journey fails: wherever the control plane dies, 1.0 goes on serving."""
    names = points(tmp_path / "names", fails=True)
    assert any("backward" in n for n in names)
    for number, name in enumerate(names):
        story = Story(tmp_path / str(number))
        story.world.runtime.will_finish(("python", "journey.py"), 1, "it is broken")
        story.world.runtime.will_finish(("python", "journey.py"), 1, "it is broken")
        story.crash_at = name
        work = story.run(promoted(story))
        assert work.state is State.ROLLED_BACK, name
        assert_sound(story, work.id, story.old)


def test_a_rollback_during_the_bake_killed_at_any_point_is_finished(tmp_path):
    """Cancelled while it bakes, killed at every point of the way back: 1.0 serves again, 2.0 is gone."""

    def way_back(story: Story) -> str:
        work_id = promoted(story)
        story.run(work_id, until=lambda w: w.step == "bake")
        promotions.roll_back(memory_app(story.world), ENGINEER, "production")
        return work_id

    story = Story(tmp_path / "names")
    work_id = way_back(story)
    story.seen.clear()
    assert story.run(work_id).state is State.ROLLED_BACK
    for number, name in enumerate(dict.fromkeys(story.seen)):
        again = Story(tmp_path / str(number))
        work_id = way_back(again)
        again.crash_at = name
        assert again.run(work_id).state is State.ROLLED_BACK, name
        assert_sound(again, work_id, again.old)


def test_worse_than_before_goes_back_by_itself(tmp_path):
    """A release that fails more requests than the one it replaced is switched away from, without a person."""
    story = Story(tmp_path)
    now = story.world.clock.now()
    for _ in range(100):
        story.world.edge.record("production", story.old, 200, 0.01, now)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: w.step == "bake")
    for n in range(50):
        story.world.edge.record("production", story.new, 500 if n % 5 == 0 else 200, 0.01, story.world.clock.now())
    work = story.run(work_id)
    assert work.state is State.ROLLED_BACK
    assert work.error is not None
    assert work.error["code"] == "bake.worse"
    assert_sound(story, work_id, story.old)


def slow_story(tmp_path: Path, seconds: float) -> tuple[Story, str]:
    """1.0 answered in 0.1 s; 2.0 bakes and takes `seconds`."""
    story = Story(tmp_path, BAKING.replace("for: 10s", "for: 30s"))
    for _ in range(100):
        story.world.edge.record("production", story.old, 200, 0.1, story.world.clock.now())
    story.world.clock.sleep(1.0)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: w.step == "bake")
    for second in range(30):
        at = story.world.clock.now() + timedelta(seconds=second)
        for _ in range(5):
            story.world.edge.record("production", story.new, 200, 5.0 if second < 3 else seconds, at)
    return story, work_id


def test_a_release_that_stays_slower_is_switched_away_from(tmp_path):
    """Three looks in a row at latencies past the limit, and visitors are back at 1.0."""
    story, work_id = slow_story(tmp_path, 1.0)
    work = story.run(work_id)
    assert work.state is State.ROLLED_BACK
    assert work.error is not None
    assert "its median is 1000 ms, before 100 ms" in work.error["because"]
    assert_sound(story, work_id, story.old)


def test_slow_first_seconds_are_no_reason_to_go_back(tmp_path):
    """Opening connections and filling caches takes its time; only what comes after is compared."""
    story, work_id = slow_story(tmp_path, 0.1)
    assert story.run(work_id).state is State.DONE
    assert_sound(story, work_id, story.new)


def test_evidence_revoked_before_execution_keeps_the_promotion_out(tmp_path):
    """Decided again at the moment of execution: evidence revoked in between keeps the promotion out."""
    story = Story(tmp_path)
    work_id = promoted(story)
    with story.world.store.database.reading() as tx:
        seal = next(e for e in records.evidence_of(tx, story.new) if e.kind == "seal")
    judgements.revoke(memory_app(story.world), MANAGER, seal.id, "the key leaked")
    work = story.run(work_id, until=lambda w: w.state is State.REJECTED)
    assert work.state is State.REJECTED
    assert story.world.environment("production").current == story.old


def test_one_worker_paused_past_its_lease_does_not_switch_traffic(tmp_path):
    """A worker that wakes after another took over touches nothing: its guard stops it before the pointer moves."""
    story = Story(tmp_path)
    work_id = promoted(story)
    paused = story.new_engine("paused", lease_seconds=10.0)
    other = story.new_engine("other", lease_seconds=10.0)
    switched: list[str] = []

    def freeze(name: str) -> None:
        if name == "promotion.switch.before-point" and not switched:
            switched.append(name)
            story.world.clock.sleep(60.0)  # SIGSTOP; meanwhile the other finishes the promotion and rolls it back
            story.engine = other
            story.run(work_id, until=lambda w: w.step == "bake")
            promotions.roll_back(memory_app(story.world), ENGINEER, "production")
            assert story.run(work_id).state is State.ROLLED_BACK

    paused.crash = freeze
    story.engine = paused
    paused.run_one()
    assert switched
    assert_sound(story, work_id, story.old)


def test_every_step_of_every_plan_is_known():
    """No plan names a step that nothing carries out."""
    from greenroom.domain.plan import PLANS
    from greenroom.workflows.procedure import procedure

    known = procedure()
    assert {(k, s) for k, p in PLANS.items() for s in p.steps} == set(known)


def test_evidence_of_a_failed_check_is_kept(tmp_path):
    """A check's no is recorded with its output, so that the gates can tell why."""
    story = Story(tmp_path)
    story.world.runtime.will_finish(("python", "journey.py"), 1, "the bill is wrong")
    work = story.run(promoted(story))
    with story.world.store.database.reading() as tx:
        found = [e for e in records.evidence_of(tx, story.new) if e.kind == "check"]
    assert found[0].outcome is Outcome.FAILED
    assert "the bill is wrong" in found[0].facts["output"]
    assert work.error is not None
    assert work.error["code"] == "check.failed"
