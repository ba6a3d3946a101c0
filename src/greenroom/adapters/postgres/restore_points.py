"""Restore points: a dump, and a census of what the database held by then.

env/ENV/restore-points/NAME/{point.json, archive/}     complete, or not there at all
"""

from __future__ import annotations

import json
import re
import shutil
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.archive import dump
from greenroom.adapters.postgres.census import Census, changes, read_counters, unsettled_seconds, with_rows
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, Connection, session
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.record import Cluster
from greenroom.adapters.postgres.roles import version_of
from greenroom.adapters.postgres.tools import disk_full
from greenroom.adapters.sealing.files import file_digest, size_of, sync_directory, write_atomically
from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.names import checked_name
from greenroom.ports.clock import Clock
from greenroom.ports.damage import Damage
from greenroom.ports.databases import Lost, RestorePoint

POINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
COUNT_SECONDS = 5.0


class RestorePoints:
    """Makes, lists and forgets restore points, and says what going back to one would lose."""

    def __init__(self, home: Home, clusters: Clusters, clock: Clock) -> None:
        self._home, self._clusters, self._clock = home, clusters, clock

    def make(self, environment: str, name: str) -> RestorePoint:
        checked_point(name)
        cluster = self._clusters.need(environment)
        with self._held(environment):
            folder = own_directory(self._folder(environment), 0o700)
            done = folder / name
            if not done.is_dir():
                partial = folder / f".{name}.partial"
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(mode=0o700)
                self._write(cluster, name, partial)
                partial.rename(done)
                sync_directory(folder)
            return _read(done)

    def all(self, environment: str) -> list[RestorePoint]:
        points = [_read(p.parent) for p in self._folder(environment).glob("[!.]*/point.json")]
        return sorted(points, key=lambda p: (p.at, p.name), reverse=True)

    def archive(self, point: RestorePoint) -> Path:
        """The point's dump. Raises Errored (`database.no_restore_point`)."""
        path = self._folder(point.environment) / checked_point(point.name) / "archive"
        if not path.is_dir():
            raise Errored(
                "database.no_restore_point",
                f"{point.environment} has no restore point {point.name}",
                hint="it was dropped",
            )
        return path

    def would_lose(self, point: RestorePoint) -> Lost:
        """Waits up to a second for sessions to hand in their counters; counts rows for up to five."""
        cluster = self._clusters.need(point.environment)
        end = self._clock.monotonic() + COUNT_SECONDS
        with session(self._clusters.superuser(cluster), APP) as connection:
            self._clock.sleep(unsettled_seconds(connection))
            connection.execute("SELECT set_config('statement_timeout', %s, false)", [f"{COUNT_SECONDS:g}s"])
            counters = read_counters(connection)
            now = with_rows(connection, counters, lambda: self._clock.monotonic() < end)
        return Lost(point.at, changes(Census.from_facts(point.facts), now))

    def damage(self, environment: str) -> list[Damage]:
        """Every restore point that could not be brought back, by reading all of it again."""
        folders = sorted(p for p in self._folder(environment).glob("[!.]*") if p.is_dir())
        found = ((folder, _wrong_with(folder)) for folder in folders)
        way_out = "it cannot be brought back: remove the directory {}; nothing that runs needs it"
        return [
            Damage(f"restore point {folder.name} of {environment} {wrong}", way_out.format(folder))
            for folder, wrong in found
            if wrong
        ]

    def drop(self, environment: str, keep: int) -> int:
        folder = self._folder(environment)
        with self._held(environment):
            old = self.all(environment)[max(0, keep) :]
            for point in old:
                aside = folder / f".{point.name}.partial"
                (folder / point.name).rename(aside)  # so that a half removed one is never taken for whole
            for leftover in folder.glob(".*.partial"):
                shutil.rmtree(leftover)
            return len(old)

    def _write(self, cluster: Cluster, name: str, partial: Path) -> None:
        """Counters first, then the snapshot: a write between the two is told as lost rather than not at all."""
        door = self._clusters.superuser(cluster)
        with session(door, APP) as connection:
            size = _database_size(connection)
            if shutil.disk_usage(partial).free < size * 1.2:
                raise disk_full(f"a restore point may take {size} bytes", partial.parent)
            counters = read_counters(connection)
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                snapshot = _exported_snapshot(connection)
                at = self._clock.now()
                dump(cluster.tools, door, partial / "archive", snapshot=snapshot, size=size)
                census = with_rows(connection, counters)
            facts = {**census.as_facts(), "version": version_of(connection)}
        record: dict[str, Any] = {"name": name, "environment": cluster.environment, "at": at.isoformat()}
        archive = partial / "archive"
        record |= {"bytes": size_of(archive), "digest": _digest(archive), "facts": facts}
        write_atomically(partial / "point.json", json.dumps(record, indent=1).encode(), 0o600)

    def _folder(self, environment: str) -> Path:
        return self._home.environments / checked_name(environment, "environment") / "restore-points"

    def _held(self, environment: str) -> AbstractContextManager[None]:
        return locked(own_directory(self._home.private / "database", 0o700) / f".{environment}.restore-points")


def _digest(archive: Path) -> str:
    """Over every file's name and bytes."""
    files = sorted(p for p in archive.rglob("*") if p.is_file())
    return digest_of({str(p.relative_to(archive)): file_digest(p) for p in files})


def _wrong_with(folder: Path) -> str:
    """What is wrong with one restore point, or nothing. Those of version 0.1.0 have no digest, only a size."""
    try:
        point = _read(folder)
        stored = json.loads((folder / "point.json").read_text())
    except Errored as e:
        return f"cannot be read: {e.because}"
    archive = folder / "archive"
    if not archive.is_dir():
        return f"has lost its dump: {archive} is not there"
    try:
        if size_of(archive) != point.bytes:
            return f"has {size_of(archive)} bytes instead of {point.bytes}"
        if stored.get("digest") not in (None, _digest(archive)):
            return "is damaged: its bytes are not those that were written"
    except OSError as e:
        return f"cannot be read: {e}"
    return ""


def checked_point(name: str) -> str:
    """`name` if it can be a directory and part of a database's name; else BadInput (`database.restore_point_name`)."""
    if not POINT_NAME.fullmatch(name):
        raise BadInput(
            "database.restore_point_name",
            f"{name[:80]!r} cannot name a restore point",
            hint="use letters, digits, hyphens, dots and underscores, at most 100",
        )
    return name


def _exported_snapshot(connection: Connection) -> str:
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    return str(row[0]) if row else ""


def _database_size(connection: Connection) -> int:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def _read(folder: Path) -> RestorePoint:
    try:
        stored: dict[str, Any] = json.loads((folder / "point.json").read_text())
        return RestorePoint(
            stored["name"],
            stored["environment"],
            datetime.fromisoformat(stored["at"]),
            stored["bytes"],
            stored["facts"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Errored(
            "database.restore_point_unreadable",
            f"{folder} cannot be read",
            because=str(error),
            hint="move it out of its directory: the other restore points are not affected",
        ) from error
