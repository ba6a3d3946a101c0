"""After a restart: what should run runs again, what was retired does not, and work can go on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from greenroom.domain.plan import WorkKind
from greenroom.domain.work import State, Work
from greenroom.ports.edge import Pointer
from greenroom.services import follow, recovery
from greenroom.workflows.engine import Engine
from tests.twins import ANY_CLAIM
from tests.unit.services.standing import Standing
from tests.unit.workflows.story import BAKING, Crash
from tests.unit.workflows.test_crashes import promoted
from tests.unit.workflows.test_ways_back import CONTRACTING
from tests.worlds import added_work, apply

TWO_BRANCHES = BAKING.replace("template: full\n", "").replace(
    "  dev: {}\n", "  dev: {follow: main}\n  next: {kind: dev, follow: next}\n"
)
WITH_CANARY = BAKING.replace("bake: {for: 10s", "canary: {shares: [20%], hold: 10s}, bake: {for: 10s")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Standing]:
    """The newer release declares that the older one cannot live on its schema."""
    made = Standing(tmp_path / "held", CONTRACTING)
    yield made
    made.world.store.database.close()


def reboot(story: Standing) -> None:
    """The machine comes up again: no process runs."""
    for instance in story.world.runtime.instances():
        story.world.runtime.stop(instance.id, seconds=0, fence=ANY_CLAIM)
    story.world.runtime.calls.clear()


def until(story: Standing, reached: Callable[[Work], bool]) -> str:
    work = promoted(story)
    story.run(work, until=reached)
    return work


def works_that_run(story: Standing, environment: str = "production") -> set[str]:
    """The last parts of the works whose instances run."""
    return {i.rpartition(".")[2] for i in story.running(environment)}


def tag(work: str) -> str:
    return work.rpartition("-")[2]


def test_what_visitors_reach_runs_again(story: Standing) -> None:
    """Every environment's current release is started, and nothing else."""
    reboot(story)
    recovery.recover(story.app)
    assert works_that_run(story) == {tag(story.old_work)}
    assert works_that_run(story, "staging")


def test_both_releases_run_again_while_the_newer_bakes(story: Standing) -> None:
    """Going back stays a switch and nothing else."""
    work = until(story, lambda w: w.step == "bake")
    reboot(story)
    recovery.recover(story.app)
    assert works_that_run(story) == {tag(work), tag(story.old_work)}


def test_a_canary_runs_again(story: Standing) -> None:
    """Visitors who are sent to the candidate find it, before the switch too."""
    apply(story.world, WITH_CANARY)
    work = until(story, lambda w: w.step == "switch" and "stage" in (w.facts.get("switch") or {}))
    reboot(story)
    recovery.recover(story.app)
    assert works_that_run(story) == {tag(work), tag(story.old_work)}
    assert story.run(work).state is State.DONE


def test_nothing_is_started_beside_a_migration_that_visitors_wait_for(held: Standing) -> None:
    """What was put to rest for it stays at rest; the work itself starts what visitors will reach."""
    story = held
    work = promoted(story)
    story.crash_at = "promotion.migrate.forward.before"
    with pytest.raises(Crash):
        story.engine.run_one()
    reboot(story)
    recovery.recover(story.app)
    assert works_that_run(story) == set()
    story.engine = story.new_engine()
    assert story.run(work).state is State.DONE
    assert works_that_run(story) == {tag(work)}


