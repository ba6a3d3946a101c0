"""Bringing a state back as a cluster that lies beside whatever there is, replayed and cleanly shut down.

    env/INTO/rebuilt/NAME/{data, postgresql.conf, …}     complete once rebuilt.json is there

It reads the repository and spools, never a running cluster. It is the same for a restore, a drill, staging's refresh
and the vault: `into` says whose operating-system user the cluster belongs to.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.backup.census import census as count
from greenroom.adapters.postgres.backup.ground import Ground
from greenroom.adapters.postgres.backup.repository import Repository
from greenroom.adapters.postgres.backup.unpacking import HELD, unpack
from greenroom.adapters.postgres.backup.writeback import writing_back
from greenroom.adapters.postgres.cluster import Clusters, probe_until_ready
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Door, NotYet, probe, session
from greenroom.adapters.postgres.diagnosis import log_tail, start_failed
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.launch import end, launch
from greenroom.adapters.postgres.providers import Provider, choose
from greenroom.adapters.postgres.room import need_room
from greenroom.adapters.postgres.scratch import kill_server_in
from greenroom.adapters.postgres.serving import forced_settings
from greenroom.adapters.postgres.settings import PRELOADED, hba_text, settings_text
from greenroom.adapters.postgres.tools import Tools, disk_full, is_caller, run
from greenroom.adapters.runtimes.users import User
from greenroom.adapters.sealing.files import write_atomically
from greenroom.domain.backup import Backup, Route
from greenroom.domain.disk import is_full
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.names import checked_name
from greenroom.domain.release import Services
from greenroom.domain.wal import PARTIAL, parse_lsn
from greenroom.ports.backups import Rebuilt, Say
from greenroom.ports.clock import Clock

RECOVERY_SECONDS = 24 * 3600.0
STOP_SECONDS = 600.0
ENDED_BEFORE = "recovery ended before configured recovery target was reached"
LINKS_FROM = 18

Source = Callable[[str], Iterator[bytes]]
"""The contents of one file of the log, by its name in the route."""

SHAPE = "SELECT pg_walfile_name(pg_current_wal_lsn()), pg_last_xact_replay_timestamp()"


@dataclass(frozen=True)
class Site:
    """Where one cluster is rebuilt, and with what."""

    folder: Path
    sockets: Path
    account: User
    tools: Tools
    provider: Provider
    door: Door

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"


@dataclass(frozen=True)
class Recovered:
    """Where recovery ended, what the last commit in it was, and which timeline began there, leaving which."""

    position: int
    last_commit: datetime | None
    timeline: int
    parent: int
    census: dict[str, object]


class Rebuilding:
    """Rebuilds clusters of one home."""

    def __init__(
        self, home: Home, clusters: Clusters, ground: Ground, clock: Clock, reached: Callable[[str], None]
    ) -> None:
        self._home, self._clusters, self._ground, self._clock = home, clusters, ground, clock
        self._reached = reached

    def folder(self, into: str, name: str) -> Path:
        root = own_directory(self._home.environments / checked_name(into, "environment"), 0o711)
        return own_directory(root / "rebuilt", 0o711) / name

    def known(self, into: str, name: str) -> Rebuilt | None:
        """What was rebuilt under this name and is still there."""
        try:
            stored = json.loads((self.folder(into, name) / "rebuilt.json").read_text())
        except FileNotFoundError:
            return None
        last = stored["last_commit"]
        return Rebuilt(**{**stored, "last_commit": datetime.fromisoformat(last) if last else None})

    def rebuild(
        self,
        route: Route,
        repository: Repository,
        source: Source,
        environment: str,
        name: str,
        into: str,
        census: bool,
        say: Say,
    ) -> Rebuilt:
        """Raises Errored (`backup.damaged`), Refused (`home.no_room`, `backup.not_reached`)."""
        with self._held(into, name):
            known = self.known(into, name)
            if known is not None:
                return known
            began = self._clock.monotonic()
            folder = self.folder(into, name)
            self.discard(into, name)
            self._require_space(folder, route)
            site = self._site(route.base, environment, into, folder)
            with writing_back(folder), _told_when_full(folder):
                self._lay_out(site, route, repository, say)
                self._reached("rebuild.laid_out")
                self._put_log(site, route, source, say)
                self._reached("rebuild.log")
                found = self._recover(site, route, census, say)
                self._reached("rebuild.recovered")
            self._sync(site)
            size = sum(b.size for b in route.chain)
            made = Rebuilt(
                route.base.name,
                found.position,
                found.last_commit,
                found.timeline,
                found.parent,
                found.position,
                self._clock.monotonic() - began,
                size,
                found.census,
            )
            record = asdict(made) | {"last_commit": made.last_commit.isoformat() if made.last_commit else None}
            write_atomically(folder / "rebuilt.json", json.dumps(record).encode(), 0o600)
            return made

    def discard(self, into: str, name: str) -> None:
        folder = self.folder(into, name)
        kill_server_in(folder / "data")
        (folder / "rebuilt.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self._sockets(folder), ignore_errors=True)

    def _require_space(self, folder: Path, route: Route) -> None:
        needed = sum(b.size for b in route.chain) + len(route.wal) * route.base.segment_bytes
        need_room(f"bringing {route.base.environment} back", folder.parent, needed)

    def _site(self, backup: Backup, environment: str, into: str, folder: Path) -> Site:
        account = self._clusters.account(into)
        major = int(backup.version.partition(".")[0])
        provider = choose(Services(major, backup.extensions), self._clusters.providers())
        tools = self._clusters.tools(provider, account)
        own_directory(folder, 0o711)
        sockets = own_directory(self._sockets(folder), 0o700, account)
        door = Door(str(sockets), 5432, SUPERUSER, self._clusters.password(environment, SUPERUSER))
        return Site(folder, sockets, account, tools, provider, door)

    def _sockets(self, folder: Path) -> Path:
        """Short, for a socket's name has 107 bytes; one for each folder."""
        return self._home.sockets / f"rb.{zlib.crc32(os.fsencode(folder)):08x}"

    # --- laying out --------------------------------------------------------------------------------

    def _lay_out(self, site: Site, route: Route, repository: Repository, say: Say) -> None:
        single = len(route.chain) == 1
        parts = []
        for number, backup in enumerate(route.chain):
            target = site.data if single else site.folder / f"part-{number}"
            say(f"laying out {backup.name}, {backup.size / 1e6:.0f} MB")
            self._extract(site, repository, backup, target)
            parts.append(target)
        if single:
            return
        argv = [
            site.tools.program("pg_combinebackup"),
            "--manifest-checksums=NONE",
            "--no-sync",
            f"--output={site.data}",
        ]
        if route.base.version.partition(".")[0].isdecimal() and int(route.base.version.partition(".")[0]) >= LINKS_FROM:
            argv.append("--link")
        own_directory(site.data, 0o700, site.account)
        say(f"combining {len(parts)} backups")
        try:
            run([*argv, *map(str, parts)], env=site.tools.env(), account=site.account, seconds=RECOVERY_SECONDS)
        finally:
            for part in parts:
                shutil.rmtree(part, ignore_errors=True)

    def _extract(self, site: Site, repository: Repository, backup: Backup, target: Path) -> None:
        def use(blocks: Iterator[memoryview]) -> None:
            shutil.rmtree(target, ignore_errors=True)
            unpack(blocks, own_directory(target, 0o700), site.account)

        repository.anywhere(f"backups/{backup.name}/base", use, HELD)

    def _put_log(self, site: Site, route: Route, source: Source, say: Say) -> None:
        """The log's files into `pg_wal`, where the server finds them without asking anybody for a key."""
        say(f"{len(route.wal)} files of the log")
        folder = own_directory(site.data / "pg_wal", 0o700, site.account)
        for name in route.wal:
            target = folder / name.removesuffix(PARTIAL)
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as file:
                for block in source(name):
                    file.write(block)
                if not is_caller(site.account):
                    os.fchown(handle, site.account.uid, site.account.gid)

    # --- recovery ----------------------------------------------------------------------------------

    def _recover(self, site: Site, route: Route, census: bool, say: Say) -> Recovered:
        """Replay up to the target, and open."""
        say(f"replaying the log up to {route.target.words}")
        wanted = site.data / "recovery.signal"
        wanted.touch(mode=0o600)
        if not is_caller(site.account):
            os.chown(wanted, site.account.uid, site.account.gid)
        process = self._start(site, route, with_target=True)
        try:
            try:
                self._await(site, process)
            except Errored:
                if ENDED_BEFORE not in log_tail(site.log):
                    raise
                if route.target.mark is not None or route.missing is not None:
                    raise _not_reached(route, log_tail(site.log)) from None
                # Nothing was committed after the wanted instant: the end of the log is that instant's state.
                process = self._start(site, route, with_target=False)
                self._await(site, process)
            return self._look(site, census)
        finally:
            end(process, signal.SIGINT, STOP_SECONDS)

    def _look(self, site: Site, census: bool) -> Recovered:
        with session(site.door, MAINTENANCE) as connection:
            row = connection.execute(SHAPE).fetchone()
            timeline = int(str(row[0])[:8], 16) if row else 0
            text = connection.execute("SELECT pg_read_file(%s)", [f"pg_wal/{timeline:08X}.history"]).fetchone()
        if row is None or text is None:
            raise LookupError("PostgreSQL did not say where it stands")
        parent, position, *_ = str(text[0]).strip().splitlines()[-1].split("\t")
        counted: dict[str, object] = {}
        if census:
            with session(site.door, APP) as connection:
                counted = count(connection, self._clock)
        return Recovered(parse_lsn(position), row[1], timeline, int(parent), counted)

    def _start(self, site: Site, route: Route, *, with_target: bool) -> subprocess.Popen[bytes]:
        """Without a network, and with nothing in it that acts once it is promoted: it is production, all of it."""
        hba, settings = site.folder / "pg_hba.conf", site.folder / "postgresql.conf"
        text = settings_text(
            port=site.door.port,
            sockets=site.sockets,
            hba=hba,
            major=site.provider.major,
            preload=PRELOADED.intersection(route.base.extensions),
        )
        for file, content in ((hba, hba_text()), (settings, text)):
            write_atomically(file, content.encode(), 0o644)
        forced = forced_settings(site.door.port, hba) | _recovery(site, route, with_target=with_target)
        return launch(site.tools, site.account, site.data, settings, site.log, forced, is_offline=True)

    def _await(self, site: Site, process: subprocess.Popen[bytes]) -> None:
        def attempt() -> None:
            try:
                probe(site.door, MAINTENANCE)
            except NotYet as error:
                if process.poll() is None:
                    raise
                raise start_failed(
                    "the rebuilt cluster", site.log, f"exit code {process.returncode}", site.provider.name
                ) from error

        probe_until_ready(self._clock, attempt, RECOVERY_SECONDS)

    def _sync(self, site: Site) -> None:
        """All of it on disk: files that recovery did not touch were only laid out."""
        argv = [site.tools.program("initdb"), "--sync-only", f"--pgdata={site.data}"]
        if site.provider.major >= 17:
            argv.append("--sync-method=syncfs")
        run(argv, env=site.tools.env(), account=site.account, seconds=RECOVERY_SECONDS)

    def _held(self, into: str, name: str) -> AbstractContextManager[None]:
        return locked(self._ground.folder(into) / f".rebuilding-{name}.lock")


