"""Applying configuration: what is refused, what is in force, and what the edge serves when something goes wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from greenroom.domain.errors import Errored, Refused
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import judgements, policy, promotions, releases, status
from greenroom.store.database import Database
from tests.unit.services.standing import ENGINEER, MANAGER, ROOT, Standing
from tests.unit.workflows.story import BAKING
from tests.worlds import actor, added_work, apply

LONGER = BAKING.replace("for: 10s", "for: 99s")
WITHOUT_QA = BAKING.replace("  qa: {}\n", "").replace("template: full\n", "")


def bake_seconds(story: Standing) -> float:
    return story.world.project().environment("production").bake.seconds


def test_what_was_applied_is_in_force_at_once(story: Standing) -> None:
    """Whoever applied it sees it with the answer, also when the clock went back since the last one."""
    story.world.clock.forward(-3600)
    assert apply(story.world, LONGER)["changed"]
    assert bake_seconds(story) == 99
    assert apply(story.world, BAKING)["changed"]
    assert bake_seconds(story) == 10


def test_a_policy_applied_by_another_control_plane_is_taken_up(story: Standing) -> None:
    """Who shares the store finds the newer one when it looks."""
    other = policy.AppliedPolicy(story.world.store.database)
    apply(story.world, LONGER)
    assert other().environment("production").bake.seconds == 10
    other.refresh()
    assert other().environment("production").bake.seconds == 99


@pytest.mark.parametrize("kind", [WorkKind.PROMOTION, WorkKind.CHECK])
def test_an_environment_that_work_is_about_is_not_removed(story: Standing, kind: WorkKind) -> None:
    """Work under way never loses its ground; once it ended, the environment may go."""
    work = added_work(story.world, kind, State.WAITING, environment="qa", release=story.new)
    with pytest.raises(Refused) as caught:
        apply(story.world, WITHOUT_QA)
    assert caught.value.code == "policy.in_use"
    assert work.id in caught.value.because
    promotions.cancel(story.app, ENGINEER, work.id)
    story.run(work.id)
    assert apply(story.world, WITHOUT_QA)["changed"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_another_project_is_refused(story: Standing, dry_run: bool) -> None:
    """One home serves one project: the trial run says so too, and nothing changes."""
    other, before = BAKING.replace("project: shop", "project: store"), dict(story.world.edge.sites)
    with pytest.raises(Refused) as refused:
        policy.apply(story.app, ROOT, other, "/nonexistent/repository", dry_run=dry_run)
    assert refused.value.code == "policy.other_project"
    assert "shop" in refused.value.because
    assert refused.value.hint
    assert story.world.project().project == "shop"
    assert story.world.edge.sites == before


def test_an_environment_that_a_release_will_enter_is_not_removed(story: Standing) -> None:
    """A release that is being made for an environment counts as work about it."""
    releases.make(story.app, actor(Role.AUTOMATION), "abcdef1", then_promote="qa")
    with pytest.raises(Refused, match="work is under way"):
        apply(story.world, WITHOUT_QA)


def test_the_edge_is_told_outside_the_transaction(story: Standing) -> None:
    """However long the proxy takes to reload, work goes on meanwhile."""
    wrote = threading.Event()

    def write() -> None:
        with story.world.store.database.transaction():
            wrote.set()

    configure = story.world.edge.configure

    def slowly(sites):
        threading.Thread(target=write, daemon=True).start()
        assert wrote.wait(60)
        configure(sites)

    story.world.edge.configure = slowly
    apply(story.world, LONGER)


def test_the_edge_serves_the_old_sites_when_recording_fails(story: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the edge serves is what is recorded to be in force, whatever breaks."""
    told = []
    monkeypatch.setattr(story.world.edge, "configure", lambda sites: told.append({s.environment for s in sites}))

    def full(*args, **more):
        raise Errored("store.full", "no room")

    monkeypatch.setattr(story.world.store.recorder, "record", full)
    with pytest.raises(Errored, match="no room"):
        apply(story.world, WITHOUT_QA)
    assert ["qa" in names for names in told] == [False, True]
    assert "qa" in {e.name for e in story.world.project().environments}


def test_nothing_asks_for_a_second_connection_while_it_holds_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask at once, nobody waits for ever: the path is walked with one connection for everything."""
    one = classmethod(lambda cls, path, clock: cls(f"sqlite:///{path}", clock, connections=1))
    monkeypatch.setattr(Database, "sqlite", one)
    story = Standing(tmp_path / "one")
    apply(story.world, LONGER)
    work = promotions.promote(story.app, ENGINEER, story.new, "production").work
    assert work is not None
    promotions.why(story.app, ENGINEER, story.new, "production")
    judgements.approve(story.app, MANAGER, story.new, "production")
    status.path(story.app, ENGINEER)
    status.work(story.app, ENGINEER, work.id)
    assert story.run(work.id).state is State.DONE
    promotions.roll_back(story.app, ENGINEER, "production", dry_run=True)
    story.world.store.database.close()
