"""A managed server's data as a cluster beside whatever there is, ready for what is done with a rebuilt backup.

    env/INTO/rebuilt/NAME/{data, postgresql.conf, …}     complete once fetched.json is there

It has the vault's superuser password: it comes from no environment.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from psycopg import sql

from greenroom.adapters.home import Home
from greenroom.adapters.locks import locked
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Door, session
from greenroom.adapters.postgres.datasets.vault import LOADING, loaded, progress_in_words
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.initdb import make_data
from greenroom.adapters.postgres.leftovers import remove
from greenroom.adapters.postgres.masking.ends import SETTINGS, End
from greenroom.adapters.postgres.providers import checked_services, choose
from greenroom.adapters.postgres.roles import create_database, ensure_role, version_of
from greenroom.adapters.postgres.room import need_room
from greenroom.adapters.postgres.serving import Server, served, sockets_of, sync
from greenroom.adapters.postgres.settings import PRELOADED
from greenroom.adapters.postgres.sources.copying import LAYER, Reading, copy_everything, standing_of
from greenroom.adapters.postgres.sources.reading import OPERATIONAL, Standing, end_of
from greenroom.adapters.sealing.files import write_atomically
from greenroom.domain.errors import Refused
from greenroom.domain.names import VAULT, checked_name
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.domain.source import SourceServer
from greenroom.ports.clock import Clock
from greenroom.ports.datasets import GoOn, Say
from greenroom.ports.sources import Fetched

FETCHED = "fetched.json"


class PostgresSources:
    """Fulfils `ports.sources.Sources`. Making one touches nothing."""

    def __init__(
        self, home: Home, clusters: Clusters, clock: Clock, reached: Callable[[str], None] = lambda boundary: None
    ) -> None:
        self._home, self._clusters, self._clock, self._reached = home, clusters, clock, reached

    def copy(
        self,
        server: SourceServer,
        password: Secret | None,
        into: str,
        name: str,
        services: Services,
        *,
        say: Say,
        go_on: GoOn,
    ) -> Fetched:
        with self._held(into):
            folder = self._folder(into, name)
            known = _read(folder)
            if known is not None:
                return known
            remove([folder])
            reading = Reading(end_of(server, password), server.place, server.password)
            standing = standing_of(reading)
            say(f"{server.place} is PostgreSQL {standing.named}, {standing.bytes / 1e6:.0f} MB")
            self._require(standing, services, folder)
            ours, leave = self._server(into, folder, services, standing)
            own_directory(folder, 0o711)
            make_data(ours.data, ours.tools, ours.account, self._password(), "--no-sync")
            made = self._fill(reading, ours, standing, leave, say, go_on)
            self._reached("fetch.copied")
            sync(ours)
            record = asdict(made) | {"as_of": made.as_of.isoformat()}
            write_atomically(folder / FETCHED, json.dumps(record).encode(), 0o600)
            return made

    def _fill(
        self, reading: Reading, ours: Server, standing: Standing, leave: frozenset[str], say: Say, go_on: GoOn
    ) -> Fetched:
        began, door = self._clock.monotonic(), ours.superuser(self._password())
        extensions = tuple(e for e in standing.extensions if e not in leave)
        what = f"the copy of {reading.place}"
        with served(
            ours, self._clock, door, what=what, extensions=extensions, settings=LOADING, is_durable=False, is_copy=False
        ) as opened:
            version = self._make_ground(opened)
            target = replace(End.behind(opened, APP), settings={**SETTINGS, "role": LAYER})
            report, found = copy_everything(
                reading,
                target,
                ours.tools,
                leave=leave,
                scratch=ours.folder,
                said=say,
                progress=progress_in_words(say),
                go_on=go_on,
            )
        said = (*(f"the extension {e} stayed behind: it looks after a server" for e in sorted(leave)), *report.said)
        for words in said[:20]:
            say(words)
        return Fetched(
            reading.place,
            found.as_of,
            found.named,
            version,
            extensions,
            sum(report.rows.values()),
            report.bytes,
            round(self._clock.monotonic() - began, 3),
            said[:100],
        )

    def _make_ground(self, door: Door) -> str:
        """The application's role, whose password nobody knows, and its empty database; who lays the copy out. The
        server's version."""
        with session(door, MAINTENANCE) as connection:
            ensure_role(connection, Door("", door.port, APP, Secret(secrets.token_urlsafe(32))))
            create_database(connection, APP)
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN SUPERUSER").format(sql.Identifier(LAYER)))
            return version_of(connection)

    def _require(self, standing: Standing, services: Services, folder: Path) -> None:
        """Raises Refused (`data.source_newer`, `home.no_room`)."""
        wanted, found = checked_services(services), standing.version // 10000
        if found > wanted:
            raise Refused(
                "data.source_newer",
                f"the source is PostgreSQL {found}, the environments have PostgreSQL {wanted}",
                because="an older server does not understand a newer one's schema",
                hint=f"set services/postgres to {found} or newer in greenroom.yaml, and promote that release",
            )
        need_room("a copy of the source", folder.parent, loaded(standing.bytes))

    def _server(self, into: str, folder: Path, services: Services, standing: Standing) -> tuple[Server, frozenset[str]]:
        """What the copy is laid out by, and the extensions that stay behind. In an environment that is the PostgreSQL
        which serves it afterwards. Raises Refused (`database.extension`, `database.version`)."""
        providers, cluster = self._clusters.providers(), self._clusters.find(into)
        if cluster is not None:
            providers = [choose(services, providers, prefer=cluster.record.provider)]
        needed = tuple(e for e in standing.extensions if e not in OPERATIONAL or e in standing.used)
        provider = choose(Services(services.postgres, needed), providers)
        account = self._clusters.account(into)
        tools = self._clusters.tools(provider, account)
        server = Server(folder, sockets_of(self._home, folder, account), account, tools, provider)
        # What an environment's server does not load at its start does not work there.
        idle = (OPERATIONAL & PRELOADED) - standing.used - set(services.extensions)
        return server, frozenset(standing.extensions) - (provider.extensions - idle)

    def _password(self) -> Secret:
        return self._clusters.password(VAULT, SUPERUSER)

    def _folder(self, into: str, name: str) -> Path:
        root = own_directory(self._home.environments / checked_name(into, "environment"), 0o711)
        return own_directory(root / "rebuilt", 0o711) / checked_name(name, "work")

    def _held(self, into: str) -> AbstractContextManager[None]:
        return locked(own_directory(self._home.private / "database", 0o700) / f".{into}.sources")


def _read(folder: Path) -> Fetched | None:
    """What was copied there and is whole."""
    try:
        stored = json.loads((folder / FETCHED).read_text())
    except FileNotFoundError:
        return None
    lists = {k: tuple(stored[k]) for k in ("extensions", "said")}
    return Fetched(**{**stored, **lists, "as_of": datetime.fromisoformat(stored["as_of"])})
