"""What a person who was let in by hand can do in a real database, what they cannot, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest

from greenroom.adapters.postgres.connect import GLASS, MAINTENANCE, Connection, session
from greenroom.adapters.postgres.database import PostgresDatabases
from greenroom.adapters.postgres.neutralise import neutralise
from greenroom.domain.release import Services
from tests.postgres_ground import Ground, ground, query


@dataclass
class House:
    """An environment with one table of the application's."""

    made: Ground
    databases: PostgresDatabases
    url: str

    def opened(self, name: str, *, writes: bool = False, seconds: float = 600) -> str:
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        return self.databases.open_door("production", name, writes=writes, until=until).reveal()

    def log(self) -> str:
        return (self.made.home.logs / "postgres-production.log").read_text()

    def roles(self) -> set[str]:
        return {r[0] for r in query(self.url, "SELECT rolname FROM pg_roles WHERE rolname LIKE %s", f"{GLASS}%")}


@pytest.fixture(scope="module", params=[18, pytest.param(15, marks=pytest.mark.needs("postgres15"))])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with ground() as made:
        databases = made.databases()
        url = databases.ensure("production", Services(request.param)).url.reveal()
        query(url, "CREATE TABLE person (id int PRIMARY KEY, name text)")
        query(url, "INSERT INTO person VALUES (1, 'Ada')")
        yield House(made, databases, url)


@pytest.fixture(autouse=True)
def closed_again(house: House) -> Iterator[None]:
    """A test that fails leaves no door open for the next."""
    yield
    for name in house.databases.doors("production"):
        house.databases.close_door("production", name)


def refused(url: str, statement: str) -> str:
    with pytest.raises(psycopg.Error) as error:
        query(url, statement)
    return error.value.sqlstate or str(error.value)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_reading_reads_everything_and_changes_nothing(house: House) -> None:
    """All rows, in tables made later too; no row is written and nothing is made, whatever it sets."""
    url = house.opened("glass-r")
    query(house.url, "CREATE TABLE later (id int)")
    assert query(url, "SELECT name FROM person") == [("Ada",)]
    assert query(url, "SELECT count(*) FROM later") == [(0,)]
    assert refused(url, "INSERT INTO person VALUES (2, 'x')") == "25006"
    free = url + "?options=-c%20default_transaction_read_only%3Doff"
    for statement in (
        "INSERT INTO person VALUES (2, 'x')",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE t (id int)",
    ):
        assert refused(free, statement) == "42501"
    assert refused(free, "CREATE ROLE friend LOGIN") == "42501"
    assert refused(free, "SET ROLE app") == "42501"
    house.databases.close_door("production", "glass-r")
    query(house.url, "DROP TABLE later")


def test_writing_writes_rows_and_nothing_else(house: House) -> None:
    """With the right to write, rows are changed; tables, roles and settings that a superuser holds are not."""
    url = house.opened("glass-w", writes=True)
    query(url, "UPDATE person SET name = 'Grace' WHERE id = 1")
    assert query(house.url, "SELECT name FROM person") == [("Grace",)]
    for statement in ("DROP TABLE person", "CREATE TABLE public.mine (id int)", f"ALTER ROLE {GLASS}_w CREATEROLE"):
        assert refused(url, statement) == "42501", statement
    house.databases.close_door("production", "glass-w")


def test_only_its_own_database_lets_it_in(house: House) -> None:
    """The database for administration takes nobody over TCP."""
    url = house.opened("glass-o")
    with pytest.raises(psycopg.OperationalError, match="no pg_hba.conf entry"):
        query(url.removesuffix("/app") + f"/{MAINTENANCE}", "SELECT 1")
    house.databases.close_door("production", "glass-o")


