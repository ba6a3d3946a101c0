"""What a hostile reading of the core found: each once lost data, held visitors for ever, or let something in."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from greenroom.domain.errors import Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.roles import Role
from greenroom.domain.work import Direction, State
from greenroom.services import promotions
from greenroom.store import records
from tests.unit.workflows.story import BAKING, Story
from tests.unit.workflows.test_crashes import ENGINEER, MANAGER, assert_sound, promoted
from tests.unit.workflows.test_ways_back import CONTRACTING, QUIET, WITH_DOWN, watch_edge
from tests.worlds import actor, apply, memory_app, placed, sealed

MIGRATE, DOWN, JOURNEY = ("python", "migrate.py"), ("python", "migrate.py", "back"), ("python", "journey.py")


def migrating(story: Story) -> list[tuple[str, ...]]:
    """The migration makes schema `two`, its way back `one`; the commands that ran, in order."""
    ran: list[tuple[str, ...]] = []
    run = story.world.runtime.run
    story.world.databases.schema["production"] = "one"

    def watched(place, release, command, env, **more):
        if command in (MIGRATE, DOWN):
            ran.append(command)
            story.world.databases.schema["production"] = "two" if command == MIGRATE else "one"
        return run(place, release, command, env, **more)

    story.world.runtime.run = watched
    return ran


@pytest.mark.parametrize("text", [BAKING, QUIET, CONTRACTING, WITH_DOWN])
@pytest.mark.parametrize("fails", [False, True])
def test_killed_anywhere_the_schema_fits_the_release_that_serves(tmp_path, text, fails):
    """Whatever kind of migration, wherever the control plane dies, whether the journey passes or not."""
    names = Story(tmp_path / "names", text)
    migrating(names)
    if fails:
        names.world.runtime.will_finish(JOURNEY, 1, "it is broken")
    names.run(promoted(names))
    for number, name in enumerate(dict.fromkeys(names.seen)):
        story = Story(tmp_path / str(number), text)
        migrating(story)
        if fails:
            story.world.runtime.will_finish(JOURNEY, 1, "it is broken")
            story.world.runtime.will_finish(JOURNEY, 1, "it is broken")
        story.crash_at = name
        work = story.run(promoted(story))
        assert work.state is (State.ROLLED_BACK if fails else State.DONE), name
        goes_back = fails and text not in (BAKING, QUIET)
        assert story.world.databases.schema["production"] == ("one" if goes_back else "two"), name
        assert_sound(story, work.id, story.old if fails else story.new)


def test_a_down_migration_never_runs_on_a_schema_that_was_not_migrated(tmp_path):
    """Cancelled before, or failed without touching anything: there is nothing to bring down."""
    story = Story(tmp_path, WITH_DOWN.replace("contracts: true, ", ""))
    ran = migrating(story)
    story.world.runtime.will_finish(JOURNEY, 1, "broken")
    run = story.world.runtime.run

    def untouched(place, release, command, env, **more):
        if command == MIGRATE:
            ran.append(command)
            story.world.runtime.will_finish(("false",), 1, "cannot connect")
            return run(place, release, ("false",), env, **more)
        return run(place, release, command, env, **more)

    story.world.runtime.run = untouched
    work = story.run(promoted(story))
    assert work.state is State.ROLLED_BACK
    assert DOWN not in ran


def test_a_row_whose_environment_went_away_does_not_stop_the_workers(tmp_path):
    """It is refused with a reason; others go on."""
    story = Story(tmp_path)
    app = memory_app(story.world)
    work = promotions.promote(app, actor(Role.DEVELOPER), story.new, "dev").work
    assert work is not None
    with story.world.store.database.transaction() as tx:
        row = {"id": "dev", "removed_at": story.world.clock.now()}
        story.world.store.recorder.record(tx, "test", "environment.removed", environment=row)
    assert story.run(work.id).state is State.REJECTED
    assert story.run(promoted(story)).state is State.DONE


def test_what_the_store_will_not_take_asks_for_a_person_instead_of_repeating_for_ever(tmp_path):
    """The step is not done again and again; its work stands in attention."""
    story = Story(tmp_path)
    work_id = promoted(story)
    change, refused = story.world.store.works.change, []

    def picky(tx, work, wanted, **more):
        if work.step == "prepare" and wanted.state is State.ACTIVE and not refused:
            refused.append(work.step)
            raise ValueError("this text cannot be stored")
        return change(tx, work, wanted, **more)

    story.world.store.works.change = picky
    work = story.run(work_id)
    assert work.state is State.ATTENTION
    assert refused == ["prepare"]


def test_a_store_that_is_away_for_a_moment_loses_no_claim(tmp_path):
    """A commit that fails leaves the row for the next look, in the same life of the control plane."""
    story = Story(tmp_path)
    work_id = promoted(story)
    claim, failed = story.world.store.works.claim, []

    def flaky(tx, work, owner, seconds):
        found = claim(tx, work, owner, seconds)
        if not failed:
            failed.append(work.id)
            raise OperationalError("COMMIT", {}, Exception("disk I/O error"))
        return found

    story.world.store.works.claim = flaky
    with pytest.raises(OperationalError):
        story.engine.run_one()
    assert story.run(work_id).state is State.DONE


def test_a_rollback_asked_for_twice_happens_once(tmp_path):
    """A double click, or a client that asks again: the same work, one restore."""
    story = Story(tmp_path, WITH_DOWN)
    migrating(story)
    assert story.run(promoted(story)).state is State.DONE
    app = memory_app(story.world)
    first = promotions.roll_back(app, ENGINEER, "production", mode="down").work
    second = promotions.roll_back(app, ENGINEER, "production", mode="down").work
    assert first is not None
    assert second is not None
    assert first.id == second.id


def test_a_rollback_goes_back_from_what_it_was_asked_for_and_nothing_else(tmp_path):
    """When something else came in between, it is refused instead of landing on a release nobody meant."""
    story = Story(tmp_path)
    assert story.run(promoted(story)).state is State.DONE
    app = memory_app(story.world)
    work = promotions.roll_back(app, ENGINEER, "production").work
    assert work is not None
    placed(story.world, sealed(story.world, "3.0"), "production", ago=0)
    ended = story.run(work.id)
    assert ended.state is State.REJECTED
    assert ended.error is not None
    assert ended.error["code"] == "rollback.overtaken"


def test_a_rollback_before_the_switch_cancels_the_promotion(tmp_path):
    """It does not start what was there before the release that still serves."""
    story = Story(tmp_path)
    work_id = promoted(story)

    def before_migrating(name: str) -> None:
        if name == "promotion.migrate.forward.before":
            promotions.roll_back(memory_app(story.world), ENGINEER, "production")

    story.engine.crash = before_migrating
    assert story.run(work_id).state is State.ROLLED_BACK
    assert_sound(story, work_id, story.old)


def test_a_rollback_accepted_at_the_last_look_of_the_bake_is_honoured(tmp_path):
    """Asked while the bake's last look is under way: the older release is not retired."""
    story = Story(tmp_path)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: w.step == "bake")
    asked: list[str] = []

    def at_the_last_look(name: str) -> None:
        if name == "promotion.bake.forward.after" and not asked:
            waited = story.world.clock.now() - story.work(work_id).started_at
            if waited.total_seconds() >= 10:
                asked.append(name)
                promotions.roll_back(memory_app(story.world), ENGINEER, "production")

    story.engine.crash = at_the_last_look
    assert story.run(work_id).state is State.ROLLED_BACK
    assert asked
    assert_sound(story, work_id, story.old)


