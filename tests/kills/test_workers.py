"""Several workers on one PostgreSQL store: paused past their lease, killed at random."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from greenroom.adapters.home import Home
from greenroom.bootstrap import Control, build
from greenroom.domain.roles import Role
from greenroom.domain.work import ENDED, State
from greenroom.services import judgements, promotions
from tests.kills.scene import ENDS, HALTING, HOLDING, HUSHED, NEWER, OLDER, SICK, TORN, Scene
from tests.kills.telling import told
from tests.life_support import wait_until
from tests.worlds import actor

ENGINEER, MANAGER = actor(Role.ENGINEER), actor(Role.MANAGER, name="mia")
LEASE_SECONDS = 4.0
REPOSITORY = Path(__file__).parents[2]
WHILE_THEY_BOOT, ASLEEP = 0.25, 0.3
"""The share of kills that come before all workers are there (else a slow machine would never see one at work), and the
share of those that are not killed but paused."""
VERSIONS = (NEWER, SICK, TORN, HOLDING, HALTING, HUSHED)
HELD_KILLS = 3
"""How many of them while visitors are held: each costs up to a lease, and the edge holds a request for a minute."""
SEED = int(os.environ.get("GREENROOM_KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)


@dataclass
class Worker:
    """A process of `tests.kills.worker`."""

    process: subprocess.Popen[bytes]
    log: Path

    def state(self) -> str:
        """As in proc(5): R, S, D, T, …"""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def is_ready(self) -> bool:
        return "ready" in self.log.read_text()

    def was_ended(self) -> bool:
        return self.process.poll() == -signal.SIGKILL

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Shop:
    """A scene whose control plane is down: workers do its work, and people ask the services themselves."""

    play: Scene
    control: Control
    hired: list[Worker] = field(default_factory=list)

    @contextmanager
    def worker(self, point: str = "", *, stranger: bool = False) -> Iterator[Worker]:
        made = self.hire(point, stranger=stranger)
        try:
            yield made
        finally:
            made.end()

    def hire(self, point: str = "", *, stranger: bool = False) -> Worker:
        number = len(self.hired) + 1
        log = self.play.life.root / f"worker-{os.getpid()}-{number}.log"
        words = [str(self.play.life.home.root), f"worker-{number}", str(LEASE_SECONDS), point, *["stranger"][:stranger]]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.kills.worker", *words],
                cwd=REPOSITORY, stdout=out, stderr=out, env={**os.environ, **self.play.surroundings},
            )  # fmt: skip
        self.hired.append(Worker(process, log))
        return self.hired[-1]

    def promote(self, version: str) -> str:
        judgements.approve(self.control.app, MANAGER, version, "production")
        work = promotions.promote(self.control.app, ENGINEER, version, "production").work
        assert work is not None
        return work.id

    def roll_back(self, mode: str = "as-is") -> str:
        work = promotions.roll_back(self.control.app, ENGINEER, "production", mode=mode).work
        assert work is not None
        return work.id

    def ended(self, work_id: str, seconds: float = 300) -> str:
        def over() -> bool:
            state = self.control.app.work(work_id).state
            assert state is not State.ATTENTION, self.control.app.work(work_id)
            return state in ENDED

        try:
            wait_until(over, seconds)
        except AssertionError as late:
            workers = [(w.process.pid, w.log) for w in self.hired if w.process.poll() is None]
            raise AssertionError(f"{work_id} did not end\n{told(self.play.store, workers)}") from late
        return self.control.app.work(work_id).state.value

    def version(self) -> str:
        current = self.control.world.environment("production").current
        assert current is not None
        return self.control.world.release(current).version


@pytest.fixture
def shop(on_postgres: Scene, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Whoever goes back in a bake has time for it."""
    play = on_postgres
    play.crashes.write_text("")
    play.up()
    play.back_to_older()
    with play.baking("2m") if ".undo." in request.node.name else nullcontext(), worked_by_others(play) as made:
        yield made


@contextmanager
def worked_by_others(play: Scene) -> Iterator[Shop]:
    play.life.down(applications=False)
    with patch.dict(os.environ, play.surroundings):
        control = build(Home.at(play.life.home.root))
    try:
        yield Shop(play, control)
    finally:
        control.world.store.database.close()
        play.up()
        play.settle()


POINTS = (
    "promotion.start.forward.before",
    "promotion.switch.before-point",
    "promotion.retire.drained",
    "promotion.switch.undo.before-point",
    "promotion.start.undo.drained",
)


