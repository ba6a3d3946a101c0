"""`PostgresBackups`: backups of environments' clusters with PostgreSQL's own tools."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.backup.census import make_mark, mark_with_census
from greenroom.adapters.postgres.backup.exchanging import Exchanging
from greenroom.adapters.postgres.backup.ground import Ground
from greenroom.adapters.postgres.backup.losing import MOST_FILES, Tally, count, dumped
from greenroom.adapters.postgres.backup.rebuilding import Rebuilding, Source
from greenroom.adapters.postgres.backup.receiving import Receiving, with_spool
from greenroom.adapters.postgres.backup.repository import Repository
from greenroom.adapters.postgres.backup.taking import Taking
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, session
from greenroom.adapters.postgres.providers import Provider, choose, find_providers
from greenroom.adapters.postgres.restore_points import checked_point
from greenroom.adapters.postgres.tools import Adopt, EnsureUser, Tools
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.backup import Archive, Backup, Mark, Retention, Route, expired
from greenroom.domain.errors import Errored
from greenroom.domain.release import Services
from greenroom.domain.wal import PARTIAL, SEGMENT_NAME, ancestry, era_at, reach
from greenroom.keeper.spec import Keeper
from greenroom.ports.backups import Loss, Rebuilt, Say, Storage, Stream
from greenroom.ports.clock import Clock

MARK_SECONDS = 10.0
POLL_SECONDS = 0.02
BLOCK = 1 << 20
FILES = """
    SELECT pg_relation_filenode(c.oid), n.nspname || '.' || c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384
"""
FLUSHED = """
    SELECT count(*) FROM pg_stat_replication
    WHERE application_name = 'greenroom_archive' AND flush_lsn >= %s::pg_lsn
