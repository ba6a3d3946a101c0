"""The ways back: held traffic around a contracting migration, forward-only, down-migration, restore."""

from __future__ import annotations

import pytest

from greenroom.domain.errors import Refused
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.ports.probe import Answer
from greenroom.services import promotions
from tests.unit.workflows.story import BAKING, Story
from tests.unit.workflows.test_crashes import assert_sound, promoted
from tests.worlds import actor, added_work, memory_app

ENGINEER = actor(Role.ENGINEER)
CONTRACTING = BAKING.replace('"python migrate.py"}', '"python migrate.py", contracts: true, timeout: 1m}')
QUIET = BAKING.replace('"python migrate.py"}', '"python migrate.py", quiet: true}')
WITH_DOWN = CONTRACTING.replace("contracts: true", 'contracts: true, down: "python migrate.py back"')


def watch_edge(story: Story) -> list[str | None]:
    """Every address production was pointed to, in order; None is held."""
    seen: list[str | None] = []
    point = story.world.edge.point

    def watched(environment, pointer):
        point(environment, pointer)
        seen.append(pointer.dial)

    story.world.edge.point = watched
    return seen


def test_visitors_are_held_from_the_restore_point_to_the_switch(tmp_path):
    """A contracting migration never shows a visitor the broken older release: they wait, then reach the newer."""
    story = Story(tmp_path, CONTRACTING)
    seen = watch_edge(story)
    work = story.run(promoted(story))
    assert work.state is State.DONE
    assert seen == [None, story.world.environment("production").dial]


@pytest.mark.parametrize("killed_at", [None, "exchange.closed"])
def test_a_contracting_migration_that_fails_half_way_is_restored(tmp_path, killed_at):
    """It changed the schema and failed: the restore point comes back, nothing was written meanwhile, 1.0 serves; also
    when the restore was killed while nobody could enter the database, not even to look at its schema."""
    story = Story(tmp_path, CONTRACTING)
    story.world.runtime.will_finish(("python", "migrate.py"), 1, "half of it")
    run = story.world.runtime.run

    def migrating(place, release, command, env, **more):
        if command == ("python", "migrate.py"):
            story.world.databases.schema["production"] = "half"
        return run(place, release, command, env, **more)

    story.world.databases.schema["production"] = "one"
    story.world.runtime.run = migrating
    story.world.databases.reached, story.crash_at = story._crash, killed_at
    work = story.run(promoted(story))
    assert story.crash_at is None, "it was killed"
    assert work.state is State.ROLLED_BACK
    assert work.error is not None
    assert work.error["code"] == "migration.failed"
    assert story.world.databases.schema["production"] == "one"
    assert_sound(story, work.id, story.old)


def test_rolling_back_during_a_contracting_bake_is_refused_as_forward_only(tmp_path):
    """The older release is up, but cannot live on the schema: no switch back."""
    story = Story(tmp_path, CONTRACTING)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: w.step == "bake")
    with pytest.raises(Refused) as caught:
        promotions.roll_back(memory_app(story.world), ENGINEER, "production")
    assert caught.value.code == "rollback.forward_only"


def test_worse_than_before_and_no_way_back_asks_for_a_person(tmp_path):
    """Automatic rollback never switches to a release that cannot live there: the work stands in attention, the newer
    release goes on serving, and resuming stays with it."""
    story = Story(tmp_path, CONTRACTING)
    work_id = promoted(story)
    story.run(work_id, until=lambda w: w.step == "bake")
    for _ in range(40):
        story.world.edge.record("production", story.new, 500, 0.01, story.world.clock.now())
    work = story.run(work_id)
    assert work.state is State.ATTENTION
    assert story.world.environment("production").current == story.new
    promotions.resume(memory_app(story.world), ENGINEER, work_id)
    assert story.run(work_id).state is State.DONE
    assert_sound(story, work_id, story.new)


def rolled_back(story: Story, **how: str) -> str:
    work_id = promoted(story)
    assert story.run(work_id).state is State.DONE
    work = promotions.roll_back(memory_app(story.world), ENGINEER, "production", **how).work
    assert work is not None
    return work.id


def test_a_rollback_after_the_bake_starts_the_older_release_beside_the_newer(tmp_path):
    """Health and journey pass on today's schema: 1.0 serves again, from a new deployment."""
    story = Story(tmp_path)
    work = story.run(rolled_back(story))
    assert work.state is State.DONE
    row = story.world.environment("production")
    assert row.current == story.old
    assert {i.rpartition(".")[2] for i in story.running()} == {work.id.rpartition("-")[2]}


