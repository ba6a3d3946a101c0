"""Throw-away clusters for the clean room: a copy of a template, without fsync, gone afterwards.

    env/.scratch/template-KEY/data       made once per PostgreSQL, never started again
    env/.scratch/run-XXXX/{data,…}       one cluster; its owner holds the lock on run-XXXX.lock

A run whose lock nobody holds was left by a process that died: `sweep` ends and removes it. The kernel ends the server
itself when the thread that started it dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.courtesy import STANDS_BACK
from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.cluster import Clusters, probe_until_ready
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Door, NotYet, probe
from greenroom.adapters.postgres.diagnosis import start_failed
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.initdb import make_data
from greenroom.adapters.postgres.launch import end, launch
from greenroom.adapters.postgres.providers import Provider, choose
from greenroom.adapters.postgres.roles import ensure_ground
from greenroom.adapters.postgres.settings import PRELOADED, STILL, hba_text, settings_text
from greenroom.adapters.postgres.tools import Tools, is_caller, run
from greenroom.adapters.runtimes.users import User
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.ports.clock import Clock

NAME = "greenroom"
"""The name that no environment can have, for the scratch clusters' user and superuser password."""

COPY_SECONDS = 120.0
PLAIN_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
STOP_SECONDS = 10.0
QUIT_SECONDS = 30
"""PostgreSQL kills what has not quit after five seconds itself."""


@dataclass(frozen=True)
class Run:
    """One throw-away cluster."""

    folder: Path
    sockets: Path
    port: int
    account: User
    tools: Tools
    provider: Provider

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def door(self, user: str, password: Secret) -> Door:
        return Door(str(self.sockets) if user == SUPERUSER else "127.0.0.1", self.port, user, password)


class Scratch:
    """Makes throw-away clusters for one home."""

    def __init__(self, home: Home, clusters: Clusters, clock: Clock) -> None:
        self._home, self._clusters, self._clock = home, clusters, clock

    @contextmanager
    def cluster(self, services: Services) -> Iterator[tuple[Door, str, Provider]]:
        """The application's door into an empty database, the server's version, and who provides it."""
        self.sweep()
        provider = choose(services, self._clusters.providers())
        account = self._clusters.account(NAME)
        tools = self._clusters.tools(provider, account)
        template = self._template(provider, tools, account)
        with self._run(provider, tools, account) as ground:
            copy_tree(template, ground.data, account)
            with self._serving(ground, services):
                superuser = ground.door(SUPERUSER, self._clusters.password(NAME, SUPERUSER))
                application = ground.door(APP, Secret(secrets.token_urlsafe(32)))
                version = ensure_ground(superuser, application, services.extensions)
                yield application, version, provider

    def sweep(self) -> int:
        """End and remove what dead processes left; how many."""
        swept = 0
        for lock in self._root().glob("run-*.lock"):
            with _try_lock(lock) as is_ours:
                if is_ours:
                    self._clear(lock)
                    swept += 1
        return swept

    def _template(self, provider: Provider, tools: Tools, account: User) -> Path:
        """A cluster with the application's role and database, made once, cleanly shut down."""
        server = tools.bin / "postgres"
        key = hashlib.sha256(f"1\0{server}\0{server.stat().st_mtime_ns}".encode()).hexdigest()[:10]
        folder = self._root() / f"template-{provider.major}-{key}"
        with locked(self._root() / f".{folder.name}.lock"):
            if not folder.is_dir():
                self._make_template(folder, provider, tools, account)
        return folder / "data"

    def _make_template(self, folder: Path, provider: Provider, tools: Tools, account: User) -> None:
        password = self._clusters.password(NAME, SUPERUSER)
        with self._run(provider, tools, account) as ground:
            make_data(ground.data, tools, account, password, "--no-sync", "--wal-segsize=1")
            with self._serving(ground, Services(provider.major), stop=signal.SIGINT):
                application = ground.door(APP, Secret(secrets.token_urlsafe(32)))
                ensure_ground(ground.door(SUPERUSER, password), application, ())
            new = own_directory(self._root() / f".{folder.name}.new", 0o711)
            shutil.rmtree(new / "data", ignore_errors=True)
            ground.data.rename(new / "data")
            new.rename(folder)

    @contextmanager
    def _run(self, provider: Provider, tools: Tools, account: User) -> Iterator[Run]:
        """Ground for one cluster, locked while we live, removed afterwards."""
        lock = self._root() / f"run-{secrets.token_hex(8)}.lock"
        with _new_lock(lock):
            port = any_port()
            lock.write_text(str(port))
            folder, sockets = lock.with_suffix(""), self._sockets(port)
            try:
                own_directory(folder, 0o711)
                own_directory(sockets, 0o700, account)
                yield Run(folder, sockets, port, account, tools, provider)
            finally:
                self._clear(lock)

    @contextmanager
    def _serving(self, ground: Run, services: Services, stop: signal.Signals = signal.SIGQUIT) -> Iterator[None]:
        """The server runs for the length of the block; `SIGQUIT` ends it at once, without writing anything."""
        process = self._start(ground, services)
        try:
            probe_until_ready(self._clock, lambda: self._probe(ground, process))
            yield
        finally:
            end(process, stop, STOP_SECONDS)

    def _start(self, ground: Run, services: Services) -> subprocess.Popen[bytes]:
        hba, settings = ground.folder / "pg_hba.conf", ground.folder / "postgresql.conf"
        hba.write_text(hba_text())
        settings.write_text(
            settings_text(
                port=ground.port,
                sockets=ground.sockets,
                hba=hba,
                major=ground.provider.major,
                preload=PRELOADED.intersection(services.extensions),
                durable=False,
                more=STILL,  # what a release's migrations schedule does not run while the release is built
            )
        )
        for file in (hba, settings):
            file.chmod(0o644)
        return launch(ground.tools, ground.account, ground.data, settings, ground.log, nice=STANDS_BACK)

    def _probe(self, ground: Run, process: subprocess.Popen[bytes]) -> None:
        try:
            probe(ground.door(SUPERUSER, self._clusters.password(NAME, SUPERUSER)), MAINTENANCE)
        except NotYet as error:
            if process.poll() is None:
                raise
            raise start_failed(
                "the clean room", ground.log, f"exit code {process.returncode}", ground.provider.name
            ) from error

    def _clear(self, lock: Path) -> None:
        """Remove all of a run; its lock last, so that a clearing cut short is found and finished."""
        folder = lock.with_suffix("")
        kill_server_in(folder / "data")
        if folder.exists():
            shutil.rmtree(folder)
        with suppress(ValueError):  # killed before it had a port: then it has no sockets either
            shutil.rmtree(self._sockets(int(lock.read_text())), ignore_errors=True)
        lock.unlink(missing_ok=True)

    def _root(self) -> Path:
        return own_directory(self._home.environments / ".scratch", 0o711)  # no environment's name begins with a dot

    def _sockets(self, port: int) -> Path:
        return self._home.sockets / f"db.{port}"


