"""Every `Databases` keeps the port's promises: real PostgreSQL (embedded and the host's) and the memory twin."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.memory.databases import MemoryDatabases
from greenroom.adapters.postgres.database import PostgresDatabases
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.release import Services
from greenroom.domain.secret import parts
from greenroom.ports.databases import Databases
from tests.postgres_ground import ground, query

names = (f"t{n}" for n in itertools.count())


class Bench(Protocol):
    """A database with an application that writes to it."""

    databases: Databases
    services: Services
    qualified: str  # how a census names a table

    def make_table(self, table: str, rows: int) -> None: ...
    def write(self, table: str, *, inserted: int = 0, updated: int = 0, deleted: int = 0) -> None: ...
    def rows(self, table: str) -> int | None: ...
    def change_schema(self, table: str) -> None: ...


class MemoryBench:
    qualified = "{}"

    def __init__(self) -> None:
        self.databases = MemoryDatabases(SystemClock())
        self.services = Services(18)
        self.databases.ensure("qa", self.services)

    def make_table(self, table: str, rows: int) -> None:
        self.databases.write("qa", table, inserted=rows)

    def write(self, table: str, **what: int) -> None:
        self.databases.write("qa", table, **what)

    def rows(self, table: str) -> int | None:
        return self.databases.rows("qa", table)

    def change_schema(self, table: str) -> None:
        self.databases.change_schema("qa", table)


class PostgresBench:
    qualified = "public.{}"

    def __init__(self, databases: PostgresDatabases, services: Services) -> None:
        self.databases, self.services = databases, services
        self.url = databases.ensure("qa", services).url.reveal()

    def make_table(self, table: str, rows: int) -> None:
        query(self.url, f"CREATE TABLE {table} (id serial PRIMARY KEY, said text)")
        self.write(table, inserted=rows)

    def write(self, table: str, *, inserted: int = 0, updated: int = 0, deleted: int = 0) -> None:
        some = f"id IN (SELECT id FROM {table} ORDER BY id LIMIT %s)"
        query(self.url, f"INSERT INTO {table} (said) SELECT 'x' FROM generate_series(1, %s)", inserted)
        query(self.url, f"UPDATE {table} SET said = 'y' WHERE {some}", updated)
        query(self.url, f"DELETE FROM {table} WHERE {some}", deleted)

    def rows(self, table: str) -> int | None:
        if not query(self.url, "SELECT 1 FROM pg_class WHERE relname = %s", table):
            return None
        return query(self.url, f"SELECT count(*) FROM {table}")[0][0]

    def change_schema(self, table: str) -> None:
        query(self.url, f"ALTER TABLE {table} ADD COLUMN more int DEFAULT 7")


@pytest.fixture(
    scope="module",
    params=["memory", "embedded", pytest.param("host", marks=pytest.mark.needs("postgres15"))],
)
def bench(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryBench()
        return
    with ground() as made:
        yield PostgresBench(made.databases(), Services(18 if request.param == "embedded" else 15))


def test_ensure_is_idempotent(bench: Bench) -> None:
    """Asking twice gives the same database, and what it holds stays."""
    table = next(names)
    bench.make_table(table, 3)
    first = bench.databases.ensure("qa", bench.services)
    assert bench.databases.ensure("qa", bench.services) == first
    assert bench.rows(table) == 3


def test_passwords_are_those_in_the_url(bench: Bench) -> None:
    """Whoever hides them hides what the application was given; an environment without database has none."""
    url = bench.databases.ensure("qa", bench.services).url.reveal()
    assert urlsplit(url).password in {p.reveal() for p in parts(bench.databases.passwords("qa"))}
    assert bench.databases.passwords("production") == ()


def test_ensure_says_what_runs(bench: Bench) -> None:
    """The version is the server's, the URL a secret that names the application's role."""
    found = bench.databases.ensure("qa", bench.services)
    assert found.environment == "qa"
    assert found.version.split(".")[0] == str(bench.services.postgres)
    assert found.url.reveal().startswith("postgresql://app:")
    assert "secret" not in repr(found.url) or repr(found.url) == "Secret(…)"


def test_other_major_version_is_refused(bench: Bench) -> None:
    """A cluster on disk is not silently replaced by one of another major version."""
    other = 15 if bench.services.postgres == 18 else 18
    with pytest.raises(Refused) as refused:
        bench.databases.ensure("qa", Services(other))
    assert refused.value.code == "database.version"


def test_absent_version_and_extension_are_refused(bench: Bench) -> None:
    """What this machine lacks is named, with what would bring it."""
    with pytest.raises(Refused) as refused:
        bench.databases.ensure("dev", Services(9))
    assert refused.value.code == "database.version"
    assert refused.value.hint
    with pytest.raises(Refused) as refused:
        bench.databases.ensure("dev", Services(bench.services.postgres, ("no_such_thing",)))
    assert refused.value.code == "database.extension"
    assert "no_such_thing" in refused.value.message
    assert refused.value.hint


def test_no_database_wanted_is_bad_input(bench: Bench) -> None:
    """A release without a database has none to ensure."""
    with pytest.raises(BadInput):
        bench.databases.ensure("dev", Services(None))


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "Q", "qa;drop", "a" * 40, "-", "qa\n", ".scratch"])
def test_hostile_environment_names_are_refused(bench: Bench, name: str) -> None:
    """An environment's name never becomes a path or a statement unchecked."""
    for ask in (
        lambda: bench.databases.ensure(name, bench.services),
        lambda: bench.databases.fingerprint(name),
        lambda: bench.databases.make_restore_point(name, "p"),
        lambda: bench.databases.restore_points(name),
        lambda: bench.databases.stop(name),
    ):
        with pytest.raises(BadInput):
            ask()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "x" * 200, "a;b", "a\0b"])
