"""Backups as somebody meets them at the command line: they begin by themselves, and bring back what was lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.database import PostgresDatabases
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.adapters.runtimes.users import ensure_user
from greenroom.cli.client import Client
from greenroom.cli.credentials import Credentials
from greenroom.domain.errors import Refused
from greenroom.domain.release import Services
from tests.contracts.test_backups import flip
from tests.life_support import Life, living, visited, wait_until
from tests.postgres_ground import query


@pytest.fixture(scope="module")
def kept() -> Iterator[Life]:
    """An environment that is backed up, with a first backup that nobody asked for."""
    with living("services: {postgres: 18}") as life:
        life.more = "    backups: {enabled: true, drill: 365d}"
        life.commit("1.0")
        life.up()
        life.release("1.0")
        query(url(life), "CREATE TABLE t (id serial PRIMARY KEY, said text)")
        wait_until(lambda: life.api("environments/dev/backups")["count"] >= 1, 90)
        wait_until(lambda: not life.unfinished(), 90)
        yield life


@pytest.fixture
def life(kept: Life) -> Life:
    """Whole again, with three rows."""
    wait_until(lambda: not kept.unfinished(), 90)
    query(url(kept), "TRUNCATE t")
    query(url(kept), "INSERT INTO t (said) VALUES ('one'), ('two'), ('three')")
    return kept


def url(life: Life) -> str:
    databases = PostgresDatabases(
        life.home, life.keeper, life.project, SystemClock(), ensure_user=ensure_user, adopt=adopt
    )
    return databases.ensure("dev", Services(18)).url.reveal()


def rows(life: Life) -> int:
    return int(query(url(life), "SELECT count(*) FROM t")[0][0])


def done(life: Life, *words: str) -> Any:
    told = life.run(*words, "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    return json.loads(told.stdout)


def test_a_mistake_is_undone_and_the_undoing_too(life: Life) -> None:
    """Asked first, nothing changes and the rows are counted; then they are back, and visitors waited instead of
    failing; the restore point made before leads back to where it was."""
    done(life, "backup", "now", "dev")
    time.sleep(0.05)
    at = datetime.now(UTC).isoformat()
    time.sleep(0.05)
    query(url(life), "DELETE FROM t WHERE said <> 'one'")
    asked = done(life, "backup", "restore", "dev", "--to", at, "--dry-run")
    assert asked["preview"]["tables"] == {"public.t": {"inserted": 0, "updated": 0, "deleted": 2}}
    assert asked["preview"]["lost_transactions"] == 1
    assert (asked["work"], rows(life)) == (None, 1)
    with visited(life) as seen:
        work = done(life, "backup", "restore", "dev", "--to", at, "--yes")
    assert set(seen) == {"1.0"}
    assert rows(life) == 3
    before = life.api(f"work/{work['id']}")["facts"]["hold"]["before"]
    done(life, "backup", "restore", "dev", "--to", before, "--yes")
    assert rows(life) == 1


def test_everything_lost_under_load_comes_back(life: Life) -> None:
    """The directory removed while it runs and the server killed with -9: every row that had reached the archive is
    back, and the application serves on it."""
    told: list[int] = []
    address = url(life)

    def write() -> None:
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                while True:
                    connection.execute("INSERT INTO t (said) VALUES ('load')")
                    told.append(1)
        except psycopg.Error:
            return

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: len(told) > 200)
    safe = len(told)
    made = done(life, "backup", "now", "dev")  # its restore point returns once the archive has everything before it
    assert made["state"] == "done"
    pid = life.keeper.status("postgres/dev").pid
    assert pid is not None
    shutil.rmtree(life.home.environments / "dev/postgres-18", ignore_errors=True)
    os.kill(pid, signal.SIGKILL)
    writer.join(120)
    done(life, "backup", "restore", "dev", "--yes", "--reason", "the disk is gone")
    assert rows(life) >= 3 + safe
    assert life.visit() == "1.0"
    evidence = next(w for w in life.works() if w["kind"] == "restore")
    assert life.api(f"work/{evidence['id']}")["facts"]["conclude"]["rto_seconds"] > 0
    wait_until(lambda: life.api("environments/dev/backups")["flows"])


def test_a_drill_compares_and_a_damaged_backup_is_told(life: Life) -> None:
    """A passing drill is evidence; with a bit flipped the verification names the backup, and so does the doctor,
    unless a new one has come into its place by itself."""
    done(life, "backup", "now", "dev", "--full")
    done(life, "backup", "drill", "dev")
    standing = life.api("environments/dev/backups")
    assert standing["drill"]["outcome"] == "passed"
    assert standing["drill"]["rto_seconds"] > 0
    life.must_be_healthy()
    newest = standing["backups"][0]["name"]
    (base,) = (life.home.backups / "dev/repository").glob(f"*/backups/{newest}/base")
    flip(base, base.stat().st_size // 3)
    told = life.run("backup", "verify", "dev")
    assert told.returncode == 1
    assert newest in told.stderr
    said = life.run("doctor").stdout
    assert newest in said or life.api("environments/dev/backups")["backups"][0]["name"] > newest, said
    done(life, "backup", "restore", "dev", "--yes")
    assert rows(life) == 3


def test_who_may_not_see_them_sees_that_there_are(life: Life) -> None:
    """A tester learns how old the newest is, and no name, size, restore point or place; and may begin nothing."""
    token = done(life, "account", "add", "quentin", "--role", "tester")["token"]
    known = json.loads((life.home.private / "api.json").read_text())
    client = Client(Credentials(known["url"], token, "a test"))
    told = client.get("environments", "dev", "backups")
    assert told["count"] >= 1
    assert told["age_seconds"] >= 0
    assert (told["backups"], told["restore_points"], told["asides"], told["problem"]) == ([], [], [], "")
    for path, body in (("backups", {}), ("restores", {"dry_run": True}), ("drills", {}), ("verifications", {})):
        with pytest.raises(Refused) as refused:
            client.post("environments", "dev", path, **body)
        assert refused.value.code == "role.missing"