def test_checks_that_a_rollback_ends_are_ended_on_the_ledger_too(tmp_path):
    """They do not make the way back wait; whoever reads the ledger sees who ended them, and why."""
    story = Story(tmp_path)
    assert story.run(promoted(story)).state is State.DONE
    check = added_work(story.world, WorkKind.CHECK, State.ACTIVE, environment="production", release=story.new)
    promotions.roll_back(memory_app(story.world), ENGINEER, "production")
    with story.world.store.database.reading() as tx:
        told = [e for e in story.world.store.recorder.entries(tx) if e.event == "work.cancel_requested"]
    assert [(e.actor, e.subject["about"]["work"]) for e in told] == [("engineer", check.id)]
    assert told[0].subject["about"]["reason"] == "a rollback goes first"


def test_a_rollback_is_refused_when_the_journey_fails_though_it_is_healthy(tmp_path):
    """Health 200 but writes fail: forward-only, with the two ways out and what a restore would lose."""
    story = Story(tmp_path, WITH_DOWN)
    work_id = promoted(story)
    assert story.run(work_id).state is State.DONE
    story.world.runtime.will_finish(("python", "journey.py"), 1, "POST /bills answered 500")
    story.world.databases.written = {"bill": (3, 1, 0)}
    work = promotions.roll_back(memory_app(story.world), ENGINEER, "production").work
    assert work is not None
    ended = story.run(work.id)
    assert ended.state is State.REJECTED
    assert ended.error is not None
    assert ended.error["code"] == "rollback.forward_only"
    assert "POST /bills answered 500" in ended.error["because"]
    assert "--down" in ended.error["next"]
    assert "4 written rows" in ended.error["next"]
    assert story.world.environment("production").current == story.new


def test_a_release_that_boots_for_ever_is_refused_as_forward_only(tmp_path):
    """It never becomes healthy on today's schema: refused within its boot time, the newer release untouched."""
    story = Story(tmp_path)
    story.engine = story.new_engine(lease_seconds=600.0)  # nothing renews leases here, and booting takes its time
    work_id = promoted(story)
    assert story.run(work_id).state is State.DONE
    work = promotions.roll_back(memory_app(story.world), ENGINEER, "production").work
    assert work is not None
    place = story.world.runtime.prepare("production")
    story.world.probe.answers[f"unix/{place.sockets}/{work.id.rpartition('-')[2]}.sock"] = Answer(None, 0.1, "refused")
    ended = story.run(work.id)
    assert ended.state is State.REJECTED
    assert ended.error is not None
    assert ended.error["code"] == "rollback.forward_only"
    assert story.world.environment("production").current == story.new


def test_a_rollback_by_restore_brings_the_data_back(tmp_path):
    """The named restore point is the database again; today's is kept aside."""
    story = Story(tmp_path, CONTRACTING)
    story.world.databases.schema["production"] = "one"
    work_id = promoted(story)
    assert story.run(work_id).state is State.DONE
    story.world.databases.schema["production"] = "two"
    point = story.world.databases.restore_points("production")[0].name
    app = memory_app(story.world)
    work = promotions.roll_back(app, ENGINEER, "production", mode="restore", point=point).work
    assert work is not None
    assert story.run(work.id).state is State.DONE
    assert story.world.databases.schema["production"] == "one"
    assert story.world.environment("production").current == story.old


def test_a_rollback_by_down_migration_runs_the_newer_releases_command(tmp_path):
    """The newer release knows how to undo its schema; visitors are held meanwhile."""
    story = Story(tmp_path, WITH_DOWN)
    seen = watch_edge(story)
    work = story.run(rolled_back(story, mode="down"))
    assert work.state is State.DONE
    assert seen[-2:] == [None, story.world.environment("production").dial]
    assert story.world.environment("production").current == story.old


def test_a_down_migration_that_nobody_declared_is_refused(tmp_path):
    """No guess is made at a way back."""
    story = Story(tmp_path)
    with pytest.raises(Refused) as caught:
        rolled_back(story, mode="down")
    assert caught.value.code == "rollback.no_down"


def test_nothing_older_is_refused(tmp_path):
    """A first release has nothing to go back to."""
    story = Story(tmp_path)
    with pytest.raises(Refused) as caught:
        promotions.roll_back(memory_app(story.world), ENGINEER, "production")
    assert caught.value.code == "rollback.nothing_older"
