"""A copy of production's databases that is made harmless, on real servers that hold everything that could act."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from greenroom.adapters.postgres import neutralise as module
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import Door, options, session
from greenroom.adapters.postgres.neutralise import NOWHERE, neutralise
from greenroom.domain.errors import Refused
from greenroom.domain.release import Services
from tests.postgres_ground import ground

FDW = Path("/usr/share/postgresql/15/extension/postgres_fdw.control")
HOST15 = pytest.param(15, marks=pytest.mark.needs("postgres15", "pg_cron"))
MAJORS = [18, HOST15]
EXTENSIONS = {18: ("vector", "hnsw.scan_mem_multiplier"), 15: ("pg_trgm", "pg_trgm.similarity_threshold")}
MADE_UP = (
    ("DATABASE shop", "app.server_key"),
    ("DATABASE shop", "app.settings.jwt_secret"),
    ("ROLE reporting", '"App"."Payment_URL"'),
    ("ROLE ALL", "pgcrypto.key"),
    ("ROLE reporting IN DATABASE shop", "plpgsql.key"),
)


@dataclass
class Copy:
    """A server with two databases full of what reaches out."""

    major: int
    door: Door

    def ask(self, statement: str, database: str = "shop", *values: Any) -> list[tuple[Any, ...]]:
        with session(self.door, database, settings=module.QUIET) as connection:
            connection.execute("SET search_path = public")
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def connected(self, **more: Any) -> psycopg.Connection[tuple[Any, ...]]:
        given = {**self.door.at("shop"), "password": self.door.password.reveal(), "options": options(module.QUIET)}
        return psycopg.connect(**given, **more)

    @property
    def has_cron(self) -> bool:
        return self.major == 15


@pytest.fixture(scope="module", params=MAJORS)
def copy(request: pytest.FixtureRequest) -> Iterator[Copy]:
    major: int = request.param
    with ground() as made:
        clusters: Clusters = made.databases()._clusters
        services = Services(major)
        cluster = clusters.up("staging", services)
        found = Copy(major, clusters.superuser(cluster))
        found.ask("ALTER SYSTEM SET wal_level = logical", "postgres")
        found.ask("ALTER SYSTEM SET archive_command = 'scp %p backup.example.com:'", "postgres")
        found.ask("ALTER SYSTEM SET work_mem = '5MB'", "postgres")
        if found.has_cron:
            found.ask("ALTER SYSTEM SET shared_preload_libraries = 'pg_cron'", "postgres")
            clusters.down("staging")
            clusters.up("staging", services)
            found.ask("ALTER SYSTEM SET cron.database_name = 'shop'", "postgres")
        clusters.down("staging")
        clusters.up("staging", services)
        _fill(found)
        yield found


def _fill(copy: Copy) -> None:
    for database in ("shop", 'Other "1"'):
        quoted = database.replace('"', '""')
        copy.ask(f'CREATE DATABASE "{quoted}"', "postgres")
        copy.ask("CREATE TABLE log (said text)", database)
        copy.ask("CREATE PUBLICATION everything FOR ALL TABLES", database)
        slot = "s_" + "".join(c for c in database.lower() if c.isalnum())
        copy.ask(f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')", database)
        name = f'sub of {quoted} "" €'
        conninfo = "host=192.0.2.1 dbname=erp user=production password=hunter22"
        options = f"connect = false, slot_name = '{slot}_x'"
        copy.ask(f"CREATE SUBSCRIPTION \"{name}\" CONNECTION '{conninfo}' PUBLICATION p WITH ({options})", database)
        if copy.major >= 15:
            copy.ask(f'ALTER SUBSCRIPTION "{name}" ENABLE', database)
    if copy.major == 15 and FDW.exists():
        copy.ask("CREATE EXTENSION postgres_fdw")
        copy.ask("CREATE SERVER erp FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1', dbname 'erp')")
    else:
        copy.ask("CREATE FOREIGN DATA WRAPPER anything")
        copy.ask("CREATE SERVER erp FOREIGN DATA WRAPPER anything OPTIONS (host '192.0.2.1', dbname 'erp')")
    copy.ask("CREATE ROLE \"An Employee's\" LOGIN SUPERUSER PASSWORD 'hunter22'", "postgres")
    copy.ask("CREATE ROLE reporting LOGIN PASSWORD 'hunter22' VALID UNTIL '2001-01-01'", "postgres")
    copy.ask("CREATE ROLE kept_for_later PASSWORD 'hunter22'", "postgres")
    copy.ask("CREATE ROLE owners", "postgres")
    copy.ask("CREATE USER MAPPING FOR reporting SERVER erp OPTIONS (user 'erp', password 'hunter22')")
    copy.ask("CREATE USER MAPPING FOR PUBLIC SERVER erp OPTIONS (user 'guest', password 'hunter22')")
    copy.ask("ALTER ROLE reporting SET session_preload_libraries = 'spy'", "postgres")
    copy.ask("ALTER ROLE reporting IN DATABASE shop SET local_preload_libraries = 'spy'", "postgres")
    copy.ask("ALTER DATABASE shop SET session_preload_libraries = 'spy'", "postgres")
    copy.ask("ALTER ROLE ALL SET session_preload_libraries = 'auto_explain'", "postgres")
    copy.ask("ALTER ROLE reporting SET work_mem = '6MB'", "postgres")
    _make_up(copy)
    if copy.has_cron:
        copy.ask("CREATE EXTENSION pg_cron")
        copy.ask("SELECT cron.schedule('dunning letters', '0 3 * * *', 'SELECT 1')")
    copy.ask(
        "CREATE FUNCTION tells() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO public.log VALUES (tg_tag); PERFORM pg_notify('ddl', tg_tag); END $$"
    )
    for name, how in (("ordinary", "ENABLE"), ("always", "ENABLE ALWAYS"), ("replica", "ENABLE REPLICA")):
        copy.ask(f"CREATE EVENT TRIGGER {name} ON ddl_command_start EXECUTE FUNCTION tells()")
        copy.ask(f"ALTER EVENT TRIGGER {name} {how}")
    copy.ask("CREATE EVENT TRIGGER resting ON ddl_command_start EXECUTE FUNCTION tells()")
    copy.ask("ALTER EVENT TRIGGER resting DISABLE")
    copy.ask("TRUNCATE log")


def _make_up(copy: Copy) -> None:
    """Settings of the application's own, under names that nothing defines, beside parameters of extensions."""
    copy.ask(f"CREATE EXTENSION {EXTENSIONS[copy.major][0]} WITH SCHEMA public")
    copy.ask(f"ALTER DATABASE shop SET {EXTENSIONS[copy.major][1]} = 1", "postgres")
    copy.ask("ALTER DATABASE shop SET plpgsql.variable_conflict = 'use_column'", "postgres")
    for whose, name in MADE_UP:
        copy.ask(f"ALTER {whose} SET {name} = 'hunter22'", "postgres")
    copy.ask("ALTER SYSTEM SET app.server_key = 'hunter22'", "shop")


