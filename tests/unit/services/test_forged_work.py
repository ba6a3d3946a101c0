"""Somebody writes rows of work past Greenroom: they are not carried out, and whoever looks is told which they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from greenroom.domain.work import State, Work
from greenroom.services import judgements, promotions, record_keeping
from greenroom.services.examinations import ledger as examination
from tests.unit.workflows.forgery import FORGERIES, forge, removed, restore_of_production
from tests.unit.workflows.story import Story
from tests.unit.workflows.test_crashes import ENGINEER, MANAGER, assert_sound, promoted
from tests.unit.workflows.test_hostile import migrating
from tests.worlds import memory_app

UNLOCK = ("DROP TRIGGER ledger_no_update", "DROP TRIGGER ledger_no_delete")


def problems(story: Story) -> list[str]:
    found: list[str] = record_keeping.verify(memory_app(story.world), MANAGER)["problems"]
    said = [f.said for f in examination.look(memory_app(story.world)) if f.outcome == "failed"]
    assert said == found, "the doctor says what ledger verify says"
    return found


def write(story: Story, *statements: str) -> None:
    with story.world.store.database.transaction() as tx:
        for statement in statements:
            assert tx.execute(text(statement)).rowcount != 0, statement


def code(work: Work) -> str:
    return str((work.error or {}).get("code"))


WAITING = [h for h in FORGERIES if not h.startswith("state ") and h not in ("error", "begun", "end", "kind")]


@pytest.mark.parametrize("how", [*WAITING, "kind"])
def test_a_promotion_that_was_changed_while_it_waited_is_refused(tmp_path: Path, how: str) -> None:
    """At the moment of execution: refused, nothing was started, and it is named with the entry that asks for it."""
    story = Story(tmp_path)
    work_id = promoted(story)
    with story.world.store.database.transaction() as tx:
        assert forge(tx, story.work(work_id), how)
        story.world.store.works.signal(tx)
    before = story.running()
    work = story.run(work_id)
    assert (work.state, code(work)) == (State.REJECTED, "work.contradicted")
    assert story.running() == before
    assert story.world.environment("production").current == story.old
    assert any(p.startswith(f"work {work_id}: ") and "entry" in p for p in problems(story))


@pytest.mark.parametrize("state", [State.QUEUED, State.ACTIVE])
def test_work_that_nobody_asked_for_is_not_carried_out(tmp_path: Path, state: State) -> None:
    """A restore of production, written as if it waited or as if it were under way: not one step of it happens."""
    story = Story(tmp_path)
    with story.world.store.database.transaction() as tx:
        evil = restore_of_production(tx, story.world.store.works, state=state)
    work = story.run(evil)
    assert (work.state, code(work)) == (State.REJECTED, "work.contradicted")
    assert "no entry asks for it" in work.error["because"]
    assert story.seen == []
    assert f"work {evil}: in the store, but no entry asks for it" in problems(story)
    assert story.run(promoted(story)).state is State.DONE  # others go on


def test_work_that_ended_is_not_carried_out_again(tmp_path: Path) -> None:
    """A rollback that is done, queued anew: production stays where the next promotion brought it."""
    story = Story(tmp_path)
    first = promoted(story)
    assert story.run(first).state is State.DONE
    back = promotions.roll_back(memory_app(story.world), ENGINEER, "production").work
    assert back is not None
    assert story.run(back.id).state is State.DONE
    judgements.approve(memory_app(story.world), MANAGER, story.new, "production")
    again = "state = 'queued', cursor = 0, facts = '{}', started_at = NULL, ended_at = NULL"
    write(story, f"UPDATE work SET {again} WHERE id = '{back.id}'")
    story.seen.clear()
    assert code(story.run(back.id)) == "work.contradicted"
    assert story.seen == []
    assert any(back.id in p for p in problems(story)), "what was refused is not named any more"


@pytest.mark.parametrize("how", ["plan", "release", "request", "asker"])
def test_work_that_is_changed_under_way_stops_for_a_person(tmp_path: Path, how: str) -> None:
    """Between two steps: no further step, no undo, its environment stays locked; resuming looks again, and once the row
    says again what was asked for it goes on to its end."""
    story = Story(tmp_path)
    migrating(story)
    work_id = promoted(story)
    was = story.work(work_id)

    def change(point: str) -> None:
        story.seen.append(point)
        if point == "promotion.prepare.forward.after" and len(story.seen) < 10:
            with story.world.store.database.transaction() as tx:
                assert forge(tx, story.work(work_id), how)

    story.engine.crash = change
    work = story.run(work_id)
    assert (work.state, code(work)) == (State.ATTENTION, "work.contradicted")
    assert [p for p in story.seen if p.startswith("promotion.migrate")] == []
    assert any(work_id in p for p in problems(story))
    promotions.resume(memory_app(story.world), ENGINEER, work_id)
    assert code(story.run(work_id)) == "work.contradicted"
    with story.world.store.database.transaction() as tx:
        columns = {"release": was.release, "request": dict(was.request), "requested_by": was.requested_by}
        story.world.store.works.set_columns(tx, work_id, list(State), plan=was.plan.as_dict(), **columns)
    promotions.resume(memory_app(story.world), ENGINEER, work_id)
    assert story.run(work_id).state is State.DONE
    assert_sound(story, work_id, story.new)


def test_a_worker_that_was_paused_does_not_go_on_with_what_was_set_apart(tmp_path: Path) -> None:
    """Changed while it stood still past its lease: another finds that out, and the first touches nothing afterwards."""
    story = Story(tmp_path)
    work_id = promoted(story)
    paused, other = (story.new_engine(name, lease_seconds=10.0) for name in ("paused", "other"))
    seen: list[State] = []

    def pause(point: str) -> None:
        if point == "promotion.prepare.forward.after" and not seen:
            story.world.clock.sleep(60.0)
            with story.world.store.database.transaction() as tx:
                assert forge(tx, story.work(work_id), "asker")
            other.run_one()
            seen.append(story.work(work_id).state)

    paused.crash = pause
    paused.run_one()
    assert seen == [State.ATTENTION]
    assert (story.work(work_id).state, code(story.work(work_id))) == (State.ATTENTION, "work.contradicted")
    with story.world.store.database.reading() as tx:
        told = [e.actor for e in story.world.store.recorder.entries(tx) if e.event == "promotion.attention"]
    assert told == ["greenroom"], "the one that was paused wrote, too"


def test_an_end_that_was_changed_is_named(tmp_path: Path) -> None:
    """Rolled back on the ledger, done in the row; and a row that was taken out. Each with its entry."""
    story = Story(tmp_path)
    story.world.runtime.will_finish(("python", "journey.py"), 1, "it is broken")
    work_id = promoted(story)
    assert story.run(work_id).state is State.ROLLED_BACK
    assert problems(story) == []
    write(story, f"UPDATE work SET state = 'done', error = NULL WHERE id = '{work_id}'")
    (state,) = problems(story)
    assert state.startswith(f"work {work_id}: it is done, entry ") and state.endswith(" says rolled_back")
    with story.world.store.database.transaction() as tx:
        removed(tx, story.work(work_id))
    (missing,) = problems(story)
    assert missing.startswith(f"work {work_id}: asked for by entry ")
    assert missing.endswith(", but missing from the store")


def test_an_entry_that_was_changed_with_the_row_asks_for_nothing(tmp_path: Path) -> None:
    """Row and entry say the same, but the entry does not have its hash: the work is refused."""
    story = Story(tmp_path)
    work_id = promoted(story)
    renamed = "subject = replace(subject, '\"production\"', '\"staging\"')"
    entry = f"UPDATE ledger SET {renamed} WHERE event = 'promotion.requested' AND subject LIKE '%{work_id}%'"
    write(story, *UNLOCK, entry, f"UPDATE work SET environment = 'staging' WHERE id = '{work_id}'")
    work = story.run(work_id)
    assert (work.state, code(work)) == (State.REJECTED, "work.contradicted")
    assert "of the ledger was changed" in work.error["because"]


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """`ledger verify` says which table holds what Greenroom never wrote."""
    story = Story(tmp_path)
    write(story, "UPDATE work SET plan = '{'")
    assert any(p.startswith("work: a row was changed past the ledger") for p in problems(story))
