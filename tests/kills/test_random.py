"""kill -9 of the control plane at a hundred random moments, while production goes forth and back; store: SQLite. And of
whatever there is while visitors are held."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from greenroom import lifecycle
from tests.kills.scene import (
    ENDED,
    ENDS,
    HALTING,
    HELD_SECONDS,
    HOLDING,
    HUSHED,
    NEWER,
    OLDER,
    SICK,
    TORN,
    TORN_HUSHED,
    Scene,
)
from tests.kills.test_processes import EDGE, losses

KILLS = int(os.environ.get("GREENROOM_KILLS", "100"))
SEED = int(os.environ.get("GREENROOM_KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
WHILE_IT_BOOTS = 0.25
"""The share of kills that come before the control plane answers again."""


LIFE_SECONDS = 2.5
"""The most that a life lasts once it answers: it takes up work only when all that should run runs again."""
ACT_SECONDS = 300.0
HELD_KILLS = 3
"""How often it kills while visitors are held: the edge holds a request for a minute, and a storm can outlast that."""
VERSIONS = (NEWER, NEWER, SICK, TORN, HOLDING, HALTING, HUSHED, TORN_HUSHED)
BACK: tuple[Callable[[Scene], str], ...] = (
    Scene.roll_back,
    Scene.roll_back,
    lambda play: play.roll_back(mode="down"),
    Scene.roll_back_to_a_point,
)
"""The last two hold visitors."""


class Killer(threading.Thread):
    """Kills the control plane at random moments, until it has done so often enough or is told to stop."""

    def __init__(self, play: Scene, chance: random.Random) -> None:
        super().__init__(name="killer")
        self._play, self._chance = play, chance
        self.kills = 0
        self.held_kills = 0
        self._in_this_hold = 0
        self.doubles: list[list[str]] = []
        self.broke: BaseException | None = None
        self.told_to_stop = threading.Event()

    def run(self) -> None:
        try:
            while self.kills < KILLS and not self.told_to_stop.is_set():
                self._wait()
                self._spare_the_held()
                serving = self._play.serving()
                if len(serving) != len(set(serving)):
                    self.doubles.append(serving)
                held = self._play.is_held()
                self.kills += (killed := self._play.kill(lifecycle.CONTROL_PLANE))
                self.held_kills += killed and held
                self._in_this_hold += killed and held
        except BaseException as e:
            self.broke = e

    def _wait(self) -> None:
        if self._chance.random() > WHILE_IT_BOOTS:
            while not self._answers() and not self.told_to_stop.is_set():
                time.sleep(0.02)
            time.sleep(self._chance.uniform(0, LIFE_SECONDS))
        else:
            time.sleep(self._chance.uniform(0, 1.2))

    def _spare_the_held(self) -> None:
        """Enough is enough for them: wait until they were let go."""
        if self._in_this_hold >= HELD_KILLS:
            deadline = time.monotonic() + HELD_SECONDS
            while self._play.is_held() and not self.told_to_stop.is_set():
                assert time.monotonic() < deadline, "visitors are held, and nobody lets them go"
                time.sleep(0.02)
        if not self._play.is_held():
            self._in_this_hold = 0

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._play.owner.credentials.url}/healthz", timeout=5):
                return True
        except OSError:
            return False


@contextmanager
def storm(play: Scene, seed: int) -> Iterator[Killer]:
    killer = Killer(play, random.Random(seed))
    killer.start()
    try:
        yield killer
    finally:
        killer.told_to_stop.set()
        killer.join()


def next_act(play: Scene, chance: random.Random) -> tuple[str, str]:
    """Something that may happen to production as it is now: the work, and the state that it should end in."""
    if play.release_in_production() == OLDER:
        version = chance.choice(VERSIONS)
        return play.promote(version), ENDS[version]
    return chance.choice(BACK)(play), "done"


def endure(play: Scene, seed: int) -> int:
    """Acts follow one another until the killer is satisfied; the number of acts."""
    chance, acts = random.Random(seed + 1), 0
    play.make(*VERSIONS)
    with play.visitors() as visitors, storm(play, seed) as killer:
        while killer.is_alive():
            work, state = next_act(play, chance)
            assert play.ended(work, ACT_SECONDS) == state, play.work(work)
            play.assert_sound(visitors)
            acts += 1
        killer.join()
        assert killer.broke is None
        assert killer.doubles == []
        assert killer.kills == KILLS
        work, state = next_act(play, chance)
        assert play.ended(work) == state, play.work(work)
    play.assert_sound(visitors)
    longest = max(visitors.result.seconds)
    told = f"seed {seed}: {KILLS} kills ({killer.held_kills} while visitors were held) in {acts} acts,"
    print(f"{told} {visitors.result.requests} requests, the longest {longest:.1f} s, {play.ups} times `up`")
    return acts


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hundred_kills_at_random_on_sqlite(play: Scene) -> None:
    """All work ends as it should, by itself; nobody is turned away; everything tells one story after every act."""
    assert endure(play, SEED) > 0, f"GREENROOM_KILLS_SEED={SEED}"


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