def test_it_is_harmless_and_says_what_it_did(copy: Copy) -> None:
    """Nothing fetches, sends, runs or lets in; each thing is named. Done again, there is nothing to do."""
    with copy.connected(autocommit=True) as listener:
        listener.execute("LISTEN ddl")
        told = neutralise(copy.door)
        heard = list(listener.notifies(timeout=0.2))
    said = "\n".join(told.did)
    triggers = dict(copy.ask("SELECT evtname, evtenabled::text FROM pg_event_trigger"))

    for database in ("shop", 'Other "1"'):
        assert f"{database}: subscriptions sub of {database}" in said
        assert any(line.startswith(f"{database}: publications everything") for line in told.left)
        assert copy.ask("SELECT pubname FROM pg_publication", database) == [("everything",)]
    everywhere = "SELECT DISTINCT subenabled, subslotname::text, subconninfo FROM pg_subscription"
    assert copy.ask(everywhere) == [(False, None, NOWHERE)]
    assert copy.ask("SELECT slot_name FROM pg_replication_slots") == []
    assert "s_shop" in said and "s_other1" in said

    mappings = copy.ask("SELECT usename::text, umoptions::text FROM pg_user_mappings ORDER BY usename")
    assert mappings == [("public", "{user=guest}"), ("reporting", "{user=erp}")]
    assert "PUBLIC on erp (password)" in said and "reporting on erp (password)" in said

    able = copy.ask("SELECT rolname::text FROM pg_authid WHERE rolcanlogin ORDER BY 1")
    assert able == [("postgres",)]
    kept = copy.ask("SELECT rolname::text FROM pg_authid WHERE rolpassword IS NOT NULL ORDER BY 1")
    assert kept == [("postgres",)]
    assert "An Employee's, kept_for_later, reporting" in said and "owners" not in said

    auto = copy.ask("SELECT name::text FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'")
    assert ("archive_command",) not in auto and ("work_mem",) in auto
    assert ("app.server_key",) not in auto and "app.server_key" in said
    attached = copy.ask("SELECT unnest(setconfig) FROM pg_db_role_setting ORDER BY 1")
    kept_settings = ["plpgsql.variable_conflict=use_column", "work_mem=6MB", f"{EXTENSIONS[copy.major][1]}=1"]
    assert sorted(a[0] for a in attached) == sorted(kept_settings)
    assert all(f"{name.replace(chr(34), '')} of " in said for _, name in MADE_UP)
    if copy.has_cron:
        assert copy.ask("SELECT jobname, active FROM cron.job") == [("dunning letters", False)]
        assert "dunning letters" in said
    assert "hunter22" not in said + "\n".join(told.left)

    assert heard == [] and copy.ask("SELECT said FROM log") == []
    assert triggers == {"ordinary": "O", "always": "A", "replica": "R", "resting": "D"}
    again = neutralise(copy.door)
    assert again.did == [] and again.left == told.left


