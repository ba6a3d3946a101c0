"""A data directory served for the length of a block: nobody keeps it, and it ends when we end.

What is kept running belongs to the keeper (`cluster.py`); this is for clusters that something is done to before they
take a place, or that are looked into and thrown away.
"""

from __future__ import annotations

import shutil
import signal
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.courtesy import STANDS_BACK
from greenroom.adapters.home import Home
from greenroom.adapters.postgres.cluster import probe_until_ready
from greenroom.adapters.postgres.connect import MAINTENANCE, SUPERUSER, Door, NotYet, probe
from greenroom.adapters.postgres.diagnosis import start_failed
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.launch import end, launch
from greenroom.adapters.postgres.providers import Provider
from greenroom.adapters.postgres.scratch import kill_server_in
from greenroom.adapters.postgres.settings import PRELOADED, STILL, hba_text, settings_text
from greenroom.adapters.postgres.tools import Tools, run
from greenroom.adapters.runtimes.users import User
from greenroom.adapters.sealing.files import write_atomically
from greenroom.domain.errors import Errored
from greenroom.domain.secret import Secret
from greenroom.ports.clock import Clock

STOP_SECONDS = 600.0
START_SECONDS = 24 * 3600.0
"""A server that was killed recovers first, and a large one takes its time."""

SYNC_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Server:
    """A data directory in `folder` and what serves it. Its log and settings stand beside it."""

    folder: Path
    sockets: Path
    account: User
    tools: Tools
    provider: Provider
    port: int = 5432

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def superuser(self, password: Secret) -> Door:
        return Door(str(self.sockets), self.port, SUPERUSER, password)


def sockets_of(home: Home, folder: Path, account: User) -> Path:
    """A directory for the server's sockets, which only `account` can enter. Short, for a socket's name has 107 bytes;
    one for each folder."""
    name = f"sv.{zlib.crc32(str(folder).encode(errors='surrogateescape')):08x}"
    return own_directory(home.sockets / name, 0o700, account, takes_over=True)


@contextmanager
def served(
    server: Server,
    clock: Clock,
    *doors: Door,
    what: str,
    extensions: tuple[str, ...] = (),
    over_tcp: bool = False,
    settings: Mapping[str, str] | None = None,
    is_durable: bool = True,
    is_copy: bool = True,
) -> Iterator[Door]:
    """The server runs, and the first of `doors` that opens is given; at the end it is shut down cleanly.

    `what` names it in errors. `over_tcp`: applications may come too, on 127.0.0.1; without, it is in a network of its
    own with nothing in it, where the kernel allows that, so that nothing in the data calls out. `is_copy`: its data
    came from elsewhere, and what acts by itself there must not act here; a cluster that was made empty for this has
    parallel workers instead. A server that an earlier process left in the directory is ended first. Raises Errored
    (`database.start_failed` and what connecting raises).
    """
    kill_server_in(server.data)
    _write_settings(server, extensions, settings or {}, is_durable)
    forced = forced_settings(server.port, server.folder / "pg_hba.conf", over_tcp=over_tcp)
    if not is_copy:
        del forced["max_worker_processes"]
    process = launch(
        server.tools,
        server.account,
        server.data,
        server.folder / "postgresql.conf",
        server.log,
        forced,
        nice=STANDS_BACK,
        is_offline=not over_tcp,
    )

    opened: list[Door] = []

    def attempt() -> None:
        try:
            opened.append(_first(doors))
        except NotYet as error:
            if process.poll() is None:
                raise
            raise start_failed(what, server.log, f"exit code {process.returncode}", server.provider.name) from error

    try:
        probe_until_ready(clock, attempt, START_SECONDS)
        yield opened[-1]
    finally:
        end(process, signal.SIGINT, STOP_SECONDS)
        shutil.rmtree(server.sockets, ignore_errors=True)  # whoever serves it again makes it again


def _first(doors: Sequence[Door]) -> Door:
    """The first whose password is right. Raises as `probe` does for the last."""
    for door in doors[:-1]:
        try:
            probe(door, MAINTENANCE)
        except Errored as error:
            if error.code != "database.password":
                raise
        else:
            return door
    probe(doors[-1], MAINTENANCE)
    return doors[-1]


def sync(server: Server) -> None:
    """All of the data directory is on disk: what was written without syncing counts from here on."""
    argv = [server.tools.program("initdb"), "--sync-only", f"--pgdata={server.data}"]
    if server.provider.major >= 17:
        argv.append("--sync-method=syncfs")
    run(argv, env=server.tools.env(), account=server.account, seconds=SYNC_SECONDS)


def forced_settings(port: int, hba: Path, *, over_tcp: bool = False) -> dict[str, str]:
    """What must hold whatever `ALTER SYSTEM` said once: where it is reached and by whom, and that it keeps still."""
    listens = "127.0.0.1" if over_tcp else ""
    return STILL | {"listen_addresses": listens, "port": str(port), "hba_file": str(hba), "log_statement": "none"}


def _write_settings(server: Server, extensions: tuple[str, ...], more: Mapping[str, str], is_durable: bool) -> None:
    hba = server.folder / "pg_hba.conf"
    text = settings_text(
        port=server.port,
        sockets=server.sockets,
        hba=hba,
        major=server.provider.major,
        preload=PRELOADED.intersection(extensions),
        durable=is_durable,
        more=more,
    )
    for file, content in ((hba, hba_text()), (server.folder / "postgresql.conf", text)):
        write_atomically(file, content.encode(), 0o644)
