"""The log on its way: a replication slot, `pg_receivewal` under the keeper, and the repository it is moved into.

`--synchronous` writes what comes to disk at once and says so: the slot then names what is really kept. Production does
not wait for it (the receiver is no synchronous standby): a full archive disk must not stop it. How much of the log it
holds back for the archive is bounded (`max_slot_wal_keep_size`); beyond, the slot is lost, the hole has a name, and a
new full backup ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from psycopg import sql

from greenroom.adapters.home import Home
from greenroom.adapters.postgres.backup.ground import Ground, Identity, received_in
from greenroom.adapters.postgres.backup.repository import Repository
from greenroom.adapters.postgres.cluster import Clusters, kept
from greenroom.adapters.postgres.connect import MAINTENANCE, Connection, session
from greenroom.adapters.postgres.diagnosis import log_tail
from greenroom.adapters.postgres.record import Cluster
from greenroom.adapters.postgres.roles import version_of
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.wal import PARTIAL, Era, ancestry, era_at, reach
from greenroom.keeper.spec import Keeper, Spec
from greenroom.ports.backups import Storage, Stream
from greenroom.ports.clock import Clock

SLOT = "greenroom"
RECEIVER = "greenroom_archive"
OLDEST = 15
START_SECONDS = 20.0
POLL_SECONDS = 0.05
REMOVED = "has already been removed"
BLOCK = 1 << 20

STANDS = """
    SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), r.flush_lsn)::bigint
    FROM pg_stat_replication r WHERE r.application_name = %s AND r.state = 'streaming' AND r.flush_lsn IS NOT NULL
"""
IDENTITY = """
    SELECT s.system_identifier::text, pg_walfile_name(pg_current_wal_lsn()),
           pg_size_bytes(current_setting('wal_segment_size'))
    FROM pg_control_system() s