def test_a_first_deployment_that_fails_at_the_switch_is_undone(tmp_path):
    """Nobody to return to: what was started ends, and the environment is free again."""
    story = Story(tmp_path)
    story.crash_at = "promotion.switch.after-point"
    app = memory_app(story.world)
    work = promotions.promote(app, actor(Role.DEVELOPER), story.new, "dev").work
    assert work is not None

    def cancel_after_crash(found) -> bool:
        if found.step == "switch" and story.crash_at is None and found.cancel is None:
            promotions.cancel(app, actor(Role.DEVELOPER), work.id)
        return False

    ended = story.run(work.id, until=cancel_after_crash)
    assert ended.state is State.ROLLED_BACK
    assert story.world.environment("dev").current is None
    assert story.running("dev") == set()


def test_resuming_past_a_contraction_goes_through_the_switch(tmp_path):
    """Killed between the pointer and the row, then resumed: row, pointer and processes agree on the newer release."""
    story = Story(tmp_path, CONTRACTING)
    migrating(story)
    work_id = promoted(story)
    story.crash_at = "promotion.switch.after-point"
    app = memory_app(story.world)

    def cancel_after_crash(found) -> bool:
        if found.step == "switch" and story.crash_at is None and found.cancel is None:
            promotions.cancel(app, ENGINEER, work_id)
        return found.state is State.ATTENTION

    stuck = story.run(work_id, until=cancel_after_crash)
    assert stuck.direction is Direction.BACKWARD
    promotions.resume(app, ENGINEER, work_id)
    assert story.run(work_id).state is State.DONE
    assert_sound(story, work_id, story.new)


def test_a_release_that_failed_there_is_no_way_back(tmp_path):
    """`rollback --to` is for what was there and well, not a promotion without gates."""
    story = Story(tmp_path)
    story.world.runtime.will_finish(JOURNEY, 1, "broken")
    assert story.run(promoted(story)).state is State.ROLLED_BACK
    with pytest.raises(Refused) as caught:
        promotions.roll_back(memory_app(story.world), ENGINEER, "production", to=story.new)
    assert caught.value.code == "rollback.not_older"


def test_requests_that_do_not_end_keep_a_contraction_from_beginning(tmp_path):
    """Held, but one request goes on for ever: nothing is migrated, visitors reach the older release again."""
    story = Story(tmp_path, CONTRACTING)
    ran = migrating(story)
    story.world.edge.connected[story.world.environment("production").dial] = 1
    story.engine = story.new_engine(lease_seconds=6000.0)
    work = story.run(promoted(story))
    assert work.state is State.ROLLED_BACK
    assert work.error is not None
    assert work.error["code"] == "traffic.not_drained"
    assert ran == []
    assert_sound(story, work.id, story.old)


