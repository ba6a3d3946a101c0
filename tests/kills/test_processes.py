"""The keeper, the edge, and everything at once under kill -9, while nothing goes on and while a promotion does."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from greenroom import lifecycle
from greenroom.keeper.client import KeeperClient, KeeperUnavailable
from tests.kills.scene import NEWER, Scene
from tests.life_support import wait_until
from tests.load import Load, ask

pytestmark = pytest.mark.timeout(900)  # the first of them makes the scene

EDGE = "edge"


def lives(play: Scene) -> dict[str, int | None]:
    """Everything that is kept, with its process."""
    return {s.name: s.pid for s in KeeperClient(play.life.home.keeper, heal=True).all()}


def keeper(play: Scene) -> int | None:
    """The keeper's process, if one answers; asking starts none."""
    try:
        return int(KeeperClient(play.life.home.keeper).ping()["pid"])
    except KeeperUnavailable:
        return None


def test_the_keeper_comes_back_by_itself(play: Scene) -> None:
    """Nobody has to ask for anything: soon another keeper is there, and what it keeps are the same processes."""
    with play.visitors() as visitors:
        before = lives(play)
        killed = play.kill_keeper()
        wait_until(lambda: keeper(play) not in (None, killed))
        assert lives(play) == before
    play.assert_sound(visitors)


def test_the_keeper_killed_at_many_moments_of_a_promotion(play: Scene) -> None:
    """Nothing that runs ends or runs twice, and the promotion ends done."""
    with play.visitors() as visitors:
        before = lives(play)
        work = play.promote(NEWER)
        for step in ("prepare", "migrate", "start", "check", "bake", "retire"):
            play.until(work, step)
            play.kill_keeper()
        assert play.ended(work) == "done"
        after = lives(play)
        stay = {name for name in before if not name.startswith("app/production.")}
        assert {n: after[n] for n in stay} == {n: before[n] for n in stay}
    play.assert_sound(visitors)


@contextmanager
def asked(play: Scene) -> Iterator[list[tuple[float, bool]]]:
    """Somebody asks every few milliseconds, each time on a new connection: when, and whether it was answered."""
    seen: list[tuple[float, bool]] = []
    end = threading.Event()

    def ask_on() -> None:
        while not end.is_set():
            at = time.monotonic()
            try:
                seen.append((at, ask(play.production, timeout=10).status == 200))
            except Exception:
                seen.append((at, False))
            time.sleep(0.005)

    visitor = threading.Thread(target=ask_on)
    visitor.start()
    try:
        yield seen
    finally:
        end.set()
        visitor.join()


def outage(seen: list[tuple[float, bool]], since: float) -> float:
    """Seconds from `since` until the first answer after the last question that got none."""
    last = max((at for at, well in seen if not well and at >= since), default=since)
    return next(at for at, well in seen if well and at > last) - since


def test_the_edge_killed_is_back_at_once(play: Scene) -> None:
    """Its visitors miss it for a moment that a person hardly notices, and find everything as it was."""
    outages = []
    for _ in range(5):
        with asked(play) as seen:
            wait_until(lambda: len(seen) > 10)
            at = time.monotonic()
            assert play.kill(EDGE)
            wait_until(lambda: any(well and t > at + 0.3 for t, well in seen))
        outages.append(outage(seen, at))
    told = ", ".join(f"{s * 1000:.0f}" for s in outages)
    print(f"the edge was away for {told} ms after kill -9, median {statistics.median(outages) * 1000:.0f} ms")
    assert statistics.median(outages) < 5
    play.assert_at_one()


def test_a_promotion_survives_the_death_of_the_edge(play: Scene) -> None:
    """Killed in front of the check, the switch and the bake: it ends done; requests are lost only while it is away."""
    with play.visitors() as visitors:
        killed: list[float] = []
        work = play.promote(NEWER)
        for step in ("migrate", "check", "bake"):
            play.until(work, step)
            killed.append(time.monotonic() - visitors.began)
            play.kill(EDGE)
        state = play.ended(work)
        answered(visitors)
    assert state == "done", play.work(work)["error"]
    assert all(any(at - 0.5 <= lost <= at + 20 for at in killed) for lost in losses(visitors))
    play.assert_at_one()


def test_everything_of_ours_killed_at_once(play: Scene) -> None:
    """Control plane, keeper and edge die in the middle of a promotion: the applications live on, `up` brings the rest
    back, and the promotion ends done."""
    with play.visitors():
        work = play.promote(NEWER)
        play.until(work, "bake")
        before = sorted(play.serving())
        pids = {name: pid for name, pid in lives(play).items() if name.startswith(("app/", "postgres"))}
        play.kill(lifecycle.CONTROL_PLANE)
        play.kill(EDGE)
        play.kill_keeper()
        assert sorted(play.serving()) == before
        play.up()
        again = lives(play)
        assert {name: again.get(name, pid) for name, pid in pids.items()} == pids
        assert play.ended(work) == "done"
    with play.visitors() as visitors:
        pass
    play.assert_sound(visitors)


def answered(visitors: Load) -> None:
    """The visitors are served again."""
    visitors.wait_for(visitors.result.requests + 20)


def losses(visitors: Load) -> list[float]:
    """When requests were lost, in seconds after the visitors came."""
    return [float(re.search(r" at ([0-9.]+) s", how)[1]) for how in visitors.result.lost]  # type: ignore[index]
