"""Jobs of `pg_cron`: an application has its own in its environment, and none of production's runs anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.backup.backups import PostgresBackups
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Door, session
from greenroom.adapters.postgres.datasets.vault import PostgresVault
from greenroom.adapters.postgres.scratch import NAME
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.backup import Target, choose
from greenroom.domain.data import MaskingPlan
from greenroom.domain.errors import Errored
from greenroom.domain.masking import HARMLESS, Chosen
from greenroom.domain.names import VAULT
from greenroom.domain.release import Services
from greenroom.ports.backups import Storage
from tests import source_support
from tests.life_support import wait_until
from tests.managed import managed
from tests.postgres_ground import Ground, ground, query
from tests.source_support import PASSWORD

pytestmark = pytest.mark.needs("postgres15", "pg_cron")

SERVICES = Services(15, ("pg_cron",))
AT_START = "SELECT cron.schedule('greeting', '@reboot', $$INSERT INTO greeting VALUES (current_user, 'hunter22')$$)"
"""pg_cron runs it once, as soon as its scheduler has started."""


SCHEDULERS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'"
GRACE_SECONDS = 1.5
"""A scheduler that comes comes within a second of the server's start."""


class Killed(Exception):
    pass


def killer(boundary: str) -> Callable[[str], None]:
    def reached(here: str) -> None:
        if here == boundary:
            raise Killed

    return reached


@pytest.fixture(scope="module")
def made() -> Iterator[Ground]:
    with ground() as found:
        yield found


def begun(made: Ground, environment: str) -> str:
    """An application with a job that has not run yet; its address."""
    url = made.databases().ensure(environment, SERVICES).url.reveal()
    query(url, "CREATE TABLE IF NOT EXISTS greeting (who text, said text)")
    query(url, AT_START)
    return url


def restarted(made: Ground, environment: str) -> None:
    made.databases().stop(environment)
    made.databases().ensure(environment, SERVICES)


def greetings(url: str) -> int:
    return int(query(url, "SELECT count(*) FROM greeting")[0][0])


def jobs(url: str) -> list[tuple[Any, ...]]:
    return query(url, "SELECT jobname, schedule, active FROM cron.job ORDER BY jobid")


def test_an_applications_jobs_run_as_the_application(made: Ground) -> None:
    """It schedules them itself and sees its own alone; what they do is what it may do, and stands in no log."""
    url = begun(made, "dev")
    assert greetings(url) == 0
    restarted(made, "dev")
    wait_until(lambda: greetings(url) == 1)
    assert query(url, "SELECT who FROM greeting") == [("app",)]
    wait_until(lambda: query(url, "SELECT status FROM cron.job_run_details") == [("succeeded",)])
    with session(made.databases()._superuser("dev"), APP) as connection:
        connection.execute("SELECT cron.schedule('the administrator''s', '0 0 1 1 *', 'SELECT 1')")
        connection.execute("UPDATE cron.job SET active = false")
    assert jobs(url) == [("greeting", "@reboot", False)]
    query(url, "SELECT cron.unschedule('greeting')")
    query(url, AT_START)
    assert jobs(url) == [("greeting", "@reboot", True)], "as an edit of staging may"
    for forbidden in (
        "SELECT cron.schedule_in_database('x', '* * * * *', 'SELECT 1', 'postgres')",
        "SELECT cron.alter_job(1, username => 'postgres')",
        "UPDATE cron.job SET username = 'postgres'",
        "CREATE TABLE cron.mine ()",
    ):
        with pytest.raises(Exception, match="permission denied"):
            query(url, forbidden)
    assert "hunter22" not in made.databases()._clusters.need("dev").log.read_text()


def test_what_a_failed_job_was_told_stands_in_no_log(made: Ground) -> None:
    """As with every session: the error itself does, the values of rows do not; whoever scheduled it can read them."""
    url = begun(made, "failing")
    query(url, "CREATE TABLE person (name text PRIMARY KEY)")
    query(url, "INSERT INTO person VALUES ('hunter33')")
    warning = "DO $x$BEGIN RAISE WARNING 'of a job' USING DETAIL = 'hunter33'; END$x$"
    for name, does in (("twice", "INSERT INTO person VALUES ('hunter33')"), ("warns", warning)):
        query(url, "SELECT cron.schedule(%s, '@reboot', %s)", name, does)
    restarted(made, "failing")
    told = "SELECT count(*) FROM cron.job_run_details WHERE return_message ~ 'hunter33' OR status = 'succeeded'"
    wait_until(lambda: query(url, told) == [(3,)])
    log = made.databases()._clusters.need("failing").log.read_text()
    assert "duplicate key" in log and "of a job" in log
    assert "hunter33" not in log