def _recovery(site: Site, route: Route, *, with_target: bool) -> dict[str, str]:
    """The settings of the recovery; `with_target`: up to the wanted mark or instant, not to the end of the log."""
    found = {
        "hot_standby": "off",
        "autovacuum": "off",
        "restore_command": "/bin/false",  # all of it lies in pg_wal
        "fsync": "off",  # it is thrown away when this breaks off, and synced once when it is whole
        "recovery_target_timeline": str(route.timeline),
        "recovery_target_action": "promote",
    }
    if site.provider.major >= 17:
        found["summarize_wal"] = "off"
    if with_target and route.target.mark is not None:
        found["recovery_target_name"] = route.target.mark.label
    elif with_target and route.target.time is not None:
        found["recovery_target_time"] = route.target.time.isoformat()
    return found


@contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise disk_full(str(error), folder) from error


def _not_reached(route: Route, said: str) -> Refused:
    ended = next((line for line in reversed(said.splitlines()) if "last completed transaction" in line), "")
    hole = f"{route.missing} is missing in the archive" if route.missing else "the archive ends before it"
    return Refused(
        "backup.not_reached",
        f"{route.target.words} could not be reached",
        because=f"{hole}. {ended}".strip(),
        hint="choose an earlier time, or the latest; greenroom backup list shows what there is",
        facts={"missing": route.missing},
    )
