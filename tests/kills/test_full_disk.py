"""The disk of a whole home is full, for real, at the worst moments: production answers, the error names the disk and
what to do, nothing half-made counts, and with room again work goes on or ends by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from greenroom import lifecycle
from greenroom.bootstrap import build
from greenroom.domain.release import Services
from tests.kills.scene import NEWER, OLDER, PATIENT_SECONDS, Scene, refused, scene
from tests.life_support import wait_until
from tests.load import Load, Style
from tests.small_disk import SmallDisk, small_disk

pytestmark = [pytest.mark.needs("root", "loop"), pytest.mark.long, pytest.mark.timeout(900)]

READING = (Style(), Style(keep_alive=False))
"""What visitors write lies on this disk too: for them it is as full as for us."""
NOTES = """INSERT INTO note (text) SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 1000000) n
 GROUP BY n / 500"""  # some 32 MB
RESERVED = 260 * 10**6
"""Bytes with which a release is begun."""


@dataclass
class Full:
    """The scene, and the disk that its home is alone on."""

    play: Scene
    disk: SmallDisk

    @contextmanager
    def visitors(self) -> Iterator[Load]:
        with Load(self.play.production, styles=READING, workers=2, pause=0.03, timeout=PATIENT_SECONDS) as load:
            load.wait_for(10)
            yield load

    @contextmanager
    def filled_as_soon_as(self, happens: Callable[[], Any]) -> Iterator[threading.Event]:
        """The disk is filled at this moment; set once it is."""
        full, end = threading.Event(), threading.Event()

        def look() -> None:
            while not end.is_set():
                if happens():
                    self.disk.fill()
                    full.set()
                    return
                time.sleep(0.002)

        eyes = threading.Thread(target=look)
        eyes.start()
        try:
            yield full
        finally:
            end.set()
            eyes.join()

    def names_the_disk(self, told: dict[str, Any]) -> None:
        """Which disk, that it is full, what to do; no word that it were a defect or the commit's fault."""
        text = f"{told['message']} {told['because']}"
        assert told["outcome"] == "errored", told["because"]
        assert "full" in told["message"], told
        assert str(self.disk.root) in text, told
        assert told["next"].startswith("make room on it"), told

    def make_room(self) -> None:
        self.disk.make_room()
        self.play.settle()

    def assert_whole(self, load: Load) -> None:
        """Visitors, rows, ledger, releases and restore points: all as it should be, nothing left lying about."""
        self.play.assert_sound(load)
        # A backup or drill that met the full disk is said, rightly, and comes again later.
        met = ("disk", "backups production")
        shown = self.play.owner.get("doctor")
        assert [f for f in shown if f["outcome"] != "passed" and f["name"] not in met] == []
        home = self.play.life.home
        assert list(home.work.iterdir()) == []
        left = [p for p in home.root.rglob(".*") if p.name.startswith((".tmp-", ".api.json")) or p.suffix == ".partial"]
        assert left == []

    def back_to_older(self) -> None:
        self.disk.make_room()
        self.play.back_to_older()


@pytest.fixture(scope="module")
def made() -> Iterator[Full]:
    disks: list[SmallDisk] = []
    with ExitStack() as ground:

        @contextmanager
        def small(root: Path) -> Iterator[SmallDisk]:
            with small_disk(root, 900) as disk:
                disks.append(disk)
                yield disk

        play = ground.enter_context(scene(versions=(OLDER, NEWER), ground=small))
        yield Full(play, disks[0])


@pytest.fixture
def full(made: Full) -> Iterator[Full]:
    made.back_to_older()
    yield made
    made.disk.make_room()


def test_everything_waits_for_room_and_then_goes_on(full: Full) -> None:
    """No byte is left: reading goes on, writing is refused plainly; with room the promotion that was asked for before
    ends by itself, and the log says how much of it is missing."""
    play = full.play
    with full.visitors() as load:
        full.disk.fill(1 << 16)
        refused(lambda: play.promote(NEWER))
        full.disk.fill()
        told = (refused(lambda: play.owner.post("accounts", name=f"n{n}", roles=["tester"])) for n in range(2_000))
        full.names_the_disk(next(e for e in told if e is not None).as_dict())  # the store's log may have room inside
        assert {e["name"] for e in play.owner.get("environments")} == {"dev", "production"}
        assert any(f["name"] == "disk" and f["outcome"] == "failed" for f in play.owner.get("doctor"))
        log = play.life.home.logs / "control-plane.log"
        wait_until(lambda: log.stat().st_size % 4096 == 0)  # worker threads try, and log what they meet
        full.disk.make_room()
        wait_until(lambda: "log.lost" in log.read_text())
        play.settle()
    full.assert_whole(load)


