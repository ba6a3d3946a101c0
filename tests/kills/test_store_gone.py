"""The store is away for a while in the middle of work: it waits and goes on, and whoever asks is told plainly."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest

from greenroom import lifecycle
from greenroom.cli.client import Unreachable
from greenroom.domain.errors import GreenroomError
from greenroom.serving import failure_file
from tests.kills.postgres_store import PostgresStore
from tests.kills.scene import NEWER, Scene, refused
from tests.life_support import wait_until

pytestmark = pytest.mark.timeout(900)

LONGER_THAN_ANYBODY_WAITS = 120.0
"""Seconds; a connection to SQLite waits 30 for its turn, or longer where its many short sleeps take longer."""


def assert_plain(told: GreenroomError | None) -> None:
    """It says that the store does not answer, what to do, and nothing of how the program is made."""
    assert told is not None
    assert told.code == "store.unavailable", told
    text = str(told.as_dict())
    assert told.hint
    assert not any(word in text for word in ("Traceback", "sqlalchemy", "psycopg", "SELECT", ".py")), text


def test_postgres_stops_and_comes_back_in_a_promotion(on_postgres: Scene, postgres: PostgresStore) -> None:
    """The API says that the store does not answer; once it is back the promotion ends done, and nothing is lost."""
    play = on_postgres
    play.back_to_older()
    with play.visitors() as visitors:
        work = play.promote(NEWER)
        play.until(work, "migrate")
        postgres.stop()
        assert_plain(refused(lambda: play.owner.get("work", work)))
        assert_plain(refused(lambda: play.manager.post("approvals", release=NEWER, environment="production")))
        time.sleep(2)  # the worker has something to write meanwhile
        postgres.start()
        wait_until(lambda: refused(lambda: play.owner.get("work", work)) is None)
        assert play.ended(work) == "done"
    play.assert_sound(visitors)


def test_a_control_plane_that_finds_no_store_waits_for_it(on_postgres: Scene, postgres: PostgresStore) -> None:
    """Killed while the store is away it is started again and again until it finds it, and goes on."""
    play = on_postgres
    play.back_to_older()
    with play.visitors() as visitors:
        work = play.promote(NEWER)
        play.until(work, "check")
        postgres.stop()
        play.kill(lifecycle.CONTROL_PLANE)
        wait_until(lambda: "store.unreadable" in failure_file(play.life.home).read_text())
        assert isinstance(refused(lambda: play.owner.get("work", work)), Unreachable)
        postgres.start()
        assert play.ended(work) == "done"
    play.assert_sound(visitors)


@pytest.mark.long
def test_sqlite_held_by_another_program_in_a_promotion(play: Scene) -> None:
    """Longer than anybody waits for a turn: reading goes on, writing is refused plainly, then the work is done."""
    told: list[GreenroomError | None] = []

    def ask() -> None:
        told.append(refused(lambda: play.manager.post("freezes", environment="production", reason="now")))

    with play.visitors() as visitors:
        work = play.promote(NEWER)
        play.until(work, "migrate")
        other = sqlite3.connect(play.life.home.store, timeout=30, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=ask)
        writer.start()
        until = time.monotonic() + LONGER_THAN_ANYBODY_WAITS
        while writer.is_alive():
            assert time.monotonic() < until, "whoever wants to write waits on and on"
            assert play.work(work)["state"] == "active"
            time.sleep(0.5)
        other.execute("ROLLBACK")
        other.close()
        writer.join()
        assert_plain(told[0])
        assert play.ended(work) == "done"
    play.assert_sound(visitors)
