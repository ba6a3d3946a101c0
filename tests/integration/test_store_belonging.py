"""A PostgreSQL store that two homes name: it belongs to the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from greenroom.adapters.home import Home
from greenroom.adapters.runtimes import users
from greenroom.bootstrap import Control, build
from greenroom.config.load import load
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.release import Services
from greenroom.store.tables import SCHEMA_VERSION
from tests.life_support import free_ports
from tests.postgres_ground import ground, query
from tests.runtime_support import made_home
from tests.worlds import FULL


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    with ground() as made:
        yield made.databases().ensure("dev", Services()).url.reveal()


@pytest.fixture(autouse=True)
def _no_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the homes runs anything, so they need none of the machine's users."""
    monkeypatch.setattr(users, "can_separate", lambda: False)


@contextmanager
def control(home: Home) -> Iterator[Control]:
    made = build(home, first=load(FULL))
    try:
        yield made
    finally:
        made.world.store.database.close()


def test_a_second_home_is_refused(plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told whose the store is and what to do; nothing of the store changes, and the first goes on. Were it let
    in, both would take up the same work, each with processes of its own."""
    monkeypatch.setenv("GREENROOM_STORE", plain.replace("postgresql://", "postgresql+psycopg://", 1))
    with made_home() as first, made_home() as second:
        with control(first) as one:
            owner = one.engine.owner
        query(plain, "UPDATE meta SET value = '1' WHERE key = 'schema'")  # as if the first were an older Greenroom
        before = query(plain, "SELECT key, value FROM meta ORDER BY key")
        for _ in range(2):
            with pytest.raises(Refused) as refused, control(second):
                raise AssertionError("two homes work on one store")
            assert refused.value.code == "store.other_home"
            assert str(first.root) in refused.value.message
            assert "GREENROOM_STORE" in refused.value.message
            assert refused.value.hint
        assert query(plain, "SELECT key, value FROM meta ORDER BY key") == before
        query(plain, f"UPDATE meta SET value = '{SCHEMA_VERSION}' WHERE key = 'schema'")
        with control(first) as again:
            assert again.engine.owner == owner
        (second.private / "owner").write_text(owner)  # its private/ was brought back elsewhere
        with control(second) as moved:
            assert moved.engine.owner == owner


def test_a_store_that_is_away_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also before anything is known of it: whoever starts the control plane reads why, not a trace of calls."""
    (port,) = free_ports("store").values()
    monkeypatch.setenv("GREENROOM_STORE", f"postgresql+psycopg://somebody:word@127.0.0.1:{port}/store")
    with made_home() as home, pytest.raises(Errored) as away, control(home):
        raise AssertionError("it opened a store that is not there")
    assert away.value.code == "store.unreadable"
    assert "refused" in away.value.because
    assert "word" not in str(away.value.as_dict())


def test_a_store_in_the_home_is_the_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of a SQLite file where it always lies: a copy of it is put into another home as it is."""
    monkeypatch.delenv("GREENROOM_STORE", raising=False)
    with made_home() as first, made_home() as second:
        with control(first):
            pass
        second.store.write_bytes(first.store.read_bytes())
        with control(second):
            pass
