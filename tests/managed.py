"""A PostgreSQL that somebody else manages, as far as Greenroom can tell: it is entered over TCP by name and password,
and nothing of its files is to be had. And a line to it that can be cut."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.initdb import make_data
from greenroom.adapters.postgres.launch import end, launch
from greenroom.adapters.postgres.providers import choose
from greenroom.adapters.postgres.tools import Tools, run
from greenroom.adapters.runtimes.users import User
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.domain.source import SourceServer
from tests.life_support import wait_until

ROOT_PASSWORD, READER_PASSWORD = "only-its-owner-knows", "reads:and/nothing@else"
HBA = "{reader:8} all reader 127.0.0.1/32 scram-sha-256\nhost all postgres,narrow 127.0.0.1/32 scram-sha-256\n"
HBA += "host replication postgres 127.0.0.1/32 scram-sha-256\n"


@dataclass
class Managed:
    """`run` speaks to it as its owner would, who is no superuser's friend of ours."""

    port: int
    major: int

    def run(self, statements: str, database: str = "shop") -> list[tuple[object, ...]]:
        where = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "password": ROOT_PASSWORD}
        with psycopg.connect(**where, dbname=database, autocommit=True) as connection:  # type: ignore[arg-type]
            cursor = connection.execute(statements.encode())
            return cursor.fetchall() if cursor.description else []

    def at(self, port: int | None = None, more: str = "", user: str = "reader") -> SourceServer:
        url = f"postgresql://{user}@127.0.0.1:{port or self.port}/shop{more}"
        return SourceServer(url, "SOURCE_PASSWORD")


@contextmanager
def managed(
    clusters: Clusters, major: int, folder: Path, tls: tuple[Path, Path] | None = None, more: str = ""
) -> Iterator[Managed]:
    """A server of that version over `folder`, which is made, with a database `shop` and a role that reads it. `tls`:
    certificate and key; then the reader comes in by TLS alone. `more`: settings, one a line."""
    provider = choose(Services(major), clusters.providers())
    account = clusters.account("managed")
    tools = clusters.tools(provider, account)
    folder.mkdir(mode=0o711)
    make_data(folder / "data", tools, account, Secret(ROOT_PASSWORD), "--no-sync")
    settings = f"ssl = on\nssl_cert_file = '{tls[0]}'\nssl_key_file = '{tls[1]}'\n" if tls else ""
    settings += more
    (folder / "hba").write_text(HBA.format(reader="hostssl" if tls else "host"))
    with _served(folder, tools, account, major, settings) as made:
        made.run("CREATE DATABASE shop TEMPLATE template0", "postgres")
        made.run(f"CREATE ROLE reader LOGIN PASSWORD '{READER_PASSWORD}' IN ROLE pg_read_all_data", "postgres")
        yield made


@contextmanager
def replica_of(clusters: Clusters, primary: Managed, folder: Path) -> Iterator[Managed]:
    """A hot standby that follows it, over `folder`, which is made."""
    account = clusters.account("managed")
    tools = clusters.tools(choose(Services(primary.major), clusters.providers()), account)
    folder.mkdir(mode=0o711)
    if account.uid != os.getuid():
        os.chown(folder, account.uid, account.gid)
    where = ["--host=127.0.0.1", f"--port={primary.port}", "--username=postgres", f"--pgdata={folder / 'data'}"]
    argv = [tools.program("pg_basebackup"), *where, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
    run(argv, env=tools.env({"PGPASSWORD": ROOT_PASSWORD}), account=account, seconds=60)
    (folder / "hba").write_text(HBA.format(reader="host"))
    with _served(folder, tools, account, primary.major, "hot_standby_feedback = on\n") as made:
        yield made


@contextmanager
def _served(folder: Path, tools: Tools, account: User, major: int, settings: str) -> Iterator[Managed]:
    port = _free_port()
    (folder / "conf").write_text(
        f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\n"
        f"hba_file = '{folder / 'hba'}'\nshared_buffers = '32MB'\nmax_connections = 30\n{settings}"
    )
    for file in ("hba", "conf"):
        (folder / file).chmod(0o644)
    process = launch(tools, account, folder / "data", folder / "conf", folder / "log")
    try:
        made = Managed(port, major)
        wait_until(lambda: _answers(made), 30)
        yield made
    finally:
        end(process, signal.SIGINT, 30)


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


def _answers(made: Managed) -> bool:
    try:
        return made.run("SELECT 1", "postgres") == [(1,)]
    except psycopg.OperationalError:
        return False


@dataclass
class Line:
    """Carries every connection to the server's port. `carried` counts bytes that came from it. `cut` ends the
    connections that carried most just now, both ways, as a router would that forgets them."""

    target: int
    carried: int = 0
    is_closed: bool = False
    _open: dict[int, tuple[socket.socket, socket.socket]] = field(default_factory=dict)
    _bytes: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    def cut(self, most: int) -> int:
        """So many connections, the busiest first; how many there were."""
        with self._lock:
            busiest = sorted(self._open, key=lambda n: -self._bytes[n])[:most]
            doomed = [self._open.pop(n) for n in busiest]
        for pair in doomed:
            for one in pair:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        return len(doomed)

    def serve(self, listener: socket.socket) -> None:
        number = 0
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            if self.is_closed:
                near.close()
                continue
            number += 1
            threading.Thread(target=self._carry, args=(number, near), daemon=True).start()

    def _carry(self, number: int, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self.target)) as far:
            with self._lock:
                self._open[number], self._bytes[number] = (near, far), 0
            back = threading.Thread(target=self._pump, args=(number, far, near, True), daemon=True)
            back.start()
            self._pump(number, near, far, False)
            back.join()
            with self._lock:
                self._open.pop(number, None)

    def _pump(self, number: int, a: socket.socket, b: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while data := a.recv(1 << 16):
                b.sendall(data)
                if counts:
                    with self._lock:
                        self.carried += len(data)
                        self._bytes[number] += len(data)
        for one in (a, b):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        line = Line(port, port=int(listener.getsockname()[1]))
        serving = threading.Thread(target=line.serve, args=(listener,), daemon=True)
        serving.start()
        try:
            yield line
        finally:
            line.cut(1000)
            listener.shutdown(socket.SHUT_RDWR)
            serving.join(10)