def test_hostile_restore_point_names_are_refused(bench: Bench, name: str) -> None:
    """Nor does a restore point's, nor the name that a database is kept aside under."""
    with pytest.raises(BadInput):
        bench.databases.make_restore_point("qa", name)
    point = bench.databases.make_restore_point("qa", "fine")
    with pytest.raises(BadInput):
        bench.databases.restore(point, aside=name)
    with pytest.raises(BadInput):
        bench.databases.put_back("qa", aside=name)


def test_an_environment_without_database_is_told(bench: Bench) -> None:
    """Asking about a database that was never made is an error that says so; it has no restore points."""
    with pytest.raises(Errored) as errored:
        bench.databases.fingerprint("uat")
    assert errored.value.code == "database.absent"
    assert bench.databases.restore_points("uat") == []
    assert bench.databases.drop_restore_points("uat", 1) == 0


def test_fingerprint_follows_the_schema_only(bench: Bench) -> None:
    """Rows do not change it; a column does."""
    table = next(names)
    bench.make_table(table, 1)
    before = bench.databases.fingerprint("qa")
    bench.write(table, inserted=5)
    assert bench.databases.fingerprint("qa") == before
    bench.change_schema(table)
    assert bench.databases.fingerprint("qa") != before


def test_one_migration_at_a_time(bench: Bench) -> None:
    """While one holds the lock another gives up after its time, and can have it afterwards."""
    with (
        bench.databases.migration_lock("qa", seconds=60),
        pytest.raises(Errored) as errored,
        bench.databases.migration_lock("qa", seconds=0.1),
    ):
        pass
    assert errored.value.code == "database.migration_busy"
    with bench.databases.migration_lock("qa", seconds=60):
        pass


def test_restore_point_is_idempotent_under_its_name(bench: Bench) -> None:
    """The second time the first one is given out, whatever was written meanwhile."""
    table, name = next(names), next(names)
    bench.make_table(table, 2)
    first = bench.databases.make_restore_point("qa", name)
    bench.write(table, inserted=2)
    assert bench.databases.make_restore_point("qa", name) == first
    assert first in bench.databases.restore_points("qa")


def test_would_lose_counts_what_was_written(bench: Bench) -> None:
    """Rows by table, inserted, updated, deleted; untouched tables are not named."""
    table, quiet = next(names), next(names)
    bench.make_table(table, 10)
    bench.make_table(quiet, 10)
    point = bench.databases.make_restore_point("qa", next(names))
    assert bench.databases.would_lose(point).rows == 0
    bench.write(table, inserted=5, updated=3, deleted=2)
    lost = bench.databases.would_lose(point)
    assert lost.tables == {bench.qualified.format(table): (5, 3, 2)}
    assert lost.since == point.at


def test_restore_brings_rows_and_schema_back(bench: Bench) -> None:
    """After a restore the database is as the point had it; what was made since is gone."""
    table, later = next(names), next(names)
    bench.make_table(table, 4)
    schema = bench.databases.fingerprint("qa")
    point = bench.databases.make_restore_point("qa", next(names))
    bench.write(table, inserted=3)
    bench.change_schema(table)
    bench.make_table(later, 1)
    bench.databases.restore(point, aside=next(names))
    assert (bench.rows(table), bench.rows(later)) == (4, None)
    assert bench.databases.fingerprint("qa") == schema
    bench.write(table, inserted=1)
    assert bench.databases.would_lose(point).tables == {bench.qualified.format(table): (1, 0, 0)}