def test_a_worker_of_the_older_release_rests_while_visitors_are_held(tmp_path):
    """A background process must not write to the schema that is being changed; after a failure it works again."""
    text = CONTRACTING.replace(
        'web: {command: "python -m shop"}', 'web: {command: "python -m shop"}\n  worker: {command: "python worker.py"}'
    )
    story = Story(tmp_path, text)
    story.world.runtime.will_finish(JOURNEY, 1, "broken")
    migrating(story)
    seen: list[set[str]] = []
    run = story.world.runtime.run

    def watched(place, release, command, env, **more):
        if command == MIGRATE:
            seen.append({i for i in story.running() if ".worker." in i})
        return run(place, release, command, env, **more)

    story.world.runtime.run = watched
    work = story.run(promoted(story))
    assert work.state is State.ROLLED_BACK
    assert seen == [set()]
    tag = story.old_work.rpartition("-")[2]
    assert f"production.worker.0.{tag}" in story.running()


def test_a_clock_that_goes_back_leaves_nobody_held(tmp_path):
    """A rest that was to end at a time which is suddenly an hour away ends now."""
    story = Story(tmp_path)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: w.step == "bake" and w.wake_at is not None)

    story.world.clock.at -= timedelta(hours=1)
    assert story.engine.run_one()


def test_policy_that_drops_the_canary_midway_ends_the_share(tmp_path):
    """The share does not outlive the promotion it belongs to."""
    canary = BAKING.replace("production: {bake", "production: {canary: {shares: [10%], hold: 60s}, bake")
    story = Story(tmp_path, canary)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: bool((w.facts.get("switch") or {}).get("stage") == 0))
    assert story.world.edge.canaries["production"] is not None
    apply(story.world, BAKING)
    from greenroom.services import judgements

    with story.world.store.database.reading() as tx:
        assert records.environment(tx, "production").current == story.old
    judgements.approve(memory_app(story.world), MANAGER, story.new, "production")
    assert story.run(work_id).state is State.DONE
    assert story.world.edge.canaries.get("production") is None


def test_a_stop_is_not_taken_while_visitors_are_held(tmp_path):
    """Told to stop between the hold and the switch: the work goes on until visitors have somewhere to go."""
    story = Story(tmp_path, CONTRACTING)
    work_id = promoted(story)

    def stop_when_held(name: str) -> None:
        if name == "promotion.migrate.forward.before":
            story.engine._stop.set()

    story.engine.crash = stop_when_held
    story.engine.run_one()
    assert (story.work(work_id).facts.get("switch") or {}).get("at")
    pointer = story.world.edge.pointer("production")
    assert pointer is not None
    assert pointer.dial


def test_an_application_without_a_database_may_migrate_what_it_has(tmp_path):
    """Its command runs; there is no schema of ours to look at and nothing to lock."""
    story = Story(tmp_path, BAKING.replace("health:", "services: {postgres: none}\nhealth:"))
    assert story.run(promoted(story)).state is State.DONE


def test_visitors_wait_for_a_quiet_migration_and_for_nothing_else(tmp_path):
    """Held while the command runs, then at the older release again until the switch."""
    story = Story(tmp_path, QUIET)
    migrating(story)
    seen = watch_edge(story)
    old = story.world.environment("production").dial
    work = story.run(promoted(story))
    assert work.state is State.DONE
    assert seen == [None, old, story.world.environment("production").dial]


def test_a_check_during_which_the_edge_died_is_asked_again(tmp_path):
    """It reaches the release through the edge: what it said then tells nothing of the release."""
    story = Story(tmp_path)
    run, asked = story.world.runtime.run, []

    def die(place, release, command, env, **more):
        finished = run(place, release, command, env, **more)
        if "journey.py" in command and not asked:
            asked.append(command)
            story.world.edge.deaths += 1
            return replace(finished, code=1, output="connection refused")
        return finished

    story.world.runtime.run = die
    work = story.run(promoted(story))
    assert asked
    assert work.state is State.DONE
    with story.world.store.database.reading() as tx:
        assert [e.outcome for e in records.evidence_of(tx, story.new) if e.kind == "check"] == [Outcome.PASSED]


def test_a_store_that_was_away_for_long_is_found_again_within_a_second(tmp_path, monkeypatch):
    """However often it was missed: visitors may be held until the work that holds them goes on."""
    engine = Story(tmp_path).new_engine()
    waits: list[float] = []
    stop = threading.Event()

    def away(kinds):
        if len(waits) == 20:
            stop.set()
        raise OperationalError("SELECT", {}, Exception("connection refused"))

    monkeypatch.setattr(engine, "run_one", away)
    monkeypatch.setattr(engine, "_stop", stop)
    monkeypatch.setattr(stop, "wait", waits.append)
    engine._loop(frozenset())
    assert len(waits) == 21
    assert max(waits) <= 1
