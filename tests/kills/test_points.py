"""The control plane is killed at every step boundary and inside every step, forwards and while it undoes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from greenroom.domain.plan import PLANS, WorkKind
from tests.kills.scene import HALTING, NEWER, SICK, TORN, Scene

ROUNDS = 2
"""The points of a story are dealt out over this many runs of it: neighbours are killed in different runs."""


KINDS = (WorkKind.PROMOTION, WorkKind.ROLLBACK)
UNDONE = ("visitors are held",)
"""Undone in a way of its own, so that each point of the way back is visited again."""


@dataclass(frozen=True)
class Story:
    """`begin` from 1.0 in production, after `before`; the work that is told of ends in `state`. `bake`: how long
    production bakes meanwhile."""

    begin: Callable[[Scene], str]
    state: str
    before: tuple[str, ...] = ()
    bake: str = "400ms"


def cancelled_in_its_bake(play: Scene) -> str:
    work = play.promote(NEWER)
    play.until(work, "bake")
    play.roll_back()
    return work


STORIES = {
    "promotion": Story(lambda play: play.promote(NEWER), "done"),
    "journey fails": Story(lambda play: play.promote(SICK), "rolled_back"),
    "migration fails half-way": Story(lambda play: play.promote(TORN), "rolled_back"),
    "visitors are held": Story(lambda play: play.promote(HALTING), "rolled_back"),
    "cancelled in its bake": Story(cancelled_in_its_bake, "rolled_back", bake="1m"),
    "rollback": Story(lambda play: play.roll_back(), "done", (NEWER,)),
    "rollback down": Story(lambda play: play.roll_back(mode="down"), "done", (NEWER,)),
    "rollback to a restore point": Story(lambda play: play.roll_back_to_a_point(), "done", (NEWER,)),
}


def run(play: Scene, story: Story, kill_at: list[str]) -> list[str]:
    """Play the story once, killed at these points. Which points its work passed, in the order of passing.

    A control plane does more than the story: a backup that is due passes points of its own, now or another time.
    """
    with play.baking(story.bake) if story.bake != Story.bake else nullcontext():
        return played(play, story, kill_at)


def played(play: Scene, story: Story, kill_at: list[str]) -> list[str]:
    for version in story.before:
        assert play.ended(play.promote(version)) == "done"
    passed = play.crashes.with_name("crashes.passed")
    passed.unlink(missing_ok=True)
    play.crashes.write_text("".join(f"{p}\n" for p in kill_at))
    with play.visitors() as visitors:
        work = story.begin(play)
        state = play.ended(work)
    missed, seen = play.crashes.read_text().split(), dict.fromkeys(passed.read_text().split())
    play.crashes.write_text("")
    assert state == story.state, play.work(work)
    assert missed == []
    play.assert_sound(visitors)
    play.back_to_older()
    return [p for p in seen if p.partition(".")[0] in KINDS]


@pytest.mark.timeout(900)
def test_a_promotion_killed_inside_every_step_ends_done(play: Scene) -> None:
    """Killed once inside each step: it ends done, nobody is turned away, and everything tells one story."""
    inside = [p for p in run(play, STORIES["promotion"], []) if p.count(".") == 2]
    assert {p.split(".")[1] for p in inside} == set(PLANS[WorkKind.PROMOTION].steps)
    run(play, STORIES["promotion"], inside)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_at_every_point_of_every_story_it_ends_by_itself(play: Scene) -> None:
    """Every boundary and every point inside a step, of promotions and rollbacks, forwards and while they are undone."""
    visited: set[str] = set()
    for name, story in STORIES.items():
        points = [p for p in run(play, story, []) if p not in visited or (name in UNDONE and ".backward." in p)]
        for number in range(min(ROUNDS, len(points))):
            run(play, story, points[number::ROUNDS])
        visited.update(points)
    for kind in KINDS:
        for step in PLANS[kind].steps:
            assert any(p.startswith(f"{kind}.{step}.forward.") for p in visited), (kind, step)
    assert len(visited) > 100
