"""The application reaches its own database and nothing beside it: not the server, its files or its superuser."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.backup.census import census
from greenroom.adapters.postgres.connect import APP, session
from greenroom.adapters.postgres.database import PostgresDatabases
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.runtimes.users import User
from greenroom.domain.errors import Errored
from greenroom.domain.release import Services
from tests.postgres_ground import Ground, ground, query


@pytest.fixture(scope="module")
def made() -> Iterator[Ground]:
    with ground() as made:
        yield made


@pytest.fixture(scope="module")
def databases(made: Ground) -> PostgresDatabases:
    return made.databases()


@pytest.fixture(scope="module")
def url(databases: PostgresDatabases) -> str:
    return databases.ensure("qa", Services()).url.reveal()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE app SUPERUSER",
        "CREATE ROLE other",
        "CREATE DATABASE other",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT pg_ls_dir('.')",
        "SELECT passwd FROM pg_shadow",
        "ALTER SYSTEM SET fsync = off",
        "SELECT pg_reload_conf()",
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'getpid'",
        "SELECT lo_import('/etc/passwd')",
    ],
)
def test_the_application_has_no_power_over_the_server(url: str, statement: str) -> None:
    """Every way up is refused by the server."""
    with pytest.raises(psycopg.Error) as refused:
        query(url, statement)
    assert refused.value.sqlstate in ("42501", "42704")


@pytest.mark.parametrize("database", ["postgres", "template1", "template0"])
def test_the_application_enters_its_own_database_only(url: str, database: str) -> None:
    """No other database of the cluster takes it."""
    with pytest.raises(psycopg.OperationalError):
        query(url.rsplit("/", 1)[0] + "/" + database, "SELECT 1")


def test_wrong_password_and_superuser_over_tcp_are_refused(url: str) -> None:
    """The port takes the application's role with its password, and nobody else."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(url.replace("app:", "app:x", 1), "SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="no pg_hba.conf entry"):
        query(url.replace("app:", "postgres:", 1), "SELECT 1")


def test_one_environment_does_not_open_another(databases: PostgresDatabases, url: str) -> None:
    """Passwords differ: QA's does not open dev's database, though role and database have the same names."""
    other = databases.ensure("dev", Services()).url.reveal()
    mixed = url.split("@")[0] + "@" + other.split("@")[1]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(mixed, "SELECT 1")


@pytest.mark.needs("root")
def test_another_user_reads_nothing(made: Ground, databases: PostgresDatabases, url: str) -> None:
    """An application's operating-system user reads neither data, socket, settings, restore points nor log."""
    databases.make_restore_point("qa", "safe")
    root = made.home.environments / "qa" / "postgres-18"
    port = url.rsplit(":", 1)[1].split("/")[0]
    hidden = [
        root / "data" / "PG_VERSION",
        root / "cluster.json",
        made.home.sockets / f"db.{port}" / f".s.PGSQL.{port}",
    ]
    hidden += [
        made.home.environments / "qa" / "restore-points" / "safe" / "point.json",
        made.home.private / "secrets.key",
    ]
    hidden += [made.home.logs / "postgres-qa.log"]
    user = made.ensure_user(f"gr-nobody-{os.getpid()}")
    for path in hidden:
        assert path.exists()
        assert not _can_read(user, path), path
        assert not _can_write(user, path.parent), path.parent
    assert not _can_read(user, root / "data")


@pytest.mark.needs("root")
def test_the_server_cannot_change_its_own_rules(made: Ground, url: str) -> None:
    """Settings and access rules are ours: the server's user, and so its superuser, reads and cannot write them."""
    root = made.home.environments / "qa" / "postgres-18"
    owner = (root / "data").stat()
    user = User("server", owner.st_uid, owner.st_gid)
    assert user.uid != 0
    assert stat.S_IMODE(owner.st_mode) == 0o700
    for path in (root / "pg_hba.conf", root / "postgresql.conf"):
        assert _can_read(user, path)
        assert not _can_write(user, path)
    assert not _can_write(user, root)


def test_a_restore_does_not_run_the_applications_code_as_superuser(databases: PostgresDatabases) -> None:
    """A check constraint that tries to seize the server while it is loaded has no more power than the application."""
    url = databases.ensure("dev", Services()).url.reveal()
    query(
        url,
        """
        CREATE FUNCTION trap(x int) RETURNS bool LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
            EXECUTE 'ALTER ROLE app SUPERUSER';
          END IF;
          RETURN true;
        END $$;
        CREATE TABLE bait (x int CHECK (trap(x)));
        INSERT INTO bait VALUES (1);
        CREATE FUNCTION snare(x int) RETURNS bool LANGUAGE sql AS 'SELECT public.trap(x)';
        CREATE TABLE lure (x int CHECK (snare(x)));
        INSERT INTO lure VALUES (1);
        ALTER FUNCTION snare OWNER TO pg_database_owner;
        ALTER TABLE lure OWNER TO pg_database_owner;
        """,
    )
    point = databases.make_restore_point("dev", "baited")
    databases.restore(point, aside="work-1")
    assert query(url, "SELECT count(*) FROM bait") == [(1,)]
    assert query(url, "SELECT rolsuper FROM pg_roles WHERE rolname = 'app'") == [(False,)]
    assert query(url, "SELECT count(*) FROM lure") == [(1,)]


