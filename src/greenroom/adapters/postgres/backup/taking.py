"""Taking a base backup: `pg_basebackup` into the repository, then read back and compared with its manifest.

The tar stream goes straight from the server into sealed chunks: nothing lies open on disk, and memory stays flat. The
log is not in it; the archive has that. The backup counts from the moment its record is written, which comes last.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from greenroom.adapters.postgres.backup.ground import Ground
from greenroom.adapters.postgres.backup.manifest import Differs, Manifest, check, differs
from greenroom.adapters.postgres.backup.places import Place
from greenroom.adapters.postgres.backup.repository import Repository
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import MAINTENANCE, session
from greenroom.adapters.postgres.record import Cluster
from greenroom.adapters.postgres.tools import command, tool_failed
from greenroom.domain.backup import Backup, chain_of
from greenroom.domain.errors import Errored
from greenroom.domain.upkeep import is_of
from greenroom.domain.wal import era_at
from greenroom.ports.backups import Say
from greenroom.ports.clock import Clock

BLOCK = 1 << 20
INCREMENTS_FROM = 17
SAID = 100_000


class Taking:
    """Makes, reads back and copies base backups."""

    def __init__(self, clusters: Clusters, ground: Ground, clock: Clock) -> None:
        self._clusters, self._ground, self._clock = clusters, ground, clock

    def take(self, environment: str, repository: Repository, name: str, full: bool, say: Say) -> Backup:
        known = next((b for b in repository.archive().backups if b.name == name), None)
        if known is not None:
            return known
        cluster = self._clusters.need(environment)
        parent = None if full else self._parent(cluster, repository, say)
        base = f"backups/{name}/base"
        began = self._clock.now()
        with session(self._clusters.superuser(cluster), MAINTENANCE) as connection:
            row = connection.execute("SELECT sum(pg_database_size(oid))::bigint FROM pg_database").fetchone()
        total = int(row[0]) if row and row[0] else 0
        stored = self._store(cluster, repository, base, parent, _told(say, total if parent is None else 0))
        ended = self._clock.now()
        say(f"reading {stored / 1e6:.0f} MB back and comparing every file with its manifest")
        manifest = self.read_back(repository, name, repository.first)
        repository.write(f"backups/{name}/manifest", [manifest.raw])
        identity = self._ground.need(environment)
        backup = Backup(
            name,
            environment,
            repository.system,
            manifest.timeline,
            manifest.start,
            manifest.stop,
            began,
            ended,
            parent.name if parent else None,
            stored,
            manifest.size,
            identity.version,
            manifest.files,
            identity.extensions,
            identity.segment_bytes,
        )
        repository.put_backup(backup)
        return backup

    def read_back(self, repository: Repository, name: str, place: Place) -> Manifest:
        """Every byte of it, from this place. Raises Errored (`backup.damaged`, `backup.absent`)."""
        try:
            return check(repository.read(f"backups/{name}/base", place, held=1))
        except Differs as error:
            raise differs(name, place.words, str(error)) from None

    def copy(self, repository: Repository, name: str, say: Say) -> int:
        """To the second place, the record last. Idempotent."""
        second = repository.second
        if second is None:
            return 0
        say(f"copying to {second.words}")
        return repository.copy_backup(name, second, repository.names("backups", second))

    def _parent(self, cluster: Cluster, repository: Repository, say: Say) -> Backup | None:
        """What an increment builds on: the newest backup of the present era. None, and why, when it must be full."""
        if cluster.record.major < INCREMENTS_FROM:
            say(f"PostgreSQL {cluster.record.major} has no incremental backups (from {INCREMENTS_FROM} on): a full one")
            return None
        archive = repository.archive()
        era = era_at(archive.eras, None)
        usable = [b for b in archive.backups if chain_of(archive.backups, b.name) and is_of(b, era)]
        if not usable:
            say("there is nothing to build on: a full one")
            return None
        return usable[-1]

    def _store(self, cluster: Cluster, repository: Repository, path: str, parent: Backup | None, told: Say) -> int:
        argv = [cluster.tools.program("pg_basebackup"), "--pgdata=-", "--format=tar", "--wal-method=none"]
        argv += ["--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password", f"--label={path[:200]}"]
        door = self._clusters.superuser(cluster)
        env = {k: v for k, v in cluster.tools.env(door.env({})).items() if k != "PGOPTIONS"}
        with tempfile.TemporaryDirectory(dir=self._ground.folder(cluster.environment), prefix=".taking-") as scratch:
            if parent is not None:
                file = Path(scratch) / "manifest"
                raw: bytes = repository.anywhere(f"backups/{parent.name}/manifest", b"".join)
                file.write_bytes(raw)
                argv.append(f"--incremental={file}")
            with (Path(scratch) / "said").open("w+b") as said:
                process = subprocess.Popen(
                    command(argv, None), env=env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
                )
                try:
                    return repository.write(path, _output(process, said, told))
                finally:
                    if process.poll() is None:
                        process.kill()
                    process.wait()
                    if process.stdout:
                        process.stdout.close()


def _output(process: subprocess.Popen[bytes], said: IO[bytes], told: Say) -> Iterator[bytes]:
    """What it writes, to its good end. Raises Errored when it ends badly: then nothing of it is kept."""
    if process.stdout is None:
        raise LookupError("it was started with a pipe")
    done = 0
    while block := process.stdout.read(BLOCK):
        done += len(block)
        told(str(done))
        yield block
    if process.wait() != 0:
        said.seek(0)
        raise _failed(process.returncode, said.read(SAID).decode(errors="replace"))


def _failed(code: int, said: str) -> Errored:
    if "WAL summaries are required" in said or "summariz" in said.lower():
        return Errored(
            "backup.no_summaries",
            "an increment cannot be made: PostgreSQL has no summaries of the log since the backup it builds on",
            because=said.strip()[-1500:],
            hint="greenroom backup now --full",
        )
    return tool_failed("pg_basebackup", code, said)


def _told(say: Say, total: int) -> Say:
    """Says how far it is, at every tenth."""
    last = -1

    def tell(done: str) -> None:
        nonlocal last
        tenth = int(done) * 10 // total if total else int(done) // (256 << 20)
        if tenth > last:
            last = tenth
            say(f"{int(done) / 1e6:.0f} MB" + (f" of about {total / 1e6:.0f}" if total else ""))

    return tell
