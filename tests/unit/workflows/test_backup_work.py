"""Backups, restores and drills as durable work: killed anywhere they end, and visitors are where they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenroom.adapters.memory.backups import MemoryBackups
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.kinds import Kind
from greenroom.domain.roles import Role, may
from greenroom.domain.work import State
from greenroom.ports.probe import Answer
from greenroom.services import backups, promotions
from greenroom.services.custody import Custodian
from greenroom.store import records
from greenroom.workflows.instances import Deployment
from tests.twins import ANY_CLAIM
from tests.unit.workflows.story import BAKING, Story
from tests.worlds import actor, memory_app

OPERATOR, ENGINEER, DEVELOPER = actor(Role.OPERATOR), actor(Role.ENGINEER), actor(Role.DEVELOPER)
PRODUCTION = "production"


class Kept(Story):
    """Production runs, is backed up with three rows, and has five now."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path, BAKING.replace("{path: /health}", "{path: /health, boot: 5s}"))
        self.app = memory_app(self.world)
        found = self.world.backups
        assert isinstance(found, MemoryBackups)
        self.backups = found
        row = self.world.environment(PRODUCTION)
        place = self.world.runtime.prepare(PRODUCTION)
        plan = Deployment(PRODUCTION, self.world.release(self.old), self.old_work)
        for spec in plan.specs(place, self.world.unpacked(self.old), {}, row.dial):
            self.world.runtime.start(spec, fence=ANY_CLAIM)
        self.backups.begin(PRODUCTION)
        self.backups.protect(PRODUCTION)
        self.backups.write(PRODUCTION, "t", 3)
        assert self.run(backups.back_up(self.app, ENGINEER, PRODUCTION).id).state is State.DONE
        self.at = self.world.clock.now()
        self.world.clock.sleep(1.0)
        self.backups.write(PRODUCTION, "t", 2)
        self.world.clock.sleep(1.0)
        self.seen.clear()

    def restore(self, to: str | None = None) -> str:
        work, _ = backups.restore(self.app, OPERATOR, PRODUCTION, to=to)
        assert work is not None
        return work.id

    def assert_serving(self) -> None:
        """1.0 runs, alone, and visitors reach it."""
        row, pointer = self.world.environment(PRODUCTION), self.world.edge.pointer(PRODUCTION)
        assert pointer is not None
        assert (pointer.dial, pointer.release) == (row.dial, self.old)
        assert {i.rpartition(".")[2] for i in self.running()} == {self.old_work.rpartition("-")[2]}

    @property
    def rows(self) -> int | None:
        return self.backups.rows(PRODUCTION, "t")


def test_a_restore_killed_at_any_point_ends_done(tmp_path: Path) -> None:
    """The wanted state is in place, visitors reach the application on it, and evidence says so once."""
    first = Kept(tmp_path / "names")
    assert first.run(first.restore(first.at.isoformat())).state is State.DONE
    names = list(dict.fromkeys(first.seen))
    assert {"restore.hold.held", "restore.rebuild.rebuilt", "restore.open.started"} <= set(names)
    assert len(names) >= 15
    for number, name in enumerate(names):
        story = Kept(tmp_path / str(number))
        story.crash_at = name
        work = story.run(story.restore(story.at.isoformat()))
        assert story.crash_at is None, f"{name} was not passed"
        assert (work.state, story.rows) == (State.DONE, 3), name
        story.assert_serving()


def test_a_restore_that_cannot_live_killed_at_any_point_is_taken_back(tmp_path: Path) -> None:
    """An application that is not healthy on the old data: everything is as it was, wherever the control plane dies."""

    def story(name: str) -> tuple[Kept, str]:
        made = Kept(tmp_path / name)
        dial = made.world.environment(PRODUCTION).dial
        made.world.probe.answers[dial] = Answer(500, 0.01)  # type: ignore[attr-defined]
        return made, made.restore(made.at.isoformat())

    first, work_id = story("names")
    assert first.run(work_id).state is State.ROLLED_BACK
    names = list(dict.fromkeys(first.seen))
    assert any("backward" in n for n in names)
    for number, name in enumerate(names):
        again, work_id = story(str(number))
        again.crash_at = name
        work = again.run(work_id)
        assert (work.state, again.rows) == (State.ROLLED_BACK, 5), name
        again.assert_serving()
        assert dict(again.backups.asides(PRODUCTION)) == {}


def test_a_restore_can_be_cancelled_until_visitors_are_back(tmp_path: Path) -> None:
    """Then nothing has changed."""
    story = Kept(tmp_path)
    work_id = story.restore(story.at.isoformat())
    story.crash_at = "restore.exchange.forward.before"
    story.run(work_id, until=lambda w: w.step == "exchange" and story.crash_at is None)
    promotions.cancel(story.app, OPERATOR, work_id)
    assert story.run(work_id).state is State.ROLLED_BACK
    assert story.rows == 5
    story.assert_serving()


def test_what_was_there_before_a_restore_is_a_restore_away(tmp_path: Path) -> None:
    """The restore point that it makes leads back to it."""
    story = Kept(tmp_path)
    work = story.run(story.restore(story.at.isoformat()))
    assert story.rows == 3
    story.run(story.restore(str(work.facts["hold"]["before"])))
    assert story.rows == 5


