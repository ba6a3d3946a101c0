"""A managed PostgreSQL as the source: real servers, 15 and 18, read over TCP as a role that may only read."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.sources.reading import end_of
from greenroom.domain.errors import Errored, Refused
from tests import source_support
from tests.life_support import wait_until
from tests.managed import Managed, line_to, managed, replica_of
from tests.source_support import PASSWORD, ROWS, SCHEMA, Once, Place

HOST15 = pytest.param(15, marks=pytest.mark.needs("postgres15"))


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with source_support.place() as made:
        yield made


@pytest.fixture(scope="module", params=[18, HOST15])
def source(request: pytest.FixtureRequest, place: Place) -> Iterator[Managed]:
    with managed(place.clusters, request.param, place.root / f"managed-{request.param}") as made:
        made.run(SCHEMA)
        made.run("ALTER DATABASE shop SET app.payment_key = 'live'")
        made.run("ALTER ROLE ALL SET app.webhook = 'https://live.example'")
        yield made


@pytest.fixture(autouse=True)
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    source_support.in_small_pieces(monkeypatch.setattr)


def test_everything_is_copied_as_of_one_moment(place: Place, source: Managed) -> None:
    """Rows, schemas, sequences, large objects, triggers that did not fire; a row that came meanwhile is not there. All
    of it is the application's, and no role of the source can log in."""
    late = Once()

    def hear(words: str) -> None:
        if "%" in words and late():
            source.run("INSERT INTO person (name) VALUES ('came later'); INSERT INTO touched VALUES (2)")

    before = source.run("SELECT now()")[0][0]
    made = place.copy(source.at(), f"whole-{source.major}", hear=hear)
    assert not late()
    assert made.rows == 2 * ROWS + 1
    assert str(made.as_of) >= str(before)
    with place.opened(f"whole-{source.major}", made) as ask:
        assert ask(f"SELECT count(*), max(twice), count(friend) FROM public.person WHERE id <= {ROWS}") == [
            (ROWS, 2 * ROWS, ROWS)
        ]
        assert ask("SELECT count(*) FROM public.person WHERE name = 'came later'") == [(0,)]
        assert ask("SELECT count(*) FROM public.touched") == [(0,)]
        assert ask('SELECT tableoid::regclass::text, count(*) FROM "Odd, Name"."Order" GROUP BY 1 ORDER BY 1') == (
            source.run('SELECT tableoid::regclass::text, count(*) FROM "Odd, Name"."Order" GROUP BY 1 ORDER BY 1')
        )
        assert ask("SELECT nextval('public.tickets')") == [(1020,)]
        assert ask("SELECT n FROM public.by_mood WHERE how = 'well'") == [(ROWS,)]
        assert ask("SELECT length(lo_get(body)) FROM public.kept") == [(1_800_000,)]
        owners = """SELECT DISTINCT pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n
                      ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'Odd, Name')"""
        assert ask(owners) == [("app",)]
        assert ask("SELECT DISTINCT pg_get_userbyid(lomowner) FROM pg_largeobject_metadata") == [("app",)]
        assert ask("SELECT evtname FROM pg_event_trigger") == [("noting",)]
        logins = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname NOT IN ('postgres', 'app')"
        assert ask("SELECT setconfig FROM pg_db_role_setting") == []
        assert (ask(logins), ask("SELECT 1 FROM pg_roles WHERE rolname LIKE 'greenroom%'")) == ([], [])
    again = place.copy(source.at(), f"whole-{source.major}")
    assert again == made
    assert place.said == []
    source.run("DELETE FROM person WHERE name = 'came later'; TRUNCATE touched")


def test_no_session_can_write_or_stay(place: Place, source: Managed) -> None:
    """They are read-only, wait for no lock for long, and are ended by the server when nobody speaks any more."""
    with end_of(source.at(), PASSWORD).session() as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE public.nothing ()")
        shown = "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
        assert connection.execute(shown).fetchall() == [("10s", "5min")]


def test_a_replica_is_read(place: Place) -> None:
    """As of the last change that it had replayed; a lost session goes on there, too. A table that is unlogged is not on
    it, and is named instead of being left out."""
    with managed(place.clusters, 18, place.root / "managed-primary") as primary:
        primary.run("CREATE TABLE person (id int, name text)")
        primary.run("INSERT INTO person SELECT i, repeat(md5(i::text), 9) FROM generate_series(1, 90000) i")
        with replica_of(place.clusters, primary, place.root / "managed-replica") as replica:
            assert replica.run("SELECT pg_is_in_recovery()") == [(True,)]
            with line_to(replica.port) as line:
                once = Once()

                def hear(words: str) -> None:
                    if "%" in words and line.carried > 4_000_000 and once():
                        for change in ("UPDATE person SET name = 'later'", "VACUUM person"):
                            primary.run(change)
                        line.cut(1)

                made = place.copy(primary.at(line.port), "replica", hear=hear)
            assert not once()
            assert made.as_of <= SystemClock().now()
            with place.opened("replica", made) as ask:
                assert ask("SELECT count(*), count(DISTINCT id), min(length(name)) FROM public.person") == [
                    (90000, 90000, 288)
                ]
            primary.run("CREATE UNLOGGED TABLE carts (id int)")
            wait_until(lambda: replica.run("SELECT to_regclass('public.carts') IS NOT NULL") == [(True,)], 30)
            with pytest.raises(Refused) as caught:
                place.copy(replica.at(), "unlogged")
            assert caught.value.facts["unreadable"] == [
                "table public.carts: it is unlogged, and a replica has no rows of it"
            ]
            with pytest.raises(Errored) as gone, line_to(replica.port) as line:
                primary.run("DROP TABLE carts")
                wait_until(lambda: replica.run("SELECT to_regclass('public.carts') IS NULL") == [(True,)], 30)
                all_at_once = Once()

                def cut(words: str) -> None:
                    if "%" in words and line.carried > 300_000 and all_at_once():
                        line.cut(100)

                place.copy(replica.at(line.port), "replica-gone", hear=cut)
            assert gone.value.code == "data.snapshot_gone"