ENDED_BY = {"edge.locked": "lock.holder_ended", "runtime.start": "worker.ended"}
"""Where a lease alone does not help: what the other worker's log says."""
FENCED = ("runtime.start", "runtime.stop")
"""Past its last look at its lease, and about to ask the keeper."""
PAUSED = [(p, p != "runtime.start") for p in (*POINTS, *ENDED_BY)] + [(p, True) for p in FENCED]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("point", "stranger"), PAUSED)
def test_a_worker_paused_past_its_lease_touches_nothing(shop: Shop, point: str, stranger: bool) -> None:
    """Another worker takes its work over and ends it; when it goes on it switches, starts and stops nothing. One of
    this machine does not go on, nor does one that holds a lock which the other needs: they are ended. One that nobody
    can end is refused by the edge and by the keeper."""
    ends = point in ENDED_BY and (point, stranger) != ("runtime.start", True)
    with shop.play.visitors() as visitors, shop.worker(point, stranger=stranger) as paused:
        first = shop.promote(NEWER)
        if ".undo." in point:
            wait_until(lambda: shop.control.app.work(first).step == "bake", 240)
            shop.roll_back()
        wait_until(lambda: paused.state() == "T", 240)
        with shop.worker() as other:
            assert shop.ended(first) == ("rolled_back" if ".undo." in point else "done")
            if shop.version() == NEWER:
                assert shop.ended(shop.roll_back()) == "done"
            before = (shop.play.recorded(), sorted(shop.play.serving()), shop.play.kept())
            paused.process.send_signal(signal.SIGCONT)
            wait_until(lambda: paused.was_ended() or "lease.lost" in paused.log.read_text(), 120)
            assert (shop.play.recorded(), sorted(shop.play.serving()), shop.play.kept()) == before
            assert paused.was_ended() == ends
            assert (ENDED_BY[point] if ends else "ready") in other.log.read_text()
            assert ("runtime.stale_token" in paused.log.read_text()) == (stranger and point in FENCED)
    shop.play.assert_at_one(visitors)


@pytest.fixture
def stocked(on_postgres: Scene) -> None:
    """Every version of the storm is made, while there is a control plane to ask for it."""
    on_postgres.up()
    on_postgres.make(*VERSIONS)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_three_workers_killed_and_paused_at_random_finish_everything(stocked: None, shop: Shop) -> None:
    """One of three dies or falls asleep again and again, another comes: all work ends as it should, nobody is turned
    away. Who wakes later changes nothing of it."""
    chance = random.Random(SEED)
    seed = f"GREENROOM_KILLS_SEED={SEED}"
    workers = [shop.hire() for _ in range(3)]
    asleep: list[Worker] = []
    struck = 0
    try:
        with shop.play.visitors() as visitors:
            for _ in range(8):
                until = time.monotonic() + chance.uniform(0.5, 3)
                must_boot = chance.random() > WHILE_THEY_BOOT
                if shop.version() == OLDER:
                    version = chance.choice(VERSIONS)
                    work, state = shop.promote(version), ENDS[version]
                else:
                    work, state = shop.roll_back(chance.choice(("as-is", "down"))), "done"
                while_held, was_held = 0, False
                while shop.control.app.work(work).state not in ENDED:
                    held = shop.play.is_held()
                    while_held = while_held if held else 0
                    if held and not was_held:  # holds are short beside the pauses: one more is meant for each
                        until = time.monotonic() + chance.uniform(0, 2)
                    was_held = held
                    if must_boot and not all(worker.is_ready() for worker in workers):
                        until = time.monotonic() + chance.uniform(0.5, 3)
                    elif time.monotonic() > until and while_held < HELD_KILLS:
                        worker = workers.pop(chance.randrange(3))
                        if chance.random() < ASLEEP:
                            worker.process.send_signal(signal.SIGSTOP)
                            asleep.append(worker)
                        else:
                            worker.end()
                        workers.append(shop.hire())
                        while_held += held
                        struck += held
                        until = time.monotonic() + chance.uniform(0.5, 3)
                        must_boot = chance.random() > WHILE_THEY_BOOT
                    time.sleep(0.02)
                assert shop.ended(work) == state, seed
                for worker in asleep:
                    worker.process.send_signal(signal.SIGCONT)
                shop.play.assert_at_one(visitors)
                while asleep:
                    asleep.pop().end()
        print(f"seed {SEED}: {struck} died or fell asleep while visitors were held")
    finally:
        for worker in workers + asleep:
            worker.end()
