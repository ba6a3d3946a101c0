"""A release that boots stands back behind visitors, and no longer than nobody waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.memory.runtime import MemoryRuntime
from greenroom.domain.errors import Errored
from greenroom.domain.release import MigrationStyle
from greenroom.domain.work import State
from greenroom.ports.probe import Answer
from greenroom.ports.runtime import Fence, Finished
from greenroom.services import promotions
from tests.unit.workflows.story import BAKING, Story
from tests.unit.workflows.test_crashes import ENGINEER, promoted
from tests.unit.workflows.test_ways_back import CONTRACTING
from tests.worlds import memory_app


@pytest.fixture
def ranked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the newer release stood back, each time it was ranked."""
    seen: list[bool] = []
    rank = MemoryRuntime.rank

    def watched(self: MemoryRuntime, instance_id: str, *, stands_back: bool, fence: Fence) -> None:
        seen.append(stands_back)
        rank(self, instance_id, stands_back=stands_back, fence=fence)

    monkeypatch.setattr(MemoryRuntime, "rank", watched)
    return seen


def test_it_stands_back_until_the_last_check_has_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While its journey runs the older release has the processor; when visitors come to it, it has its share."""
    story = Story(tmp_path)
    runtime = story.world.runtime
    assert isinstance(runtime, MemoryRuntime)
    run, during = runtime.run, list[bool]()

    def looking(place: Any, release: Any, command: tuple[str, ...], *more: Any, **named: Any) -> Finished:
        if command == ("python", "journey.py"):
            during.extend(runtime.ranks.values())
        return run(place, release, command, *more, **named)

    monkeypatch.setattr(runtime, "run", looking)
    assert story.run(promoted(story)).state is State.DONE
    assert during == [True]
    assert list(runtime.ranks.values()) == [False]


def test_nobody_stands_back_in_a_rollback(tmp_path: Path, ranked: list[bool]) -> None:
    """People wait for it: what they have now is what they want to get away from."""
    story = Story(tmp_path)
    assert story.run(promoted(story)).state is State.DONE
    ranked.clear()
    work = promotions.roll_back(memory_app(story.world), ENGINEER, "production").work
    assert work is not None
    assert story.run(work.id).state is State.DONE
    assert ranked == []


def test_nobody_stands_back_while_visitors_are_held(tmp_path: Path, ranked: list[bool]) -> None:
    """They wait for the newer release until it is switched to."""
    story = Story(tmp_path, CONTRACTING)
    assert story.run(promoted(story)).state is State.DONE
    assert ranked == []


def test_nobody_stands_back_who_migrates_as_it_starts(tmp_path: Path, ranked: list[bool]) -> None:
    """It may hold locks that visitors wait for."""
    story = Story(tmp_path, BAKING.replace('{style: command, command: "python migrate.py"}', "{style: at-start}"))
    assert story.world.release(story.new).descriptor.migration.style is MigrationStyle.AT_START
    assert story.run(promoted(story)).state is State.DONE
    assert ranked == []


def test_a_check_that_takes_long_is_passed_with_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranked: list[bool]
) -> None:
    """Ten seconds are counted from the boot on, also while a check runs."""
    story = Story(tmp_path)
    run, after = story.world.runtime.run, list[bool]()

    def long(place: Any, release: Any, command: tuple[str, ...], *more: Any, **named: Any) -> Finished:
        if command == ("python", "journey.py"):
            for _ in range(3):
                story.world.clock.sleep(4.0)
                assert not named["cancelled"]()
                after.append(ranked[-1])
        return run(place, release, command, *more, **named)

    monkeypatch.setattr(story.world.runtime, "run", long)
    assert story.run(promoted(story)).state is State.DONE
    assert after == [True, True, False]


def test_a_keeper_that_is_away_for_a_moment_ends_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standing back is a courtesy; coming forward is not, and is tried again with the step."""
    story = Story(tmp_path)
    rank, asked = MemoryRuntime.rank, list[bool]()

    def away(self: MemoryRuntime, instance_id: str, *, stands_back: bool, fence: Fence) -> None:
        asked.append(stands_back)
        if asked.count(stands_back) == 1:
            raise Errored("runtime.unavailable", "the keeper does not answer")
        rank(self, instance_id, stands_back=stands_back, fence=fence)

    monkeypatch.setattr(MemoryRuntime, "rank", away)
    assert story.run(promoted(story)).state is State.DONE
    assert asked.count(False) == 2
    assert not any(story.world.runtime.ranks.values())  # type: ignore[attr-defined]


def test_who_boots_for_long_has_its_share_after_ten_seconds(tmp_path: Path, ranked: list[bool]) -> None:
    """A machine without time to spare must not make a release unhealthy that is merely slow there."""
    story = Story(tmp_path)
    story.engine = story.new_engine(lease_seconds=600.0)  # nothing renews leases here, and booting takes its time
    probe = story.world.probe.get
    met: list[tuple[float, bool]] = []
    began: list[float] = []

    def slow(dial: str, path: str, *, seconds: float) -> Answer:
        now = story.world.clock.monotonic()
        met.append((now - began[0] if began else 0.0, ranked[-1]))
        began.append(now)
        return probe(dial, path, seconds=seconds) if met[-1][0] > 15 else Answer(None, 0.1, "refused")

    story.world.probe.get = slow  # type: ignore[method-assign]
    assert story.run(promoted(story)).state is State.DONE
    assert all(back for passed, back in met if passed < 9.9)
    assert not any(back for passed, back in met if passed > 10.1)
    assert met[-1][0] > 15
    assert ranked.count(False) == 1
    assert len(ranked) < 20  # what it started meanwhile is looked for, less and less often
