"""Collection removes what nobody needs, and never what somebody is about to need."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import collect, promotions, releases
from greenroom.services.record_keeping import verify
from greenroom.store import records
from greenroom.workflows.steps import make_release
from tests.unit.services.standing import ENGINEER, MANAGER, Standing
from tests.worlds import actor, sealed


@pytest.fixture
def sealing(story: Standing, monkeypatch: pytest.MonkeyPatch) -> Standing:
    """Commits of this story have a configuration without a repository on the disk."""
    monkeypatch.setattr(make_release, "_descriptor", lambda context, source: story.world.project().descriptor("9.9"))
    return story


def collected(story: Standing) -> Any:
    story.world.clock.forward(60)
    return collect.collect(story.app, ENGINEER, keep_newest=1)


def test_what_is_nowhere_goes_and_its_row_stays(story: Standing) -> None:
    """Bytes go, the ledger still tells of it, and what environments hold is untouched."""
    useless = sealed(story.world, "0.1")
    story.world.clock.forward(60)
    sealed(story.world, "0.2")
    assert collect.collect(story.app, ENGINEER, keep_newest=1)["freed_bytes"] > 0
    assert useless not in story.world.artifacts.digests()
    assert {story.old, story.new} <= story.world.artifacts.digests()
    assert verify(story.app, MANAGER)["problems"] == []


def test_a_release_between_its_seal_and_its_row_is_not_removed(sealing: Standing) -> None:
    """Whatever instant a collection comes at, a release that is recorded has its bytes."""
    work = releases.make(sealing.app, actor(Role.DEVELOPER), "abcdef1")
    sealing.engine.crash = lambda name: collected(sealing) if name == "release.seal.sealed" else None
    assert sealing.run(work.id).state is State.DONE
    with sealing.world.store.database.reading() as tx:
        made = records.release(tx, "9.9")
    assert made.digest in sealing.world.artifacts.digests()


def test_a_release_that_is_made_again_is_not_removed(sealing: Standing) -> None:
    """The same commit gives the same bytes: those there count as being made."""
    first = releases.make(sealing.app, actor(Role.DEVELOPER), "abcdef1")
    sealing.run(first.id)
    sealing.world.clock.forward(60)
    sealed(sealing.world, "newest")
    again = releases.make(sealing.app, actor(Role.DEVELOPER), "abcdef1")
    sealing.engine.crash = lambda name: collected(sealing) if name == "release.seal.sealed" else None
    assert sealing.run(again.id).state is State.DONE
    with sealing.world.store.database.reading() as tx:
        assert records.release(tx, "9.9").digest in sealing.world.artifacts.digests()


def test_bytes_go_only_when_it_is_recorded_and_nobody_waits(story: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """While bytes are removed others may write, and the release is not to be had any more."""
    useless = sealed(story.world, "0.1")
    story.world.clock.forward(60)
    sealed(story.world, "0.2")
    removed = []

    def remove(gone):
        with story.world.store.database.transaction() as tx:
            assert useless not in {r.digest for r in records.releases(tx)}
        removed.extend(gone)
        return 1

    monkeypatch.setattr(story.world.artifacts, "remove", remove)
    collect.collect(story.app, ENGINEER, keep_newest=1)
    assert useless in removed


def test_what_unfinished_work_is_about_stays(story: Standing) -> None:
    """A promotion that waits for an approval finds its release."""
    waits = sealed(story.world, "3.0")
    work = promotions.promote(story.app, actor(Role.AUTOMATION), waits, "dev").work
    assert work is not None
    assert work.kind is WorkKind.PROMOTION
    story.world.clock.forward(60)
    sealed(story.world, "4.0")
    collected(story)
    assert waits in story.world.artifacts.digests()