def test_a_server_that_loaded_it_without_our_settings_is_restarted_once(
    made: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier Greenroom started it so, and nothing could be scheduled; afterwards it runs on, whatever comes."""
    with monkeypatch.context() as earlier:
        earlier.setattr("greenroom.adapters.postgres.settings.SCHEDULER", {})
        with pytest.raises(Errored, match="extension"):
            made.databases().ensure("old", SERVICES)
    url = made.databases().ensure("old", SERVICES).url.reveal()
    query(url, "SELECT cron.schedule('x', '0 0 1 1 *', 'SELECT 1')")
    began = query(url, "SELECT pg_postmaster_start_time()")
    made.databases().ensure("old", SERVICES)
    assert query(url, "SELECT pg_postmaster_start_time()") == began


@pytest.mark.parametrize("writes", [False, True])
def test_whoever_was_let_in_by_hand_leaves_no_job(made: Ground, writes: bool) -> None:
    """Reading schedules nothing, whatever is set; what somebody with the right to write wrote goes with them."""
    url, databases = begun(made, "production"), made.databases()
    until = datetime.now(UTC) + timedelta(minutes=5)
    door = databases.open_door("production", "glass-01abc", writes=writes, until=until).reveal()
    free = door + "?options=-c%20default_transaction_read_only%3Doff"
    with pytest.raises(Exception, match="permission denied"):
        query(free, "SELECT cron.schedule('mine', '* * * * *', 'SELECT 1')")
    planted = "INSERT INTO cron.job (schedule, command) VALUES ('* * * * *', 'SELECT 1')"
    if writes:
        query(free, planted)
    with session(databases._superuser("production"), APP) as connection:
        all_jobs = "SELECT username FROM cron.job ORDER BY 1"
        planters = connection.execute(all_jobs).fetchall()
        assert planters == [("app",), *([("greenroom_glass_01abc",)] if writes else [])]
        databases.close_door("production", "glass-01abc")
        assert connection.execute(all_jobs).fetchall() == [("app",)]
    query(url, "SELECT cron.unschedule('greeting')")


def test_nothing_runs_while_a_release_is_built(made: Ground) -> None:
    """Migrations of a release may schedule jobs in the clean room; nobody works them off there."""
    databases = made.databases()
    with databases.scratch(SERVICES) as scratch:
        query(scratch.url.reveal(), "SELECT cron.schedule('each minute', '* * * * *', 'SELECT 1')")
        port = urlsplit(scratch.url.reveal()).port or 0
        door = Door(
            str(made.home.sockets / f"db.{port}"), port, SUPERUSER, databases._clusters.password(NAME, SUPERUSER)
        )
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            with session(door, MAINTENANCE) as connection:  # to the application every other's is NULL
                assert connection.execute(SCHEDULERS).fetchone() == (0,)
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("boundary", "back"),
    [
        ("restore.verified", "exchange.closed"),
        ("exchange.done", "exchange.done"),
        ("restore.jobs", "put-back.exchanged"),
        ("restarting", "restarting"),
        ("restarted", "restarted"),
    ],
)
def test_a_restore_brings_the_jobs_of_its_point(made: Ground, boundary: str, back: str) -> None:
    """Those that there were, in their order, and they run; also when it was killed on the way. Put back, it has those
    of before, and they run, also when that was killed."""
    environment = f"qa-{boundary.partition('.')[2] or boundary}"
    url = begun(made, environment)
    databases = made.databases()
    point = databases.make_restore_point(environment, "point")
    query(url, "SELECT cron.unschedule('greeting')")
    query(url, "SELECT cron.schedule('newer', '0 0 1 1 *', 'SELECT 1')")
    with pytest.raises(Killed):
        made.databases(reached=killer(boundary)).restore(point, aside="work")
    databases.restore(point, aside="work")
    assert jobs(url) == [("greeting", "@reboot", True)]
    assert query(url, "SELECT has_function_privilege('public', 'cron.unschedule(bigint)', 'EXECUTE')") == [(False,)]
    wait_until(lambda: greetings(url) >= 1)
    query(url, "SELECT cron.schedule('next', '0 0 1 1 *', 'SELECT 1')")
    assert [name for name, _, _ in jobs(url)] == ["greeting", "next"]
    with pytest.raises(Killed):
        made.databases(reached=killer(back)).put_back(environment, aside="work")
    databases.put_back(environment, aside="work")
    assert jobs(url) == [("newer", "0 0 1 1 *", True)]
    with session(databases._superuser(environment), MAINTENANCE) as connection:
        wait_until(lambda: connection.execute(SCHEDULERS).fetchone() == (1,))


@pytest.mark.parametrize("boundary", ["exchange.closed", "exchange.done", "restore.jobs", "restarting", "restarted"])
def test_nobody_enters_before_the_jobs_are_there_and_run(made: Ground, boundary: str) -> None:
    """Until then it would take their place, or be missed: neither the application, nor whoever makes it ready for one,
    nor whoever asks whether a restore is still to be done."""
    environment = f"bar-{boundary.partition('.')[2] or boundary}"
    url, databases = begun(made, environment), made.databases()
    point = databases.make_restore_point(environment, "point")
    with pytest.raises(Killed):
        made.databases(reached=killer(boundary)).restore(point, aside="work")
    wait_until(lambda: databases.damage(environment) == [])
    with pytest.raises(psycopg.OperationalError, match="connections"):
        query(url, "CREATE SCHEMA cron")
    for ask in (lambda: databases.ensure(environment, SERVICES), lambda: databases.fingerprint(environment)):
        with pytest.raises(Errored) as refused:
            ask()
        assert refused.value.code == "database.closed"
    databases.restore(point, aside="work")
    databases.ensure(environment, SERVICES)
    assert jobs(url) == [("greeting", "@reboot", True)]
    wait_until(lambda: greetings(url) >= 1)


def test_masked_data_holds_no_job_and_nothing_of_one(made: Ground) -> None:
    """What a job says or said may be anybody's name or password: none of it reaches a developer."""
    url = begun(made, "production")
    restarted(made, "production")
    wait_until(lambda: query(url, "SELECT status FROM cron.job_run_details") == [("succeeded",)])
    query(url, "DROP TABLE greeting; CREATE TABLE t AS SELECT 1 AS n")
    backups = PostgresBackups(
        made.home, made.keeper, "shop", SystemClock(),
        storage=lambda environment: Storage(), ensure_user=made.ensure_user, adopt=adopt,
    )  # fmt: skip
    assert backups.protect("production").problem == ""
    backups.take("production", "b1", full=True, say=str)
    route = choose(backups.archive("production"), Target())
    backups.rebuild(route, "production", "r", into=VAULT, census=True, say=str)
    vault = PostgresVault(made.home, backups._clusters, FileSecrets(made.home, "database"), SystemClock())
    plan = MaskingPlan((Chosen("public.t.n", HARMLESS, {}),))
    found = vault.mask("r", "production", "masked", SERVICES, plan, say=str, go_on=lambda: True)
    assert "rows of cron.job: they belong to the extension pg_cron" in found.said
    with vault._writing(vault._server(vault._making("masked"), SERVICES), SERVICES) as end, end.session() as connection:
        row = connection.execute(
            "SELECT count(*), has_schema_privilege('app', 'cron', 'USAGE'),"
            " has_function_privilege('app', 'cron.schedule(text, text)', 'EXECUTE') FROM cron.job"
        ).fetchone()
        assert row == (0, True, True), "none is there, and whoever has a clone may schedule"
    secret = b"hunter22"
    assert _holding(made.home.environments / VAULT / "rebuilt" / "r" / "data", secret), "it would be found"
    assert _holding(made.home.datasets / ".masked", secret) == []


def _holding(folder: Path, secret: bytes) -> list[Path]:
    return [f for f in folder.rglob("*") if f.is_file() and secret in f.read_bytes()]


def test_a_managed_sources_jobs_stay_behind() -> None:
    """Its data is copied; its jobs are not, nor the extension where the environment does not declare it, and both are
    said."""
    settings = "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'shop'\n"
    with source_support.place() as place:
        with managed(place.clusters, 15, place.root / "managed", more=settings) as source:
            source.run("CREATE EXTENSION pg_cron; CREATE TABLE t AS SELECT 1 AS n")
            source.run("SELECT cron.schedule('x', '0 0 1 1 *', $$SELECT 'hunter22'$$)")
            plain = place.copy(source.at(), "plain", major=15)
            server, services = source.at(), SERVICES
            kept = place.sources.copy(server, PASSWORD, VAULT, "kept", services, say=str, go_on=lambda: True)
        assert "the extension pg_cron stayed behind: it looks after a server" in plain.said
        assert plain.extensions == () and kept.extensions == ("pg_cron",)
        for name, copy in (("plain", plain), ("kept", kept)):
            assert "rows of cron.job: they belong to the extension pg_cron" in copy.said
            with place.opened(name, copy) as ask:
                assert ask("SELECT n FROM public.t") == [(1,)]
                if copy.extensions:
                    assert ask("SELECT count(*) FROM cron.job") == [(0,)]