"""


class Receiving:
    """Keeps the log of protected clusters flowing."""

    def __init__(self, home: Home, keeper: Keeper, clusters: Clusters, ground: Ground, clock: Clock) -> None:
        self._home, self._keeper, self._clusters, self._ground, self._clock = home, keeper, clusters, ground, clock
        self._sent: dict[Path, float] = {}
        self._away: dict[str, str] = {}

    def protect(self, environment: str, storage: Storage) -> Stream:
        """Idempotent; returns once the log streams, or with what keeps it from streaming."""
        cluster = self._clusters.need(environment)
        if cluster.record.major < OLDEST:
            raise Refused(
                "backup.too_old",
                f"{environment}'s PostgreSQL {cluster.record.major} cannot be backed up continuously",
                because=f"pg_receivewal finds its place after an interruption only from PostgreSQL {OLDEST} on",
                hint="move to a newer major version, or set backups: off for this environment",
            )
        with session(self._clusters.superuser(cluster), MAINTENANCE) as connection:
            timeline, is_new = self._identify(connection, environment, cluster)
            _bound(connection, storage.wal_limit)
            fresh = is_new or self._slot(connection) or self._fell_behind(environment)
        repository = self._ground.repository(environment, storage)
        if not repository.names("eras", repository.first):
            repository.put_era(Era(self._clock.now(), timeline))
        self._run(cluster, self._ground.spool(environment, fresh=fresh))
        return self._await(environment, repository)

    def stream(self, environment: str, repository: Repository) -> Stream:
        """How the log flows, and whether what is archived has a hole."""
        gap = self._gap(environment, repository)
        cluster = self._clusters.find(environment)
        if cluster is None:
            return Stream(False, None, self._clock.now(), "the cluster's data is gone", gap)
        with kept():
            status = self._keeper.status(_name(environment))
        try:
            with session(self._clusters.superuser(cluster), MAINTENANCE) as connection:
                row = connection.execute(STANDS, [RECEIVER]).fetchone()
        except Errored as error:
            return Stream(status.state == "running", None, self._clock.now(), error.message, gap)
        if row is not None:
            return Stream(True, int(row[0]), self._clock.now(), "", gap, self._away.get(environment, ""))
        said = log_tail(self._log(environment)).splitlines()[-1:] or [status.last_exit or "it does not run"]
        return Stream(
            status.state == "running", None, self._clock.now(), f"the log does not flow: {said[0][:300]}", gap
        )

    def stop(self, environment: str) -> None:
        with kept():
            self._keeper.stop(_name(environment), seconds=10.0)

    def forget_slot(self, environment: str) -> None:
        """The log that was promised to this slot belongs to another life of the cluster: begin anew."""
        self._ground.spool(environment, fresh=True)

    def ship(self, environment: str, repository: Repository) -> int:
        """What is received for good goes into the first place and out of the spool; then the second place gets what it
        lacks. A segment that was begun in a former spool will not grow any more: it goes as it is.

        A restore may begin a spool meanwhile, and the receiver writes there: that one is left to the next who ships."""
        moved, grown, spools = 0, set[str](), self._ground.spools(environment)
        there = repository.names("wal", repository.first)
        for name, file in sorted(received_in(spools).items()):
            if name.endswith(PARTIAL) and file.parent == spools[-1]:
                continue  # still being received
            if name.removesuffix(PARTIAL) not in there:  # a part that is there may be of a time before a way back
                repository.write(f"wal/{name}", _blocks(file))
                moved += 1
                grown |= {name} & there.keys()
            for spool in spools[:-1]:
                if spool != file.parent:
                    (spool / name).unlink(missing_ok=True)  # an older part of it, which must not come after this one
            file.unlink(missing_ok=True)
        self._tidy(environment)
        try:
            moved += self._mirror(environment, repository, grown)
            self._away.pop(environment, None)
        except Errored as error:  # the first place has it all; `stream` tells of the second until it answers again
            if repository.second is None or error.code not in ("backup.place", "database.disk_full"):
                raise
            self._away[environment] = f"{error.message}: {error.because}"
        return moved

    def _mirror(self, environment: str, repository: Repository, grown: set[str]) -> int:
        """What the second place lacks of log, eras and marks, or has of an earlier time (`grown`); and, each time it
        grew, the segment being received."""
        second = repository.second
        if second is None:
            return 0
        sent = 0
        for folder in ("eras", "marks", "wal"):
            there = repository.names(folder, second)
            for name in repository.names(folder, repository.first):
                if name not in there or (folder == "wal" and name in grown):
                    sent += bool(repository.copy(f"{folder}/{name}", second))
                    if name + PARTIAL in there:
                        second.delete(f"{repository.system}/{folder}/{name}{PARTIAL}")
        there = repository.names("backups", second)
        for path in repository.names("backups", repository.first):
            if path.endswith("/backup.json") and path not in there:
                sent += bool(repository.copy_backup(path.split("/")[0], second, there))
        for name, file in self._ground.received(environment).items():
            if name.endswith(PARTIAL) and self._sent.get(file) != (changed := file.stat().st_mtime):
                repository.write(f"wal/{name}", _blocks(file), second)
                self._sent = {file: changed}
                sent += 1
        return sent

    def _tidy(self, environment: str) -> None:
        """Spools that are no longer written to and hold nothing go."""
        for spool in self._ground.spools(environment)[:-1]:
            left = list(spool.iterdir())
            if not left:
                spool.rmdir()

    def _identify(self, connection: Connection, environment: str, cluster: Cluster) -> tuple[int, bool]:
        """Remember which cluster this is; its timeline, and whether it is another one than before."""
        row = connection.execute(IDENTITY).fetchone()
        if row is None:
            raise LookupError("PostgreSQL did not say who it is")
        system, file, size = str(row[0]), str(row[1]), int(row[2])
        before = self._ground.identity(environment)
        found = Identity(system, cluster.record.major, version_of(connection), size, cluster.record.extensions)
        if found != before:
            self._ground.remember(environment, found)
        return int(file[:8], 16), before is not None and before.system != system

    def _slot(self, connection: Connection) -> bool:
        """The slot exists and holds the log back; True when it was lost and made anew: there is a hole now."""
        query = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s"
        row = connection.execute(query, [SLOT]).fetchone()
        is_lost = row is not None and row[0] == "lost"
        if is_lost:
            connection.execute("SELECT pg_drop_replication_slot(%s)", [SLOT])
        if row is None or is_lost:
            connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])
        return is_lost

    def _fell_behind(self, environment: str) -> bool:
        """The receiver asks for what production no longer has: only a new beginning helps."""
        with kept():
            status = self._keeper.status(_name(environment))
        log = self._log(environment)
        return status.state != "unknown" and log.exists() and REMOVED in log_tail(log)[-400:]

    def _run(self, cluster: Cluster, spool: Path) -> None:
        door = self._clusters.superuser(cluster)
        env = cluster.tools.env(door.env({})) | {"PGAPPNAME": RECEIVER}
        spec = Spec(
            name=_name(cluster.environment),
            argv=(
                cluster.tools.program("pg_receivewal"),
                f"--directory={spool}",
                f"--slot={SLOT}",
                "--synchronous",
                "--no-password",
            ),
            cwd=str(spool),
            log=str(self._log(cluster.environment)),
            env={k: v for k, v in env.items() if k != "PGOPTIONS"},
            umask=0o077,
            stop_signal="SIGINT",
            stop_seconds=10.0,
        )
        with kept():
            if self._keeper.status(spec.name).state != "unknown":
                try:
                    self._keeper.start(spec)
                    return
                except ValueError:  # kept with other words: another spool, port or program
                    self._keeper.stop(spec.name, seconds=10.0)
            self._log(cluster.environment).unlink(missing_ok=True)
            self._keeper.start(spec)

    def _await(self, environment: str, repository: Repository) -> Stream:
        end = self._clock.monotonic() + START_SECONDS
        while True:
            found = self.stream(environment, repository)
            if not found.problem or self._clock.monotonic() > end:
                return found
            self._clock.sleep(POLL_SECONDS)

    def _gap(self, environment: str, repository: Repository) -> str | None:
        """The first file that is missing between the newest backup and the end of the log."""
        archive = repository.archive()
        newest = next((b for b in reversed(archive.backups) if not b.damaged), None)
        era = era_at(archive.eras, None)
        if newest is None or era is None:
            return None
        there = {**archive.wal, **dict.fromkeys(self._ground.received(environment), 0)}
        line = ancestry(archive.eras, era.timeline)
        if newest.timeline not in {t for t, _ in line}:
            return None
        return reach(there, line, newest.start, newest.segment_bytes).missing

    def _log(self, environment: str) -> Path:
        return self._home.logs / f"wal-{environment}.log"


def with_spool(repository: Repository, ground: Ground, environment: str) -> dict[str, int]:
    """Names of the log's files there are, in any place or still in a spool."""
    names = repository.names("wal")
    for name in ground.received(environment):
        names.setdefault(name, 0)
    return names


def _name(environment: str) -> str:
    return f"wal/{environment}"


def _bound(connection: Connection, limit: int) -> None:
    """Production's own bound; set by `ALTER SYSTEM`, so that it holds whatever wrote the settings file."""
    wanted = max(limit >> 20, 64)
    row = connection.execute("SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size'").fetchone()
    if row is None or int(row[0]) != wanted:
        statement = sql.SQL("ALTER SYSTEM SET max_slot_wal_keep_size = {}")
        connection.execute(statement.format(sql.Literal(f"{wanted}MB")))
        connection.execute("SELECT pg_reload_conf()")


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while block := content.read(BLOCK):
            yield block