def copy_tree(source: Path, target: Path, account: User, *, seconds: float = COPY_SECONDS) -> None:
    """A copy that belongs to `account` and shares blocks with the original where the file system can.

    Made as ourselves: `account` may not be able to read the original.
    """
    own_directory(target, 0o700, account)
    argv = ["/bin/cp", "-a", "--reflink=auto", f"{source}/.", str(target)]
    run(argv, env=PLAIN_ENV, seconds=seconds)
    if not is_caller(account):
        run(["/bin/chown", "-hR", f"{account.uid}:{account.gid}", str(target)], env=PLAIN_ENV, seconds=seconds)


@contextmanager
def _new_lock(path: Path) -> Iterator[None]:
    """A lock that is held from the moment its file can be seen."""
    unseen = path.with_suffix(".new")
    handle = os.open(unseen, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        unseen.rename(path)
        yield
    finally:
        os.close(handle)


@contextmanager
def _try_lock(path: Path) -> Iterator[bool]:
    """Hold the lock if nobody does and its file is still there; False otherwise."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = path.exists()
    except BlockingIOError:
        is_ours = False
    try:
        yield is_ours
    finally:
        os.close(handle)


def kill_server_in(data: Path) -> None:
    """End the server whose working directory is `data`, also one that is just dying, and wait for its end: until then
    no other can be started there. A process number that means another program by now is left."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        handle = os.pidfd_open(pid)
    except (OSError, ValueError):
        return
    try:
        if Path(f"/proc/{pid}/cwd").readlink() == data:
            signal.pidfd_send_signal(handle, signal.SIGQUIT)
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            ended.poll(QUIT_SECONDS * 1000)
    except OSError:
        return
    finally:
        os.close(handle)


def any_port() -> int:
    """A port of 127.0.0.1 that is free at the moment."""
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return int(probe_socket.getsockname()[1])
