"""A cluster is made ready beside an environment's own, and then takes its place.

    env/ENV/rebuilt/NAME/data  →  env/ENV/postgres-MAJOR/data  →  env/ENV/aside/NAME/data

Two renames on one file system; whoever finds a state between them goes on from it. `reached` names each boundary, so
that tests can be killed there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from pathlib import Path

import psycopg

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Connection, Door, probe, session
from greenroom.adapters.postgres.database import url_of
from greenroom.adapters.postgres.datasets.seeding import load
from greenroom.adapters.postgres.datasets.vault import read_dataset
from greenroom.adapters.postgres.ground import is_complete, own_directory
from greenroom.adapters.postgres.initdb import make_data
from greenroom.adapters.postgres.leftovers import is_kept, remove, sockets_left
from greenroom.adapters.postgres.neutralise import neutralise
from greenroom.adapters.postgres.providers import checked_services, choose
from greenroom.adapters.postgres.roles import ensure_ground, set_password
from greenroom.adapters.postgres.room import need_room_for_copy
from greenroom.adapters.postgres.scratch import any_port, copy_tree, kill_server_in
from greenroom.adapters.postgres.serving import Server, served, sockets_of
from greenroom.adapters.sealing.files import sync_directory, write_atomically
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.names import VAULT, checked_name
from greenroom.domain.release import Services
from greenroom.ports.clock import Clock
from greenroom.ports.databases import Database
from greenroom.ports.datasets import GoOn, Say, Seeded

COPY_SECONDS = 24 * 3600.0
PLACED = "placed.json"
SETTLED = "settled"
"""Beside a data directory in which nothing of where it came from has a password any more."""
EDITED = "edited"
"""Beside a data directory: the number of the transaction in which the environment's edits were run. Whether it was
committed PostgreSQL itself knows."""


class PostgresCandidates:
    """Fulfils `ports.datasets.Candidates`. Making one touches nothing."""

    def __init__(
        self, home: Home, clusters: Clusters, clock: Clock, reached: Callable[[str], None] = lambda boundary: None
    ) -> None:
        self._home, self._clusters, self._clock, self._reached = home, clusters, clock, reached

    def place(self, dataset: str, environment: str, name: str, *, say: Say) -> int:
        with self._held(environment):
            folder = self._folder(environment, name)
            found, data = read_dataset(self._home, dataset)
            if not (folder / PLACED).exists():
                self._clear(folder)
                need_room_for_copy(f"the data of {environment}", data, folder.parent, found.bytes)
                own_directory(folder, 0o711)
                say(f"laying out dataset {dataset}, {found.bytes / 1e6:.0f} MB")
                copy_tree(data, folder / "data", self._clusters.account(environment), seconds=COPY_SECONDS)
                self._reached("place.copied")
                write_atomically(folder / PLACED, json.dumps({"dataset": dataset}).encode(), 0o600)
            return found.bytes

    def begin(self, environment: str, name: str, services: Services, *, say: Say) -> None:
        with self._held(environment):
            folder = self._folder(environment, name)
            self._clear(folder)
            own_directory(folder, 0o711)
            server = self._server(environment, name, services, checked_services(services))
            say(f"making an empty database of PostgreSQL {server.provider.major}")
            make_data(server.data, server.tools, server.account, self._clusters.password(environment, SUPERUSER))
            write_atomically(folder / PLACED, json.dumps({"seed": True}).encode(), 0o600)

    def seed(self, database: Database, root: Path, files: tuple[str, ...], *, say: Say, go_on: GoOn) -> Seeded:
        return load(database, root, files, say=say, go_on=go_on)

    @contextmanager
    def serving(self, environment: str, name: str, services: Services, *, origin: str, say: Say) -> Iterator[Database]:
        server = self._server(environment, name, services)
        own = server.superuser(self._clusters.password(environment, SUPERUSER))
        first = server.superuser(self._clusters.password(origin, SUPERUSER))
        with served(
            server,
            self._clock,
            own,
            first,
            what=f"the new database of {environment}",
            extensions=services.extensions,
            over_tcp=True,
        ) as opened:
            if opened is first:
                self._settle(first, own, say)
            (server.folder / SETTLED).touch(mode=0o600)
            application = Door("127.0.0.1", server.port, APP, self._clusters.password(environment, APP))
            version = ensure_ground(own, application, services.extensions)
            yield Database(environment, url_of(application), version, server.provider.name)

    def _settle(self, first: Door, own: Door, say: Say) -> None:
        """What came along is made harmless, and the environment's own superuser password is the only one."""
        for done in neutralise(first).did:
            say(done)
        with session(first, MAINTENANCE) as connection:
            set_password(connection, own)
        probe(own, MAINTENANCE)

    def edit(self, environment: str, name: str, database: Database, statements: tuple[str, ...]) -> None:
        number = 0
        try:
            opened = psycopg.connect(database.url.reveal(), application_name="greenroom", connect_timeout=10)
            with closing(opened), opened as connection:  # a commit that fails does not close it
                superuser = self._superuser(environment, name, connection.info.port)
                if self._is_edited(environment, name, superuser):
                    return
                for statement in statements:
                    number += 1
                    connection.execute(statement.encode())
                self._note_edits(environment, name, superuser, connection)
                self._reached("edit.noted")
        except psycopg.Error as error:
            raise Refused(
                "data.edit_failed",
                f"edit {number} of {environment} failed",
                because=f"{type(error).__name__} ({error.sqlstate}); PostgreSQL's words are withheld: they quote data",
                hint="correct data/edits of the environment in greenroom.yaml, and apply it",
                facts={"edit": number, "sqlstate": error.sqlstate},
            ) from None
        self._reached("edit.committed")

    def _note_edits(self, environment: str, name: str, superuser: Door, connection: Connection) -> None:
        """Which transaction runs them, on disk before it is committed. The checkpoint keeps its number: of a number
        that no record on disk bears a server that was killed knows nothing, and gives it to the next transaction."""
        row = connection.execute("SELECT pg_catalog.pg_current_xact_id()::text").fetchone()
        for limit in ("idle_in_transaction_session_timeout", "transaction_timeout"):  # the checkpoint takes its time
            connection.execute(
                "SELECT pg_catalog.set_config(name, '0', true) FROM pg_catalog.pg_settings WHERE name = %s", [limit]
            )
        with session(superuser, MAINTENANCE) as ours:
            ours.execute("CHECKPOINT")
        write_atomically(self._folder(environment, name) / EDITED, str(row[0] if row else "").encode(), 0o600)

    def _is_edited(self, environment: str, name: str, superuser: Door) -> bool:
        try:
            noted = (self._folder(environment, name) / EDITED).read_text()
        except FileNotFoundError:
            return False
        if not noted:  # earlier versions noted it after the commit
            return True
        with session(superuser, MAINTENANCE) as connection:
            row = connection.execute("SELECT pg_catalog.pg_xact_status(%s::xid8)", [noted]).fetchone()
        return row == ("committed",)

    def exchange(self, environment: str, name: str) -> None:
        with self._held(environment):
            folder, present = self._folder(environment, name), self._present(environment)
            new, aside = folder / "data", self._asides(environment) / name
            if new.is_dir():
                if not is_complete(folder) or not (folder / SETTLED).exists():
                    raise Errored("data.not_ready", f"nothing is ready under {name}", hint="begin the refresh again")
                self._stop(environment, present)
                self._reached("exchange.stopped")
                if present.is_dir():
                    own_directory(aside, 0o711)
                    record = json.dumps({"at": self._clock.now().isoformat()})
                    write_atomically(aside / "aside.json", record.encode(), 0o600)
                    present.rename(aside / "data")
                    sync_directory(aside)
                self._reached("exchange.aside")
                new.rename(present)
                sync_directory(present.parent)
            self._reached("exchange.in_place")
            self._start(environment)

    def put_back(self, environment: str, name: str) -> None:
        with self._held(environment):
            folder, present = self._folder(environment, name), self._present(environment)
            aside = self._asides(environment) / name
            if (aside / "data").is_dir():
                self._stop(environment, present)
                if present.is_dir():
                    self._clear(folder)
                    own_directory(folder, 0o711)
                    present.rename(folder / "data")  # without its marks: it is not complete any more
                self._reached("put_back.out")
                (aside / "data").rename(present)
                sync_directory(present.parent)
                shutil.rmtree(aside)
            self._start(environment)

    def asides(self, environment: str) -> Mapping[str, datetime]:
        return {
            p.parent.name: datetime.fromisoformat(json.loads(p.read_text())["at"])
            for p in self._asides(environment).glob("*/aside.json")
        }

    def drop_aside(self, environment: str, name: str) -> None:
        self._clear(self._asides(environment) / name)

    def discard(self, environment: str, name: str) -> None:
        self._clear(self._folder(environment, name))

    def sweep(self, keep: Collection[str]) -> int:
        rooms = [r for r in self._home.environments.glob("*/rebuilt") if r.parent.name != VAULT]
        left = [f for room in rooms for f in room.iterdir() if not is_kept(f.name, keep)]
        # What is whole there is a person's way back, and is dropped when its time is over.
        asides = [f for f in self._home.environments.glob("*/aside/*") if not is_kept(f.name, keep)]
        left += [f for f in asides if not (f / "data").is_dir()]
        return remove(left) + remove(sockets_left(self._home))

    # --- places ------------------------------------------------------------------------------------

    def _superuser(self, environment: str, name: str, port: int) -> Door:
        """Into the server of the folder's cluster, which runs."""
        sockets = sockets_of(self._home, self._folder(environment, name), self._clusters.account(environment))
        return Door(str(sockets), port, SUPERUSER, self._clusters.password(environment, SUPERUSER))

    def _server(self, environment: str, name: str, services: Services, made: int | None = None) -> Server:
        """What serves the folder's cluster, which is of major version `made`; None: what lies there says it."""
        folder = self._folder(environment, name)
        wanted = checked_services(services)
        cluster = self._clusters.need(environment)
        made = made or int((folder / "data" / "PG_VERSION").read_text())
        if not cluster.record.major == wanted == made:
            raise Refused(
                "database.version",
                f"{environment} cannot be filled: its PostgreSQL is {cluster.record.major}, the data is of {made}",
                because="a cluster's files can be read by their own major version alone",
                hint="run the same major version in both environments",
            )
        account = self._clusters.account(environment)
        provider = choose(services, self._clusters.providers(), prefer=cluster.record.provider)
        tools = self._clusters.tools(provider, account)
        return Server(folder, sockets_of(self._home, folder, account), account, tools, provider, any_port())

    def _stop(self, environment: str, present: Path) -> None:
        """A server whose files were taken away may not end by itself."""
        self._clusters.down(environment)
        kill_server_in(present)

    def _start(self, environment: str) -> None:
        record = self._clusters.need(environment).record
        self._clusters.up(environment, Services(record.major, record.extensions))

    def _present(self, environment: str) -> Path:
        return self._clusters.need(environment).data

    def _folder(self, environment: str, name: str) -> Path:
        root = own_directory(self._home.environments / checked_name(environment, "environment"), 0o711)
        return own_directory(root / "rebuilt", 0o711) / checked_name(name, "work")

    def _asides(self, environment: str) -> Path:
        return own_directory(self._home.environments / checked_name(environment, "environment") / "aside", 0o711)

    def _clear(self, folder: Path) -> None:
        kill_server_in(folder / "data")
        if folder.exists():
            shutil.rmtree(folder)

    def _held(self, environment: str) -> AbstractContextManager[None]:
        return locked(own_directory(self._home.private / "database", 0o700) / f".{environment}.candidates")
