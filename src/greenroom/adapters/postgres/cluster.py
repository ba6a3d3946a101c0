"""One PostgreSQL cluster per environment: on disk, configured, and kept running by the keeper.

    env/ENV/postgres-MAJOR/            ours: the server cannot write here
        cluster.json port              what later calls need to find it
        postgresql.conf pg_hba.conf    read by the server
        data/                          the server's own, 0700

Every cluster has an `initdb` of its own: clusters that share a system identifier would take each other's
WAL and backups for their own.
"""

from __future__ import annotations

import json
import secrets
import socket
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Door, NotYet, probe
from greenroom.adapters.postgres.diagnosis import start_failed
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.health import awaits_restart, damage_of, refuse_beginning_empty
from greenroom.adapters.postgres.initdb import make_data
from greenroom.adapters.postgres.providers import Provider, checked_services, choose, find_providers
from greenroom.adapters.postgres.record import Cluster, Record, read_number, read_record, user_name
from greenroom.adapters.postgres.settings import hba_text, settings_text
from greenroom.adapters.postgres.tools import Adopt, EnsureUser, Tools, is_caller, tools_of
from greenroom.adapters.runtimes.users import User, can_separate, myself
from greenroom.adapters.sealing.files import write_atomically
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.names import checked_name
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.keeper.spec import Keeper, KeeperRefused, KeeperUnavailable, Spec, SpecDiffers
from greenroom.ports.clock import Clock
from greenroom.ports.damage import Damage

PORTS = range(25400, 26400)
POLL_SECONDS = 0.02
START_SECONDS = 300.0  # after a crash the server recovers first
STOP_SECONDS = 60.0
STOP_SIGNAL = "SIGINT"  # fast shutdown: sessions end, everything is written (documentation, 18.5)
ENDS_FORGIVEN = 2