def test_counting_does_not_run_the_applications_code(databases: PostgresDatabases) -> None:
    """A backup's and a drill's checksums are the superuser's: neither a cast of the application's nor a column that is
    called as the row is stands in for the row."""
    url = databases.ensure("dev", Services()).url.reveal()
    query(
        url,
        """
        CREATE TABLE cast_away (t int, said text);
        INSERT INTO cast_away VALUES (1, 'one');
        CREATE FUNCTION told(cast_away) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'the trap is sprung'; END $$;
        CREATE CAST (cast_away AS text) WITH FUNCTION told(cast_away);
        """,
    )
    clusters = databases._clusters
    with session(clusters.superuser(clusters.need("dev")), APP) as connection:
        before = census(connection, SystemClock())["tables"]["public.cast_away"]
        query(url, "UPDATE cast_away SET said = 'two'")
        after = census(connection, SystemClock())["tables"]["public.cast_away"]
    query(url, "DROP CAST (cast_away AS text); DROP FUNCTION told; DROP TABLE cast_away")
    assert before["rows"] == after["rows"] == 1
    assert before["checksum"] != after["checksum"]


def test_functions_of_the_application_do_not_run_under_our_statements(databases: PostgresDatabases) -> None:
    """Look-alikes of catalogue functions and settings attached to the database change nothing for us."""
    url = databases.ensure("dev", Services()).url.reveal()
    before = databases.fingerprint("dev")
    query(
        url,
        """
        ALTER DATABASE app SET search_path = evil, pg_catalog;
        ALTER DATABASE app SET role = 'app';
        ALTER DATABASE app SET quote_all_identifiers = on;
        ALTER DATABASE app SET statement_timeout = '1ms';
        ALTER DATABASE app SET default_transaction_read_only = on;
        """,
    )
    assert databases.fingerprint("dev") == before
    point = databases.make_restore_point("dev", "hostile-settings")
    databases.restore(point, aside="work-2")
    assert query(url, "SHOW statement_timeout") == [("1ms",)], "settings of the database survive a restore"
    assert databases.fingerprint("dev") == before


def test_nothing_secret_enters_the_log(made: Ground, databases: PostgresDatabases) -> None:
    """Neither passwords, nor rows in error messages, nor statements."""
    url = databases.ensure("uat", Services()).url.reveal()
    query(url, "CREATE TABLE people (email text UNIQUE)")
    query(url, "INSERT INTO people VALUES ('someone@example.com')")
    for statement in ("INSERT INTO people VALUES ('someone@example.com')", "SELECT 'someone@example.com' FROM nowhere"):
        with pytest.raises(psycopg.Error):
            query(url, statement)
    log = (made.home.logs / "postgres-uat.log").read_text()
    assert "duplicate key" in log
    assert "someone@example.com" not in log
    assert url.split(":")[2].split("@")[0] not in log


def _as(user: User, *test: str) -> bool:
    ids = ["--reuid", str(user.uid), "--regid", str(user.gid), "--clear-groups"]
    return subprocess.run(["setpriv", *ids, "--", "/usr/bin/test", *test]).returncode == 0


def _can_read(user: User, path: Path) -> bool:
    return _as(user, "-r", os.fspath(path))


def _can_write(user: User, path: Path) -> bool:
    return _as(user, "-w", os.fspath(path))


@pytest.mark.needs("root")
def test_a_place_that_another_environment_had_is_taken_over(tmp_path: Path) -> None:
    """A home that was removed and made again gives ports to other environments than before: what lies in the places of
    their sockets is nobody's any more. Without leave it is refused as somebody else's."""
    place, account = tmp_path / "db.25637", User("nobody-here", 65533, 65533)
    place.mkdir()
    (place / "left").touch()
    os.chown(place, 65532, 65532)
    with pytest.raises(Errored, match="not a directory of ours"):
        own_directory(place, 0o700, account)
    assert own_directory(place, 0o700, account, takes_over=True) == place
    assert (list(place.iterdir()), place.stat().st_uid) == ([], 65533)
