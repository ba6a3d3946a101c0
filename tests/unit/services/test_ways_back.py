"""What a person reads before a rollback is asked for."""

from __future__ import annotations

from greenroom.domain.work import State, Work
from greenroom.ports.probe import Answer
from greenroom.services import judgements, promotions
from tests.unit.services.standing import ENGINEER, MANAGER, Standing


def way(story: Standing, **more: str) -> str:
    return "\n".join(promotions.roll_back(story.app, ENGINEER, "production", dry_run=True, **more).way)


def promoted(story: Standing, until: str | None = None) -> Work:
    work = story.asked()
    judgements.approve(story.app, MANAGER, story.new, "production")
    return story.run(work.id, lambda w: w.step == until)


def test_during_the_bake_it_is_a_switch(story: Standing) -> None:
    """The older release still runs."""
    promoted(story, until="bake")
    assert way(story) == "visitors are sent back to 1.0, which still runs: a switch and nothing else"


def test_before_the_switch_nobody_has_left(story: Standing) -> None:
    """The promotion is undone from where it is."""
    story.crash_at = "promotion.migrate.forward.before"
    promoted(story, until="migrate")
    assert way(story) == "the promotion is undone from its step migrate; visitors stay with 1.0"


def test_afterwards_it_says_what_decides(story: Standing) -> None:
    """Started beside, on today's schema: and nothing was changed by asking."""
    promoted(story)
    assert way(story).startswith("1.0 starts beside the newer release, on today's schema")
    assert story.world.environment("production").current == story.new


def test_a_restore_names_the_point_and_what_becomes_of_today(story: Standing) -> None:
    """Before anything is lost."""
    work = promoted(story)
    assert f"the database of {work.id} is brought back, today's is kept aside" in way(
        story, mode="restore", point=work.id
    )


def test_the_last_refusal_is_remembered(story: Standing) -> None:
    """Who asks again after the older release could not live there reads that before."""
    story.engine = story.new_engine(lease_seconds=600.0)  # nothing renews leases here, and booting takes its time
    promoted(story)
    assert "refused" not in way(story)
    tried = promotions.roll_back(story.app, ENGINEER, "production").work
    assert tried is not None
    place = story.world.runtime.prepare("production")
    dial = f"unix/{place.sockets}/{tried.id.rpartition('-')[2]}.sock"
    story.world.probe.answers[dial] = Answer(None, 0.1, "refused")
    assert story.run(tried.id).state is State.REJECTED
    assert f"the last try was refused (rollback.forward_only): {tried.id}" in way(story)
