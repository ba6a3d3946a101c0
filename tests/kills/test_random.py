"""kill -9 of the control plane at a hundred random moments, while production goes forth and back; store: SQLite."""

from __future__ import annotations

import os
import random
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from greenroom import lifecycle
from tests.kills.scene import NEWER, OLDER, SICK, TORN, Scene

KILLS = int(os.environ.get("GREENROOM_KILLS", "100"))
SEED = int(os.environ.get("GREENROOM_KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
WHILE_IT_BOOTS = 0.25
"""The share of kills that come before the control plane answers again."""


LIFE_SECONDS = 2.5
"""The most that a life lasts once it answers: it takes up work only when all that should run runs again."""
ACT_SECONDS = 300.0


class Killer(threading.Thread):
    """Kills the control plane at random moments, until it has done so often enough or is told to stop."""

    def __init__(self, play: Scene, chance: random.Random) -> None:
        super().__init__(name="killer")
        self._play, self._chance = play, chance
        self.kills = 0
        self.doubles: list[list[str]] = []
        self.broke: BaseException | None = None
        self.told_to_stop = threading.Event()

    def run(self) -> None:
        try:
            while self.kills < KILLS and not self.told_to_stop.is_set():
                self._wait()
                serving = self._play.serving()
                if len(serving) != len(set(serving)):
                    self.doubles.append(serving)
                self.kills += self._play.kill(lifecycle.CONTROL_PLANE)
        except BaseException as e:
            self.broke = e

    def _wait(self) -> None:
        if self._chance.random() > WHILE_IT_BOOTS:
            while not self._answers() and not self.told_to_stop.is_set():
                time.sleep(0.02)
            time.sleep(self._chance.uniform(0, LIFE_SECONDS))
        else:
            time.sleep(self._chance.uniform(0, 1.2))

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
    """Something that may happen to production as it is now: the work, and the state that it should end in.

    Nothing that holds its visitors: the edge holds a request for a minute, and such a storm may outlast that.
    `test_points` kills those.
    """
    if play.release_in_production() == OLDER:
        version = chance.choice((NEWER, NEWER, SICK, TORN))
        return play.promote(version), "done" if version == NEWER else "rolled_back"
    return play.roll_back(), "done"


def endure(play: Scene, seed: int) -> int:
    """Acts follow one another until the killer is satisfied; the number of acts."""
    chance, acts = random.Random(seed + 1), 0
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
    told = f"seed {seed}: {KILLS} kills in {acts} acts, {visitors.result.requests} requests, {play.ups} times `up`"
    print(told)
    return acts


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hundred_kills_at_random_on_sqlite(play: Scene) -> None:
    """All work ends as it should, by itself; nobody is turned away; everything tells one story after every act."""
    assert endure(play, SEED) > 0, f"GREENROOM_KILLS_SEED={SEED}"
