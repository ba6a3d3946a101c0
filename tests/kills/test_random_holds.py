"""kill -9 of whatever there is while visitors are held, at random moments."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress

import pytest

from greenroom import lifecycle
from tests.kills.scene import (
    ENDED,
    ENDS,
    HALTING,
    HELD_SECONDS,
    HOLDING,
    HUSHED,
    OLDER,
    TORN_HUSHED,
    Scene,
)
from tests.kills.test_processes import EDGE, losses
from tests.kills.test_random import BACK, SEED

KEEPER = "keeper"
VICTIMS = (
    (lifecycle.CONTROL_PLANE,),
    (KEEPER,),
    (EDGE,),
    (lifecycle.CONTROL_PLANE, KEEPER),
    (KEEPER, EDGE),
    (lifecycle.CONTROL_PLANE, KEEPER, EDGE),
)
"""Who dies at once; in this order, so that nobody who is left brings the others back in between."""
HOLDS: dict[str, float] = {HOLDING: 3.0, HALTING: 4.0, HUSHED: 0.6, TORN_HUSHED: 0.6}
"""For about how many seconds visitors are held, where nobody dies."""
WAY_BACK_SECONDS = 3.0
AWAY_SECONDS = 15.0
"""From the death of the edge to the last request that it costs: a person says `up` where its keeper died with it."""


def begun(play: Scene, version: str, chance: random.Random) -> tuple[str, str, float]:
    """A way into production that holds visitors, or one back: the work, how it should end, how long it holds them."""
    if play.release_in_production() == OLDER:
        return play.promote(version), ENDS[version], HOLDS[version]
    return chance.choice(BACK[2:])(play), "done", WAY_BACK_SECONDS


def strike(play: Scene, work: str, victims: tuple[str, ...], within: float) -> tuple[float, bool]:
    """Kill them all at that moment of the hold; when it was, on the monotonic clock, and whether visitors waited."""
    deadline = time.monotonic() + HELD_SECONDS
    while not play.is_held() and play.work(work)["state"] not in ENDED:
        assert time.monotonic() < deadline, play.work(work)
    time.sleep(within)
    pids = [play.keeper_pid() if name == KEEPER else play.pid_of(name) for name in victims]
    at, held = time.monotonic(), play.is_held()
    for pid in pids:
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return at, held


@pytest.mark.long
@pytest.mark.timeout(900)
def test_whoever_dies_while_visitors_are_held_they_are_let_go(play: Scene) -> None:
    """Control plane, keeper and edge, each and together, at a random moment of a hold: the work ends as it should,
    nobody waits longer than the edge promises, and only the edge's own death costs requests."""
    chance = random.Random(SEED)
    play.make(*HOLDS)
    versions = [v for v in HOLDS for _ in range(2)]
    chance.shuffle(versions)
    hits = 0
    for number, version in enumerate(versions):
        victims = VICTIMS[number % len(VICTIMS)]
        said = f"GREENROOM_KILLS_SEED={SEED}, number {number}: {version}, {victims}"
        began = time.monotonic()
        with play.visitors() as visitors:
            work, state, seconds = begun(play, version, chance)
            at, held = strike(play, work, victims, chance.uniform(0, seconds))
            hits += held
            assert play.ended(work) == state, (said, play.work(work))
            assert not play.is_held(), said
            visitors.wait_for(visitors.result.requests + 20)
        lost = losses(visitors)
        if EDGE in victims:
            assert all(at - began - 1 <= when <= at - began + AWAY_SECONDS for when in lost), (
                said,
                visitors.result.lost,
            )
            play.assert_at_one()
        else:
            play.assert_sound(visitors)
    assert play.insist(lambda: play.owner.get("ledger", "verify"))["verified"]
    print(f"seed {SEED}: {hits} of {len(versions)} struck while visitors were held")
    assert hits > len(versions) // 4
