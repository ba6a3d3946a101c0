"""Dumps: a database as files that any later server of the same or a newer major version can load."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from greenroom.adapters.courtesy import STANDS_BACK
from greenroom.adapters.postgres.connect import APP, SUPERUSER, Door
from greenroom.adapters.postgres.tools import Tools, run

SECONDS = 24 * 3600.0
LOCK_WAIT = "60s"
PARALLEL_FROM = 64 << 20
COMPRESS_FROM = 1 << 30
ENTRY = re.compile(r"\d+; \d+ \d+ (.*)")
HAS_SCHEDULER = re.compile(r"^\d+; \d+ \d+ EXTENSION - pg_cron ?$", re.MULTILINE)
SCHEDULER = re.compile(
    r"EXTENSION - pg_cron ?|COMMENT - EXTENSION pg_cron ?|ACL - SCHEMA cron .*"
    rf"|(?:TABLE DATA|SEQUENCE SET|ACL) cron .* {SUPERUSER}"
)
"""`pg_cron` and its jobs. It can be made only in the database that the server's settings name: by its name, `app`."""

GROUND = ("EXTENSION - ", "SCHEMA - ", "COMMENT - EXTENSION ", "COMMENT - SCHEMA ", "ACL - SCHEMA ")


def dump(tools: Tools, door: Door, target: Path, *, snapshot: str, size: int) -> None:
    """Write the application's database, as the snapshot sees it, into the directory `target`, which must not exist.

    On disk when this returns. Small databases in one go; from 64 MB in parallel; from 1 GB lightly compressed, where
    writing would take longer than compressing.
    """
    compress = "1" if size >= COMPRESS_FROM else "0"
    argv = [tools.program("pg_dump"), "--format=directory", f"--file={target}", f"--jobs={_jobs(size)}"]
    argv += [f"--compress={compress}", f"--snapshot={snapshot}", f"--lock-wait-timeout={LOCK_WAIT}", f"--dbname={APP}"]
    run(argv, env=tools.env(door.env()), seconds=SECONDS, nice=STANDS_BACK)


def load(tools: Tools, superuser: Door, application: Door, archive: Path, database: str, *, work: Path) -> None:
    """Load a dump into an empty database.

    The superuser loads extensions and schemas only. All else is loaded by the application's own role: a dump
    holds functions that run while it loads, and they must not run with more power than the application has. `pg_cron`
    waits for `load_jobs`.
    """
    size = sum(f.stat().st_size for f in archive.iterdir())
    superusers, applications, _ = split(_listing(tools, archive))
    for door, entries in ((superuser, superusers), (application, applications)):
        _load(tools, door, archive, entries, database, f"--jobs={_jobs(size)}", work=work)


def load_jobs(tools: Tools, superuser: Door, archive: Path, *, work: Path) -> None:
    """`pg_cron` with its jobs and what is known of their runs into the application's database; all of it or nothing.

    Nothing of it is the application's own: its tables are made by the extension, their triggers are the extension's.
    """
    _, _, scheduler = split(_listing(tools, archive))
    _load(tools, superuser, archive, scheduler, APP, "--single-transaction", work=work)


def _listing(tools: Tools, archive: Path) -> str:
    return run([tools.program("pg_restore"), "--list", str(archive)], env=tools.env(), seconds=600)


def _load(tools: Tools, door: Door, archive: Path, entries: list[str], database: str, how: str, *, work: Path) -> None:
    if not entries:
        return
    with tempfile.TemporaryDirectory(dir=work, prefix="restore-") as scratch:
        chosen = Path(scratch) / "entries"
        chosen.write_text("".join(f"{entry}\n" for entry in entries))
        argv = [tools.program("pg_restore"), "--exit-on-error", how]
        argv += [f"--use-list={chosen}", f"--dbname={database}", str(archive)]
        run(argv, env=tools.env(door.env()), seconds=SECONDS)


def split(listing: str) -> tuple[list[str], list[str], list[str]]:
    """The entries of a dump's table of contents that the superuser must load, those that the application can, and those
    of `pg_cron`.

    An entry reads `ID; CATALOG OBJECT KIND SCHEMA NAME OWNER`; line breaks in names were made blanks by pg_dump.
    """
    superusers: list[str] = []
    applications: list[str] = []
    scheduler: list[str] = []
    has_scheduler = HAS_SCHEDULER.search(listing) is not None
    for line in listing.splitlines():
        entry = ENTRY.fullmatch(line)
        if entry is None:
            continue
        if has_scheduler and SCHEDULER.fullmatch(entry[1]):
            scheduler.append(line)
            continue
        # Not by the owner `pg_database_owner`: the application is a member of that, and may give it whatever it made.
        is_superusers = entry[1].startswith(GROUND) or entry[1].rpartition(" ")[2] == SUPERUSER
        (superusers if is_superusers else applications).append(line)
    return superusers, applications, scheduler


def _jobs(size: int) -> int:
    return 1 if size < PARALLEL_FROM else min(4, os.cpu_count() or 1)