def test_a_damaged_backup_is_passed_over(tmp_path: Path) -> None:
    """It is named, the one before is used, and nothing is lost by that."""
    story = Kept(tmp_path)
    newest = story.run(backups.back_up(story.app, ENGINEER, PRODUCTION, full=True).id)
    story.backups.damaged[newest.id] = "a bit was flipped"
    work = story.run(story.restore())
    assert (work.state, story.rows) == (State.DONE, 5)
    assert work.facts["rebuild"]["backup"] != newest.id
    said = [s.text for s in story.world.progress.after(work.id, 0)]
    assert any(newest.id in line and "the one before is used" in line for line in said)


def test_a_drill_that_finds_a_difference_is_failed_evidence(tmp_path: Path) -> None:
    """Passed first; with a table that differs it is refused, and both stand there as evidence."""
    story = Kept(tmp_path)
    assert story.run(backups.drill(story.app, OPERATOR, PRODUCTION).id).state is State.DONE
    line = story.backups._lines[PRODUCTION]
    mark = next(iter(line.marks.values()))
    mark.census["tables"]["t"]["rows"] = 99  # what was recorded is not what is restored
    work = story.run(backups.drill(story.app, OPERATOR, PRODUCTION).id)
    assert work.state is State.REJECTED
    assert work.error is not None
    assert (work.error["code"], "3 rows instead of 99" in work.error["because"]) == ("drill.differs", True)
    with story.world.store.database.reading() as tx:
        last = records.newest_evidence(tx, "drill", PRODUCTION)
    assert last is not None
    assert last.outcome is Outcome.FAILED
    told = backups.standing(story.app, OPERATOR, PRODUCTION)
    assert told["drill"]["outcome"] == "failed"


def test_a_drill_that_compared_nothing_is_no_pass(tmp_path: Path) -> None:
    """A database that never rested has no counted restore point: the time is told, and that nothing is known."""
    story = Kept(tmp_path)
    for mark in story.backups._lines[PRODUCTION].marks.values():
        mark.census.clear()
        mark.census["left_out"] = "the database never rested"
    work = story.run(backups.drill(story.app, OPERATOR, PRODUCTION).id)
    assert work.state is State.REJECTED
    assert work.error is not None
    assert work.error["code"] == "drill.nothing_compared"
    with story.world.store.database.reading() as tx:
        last = records.newest_evidence(tx, "drill", PRODUCTION)
    assert last is not None
    assert last.outcome is Outcome.ERRORED
    assert "rto_seconds" in last.facts


def test_a_promotion_does_not_wait_for_a_backup(tmp_path: Path) -> None:
    """A backup under way holds no environment: the holder of production is nobody."""
    story = Kept(tmp_path)
    work = backups.back_up(story.app, ENGINEER, PRODUCTION)
    story.run(work.id, until=lambda w: w.step == "copy")
    with story.world.store.database.reading() as tx:
        assert story.world.store.works.holder(tx, PRODUCTION) is None
    assert work.about == PRODUCTION


def test_a_restore_does_not_begin_beside_a_promotion(tmp_path: Path) -> None:
    """It is refused, and the way out is named."""
    story = Kept(tmp_path)
    with story.world.store.database.transaction() as tx:
        work = story.app.new_work(promotions.WorkKind.PROMOTION, ENGINEER, environment=PRODUCTION, release=story.new)
        story.app.add_work(tx, work)
        story.world.store.works.set_columns(tx, work.id, [State.QUEUED], state=State.ATTENTION)
    with pytest.raises(Refused) as refused:
        story.restore()
    assert refused.value.code == "environment.busy"
    assert work.id in refused.value.hint


@pytest.mark.parametrize("to", ["yesterday", "2026-11-23T09:00:00", ""])
def test_a_target_that_means_nothing_is_not_guessed_at(tmp_path: Path, to: str) -> None:
    """No name, no instant with its offset: nothing is begun."""
    with pytest.raises(BadInput) as error:
        Kept(tmp_path).restore(to)
    assert error.value.code == "backup.target"


def test_nobody_but_an_operator_restores_production() -> None:
    """And a developer neither makes nor lists them there."""
    assert {r for r in Role if may([r], backups.Action.RESTORE, Kind.PRODUCTION)} == {Role.OPERATOR}
    assert not may([Role.DEVELOPER, Role.TESTER, Role.CLIENT], backups.Action.BACK_UP, Kind.PRODUCTION)


def test_others_cannot_cancel_it(tmp_path: Path) -> None:
    """A developer may cancel work in dev, not a backup of production although it holds no environment."""
    story = Kept(tmp_path)
    work = backups.back_up(story.app, ENGINEER, PRODUCTION)
    with pytest.raises(Refused) as refused:
        promotions.cancel(story.app, DEVELOPER, work.id)
    assert refused.value.code == "role.missing"


def test_custody_asks_for_what_is_due_and_not_twice(tmp_path: Path) -> None:
    """Nothing while all is fresh but the first drill; after a day an increment; after a failure not at once again."""
    story = Kept(tmp_path)
    custodian = Custodian(story.app)
    assert [w.kind.value for w in custodian.look()] == ["drill"]
    assert custodian.look() == []
    while story.engine.run_one():
        pass
    story.world.clock.sleep(86400.0)
    (asked,) = custodian.look()
    assert (asked.kind.value, asked.request["full"]) == ("backup", False)
    promotions.cancel(story.app, ENGINEER, asked.id)
    assert story.run(asked.id).state is State.REJECTED
    assert custodian.look() == []
    story.world.clock.sleep(1000.0)
    assert [w.kind.value for w in custodian.look()] == ["backup"]
