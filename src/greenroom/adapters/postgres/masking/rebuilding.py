"""The schema, carried by PostgreSQL's own `pg_dump` and `pg_restore`: tables before the data, all else after it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.model import Catalog
from greenroom.adapters.postgres.masking.plan import (
    Job,
    Rebuild,
    rebuild_of,
    refresh_statements,
    sequence_statements,
)
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.adapters.postgres.neutralise import event_triggers_rest
from greenroom.adapters.postgres.tools import Tools, run

SECONDS = 24 * 3600.0
SIDE_BY_SIDE = 2
EXTENSION = re.compile(r"\d+; \d+ \d+ (?:EXTENSION -|COMMENT - EXTENSION) (\S+)")
MEMORY = "256MB"

GoOn = Callable[[], None]
"""Raises when the copy is to end."""


@dataclass(frozen=True)
class Archive:
    """The schema as one file of `pg_dump`'s custom format, without rows, large objects, statistics, publications."""

    file: Path
    tools: Tools
    target: End
    masker: End
    """The same database, entered without power."""
    more: tuple[str, ...] = ()
    """Further arguments of `pg_restore`."""

    def before_data(self, without: Container[str] = ()) -> None:
        """`without`: extensions that are left out."""
        if not without:
            self._restore("--section=pre-data")
            return
        listing = run(
            [self.tools.program("pg_restore"), "--list", "--section=pre-data", str(self.file)],
            env=self.tools.env(),
            seconds=600,
        )
        self._entries(tuple(e for e in listing.splitlines() if e and e[0] != ";" and not _of_extension(e, without)))

    def plan(self, catalog: Catalog) -> Rebuild:
        argv = [self.tools.program("pg_restore"), "--list", "--section=post-data", str(self.file)]
        return rebuild_of(catalog, run(argv, env=self.tools.env(), seconds=600))

    def after_data(self, plan: Rebuild, go_on: GoOn) -> None:
        """Indexes and keys, then references, two at a time; then checks of what lies there already."""
        self._side_by_side(plan.indexes, go_on)
        self._entries(plan.attached)
        self._side_by_side(plan.references, go_on)
        self._entries(plan.checks, self.masker)

    def rest(self, plan: Rebuild) -> None:
        """What runs nothing: triggers, rules, policies, rights and the like, in their order."""
        self._entries(plan.rest)

    def _side_by_side(self, jobs: tuple[Job, ...], go_on: GoOn) -> None:
        waiting, running = list(jobs), dict[Future[None], Job]()
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            while waiting or running:
                go_on()
                for job in [*waiting]:
                    if len(running) < SIDE_BY_SIDE and job.fits(running.values()):
                        waiting.remove(job)
                        running[pool.submit(self._entries, job.entries)] = job
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    del running[one]
                    one.result()

    def _entries(self, entries: tuple[str, ...], into: End | None = None) -> None:
        if not entries:
            return
        chosen = self.file.with_name(f"entries-{entries[0].split(';', 1)[0]}")
        chosen.write_text("".join(f"{entry}\n" for entry in entries))
        self._restore(f"--use-list={chosen}", into=into)

    def _restore(self, *more: str, into: End | None = None) -> None:
        argv = [self.tools.program("pg_restore"), "--exit-on-error", "--no-publications", "--no-subscriptions"]
        argv += ["--no-tablespaces", *self.more, *more, f"--dbname={self.target.parameters['dbname']}", str(self.file)]
        env = (into or self.target).env(maintenance_work_mem=MEMORY)
        run(argv, env=self.tools.env(env), seconds=SECONDS)


def _of_extension(entry: str, names: Container[str]) -> bool:
    """`7; 3079 16385 EXTENSION - NAME` and the comment on it, `4; 0 0 COMMENT - EXTENSION NAME`."""
    found = EXTENSION.match(entry)
    return found is not None and found[1] in names


def dump_schema(
    source: End,
    target: End,
    masker: End,
    tools: Tools,
    folder: Path,
    *,
    snapshot: str,
    restoring: tuple[str, ...] = (),
) -> Archive:
    """The source's schema as the snapshot sees it. `restoring`: further arguments for whoever lays it out."""
    file = folder / "schema.dump"
    argv = [tools.program("pg_dump"), "--format=custom", "--compress=0", "--schema-only", f"--file={file}"]
    argv += [f"--snapshot={snapshot}", "--no-blobs", "--no-publications", "--no-subscriptions"]
    argv += ["--no-toast-compression", "--lock-wait-timeout=60s"]
    run(argv, env=tools.env(source.env()), seconds=SECONDS)
    return Archive(file, tools, target, masker, restoring)


def make_roles(connection: Connection, roles: tuple[str, ...]) -> tuple[str, ...]:
    """Roles that own or may use something and are not there yet, without the right to log in; those made."""
    there = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    missing = tuple(name for name in roles if name not in there)
    for name in missing:
        connection.execute(f"CREATE ROLE {ident(name)} NOLOGIN".encode())
    return missing


def finish(connection: Connection, catalog: Catalog, go_on: GoOn) -> None:
    """Sequences, materialized views, statistics. Event triggers see refreshes, and would run with a superuser's power:
    none fires meanwhile, whatever it was told."""
    with connection.transaction(), event_triggers_rest(connection):
        for statement in (*sequence_statements(catalog), *refresh_statements(catalog)):
            go_on()
            connection.execute(statement.encode())
    go_on()
    connection.execute("ANALYZE")


def cores() -> int:
    return len(os.sched_getaffinity(0))
