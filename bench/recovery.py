"""Backups: how long a rebuild takes beside a plain copy of the same files, and what a crash under load loses.

The same cluster throughout, on the machine's disk: filled, backed up, copied with `cp -a`, rebuilt; then killed with -9
under the load of a client that counts what it was told to be committed; then lost altogether, the same way.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from tests.postgres_ground import Ground, ground_in, query

from bench.figure import Figure
from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.backup.backups import PostgresBackups
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.domain.backup import Target, choose
from greenroom.domain.release import Services
from greenroom.ports.backups import Rebuilt, Storage

MEGABYTES = int(os.environ.get("GREENROOM_BENCH_MB", "2048"))
ROW = 1000  # bytes, about
ROUNDS = 3
LOAD_SECONDS = 3.0
NAME = "production"


@dataclass
class Client:
    """Commits one row after the other; `told` holds when each was said to be committed."""

    url: str
    told: list[float] = field(default_factory=list)

    @contextmanager
    def writing(self) -> Iterator[None]:
        thread = threading.Thread(target=self._write, daemon=True)
        thread.start()
        yield
        thread.join(30)

    def _write(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while True:
                    connection.execute("INSERT INTO counted DEFAULT VALUES")
                    self.told.append(time.monotonic())
        except psycopg.Error:  # it was killed: that is what the bench is about
            return


def measure(directory: Path) -> list[Figure]:
    directory.chmod(0o711)
    with ground_in(directory) as ground:
        backups = PostgresBackups(
            ground.home,
            ground.keeper,
            "shop",
            SystemClock(),
            storage=lambda environment: Storage(),
            ensure_user=ground.ensure_user,
            adopt=adopt,
        )
        url = _filled(ground)
        backups.protect(NAME)
        backups.take(NAME, "b1", full=True, say=str)
        figures = [_rebuild_beside_copy(ground, backups, directory)]
        figures += _killed(ground, backups, url)
        return figures + _lost(ground, backups)


def _filled(ground: Ground) -> str:
    url = ground.databases().ensure(NAME, Services()).url.reveal()
    query(url, "CREATE TABLE filled (id bigint, said text); CREATE TABLE counted (id bigserial PRIMARY KEY)")
    many = MEGABYTES * 1_000_000 // ROW
    query(url, "INSERT INTO filled SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, %s) n", many)
    return url


def _rebuild_beside_copy(ground: Ground, backups: PostgresBackups, directory: Path) -> Figure:
    """By turns, the median of each: what one finds in memory the other finds too."""
    data = next((ground.home.environments / NAME).glob("postgres-*/data"))
    copies, rebuilds = [], []
    for number in range(ROUNDS):
        ground.databases().stop(NAME)
        began = time.monotonic()
        subprocess.run(["cp", "-a", str(data), str(directory / "copy")], check=True)
        copied = time.monotonic() - began
        shutil.rmtree(directory / "copy")
        began = time.monotonic()
        ground.databases().ensure(NAME, Services())
        copies.append(copied + time.monotonic() - began)
        rebuilds.append(_rebuilt(backups, f"r{number}").seconds)
        backups.discard(NAME, f"r{number}")
    copy, rebuild = sorted(copies)[ROUNDS // 2], sorted(rebuilds)[ROUNDS // 2]
    how = f"{MEGABYTES} MB: rebuilt, replayed and synced in {rebuild:.1f} s; cp -a and PostgreSQL's start {copy:.1f} s"
    return Figure("rebuild from backup / cp -a + start", rebuild / copy, "ratio", 1.5, how)


def _killed(ground: Ground, backups: PostgresBackups, url: str) -> list[Figure]:
    """kill -9 of the whole server under load: its directory stays, and a restore reads what is left of its log too."""
    client = Client(url)
    with client.writing():
        time.sleep(LOAD_SECONDS)
        _kill(ground)
    ground.keeper.stop(f"postgres/{NAME}")
    began = time.monotonic()
    _rebuilt(backups, "killed")
    backups.exchange(NAME, "killed")
    seconds = time.monotonic() - began
    found = _counted(ground)
    how = f"{len(client.told)} rows were said to be committed in {LOAD_SECONDS:g} s, {found} are there"
    return [
        Figure("committed rows lost after kill -9 under load", max(0, len(client.told) - found), "rows", 0, how),
        Figure("recovery time after kill -9", seconds, "s", 600, f"{MEGABYTES} MB, to the first statement"),
    ]


def _lost(ground: Ground, backups: PostgresBackups) -> list[Figure]:
    """The directory is removed while it runs, then the server killed: the archive is all there is."""
    backups.take(NAME, "b2", full=True, say=str)
    url = ground.databases().ensure(NAME, Services()).url.reveal()
    before = _counted(ground)
    client = Client(url)
    with client.writing():
        time.sleep(LOAD_SECONDS)
        safe = len(client.told)
        backups.mark(NAME, "safe")  # returns once everything up to here is in the archive
        time.sleep(LOAD_SECONDS / 3)
        shutil.rmtree(next((ground.home.environments / NAME).glob("postgres-*")), ignore_errors=True)
        _kill(ground)
    ground.keeper.stop(f"postgres/{NAME}")
    began = time.monotonic()
    _rebuilt(backups, "lost")
    backups.exchange(NAME, "lost")
    seconds = time.monotonic() - began
    found = _counted(ground) - before
    told = len(client.told)
    behind = client.told[-1] - client.told[min(found, told) - 1] if found and told else 0.0
    how = f"{told} rows were said to be committed, {safe} of them known to be archived, {found} are there"
    return [
        Figure("archived rows lost with the whole directory", max(0, safe - found), "rows", 0, how),
        Figure("recovery point when the whole directory is lost", behind, "s", 1.0, how),
        Figure("recovery time when the whole directory is lost", seconds, "s", 600, f"{MEGABYTES} MB"),
    ]


def _rebuilt(backups: PostgresBackups, name: str) -> Rebuilt:
    route = choose(backups.archive(NAME), Target())
    return backups.rebuild(route, NAME, name, into=NAME, census=False, say=str)


def _kill(ground: Ground) -> None:
    """The postmaster first, so that it starts nothing anew, then every process of it at once."""
    pid = ground.keeper.status(f"postgres/{NAME}").pid
    if pid is None:
        raise LookupError("the database does not run")
    family = [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]
    for process in (pid, *family):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _counted(ground: Ground) -> int:
    url = ground.databases().ensure(NAME, Services()).url.reveal()
    return int(query(url, "SELECT count(*) FROM counted")[0][0])