class Clusters:
    """Finds, starts and stops the clusters of one project on this machine."""

    def __init__(
        self,
        home: Home,
        keeper: Keeper,
        project: str,
        clock: Clock,
        credentials: FileSecrets,
        *,
        ensure_user: EnsureUser,
        adopt: Adopt,
        providers: Callable[[], Sequence[Provider]] = find_providers,
        user: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`user`: whose operating-system user runs all of them; each one's own when absent. `settings` win over the
        usual ones."""
        self._user, self._more = user, settings or {}
        self._home, self._keeper, self._project, self._clock = home, keeper, project, clock
        self._credentials, self._ensure_user, self._adopt = credentials, ensure_user, adopt
        self.providers = providers

    def find(self, environment: str) -> Cluster | None:
        """The environment's cluster as it lies on disk; a read of one small file."""
        folder = self._home.environments / checked_name(environment, "environment")
        for file in sorted(folder.glob("postgres-*/cluster.json")):
            return self._at(environment, read_record(file))
        return None

    def need(self, environment: str) -> Cluster:
        found = self.find(environment)
        if found is None:
            raise Errored(
                "database.absent",
                f"{environment} has no database yet",
                hint="promote a release with a database into it first",
            )
        return found

    def up(self, environment: str, services: Services) -> Cluster:
        """The cluster, running and answering. Idempotent; the settings of a running one are brought up to date."""
        checked_name(environment, "environment")
        with self.held(environment):
            account = self.account(environment)
            cluster = self._planned(environment, services, account)
            self._refuse_lost(cluster)
            refuse_beginning_empty(cluster)
            make_data(cluster.data, cluster.tools, account, self.password(environment, SUPERUSER))
            ended_before = self._settle(cluster, account)
            probe_until_ready(self._clock, lambda: self._probe(cluster, ended_before))
            if "pg_cron" in cluster.record.preloaded and awaits_restart(self.superuser(cluster)):
                self.restart(cluster)
            return cluster

    def restart(self, cluster: Cluster, ends: Callable[[], None] = lambda: None) -> None:
        """The running server ends as its administrator would end it (`ends` is called then), and answers again when
        this returns. For whoever holds the cluster. The keeper starts it, also if we are killed meanwhile."""
        with kept():
            before = self._keeper.status(cluster.kept_as)
            self._keeper.signal(cluster.kept_as, STOP_SIGNAL)
        ends()

        def attempt() -> None:
            with kept():
                if self._keeper.status(cluster.kept_as).pid in (None, before.pid):
                    raise NotYet("it is being restarted")
            self._probe(cluster, before.exits + 1)

        probe_until_ready(self._clock, attempt)

    def damage(self, environment: str) -> list[Damage]:
        """What keeps the cluster from answering; nothing where none was made."""
        cluster = self.find(environment)
        if cluster is None:
            return []
        with kept():
            return damage_of(cluster, self._keeper.status(cluster.kept_as), lambda: self.superuser(cluster))

    def _refuse_lost(self, cluster: Cluster) -> None:
        """An empty database where one was that is backed up would be taken for it. Raises Refused (`database.lost`)."""
        is_backed_up = (self._home.backups / cluster.environment / "identity.json").exists()
        if is_backed_up and not cluster.data.is_dir():
            raise Refused(
                "database.lost",
                f"the database of {cluster.environment} is gone: {cluster.data} does not exist",
                because="it is backed up, so it was there; nothing is begun in its place",
                hint=f"greenroom backup restore {cluster.environment} brings it back; to begin empty after all, remove"
                f" backups/{cluster.environment}/identity.json and {cluster.root.name} of the environment in the home",
            )

    def down(self, environment: str) -> None:
        """Stop the cluster as its administrator would: sessions end, everything is written."""
        cluster = self.find(environment)
        if cluster is not None:
            with kept():
                self._keeper.stop(cluster.kept_as, seconds=STOP_SECONDS)

    def is_running(self, cluster: Cluster) -> bool:
        """The keeper has a server for it, answering or not."""
        with kept():
            return self._keeper.status(cluster.kept_as).state == "running"

    def renew_settings(self, cluster: Cluster) -> None:
        """Settings that an earlier Greenroom wrote become today's, in the running server too."""
        if self._write_settings(cluster, self.account(cluster.environment)):
            with kept():
                self._keeper.signal(cluster.kept_as, "SIGHUP")

    @contextmanager
    def held(self, environment: str) -> Iterator[None]:
        """One change at a time to an environment's cluster, across processes."""
        directory = own_directory(self._home.private / "database", 0o700)
        with locked(directory / f".{environment}.cluster"):
            yield

    def superuser(self, cluster: Cluster) -> Door:
        """Only through the unix socket, in a directory that applications cannot enter."""
        return Door(str(cluster.sockets), cluster.port, SUPERUSER, self.password(cluster.environment, SUPERUSER))

    def application(self, cluster: Cluster, *, over_tcp: bool = True) -> Door:
        host = "127.0.0.1" if over_tcp else str(cluster.sockets)
        return Door(host, cluster.port, APP, self.password(cluster.environment, APP))

    def passwords(self, environment: str) -> tuple[Secret, ...]:
        return tuple(self._credentials.values(environment).values())

    def password(self, environment: str, role: str) -> Secret:
        """The role's password, random on first use, kept from then on."""
        known = self._credentials.values(environment).get(role)
        if known is None:
            known = Secret(secrets.token_urlsafe(32))
            self._credentials.put(environment, role, known)
        return known

    def account(self, environment: str) -> User:
        """PostgreSQL refuses root, and the application's user must not be the cluster's: as root, one of its own."""
        if not can_separate():
            return myself()
        return self._ensure_user(user_name(self._home, self._project, self._user or environment))

    def tools(self, provider: Provider, account: User) -> Tools:
        return tools_of(provider, account, self._home, self._adopt)

    def _planned(self, environment: str, services: Services, account: User) -> Cluster:
        """What the cluster is to be: where it is already, with the extensions of every release so far."""
        before = self.find(environment)
        wanted = checked_services(services)
        if before is not None and before.record.major != wanted:
            raise _other_version(environment, before.record.major, wanted)
        had = before.record.extensions if before else ()
        all_of = replace(services, extensions=tuple(sorted({*services.extensions, *had})))
        provider = choose(all_of, self.providers(), prefer=before.record.provider if before else None)
        tools = self.tools(provider, account)
        record = Record(
            wanted,
            self._port(environment, wanted),
            provider.name,
            str(tools.bin),
            str(tools.libraries) if tools.libraries else None,
            all_of.extensions,
        )
        return self._at(environment, record)

    def _settle(self, cluster: Cluster, account: User) -> int:
        """Bring record, settings and process to what is planned, with a restart only where nothing else will do.

        How often the process had ended by itself before.
        """
        before = self.find(cluster.environment)
        own_directory(cluster.sockets, 0o700, account, takes_over=True)
        changed = self._write_settings(cluster, account)
        write_atomically(cluster.root / "cluster.json", json.dumps(asdict(cluster.record), indent=1).encode(), 0o600)
        with kept():
            status = self._keeper.status(cluster.kept_as)
            must_restart = before is not None and _must_restart(before.record, cluster.record)
            if status.state != "running" or must_restart:
                self._keeper.stop(cluster.kept_as, seconds=STOP_SECONDS)
                self._start(cluster, account)
                return 0
            if changed:
                self._keeper.signal(cluster.kept_as, "SIGHUP")
            return status.exits

    def _write_settings(self, cluster: Cluster, account: User) -> bool:
        """The server reads them, and no other user of the machine: they say who may come in, and how."""
        hba = cluster.root / "pg_hba.conf"
        texts = {
            hba: hba_text(),
            cluster.root / "postgresql.conf": settings_text(
                port=cluster.port,
                sockets=cluster.sockets,
                hba=hba,
                major=cluster.record.major,
                preload=cluster.record.preloaded,
                more=self._more,
            ),
        }
        stale = {path: text for path, text in texts.items() if not path.exists() or path.read_text() != text}
        for path, text in stale.items():
            write_atomically(path, text.encode(), 0o640, group=account.gid)
        return bool(stale)

    def _start(self, cluster: Cluster, account: User) -> None:
        if not _is_free(cluster.port):
            raise Errored(
                "database.port_taken",
                f"port {cluster.port} of {cluster.environment}'s database is taken",
                because="another program listens there",
                hint="end that program; the port stays the same, because running applications know it",
                facts={"port": cluster.port},
            )
        settings = cluster.root / "postgresql.conf"
        self._keeper.start(
            Spec(
                name=cluster.kept_as,
                argv=(cluster.tools.program("postgres"), "-D", str(cluster.data), f"--config_file={settings}"),
                cwd=str(cluster.data),
                log=str(cluster.log),
                env=cluster.tools.env(),
                uid=None if is_caller(account) else account.uid,
                gid=None if is_caller(account) else account.gid,
                umask=0o077,
                stop_signal=STOP_SIGNAL,
                stop_seconds=STOP_SECONDS,
            )
        )

    def _probe(self, cluster: Cluster, ended_before: int) -> None:
        """Raises NotYet while it may still come up. What keeps ending by itself is stopped, and told why.

        One end is forgiven: after a crash the old server's last children may be in the way of the new one.
        """
        try:
            probe(self.superuser(cluster), MAINTENANCE)
        except NotYet as error:
            with kept():
                status = self._keeper.status(cluster.kept_as)
                if status.exits - ended_before < ENDS_FORGIVEN:
                    raise
                self._keeper.stop(cluster.kept_as, seconds=STOP_SECONDS)
            raise start_failed(cluster.environment, cluster.log, status.last_exit, cluster.record.provider) from error

    def _at(self, environment: str, record: Record) -> Cluster:
        return Cluster(
            environment,
            self._home.environments / environment / f"postgres-{record.major}",
            self._home.sockets / f"db.{record.port}",  # no environment's name holds a dot; short for the socket's sake
            self._home.logs / f"postgres-{environment}.log",
            record,
        )

    def _port(self, environment: str, major: int) -> int:
        """The cluster's port: chosen once, then remembered in its directory."""
        root = own_directory(self._home.environments / environment, 0o711) / f"postgres-{major}"
        remembered = own_directory(root, 0o711) / "port"
        with locked(own_directory(self._home.private / "database", 0o700) / ".ports"):
            if not remembered.exists():
                write_atomically(remembered, str(self._free_port()).encode(), 0o600)
            return read_number(remembered)

    def _free_port(self) -> int:
        """A port that no cluster of this home has and nobody listens on; homes begin at different places."""
        known = set(_numbers(self._home.environments.glob("*/postgres-*/port")))
        start = zlib.crc32(str(self._home.root).encode()) % len(PORTS)
        for offset in range(len(PORTS)):
            port = PORTS[(start + offset) % len(PORTS)]
            if port not in known and _is_free(port):
                return port
        raise Errored(
            "database.port_taken",
            f"no port between {PORTS[0]} and {PORTS[-1]} is free",
            hint="end what listens on one of them: ss -ltn shows which are taken",
        )


@contextmanager
def kept() -> Iterator[None]:
    """Turn what the keeper raises into errors of ours."""
    try:
        yield
    except (KeeperRefused, SpecDiffers) as error:
        raise Errored(
            "database.start_failed",
            "the keeper does not take the database",
            because=str(error),
            hint="greenroom down ends a keeper of another version, greenroom up starts one of this",
        ) from error
    except KeeperUnavailable as error:
        raise Errored(
            "runtime.unavailable", "the keeper does not answer", because=str(error), hint="greenroom up"
        ) from error


def probe_until_ready(clock: Clock, attempt: Callable[[], None], seconds: float = START_SECONDS) -> None:
    """Try until it does not raise NotYet. Raises Errored (`database.start_timeout`) after `seconds`."""
    end = clock.monotonic() + seconds
    while True:
        try:
            return attempt()
        except NotYet as error:
            if clock.monotonic() >= end:
                raise Errored(
                    "database.start_timeout",
                    f"the database is not ready after {seconds:g} s",
                    because=str(error),
                    hint="a large database recovers slowly: try again; logs/postgres-ENV.log in the home says more",
                ) from error
        clock.sleep(POLL_SECONDS)


def _numbers(files: Iterable[Path]) -> Iterator[int]:
    """Those that can be read; a clone's may go at any moment, and its port with it."""
    for file in files:
        try:
            yield read_number(file)
        except Errored:
            if file.exists():
                raise


def _must_restart(before: Record, now: Record) -> bool:
    """Other programs, other libraries loaded at start, or programs that are no longer where they were."""
    is_other = before.provider != now.provider or before.preloaded != now.preloaded
    return is_other or not (Path(before.bin) / "postgres").exists()


def _is_free(port: int) -> bool:
    with socket.socket() as probe_socket:
        probe_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself binds
        try:
            probe_socket.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _other_version(environment: str, here: int, wanted: int) -> Refused:
    return Refused(
        "database.version",
        f"{environment}'s database is PostgreSQL {here}, the release wants {wanted}",
        because="a cluster's data belongs to one major version",
        hint=f"set services.postgres to {here}, or move the data to a new cluster with pg_upgrade first",
        facts={"here": here, "wanted": wanted},
    )