def test_restore_is_idempotent_under_aside(bench: Bench) -> None:
    """Done again it does nothing: what was written after the restore stays."""
    table, aside = next(names), next(names)
    bench.make_table(table, 1)
    point = bench.databases.make_restore_point("qa", next(names))
    bench.databases.restore(point, aside=aside)
    bench.write(table, inserted=1)
    bench.databases.restore(point, aside=aside)
    assert bench.rows(table) == 2


def test_put_back_undoes_a_restore(bench: Bench) -> None:
    """What was kept aside is the database again, once; the restore may be done again after it."""
    table, aside = next(names), next(names)
    bench.make_table(table, 1)
    point = bench.databases.make_restore_point("qa", next(names))
    bench.write(table, inserted=6)
    bench.databases.restore(point, aside=aside)
    bench.databases.put_back("qa", aside=aside)
    bench.databases.put_back("qa", aside=aside)
    assert bench.rows(table) == 7
    assert bench.databases.would_lose(point).tables == {bench.qualified.format(table): (6, 0, 0)}
    bench.databases.restore(point, aside=aside)
    assert bench.rows(table) == 1


def test_put_back_without_restore_changes_nothing(bench: Bench) -> None:
    """An undo of what never happened is fine."""
    table = next(names)
    bench.make_table(table, 2)
    bench.databases.put_back("qa", aside=next(names))
    assert bench.rows(table) == 2


def test_dropped_restore_points_are_gone(bench: Bench) -> None:
    """All but the newest are forgotten, newest first in the list; a restore of a forgotten one is an error."""
    made = [bench.databases.make_restore_point("qa", next(names)) for _ in range(3)]
    before = len(bench.databases.restore_points("qa"))
    assert bench.databases.drop_restore_points("qa", 2) == before - 2
    assert bench.databases.restore_points("qa") == [made[2], made[1]]
    with pytest.raises(Errored) as errored:
        bench.databases.restore(made[0], aside=next(names))
    assert errored.value.code == "database.no_restore_point"


def test_scratch_is_a_database_of_the_wanted_version(bench: Bench) -> None:
    """The clean room gets what an environment would get."""
    with bench.databases.scratch(bench.services) as scratch:
        assert scratch.version.split(".")[0] == str(bench.services.postgres)
        assert scratch.url != bench.databases.ensure("qa", bench.services).url


def test_stop_can_be_repeated_and_data_stays(bench: Bench) -> None:
    """Stopped twice, started again: everything is there."""
    table = next(names)
    bench.make_table(table, 3)
    bench.databases.stop("qa")
    bench.databases.stop("qa")
    bench.databases.stop("uat")
    bench.databases.ensure("qa", bench.services)
    assert bench.rows(table) == 3


def opened(bench: Bench, name: str, *, writes: bool = False, seconds: float = 600) -> str:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return bench.databases.open_door("qa", name, writes=writes, until=until).reveal()


def test_a_door_is_there_until_it_is_closed(bench: Bench) -> None:
    """It is listed, has a password of its own that no other call gives away, and closing it twice is as once."""
    url = opened(bench, "glass-a1")
    other = opened(bench, "glass-a2", writes=True)
    assert set(bench.databases.doors("qa")) == {"glass-a1", "glass-a2"}
    secrets = {urlsplit(u).password for u in (url, other)}
    assert len(secrets) == 2
    assert not secrets & {p.reveal() for p in parts(bench.databases.passwords("qa"))}
    for _ in range(2):
        bench.databases.close_door("qa", "glass-a1")
        assert set(bench.databases.doors("qa")) == {"glass-a2"}
    bench.databases.close_door("qa", "glass-a2")
    assert bench.databases.doors("qa") == {}


def test_a_door_opened_again_is_another(bench: Bench) -> None:
    """Under the same name the password is new, and there is still one."""
    first = opened(bench, "glass-b")
    assert opened(bench, "glass-b") != first
    assert set(bench.databases.doors("qa")) == {"glass-b"}
    bench.databases.close_door("qa", "glass-b")


def test_no_door_where_no_database_is(bench: Bench) -> None:
    """Opening says so; there are none, and closing one is nothing."""
    with pytest.raises(Errored) as errored:
        bench.databases.open_door("uat", "glass-c", writes=False, until=datetime.now(UTC))
    assert errored.value.code == "database.absent"
    assert bench.databases.doors("uat") == {}
    bench.databases.close_door("uat", "glass-c")


@pytest.mark.parametrize("name", ["glass_a", 'a"b', "a;drop", "", "A", "postgres'"])
def test_hostile_names_of_doors_are_refused(bench: Bench, name: str) -> None:
    """The name becomes a role's: none is taken unchecked."""
    with pytest.raises(BadInput):
        opened(bench, name)
    with pytest.raises(BadInput):
        bench.databases.close_door("qa", name)