def test_what_is_retired_meanwhile_is_not_started(story: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """While bytes are verified another control plane may end the bake: the rows are asked again before each start."""
    work = until(story, lambda w: w.step == "bake")
    reboot(story)
    unpack = story.world.artifacts.unpack
    story.world._unpacked.clear()
    ended = []

    def slowly(digest):
        if digest == story.old and not ended:
            ended.append(digest)
            story.world.clock.forward(11)
            story.run(work)
        return unpack(digest)

    monkeypatch.setattr(story.world.artifacts, "unpack", slowly)
    recovery.recover(story.app)
    assert ended
    assert works_that_run(story) == {tag(work)}


def test_processes_that_live_on_are_not_verified_again(story: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart of the control plane alone costs no reading of every byte."""
    recovery.recover(story.app)
    monkeypatch.setattr(story.world.artifacts, "unpack", lambda digest: pytest.fail("read again"))
    story.world._unpacked.clear()
    recovery.recover(story.app)


def test_what_breaks_in_one_environment_holds_up_no_other(story: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised there, an error of ours or not, the others come up."""
    reboot(story)
    prepare = story.world.runtime.prepare

    def full(environment):
        if environment == "staging":
            raise OSError(28, "No space left on device")
        return prepare(environment)

    monkeypatch.setattr(story.world.runtime, "prepare", full)
    recovery.recover(story.app)
    assert works_that_run(story) == {tag(story.old_work)}


def test_a_store_restored_from_a_copy_can_point_the_edge_again(story: Standing) -> None:
    """The edge has seen greater tokens than the store remembers: the store goes on above them."""
    story.world.edge.point("production", Pointer(story.world.environment("production").dial, story.old, 50))
    recovery.recover(story.app)
    work = promoted(story)
    assert story.run(work).state is State.DONE
    pointer = story.world.edge.pointer("production")
    assert pointer is not None
    assert pointer.token > 50


def test_visitors_wait_from_the_restore_point_to_the_switch(held: Standing) -> None:
    """Only work that is carried out now counts, and only as long as it holds them."""
    story = held
    assert recovery.visitors_wait(story.app) == []
    seen: dict[str, list[str]] = {}

    def look(name: str) -> None:
        seen[name] = recovery.visitors_wait(story.app)

    story.engine = watched(story, look)
    work = promoted(story)
    assert story.run(work).state is State.DONE
    assert seen["promotion.restore-point.forward.before"] == ["production"]
    assert seen["promotion.migrate.forward.before"] == ["production"]
    assert seen["promotion.bake.forward.before"] == []
    assert recovery.visitors_wait(story.app) == []


def watched(story: Standing, look: Callable[[str], None]) -> Engine:
    engine = story.new_engine()
    engine.crash = look
    return engine


def test_the_follower_lives_on_whatever_git_does(story: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that does not answer in time is looked at again; others are not held up."""
    apply(story.world, TWO_BRANCHES)

    def run(command, **more):
        if any("main" in word for word in command):
            raise subprocess.TimeoutExpired("git", 30)
        return subprocess.CompletedProcess(command, 0, "abcdef1\n", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert follow.Follower(story.app).look() == ["abcdef1"]
    with story.world.store.database.reading() as tx:
        assert len(story.world.store.works.find(tx, kinds=[WorkKind.RELEASE])) == 1


def test_work_in_attention_keeps_both_releases(story: Standing) -> None:
    """A person looks at what is there: nothing of it ends because the machine was restarted."""
    work = until(story, lambda w: w.step == "bake")
    with story.world.store.database.transaction() as tx:
        story.world.store.works.set_columns(tx, work, [State.ACTIVE], state=State.ATTENTION)
    reboot(story)
    recovery.recover(story.app)
    assert works_that_run(story) == {tag(work), tag(story.old_work)}


def test_an_environment_without_a_holder_of_traffic_is_as_its_row_says(story: Standing) -> None:
    """A check that runs there changes nothing about what stands there."""
    added_work(story.world, WorkKind.CHECK, State.ACTIVE, environment="production", release=story.old)
    reboot(story)
    recovery.recover(story.app)
    assert works_that_run(story) == {tag(story.old_work)}


def test_the_rules_of_the_network_stand_before_anything_starts(
    story: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what rests in the keeper nor what is started anew comes before them."""
    reboot(story)
    order = story.world.runtime.calls
    monkeypatch.setattr(story.world.egress, "limit", lambda wanted: order.append(("limit",)))
    recovery.recover(story.app)
    told = [call[0] for call in order if call[0] in ("limit", "wake", "start")]
    assert told[:3] == ["limit", "wake", "start"]


def test_a_claim_that_the_keeper_knows_and_the_store_does_not_is_caught_up_with(story: Standing) -> None:
    """The store was restored from a copy: its next worker is not taken for one that was overtaken."""
    story.world.runtime.fences["production"] = 40
    recovery.recover(story.app)
    assert story.run(promoted(story)).state is State.DONE
    assert story.world.runtime.fences["production"] > 40


def test_what_another_claims_meanwhile_is_left_to_it(story: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keeper refuses who comes with the claim before: nothing is started twice, and nothing else is held up."""
    reboot(story)
    wake = story.world.runtime.wake

    def claimed() -> None:
        wake()
        monkeypatch.setattr(recovery, "_raise_fence", lambda app, name: None)
        story.world.runtime.fences["production"] = 40

    monkeypatch.setattr(story.world.runtime, "wake", claimed)
    recovery.recover(story.app)
    assert works_that_run(story) == set()
    assert works_that_run(story, "staging")
