"""The clock of a real control plane jumps a day, forwards and backwards: nothing is stuck, nothing is done twice, the
ledger proves. What counts seconds since the start of the machine goes on as it does on a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from greenroom import lifecycle
from greenroom.adapters.clock import CLOCK_VARIABLE
from greenroom.serving import failure_file
from tests.kills.scene import NEWER, OLDER, Scene, scene
from tests.life_support import wait_until
from tests.unit.workflows.test_clock_jumps import DAY

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

BAKE = "3s"


@dataclass
class Jumping:
    """The scene, and the file that says how far its control plane's clock is off."""

    play: Scene
    file: Path
    off: timedelta = timedelta(0)

    def jump(self, by: timedelta) -> None:
        self.off += by
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{self.off.total_seconds():.0f}")
        fresh.replace(self.file)
        wait_until(lambda: abs(self.now() - (datetime.now(UTC) + self.off)) < timedelta(minutes=1))

    def now(self) -> datetime:
        """What the control plane thinks it is, as its doctor says."""
        said = next(f["said"] for f in self.play.owner.get("doctor") if f["name"] == "clock")
        written = said.rpartition("it is ")[2] if "it is " in said else self._way_out()
        return datetime.strptime(written[:16], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)

    def _way_out(self) -> str:
        found = next(f["next"] for f in self.play.owner.get("doctor") if f["name"] == "clock")
        return str(found.removeprefix("it is "))

    def events(self, work: str) -> list[str]:
        """What the ledger tells of it, in order."""
        told = self.play.owner.get("ledger", limit=500)
        return [e["event"] for e in sorted(told, key=lambda e: e["seq"]) if work in json.dumps(e)]

    def assert_once(self, work: str) -> None:
        """Switched once, ended once."""
        events = self.events(work)
        assert [events.count(e) for e in ("traffic.switched", "promotion.done")] == [1, 1], events


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jumping]:
    file = tmp_path_factory.mktemp("clock") / "seconds"
    file.write_text("0")
    with scene(versions=(OLDER, NEWER), surroundings={CLOCK_VARIABLE: str(file)}) as play:
        config = play.life.repository / "greenroom.yaml"
        config.write_text(config.read_text().replace("for: 400ms", f"for: {BAKE}"))
        assert play.life.run("apply").returncode == 0
        yield Jumping(play, file)


@pytest.fixture
def clock(made: Jumping) -> Jumping:
    if made.off:
        made.jump(-made.off)
    made.play.back_to_older()
    return made


@pytest.mark.parametrize("by", [DAY, -DAY], ids=["forwards", "backwards"])
@pytest.mark.parametrize("step", ["migrate", "bake"])
def test_a_promotion_goes_on_as_if_nothing_were(clock: Jumping, step: str, by: timedelta) -> None:
    """In its migration or its bake: it is done in its time, once, and everybody who was known is still known."""
    play = clock.play
    with play.visitors() as visitors:
        work = play.promote(NEWER)
        play.until(work, step)
        clock.jump(by)
        assert play.ended(work) == "done"
        clock.assert_once(work)
        assert play.manager.get("environments")
    play.assert_sound(visitors)


@pytest.mark.parametrize("by", [DAY, -DAY], ids=["forwards", "backwards"])
def test_a_control_plane_that_dies_after_the_jump(clock: Jumping, by: timedelta) -> None:
    """Its own lease, which seems to have ended long ago or to hold for another day, keeps nobody waiting."""
    play = clock.play
    with play.visitors() as visitors:
        work = play.promote(NEWER)
        play.until(work, "bake")
        clock.jump(by)
        play.kill(lifecycle.CONTROL_PLANE)
        assert play.ended(work) == "done"
        clock.assert_once(work)
    play.assert_sound(visitors)
    assert not failure_file(play.life.home).exists()


def scheduled(clock: Jumping, after: timedelta) -> str:
    """A promotion of the newer release into production at this time, by the control plane's clock."""
    play = clock.play
    at = (datetime.now(UTC) + clock.off + after).replace(tzinfo=None, microsecond=0)
    play.manager.post("approvals", release=NEWER, environment="production")
    asked: dict[str, Any] = {"at": at.isoformat(timespec="minutes"), "timezone": "UTC"}
    return str(play.owner.post("promotions", release=NEWER, environment="production", **asked)["work"]["id"])


def test_a_schedule_runs_once(clock: Jumping) -> None:
    """It waits; a day later it runs, at once and once, and not again when the clock is set right."""
    play = clock.play
    with play.visitors() as visitors:
        work = scheduled(clock, timedelta(hours=2))
        assert play.work(work)["state"] in ("waiting", "queued")
        clock.jump(DAY)
        assert play.ended(work) == "done"
        clock.jump(-DAY)
        play.settle()
        clock.assert_once(work)
    play.assert_sound(visitors)


def test_a_schedule_waits_on_when_the_clock_goes_back(clock: Jumping) -> None:
    """Three hours and a day then; it is done when its time comes."""
    play = clock.play
    with play.visitors() as visitors:
        work = scheduled(clock, timedelta(hours=3))  # another time than in the test before: a schedule is there once
        clock.jump(-DAY)
        assert play.work(work)["state"] in ("waiting", "queued")
        clock.jump(DAY + timedelta(hours=3, minutes=1))
        assert play.ended(work) == "done"
        clock.assert_once(work)
    play.assert_sound(visitors)