def test_a_slot_that_somebody_reads_goes_too(copy: Copy) -> None:
    """Whoever streams from the copy is cut off first."""
    copy.ask("SELECT pg_create_logical_replication_slot('read', 'pgoutput')")
    reader = copy.connected(autocommit=True, replication="database")
    pgconn = reader.pgconn
    options = "proto_version '1', publication_names 'everything'"
    pgconn.send_query(f'START_REPLICATION SLOT "read" LOGICAL 0/0 ({options})'.encode())
    pgconn.flush()
    for _ in range(200):
        if copy.ask("SELECT active_pid FROM pg_replication_slots WHERE active"):
            break
    told = neutralise(copy.door)
    assert copy.ask("SELECT slot_name FROM pg_replication_slots") == []
    assert any("read" in line for line in told.did)
    reader.close()


def test_what_cannot_be_done_is_not_half_done(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database in which one change fails keeps all it had, its event triggers too; the next attempt does it all."""
    copy.ask("CREATE SUBSCRIPTION late CONNECTION 'host=192.0.2.1' PUBLICATION p WITH (connect = false)")
    before = copy.ask("SELECT evtname, evtenabled::text FROM pg_event_trigger ORDER BY 1")

    def fails(*_: object) -> None:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patched:
        patched.setattr(module, "_mappings", fails)
        with pytest.raises(RuntimeError):
            neutralise(copy.door)
    late = "SELECT subconninfo, subslotname::text FROM pg_subscription WHERE subname = 'late'"
    assert copy.ask(late) == [("host=192.0.2.1", "late")]
    assert copy.ask("SELECT evtname, evtenabled::text FROM pg_event_trigger ORDER BY 1") == before
    neutralise(copy.door)
    assert copy.ask(late) == [(NOWHERE, None)]


def test_a_server_that_still_follows_another_is_refused() -> None:
    """It would take up again from there what was taken away here."""

    class Following:
        def execute(self, statement: str) -> Following:
            return self

        def fetchone(self) -> tuple[bool]:
            return (True,)

    with pytest.raises(Refused) as refused:
        module._refuse_recovering(Following())  # type: ignore[arg-type]
    assert refused.value.code == "database.in_recovery"
