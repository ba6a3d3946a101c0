"""kill -9 of the control plane at a hundred random moments, while production goes forth and back; store: SQLite."""

from __future__ import annotations

import os
import random
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from greenroom import lifecycle
from tests.kills.scene import (
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
