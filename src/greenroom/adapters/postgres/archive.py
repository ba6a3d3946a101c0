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
    holds functions that run while it loads, and they must not run with more power than the application has.
    """
    size = sum(f.stat().st_size for f in archive.iterdir())
    with tempfile.TemporaryDirectory(dir=work, prefix="restore-") as scratch:
        listing = run([tools.program("pg_restore"), "--list", str(archive)], env=tools.env(), seconds=600)
        for index, (door, entries) in enumerate(zip((superuser, application), split(listing), strict=True)):
            if entries:
                chosen = Path(scratch) / f"entries-{index}"
                chosen.write_text("".join(f"{entry}\n" for entry in entries))
                argv = [tools.program("pg_restore"), "--exit-on-error", f"--jobs={_jobs(size)}"]
                argv += [f"--use-list={chosen}", f"--dbname={database}", str(archive)]
                run(argv, env=tools.env(door.env()), seconds=SECONDS)


def split(listing: str) -> tuple[list[str], list[str]]:
    """The entries of a dump's table of contents that the superuser must load, and those that the application can.

    An entry reads `ID; CATALOG OBJECT KIND SCHEMA NAME OWNER`; line breaks in names were made blanks by pg_dump.
    """
    superusers: list[str] = []
    applications: list[str] = []
    for line in listing.splitlines():
        entry = ENTRY.fullmatch(line)
        if entry is None:
            continue
        # Not by the owner `pg_database_owner`: the application is a member of that, and may give it whatever it made.
        is_superusers = entry[1].startswith(GROUND) or entry[1].rpartition(" ")[2] == SUPERUSER
        (superusers if is_superusers else applications).append(line)
    return superusers, applications


def _jobs(size: int) -> int:
    return 1 if size < PARALLEL_FROM else min(4, os.cpu_count() or 1)