"""


class PostgresBackups:
    """Fulfils `ports.backups.Backups`. Making one touches nothing."""

    def __init__(
        self,
        home: Home,
        keeper: Keeper,
        project: str,
        clock: Clock,
        *,
        storage: Callable[[str], Storage],
        ensure_user: EnsureUser,
        adopt: Adopt,
        providers: Callable[[], Sequence[Provider]] = find_providers,
        reached: Callable[[str], None] = lambda boundary: None,
    ) -> None:
        self._clock, self._storage, self._home = clock, storage, home
        credentials = FileSecrets(home, "database")
        self._clusters = Clusters(
            home, keeper, project, clock, credentials, ensure_user=ensure_user, adopt=adopt, providers=providers
        )
        self._ground = Ground(home)
        self._receiving = Receiving(home, keeper, self._clusters, self._ground, clock)
        self._taking = Taking(self._clusters, self._ground, clock)
        self._rebuilding = Rebuilding(home, self._clusters, self._ground, clock, reached)
        self._exchanging = Exchanging(
            home, keeper, self._clusters, self._ground, self._rebuilding, self._receiving, clock, reached
        )

    # --- taking ------------------------------------------------------------------------------------

    def protect(self, environment: str) -> Stream:
        with self._held(environment, "exchange"):  # as whoever puts a cluster in place: its spool is the receiver's
            return self._receiving.protect(environment, self._storage(environment))

    def stream(self, environment: str) -> Stream:
        return self._receiving.stream(environment, self._repository(environment))

    def ship(self, environment: str) -> int:
        with self._held(environment, "ship"):
            return self._receiving.ship(environment, self._repository(environment))

    def take(self, environment: str, name: str, *, full: bool, say: Say) -> Backup:
        with self._held(environment, "take"):
            return self._taking.take(environment, self._repository(environment), checked_point(name), full, say)

    def copy(self, environment: str, name: str, *, say: Say) -> int:
        return self._taking.copy(self._repository(environment), checked_point(name), say)

    def verify(self, environment: str, name: str, *, say: Say) -> Backup:
        repository = self._repository(environment)
        backup = next((b for b in repository.archive().backups if b.name == name), None)
        if backup is None:
            raise Errored("backup.absent", f"{environment} has no backup {name}", hint="greenroom backup list")
        trouble: Errored | None = None
        whole = 0
        for place in repository.places:
            try:
                say(f"reading {name} in {place.words}")
                self._taking.read_back(repository, name, place)
                whole += 1
            except Errored as error:
                if error.code not in ("backup.damaged", "backup.absent"):
                    raise
                if error.code == "backup.damaged" or place is repository.first:
                    trouble = error
        if trouble is not None and not whole:
            repository.put_damaged(name, f"{trouble.message}: {trouble.because}")
            raise trouble
        if trouble is not None:
            say(f"{trouble.message}; the other place has it whole")
        return replace(backup, damaged="")

    # --- knowing -----------------------------------------------------------------------------------

    def archive(self, environment: str) -> Archive:
        if self._ground.identity(environment) is None:
            return Archive((), ())
        repository = self._repository(environment)
        return replace(repository.archive(), wal=with_spool(repository, self._ground, environment))

    def mark(self, environment: str, name: str, *, census: bool = False) -> Mark:
        repository = self._repository(environment)
        known = next((m for m in repository.archive().marks if m.name == name), None)
        if known is not None:
            return known
        door = self._clusters.superuser(self._clusters.need(environment))
        at = self._clock.now()
        label = f"{checked_point(name)[:40]}@{at:%Y%m%dT%H%M%S.%f}"
        if census:
            label, (timeline, position), counted = mark_with_census(door, label, self._clock)
        else:
            with session(door, MAINTENANCE) as connection:
                (timeline, position), counted = make_mark(connection, label), {}
        self._await_flush(environment, position)
        made = Mark(name, label, environment, repository.system, timeline, position, at, counted)
        repository.put_mark(made)
        return made

    def _await_flush(self, environment: str, position: int) -> None:
        door = self._clusters.superuser(self._clusters.need(environment))
        end = self._clock.monotonic() + MARK_SECONDS
        wanted = f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
        with session(door, MAINTENANCE) as connection:
            while True:
                row = connection.execute(FLUSHED, [wanted]).fetchone()
                if row and row[0]:
                    return
                if self._clock.monotonic() > end:
                    break
                self._clock.sleep(POLL_SECONDS)
        raise Errored(
            "backup.archive_behind",
            f"the log of {environment} did not reach the archive within {MARK_SECONDS:g} s",
            because=self.stream(environment).problem or "it is slow",
            hint="greenroom doctor names what keeps it",
        )

    # --- bringing back -----------------------------------------------------------------------------

    def rebuild(self, route: Route, environment: str, name: str, *, into: str, census: bool, say: Say) -> Rebuilt:
        repository = self._repository(environment)
        own = self._own_log(environment, route) if into == environment else {}
        source = self._source(environment, own)
        route = replace(route, wal=tuple(dict.fromkeys([*route.wal, *own])))
        try:
            return self._rebuilding.rebuild(
                route, repository, source, environment, checked_point(name), into, census, say
            )
        except Errored as error:
            if error.code == "backup.damaged" and error.facts.get("backup"):
                repository.put_damaged(str(error.facts["backup"]), f"{error.message}: {error.because}")
            raise

    def would_lose(self, environment: str, route: Route) -> Loss:
        if route.target.time is None and route.target.mark is None:
            return Loss(0)
        archive = self.archive(environment)
        present = era_at(archive.eras, None)
        line = ancestry(archive.eras, present.timeline if present else route.timeline)
        start = route.target.mark.lsn if route.target.mark else route.base.stop
        there = reach(archive.wal, line, start, route.base.segment_bytes).names
        if len(there) > MOST_FILES:
            size = len(there) * route.base.segment_bytes / 1e9
            return Loss(None, problem=f"{size:.1f} GB of log were written since; that much is not counted")
        tally = Tally()
        identity = self._ground.need(environment)
        provider = choose(Services(identity.major, identity.extensions), self._clusters.providers())
        tools = Tools(provider.bin, provider.libraries)
        source = self._source(environment)
        with tempfile.TemporaryDirectory(dir=self._ground.folder(environment), prefix=".reading-") as folder:
            for name in there:
                with (Path(folder) / name.removesuffix(PARTIAL)).open("wb") as file:
                    file.writelines(source(name))
            for timeline, end in line:
                if end is None or end > start:
                    count(dumped(tools, Path(folder), timeline, start, end), _behind(route), tally)
                    start = max(start, end or start)
        return Loss(tally.transactions, tally.first, tally.last, self._named(environment, tally))

    def _named(self, environment: str, tally: Tally) -> dict[str, tuple[int, int, int]]:
        """Rows by the table's name; all under one name when the database does not answer. What belongs to no table
        (values stored out of line) is part of rows that were counted already."""
        cluster = self._clusters.find(environment)
        try:
            if cluster is None:
                raise Errored(
                    "database.absent", "there is none", hint="promote a release with a database into it first"
                )
            with session(self._clusters.superuser(cluster), APP) as connection:
                names = {int(r[0]): str(r[1]) for r in connection.execute(FILES).fetchall()}
        except Errored:
            names = dict.fromkeys(tally.tables, "all tables")
        found: dict[str, tuple[int, int, int]] = {}
        for relation, rows in tally.tables.items():
            if relation in names:
                before = found.get(names[relation], (0, 0, 0))
                found[names[relation]] = (before[0] + rows[0], before[1] + rows[1], before[2] + rows[2])
        return found

    def _source(self, environment: str, own: Mapping[str, Path] | None = None) -> Source:
        """The log's files wherever they are: beside a cluster that does not run, in a spool, in the repository."""
        repository, received = self._repository(environment), self._ground.received(environment)

        def source(wanted: str) -> Iterator[bytes]:
            for known in (own or {}, received):
                if wanted in known and known[wanted].exists():
                    return _blocks(known[wanted])
            content: bytes = repository.anywhere(f"wal/{wanted}", b"".join)
            return iter([content])

        return source

    def _own_log(self, environment: str, route: Route) -> dict[str, Path]:
        """When the latest is wanted of a cluster that does not run: what its own log holds beyond the archive. It was
        written before anything was told to be committed, so then nothing at all is lost."""
        cluster = self._clusters.find(environment)
        if route.target.time is not None or route.target.mark is not None or route.missing or cluster is None:
            return {}
        if self._clusters.is_running(cluster) or not route.wal:
            return {}
        last = max((n for n in route.wal if SEGMENT_NAME.fullmatch(n.removesuffix(PARTIAL))), default="")
        files = (cluster.data / "pg_wal").glob(f"{last[:8]}*")
        return {f.name: f for f in sorted(files) if SEGMENT_NAME.fullmatch(f.name) and f.name >= last[:24]}

    def exchange(self, environment: str, name: str) -> None:
        self._exchanging.exchange(environment, name, self._repository(environment), self._storage(environment))

    def put_back(self, environment: str, name: str) -> None:
        self._exchanging.put_back(environment, name, self._repository(environment), self._storage(environment))

    def asides(self, environment: str) -> Mapping[str, datetime]:
        return self._exchanging.asides(environment)

    def discard(self, environment: str, name: str) -> None:
        self._rebuilding.discard(environment, name)

    # --- forgetting --------------------------------------------------------------------------------

    def expire(self, environment: str, policy: Retention, *, in_use: tuple[str, ...]) -> list[str]:
        with self._held(environment, "take"):
            repository = self._repository(environment)
            gone = expired(repository.archive(), policy, self._clock.now(), in_use=in_use)
            for name in gone.backups:
                repository.forget_backup(name)
            for name in gone.wal:
                repository.delete(f"wal/{name}")
            for name in gone.marks:
                repository.delete(f"marks/{name}.json")
            old = [n for n, at in self.asides(environment).items() if (self._clock.now() - at).days > policy.days]
            for name in old:
                self._exchanging.drop_aside(environment, name)
            return list(gone.backups)

    def _repository(self, environment: str) -> Repository:
        return self._ground.repository(environment, self._storage(environment))

    def _held(self, environment: str, what: str) -> AbstractContextManager[None]:
        return locked(self._ground.folder(environment) / f".{what}.lock")


def _behind(route: Route) -> Callable[[datetime, int], bool]:
    """Whether a commit lies behind the route's target."""
    mark, time = route.target.mark, route.target.time
    if mark is not None:
        return lambda at, position: position >= mark.lsn
    return lambda at, position: time is not None and at > time


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as content:
        while block := content.read(BLOCK):
            yield block