def test_what_is_done_stands_in_the_log_under_its_name(house: House) -> None:
    """Each statement, with the role; it cannot be switched off; neither its password nor its verifier is in there."""
    url = house.opened("glass-log")
    query(url, "SELECT 'seen-in-log'")
    free = url + "?options=-c%20default_transaction_read_only%3Doff"
    for statement in ("SET log_statement = none", f"ALTER ROLE {GLASS}_log SET log_statement = 'none'"):
        assert refused(free, statement) == "42501"
    assert refused(url, "SELEC 'not-understood'") == "42601"
    query(house.url, "SELECT 'of-the-application'")
    lines = house.log().splitlines()
    mine = [x for x in lines if f" {GLASS}_log " in x]
    assert any("seen-in-log" in x for x in mine)
    assert any("not-understood" in x for x in lines)
    assert not any("of-the-application" in x for x in lines)
    assert str(urlsplit(url).password) not in house.log()
    assert "SCRAM-SHA-256$" not in house.log()
    house.databases.close_door("production", "glass-log")


def test_closing_ends_sessions_and_leaves_no_role(house: House) -> None:
    """A session in the middle of a transaction is ended, the URL opens nothing, and the role is gone; what it made (a
    large object) is the application's."""
    url = house.opened("glass-c", writes=True)
    with psycopg.connect(url) as inside:
        inside.execute("SELECT lo_create(4711)")
        inside.commit()
        inside.execute("UPDATE person SET name = 'never' WHERE id = 1")
        assert house.databases.doors("production") == {"glass-c": 1}
        house.databases.close_door("production", "glass-c")
        with pytest.raises(psycopg.OperationalError):
            inside.execute("SELECT 1")
    assert query(house.url, "SELECT name FROM person WHERE name = 'never'") == []
    assert "FATAL" in refused(url, "SELECT 1")
    assert house.roles() == {GLASS}
    owner = "SELECT lomowner::regrole::text FROM pg_largeobject_metadata WHERE oid = 4711"
    assert query(house.url, owner) == [("app",)]


def test_at_its_end_nobody_comes_in_any_more(house: House) -> None:
    """PostgreSQL itself keeps it from logging in after its time, whoever runs or does not; closing then removes it."""
    url = house.opened("glass-e", seconds=5)
    assert query(url, "SELECT 1") == [(1,)]
    assert within(90, lambda: _is_shut(url))
    assert "glass-e" in house.databases.doors("production")
    house.databases.close_door("production", "glass-e")
    assert house.roles() == {GLASS}


def _is_shut(url: str) -> bool:
    try:
        query(url, "SELECT 1")
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error)
        return True
    return False


def test_three_sessions_at_most(house: House) -> None:
    """A person has a console or three, not the connections of the application."""
    url = house.opened("glass-many")
    held = [psycopg.connect(url) for _ in range(3)]
    assert "too many connections" in refused(url, "SELECT 1")
    for one in held:
        one.close()
    house.databases.close_door("production", "glass-many")


def test_a_cluster_with_settings_from_before_is_brought_up_to_date(house: House) -> None:
    """Where an earlier Greenroom wrote who may come in, opening renews it, and the running server reads it again."""
    cluster = next((house.made.home.environments / "production").glob("postgres-*"))
    file = cluster / "pg_hba.conf"
    file.write_text("".join(x for x in file.read_text().splitlines(keepends=True) if GLASS not in x))
    with _superuser(house) as connection:
        connection.execute("SELECT pg_reload_conf()")
        known = "SELECT count(*) FROM pg_hba_file_rules WHERE %s = ANY(user_name)"
        assert connection.execute(known, [f"+{GLASS}"]).fetchone() == (0,)
    assert query(house.opened("glass-old"), "SELECT 1") == [(1,)]
    house.databases.close_door("production", "glass-old")


def test_a_copy_lets_nobody_in(house: House) -> None:
    """What is made harmless for another environment has no such login: its URL opens nothing there."""
    url = house.opened("glass-copied")
    clusters = house.databases._clusters
    done = neutralise(clusters.superuser(clusters.need("production"))).did
    assert any("greenroom_glass_copied" in one for one in done)
    assert refused(url, "SELECT 1")
    house.databases.close_door("production", "glass-copied")
    assert house.roles() == {GLASS}


def _superuser(house: House) -> AbstractContextManager[Connection]:
    clusters = house.databases._clusters
    return session(clusters.superuser(clusters.need("production")), MAINTENANCE)