def test_a_control_plane_that_dies_on_a_full_disk(full: Full) -> None:
    """It cannot come back, and whoever says `up` is told why; with room it comes back by itself and goes on."""
    play = full.play
    with full.visitors() as load:
        full.disk.fill()
        play.kill(lifecycle.CONTROL_PLANE)
        told = play.insist(lambda: refused(lambda: play.up_if_waiting()), 5)
        assert told is None or told.code in ("home.disk_full", "store.unreadable"), told
        full.make_room()
        assert play.ended(play.promote(NEWER)) == "done"
    full.assert_whole(load)


@pytest.mark.parametrize("step", ["fetch", "build", "clean-room", "seal"])
def test_full_while_a_release_is_made(full: Full, step: str) -> None:
    """Whatever step it happens in: the commit is not blamed, nothing of it counts, and later it is released."""
    play = full.play
    version = step.replace("-", "_")
    commit = play.life.recommit(version)
    with full.visitors() as load:
        work = play.owner.post("releases", commit=commit)["id"]
        with full.filled_as_soon_as(lambda: full.play.work(work)["step"] in (step, None)) as happened:
            assert happened.wait(240)
            with suppress(AssertionError):  # the step answers, but the store may have no room for what it says
                wait_until(lambda: play.work(work)["step"] != step, 6)
        full.make_room()
        ended = play.work(work)
        if ended["state"] != "done":
            assert ended["state"] == "rejected"
            full.names_the_disk(ended["error"])
            assert play.ended(play.owner.post("releases", commit=commit)["id"]) == "done"
        versions = [r["version"] for r in play.owner.get("releases")]
        assert versions.count(version) == 1
    full.assert_whole(load)


def test_no_release_is_begun_on_a_disk_that_is_nearly_full(full: Full) -> None:
    """It ends at once and says how much is free, before it has taken any of it."""
    play = full.play
    commit = play.life.recommit("nearly")
    with full.visitors() as load:
        full.disk.fill(RESERVED // 2)
        work = play.owner.post("releases", commit=commit)["id"]
        play.settle()
        ended = play.work(work)
        assert (ended["state"], ended["error"]["code"]) == ("rejected", "release.disk_low")
        full.names_the_disk(ended["error"])
        full.disk.make_room()
        assert play.ended(play.owner.post("releases", commit=commit)["id"]) == "done"
    full.assert_whole(load)


def test_full_while_a_restore_point_is_dumped(full: Full) -> None:
    """Half a dump is no restore point: none is listed, nothing was changed, and the promotion is done later."""
    play = full.play
    url = build(play.life.home).world.databases.ensure("production", Services(18)).url.reveal()
    with psycopg.connect(url) as connection:
        connection.execute(NOTES)
    points = play.life.home.environments / "production" / "restore-points"
    before = {p.name for p in points.glob("[!.]*")}
    with full.visitors() as load:
        with full.filled_as_soon_as(lambda: list(points.glob(".*.partial/archive/*.dat"))) as happened:
            work = play.promote(NEWER)
            assert happened.wait(240)
            time.sleep(2)
        assert {p.name for p in points.glob("[!.]*")} == before
        full.make_room()
        ended = play.work(work)
        if ended["state"] != "done":
            full.names_the_disk(ended["error"])
            assert play.ended(play.promote(NEWER)) == "done"
    full.assert_whole(load)


def test_full_while_it_bakes(full: Full) -> None:
    """Going back needs the edge's files and the store: visitors stay where they are served, and nothing is stuck."""
    play = full.play
    with full.visitors() as load:
        work = play.promote(NEWER)
        play.until(work, "switch", "bake", "retire")
        full.disk.fill()
        time.sleep(2)
        full.make_room()
        assert play.work(work)["state"] in ("done", "rolled_back")
    full.assert_whole(load)


def test_no_promotion_begins_on_a_full_disk(full: Full) -> None:
    """With too little room it ends by itself, before anything changed, and nobody was held."""
    play = full.play
    with full.visitors() as load:
        full.disk.fill(16 << 20)
        work = play.promote(NEWER)
        play.settle()
        ended = play.work(work)
        assert ended["state"] == "rolled_back"
        full.names_the_disk(ended["error"])
        assert play.release_in_production() == OLDER
    full.disk.make_room()
    full.assert_whole(load)


def test_up_on_a_full_disk_says_so(full: Full) -> None:
    """A home that is down does not come up without a byte; it says why, changes nothing, and comes up with room."""
    play = full.play
    with full.visitors() as load:
        assert play.life.run("down", "--keep-applications").returncode == 0
        full.disk.fill()
        told = play.life.run("up")
        assert told.returncode == 3, told.stderr
        assert "is full" in told.stderr and "make room" in told.stderr, told.stderr
        full.disk.make_room()
        play.up()
    full.assert_whole(load)
