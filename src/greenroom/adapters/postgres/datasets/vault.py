"""The vault: copies of production's data are masked here, and nobody logs in.

    env/vault/rebuilt/WORK/data      the copy, as `Backups.rebuild(…, into=VAULT)` or `Sources.copy` brought it
    datasets/.NAME/data              a dataset in the making
    datasets/NAME/{data,dataset.json}   published: a cluster that is shut down and never started again

Both servers listen on unix sockets alone, in directories that only the vault's operating-system user can enter.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from greenroom.adapters.home import Home
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Door, session
from greenroom.adapters.postgres.discovery import read_facts
from greenroom.adapters.postgres.ground import is_complete, own_directory
from greenroom.adapters.postgres.initdb import make_data
from greenroom.adapters.postgres.leftovers import is_kept, remove
from greenroom.adapters.postgres.masking.copying import Wanted, copy_masked
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.leaks import examine
from greenroom.adapters.postgres.masking.rows import Progress
from greenroom.adapters.postgres.masking.walls import masker
from greenroom.adapters.postgres.neutralise import neutralise
from greenroom.adapters.postgres.providers import choose
from greenroom.adapters.postgres.roles import create_database, ensure_role
from greenroom.adapters.postgres.room import need_room, size_on_disk
from greenroom.adapters.postgres.scratch import kill_server_in
from greenroom.adapters.postgres.serving import Server, served, sockets_of, sync
from greenroom.adapters.sealing.files import sync_directory, write_atomically
from greenroom.adapters.secretstore import FileSecrets
from greenroom.discovery.discover import discover
from greenroom.discovery.model import Verdict
from greenroom.domain.data import Dataset, MaskingPlan
from greenroom.domain.errors import Errored
from greenroom.domain.kinds import DataLabel
from greenroom.domain.ledger import timestamp
from greenroom.domain.names import VAULT, checked_name
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.ports.clock import Clock
from greenroom.ports.datasets import Copied, Examined, GoOn, Say
from greenroom.registry import all_detectors, all_rules, all_traits

MASKING_KEY = "masking_key"
KEY_BYTES = 32
SAY_SECONDS = 2.0
HARMLESS = "harmless"
"""Beside the data of a dataset in which nothing acts on the outside any more: who copies it need not see to that."""

READING = {"autovacuum": "off", "shared_buffers": "128MB"}
LOADING = {"shared_buffers": "128MB", "maintenance_work_mem": "256MB", "min_wal_size": "80MB", "max_wal_size": "4GB"}
"""A dataset in the making is thrown away when it breaks off, so nothing of it is synced before it is whole."""

MOST_LOG = 4 << 30
"""As `max_wal_size` says: the log of loading goes when the dataset is whole."""
EMPTY = 64 << 20
"""A cluster with nothing in it, and its first log."""


class PostgresVault:
    """Fulfils `ports.datasets.Vault`. Making one touches nothing."""

    def __init__(self, home: Home, clusters: Clusters, credentials: FileSecrets, clock: Clock) -> None:
        self._home, self._clusters, self._credentials, self._clock = home, clusters, credentials, clock

    def discover(self, rebuilt: str, source: str, services: Services, *, say: Say) -> tuple[Verdict, ...]:
        with self._reading(rebuilt, source, services) as reading, masker(reading) as role:
            say("looking at the columns and a sample of their values")
            role.confine()
            with role.end.session() as connection:
                read = read_facts(connection, all_traits(), self._clock.now().date())
        for table in read.unread:
            say(f"the rows of {table.table} could not be sampled: {table.because}")
        return discover(read.tables, all_rules(), all_detectors())

    def mask(
        self, rebuilt: str, source: str, name: str, services: Services, plan: MaskingPlan, *, say: Say, go_on: GoOn
    ) -> Copied:
        self._clear(self._making(name))
        target = self._server(self._making(name), services)
        make_data(target.data, target.tools, target.account, self._password(), "--no-sync")
        began = self._clock.monotonic()
        with self._reading(rebuilt, source, services) as reading, self._writing(target, services) as writing:
            self._make_ground(target)
            report = copy_masked(
                reading,
                writing,
                target.tools,
                self._wanted(plan),
                progress=progress_in_words(say),
                room=lambda size: need_room("the masked copy", self._home.datasets, loaded(size)),
                go_on=go_on,
                scratch=target.folder,
            )
            done = neutralise(target.superuser(self._password())).did
        (target.folder / HARMLESS).touch(mode=0o600)
        sync(target)
        said = (*report.said, *done)
        return Copied(report.masked_columns, report.rows, said, report.bytes, self._clock.monotonic() - began)

    def examine(
        self, rebuilt: str, source: str, name: str, services: Services, plan: MaskingPlan, *, say: Say, go_on: GoOn
    ) -> Examined:
        target = self._server(self._making(name), services)
        with self._reading(rebuilt, source, services) as reading, self._writing(target, services) as writing:
            report = examine(reading, writing, self._wanted(plan), quasi=plan.quasi, k=plan.k, say=say, go_on=go_on)
        return Examined(report.as_facts(), "; ".join(report.complaints))

    def publish(self, name: str, dataset: Dataset) -> Dataset:
        making, folder = self._making(name), self._folder(name)
        if not folder.exists():
            size = size_on_disk(making / "data")
            for left in ("log", "postgresql.conf", "pg_hba.conf"):
                (making / left).unlink(missing_ok=True)
            text = json.dumps(_as_dict(replace(dataset, bytes=size)), indent=1)
            write_atomically(making / "dataset.json", text.encode(), 0o600)
            making.rename(folder)
            sync_directory(folder.parent)
        return _read(folder)

    def datasets(self) -> list[Dataset]:
        found = [_read(f.parent) for f in self._home.datasets.glob("[!.]*/dataset.json")]
        return sorted(found, key=lambda d: (d.made_at, d.name))

    def drop(self, name: str) -> None:
        folder, doomed = self._folder(name), self._making(name)
        if folder.exists():
            self._clear(doomed)
            folder.rename(doomed)  # gone at once for everybody who looks
        self._clear(doomed)

    def sweep(self, keep: Collection[str]) -> int:
        rebuilt = self._home.environments / VAULT / "rebuilt"
        left = [p for p in self._home.datasets.glob(".*") if not is_kept(p.name[1:], keep)]
        left += [p for p in (rebuilt.iterdir() if rebuilt.is_dir() else ()) if not is_kept(p.name, keep)]
        return remove(left)

    # --- servers -----------------------------------------------------------------------------------

    @contextmanager
    def _reading(self, rebuilt: str, source: str, services: Services) -> Iterator[End]:
        """The copy of production, running, as its superuser."""
        folder = self._home.environments / VAULT / "rebuilt" / checked_name(rebuilt, "work")
        if not is_complete(folder):
            raise Errored(
                "data.not_rebuilt", f"nothing is rebuilt under {rebuilt}", hint="begin again: greenroom data make"
            )
        server = self._server(folder, services)
        door = server.superuser(self._clusters.password(source, SUPERUSER))
        with served(server, self._clock, door, what="the vault", extensions=services.extensions, settings=READING):
            yield End.behind(door, APP)

    @contextmanager
    def _writing(self, server: Server, services: Services) -> Iterator[End]:
        door = server.superuser(self._password())
        with served(
            server,
            self._clock,
            door,
            what="the dataset",
            extensions=services.extensions,
            settings=LOADING,
            is_durable=False,
            is_copy=False,
        ):
            yield End.behind(door, APP)

    def _make_ground(self, server: Server) -> None:
        """The application's role and its empty database. The role has no password anybody knows."""
        unknown = Door("", server.port, APP, Secret(secrets.token_urlsafe(32)))
        with session(server.superuser(self._password()), MAINTENANCE) as connection:
            ensure_role(connection, unknown)
            create_database(connection, APP)

    def _server(self, folder: Path, services: Services) -> Server:
        account = self._clusters.account(VAULT)
        provider = choose(services, self._clusters.providers())
        own_directory(folder, 0o711)
        tools = self._clusters.tools(provider, account)
        return Server(folder, sockets_of(self._home, folder, account), account, tools, provider)

    def _password(self) -> Secret:
        return self._clusters.password(VAULT, SUPERUSER)

    def _wanted(self, plan: MaskingPlan) -> Wanted:
        return Wanted(
            plan.chosen,
            all_rules(),
            self._key(),
            links=plan.links,
            subset=plan.subset,
            large_objects=plan.large_objects,
        )

    def _key(self) -> Secret:
        """The project's masking key in hexadecimal digits, random on first use: with it the same person is the same
        fake person in every refresh."""
        known = self._credentials.values(VAULT).get(MASKING_KEY)
        if known is None:
            known = Secret(secrets.token_hex(KEY_BYTES))
            self._credentials.put(VAULT, MASKING_KEY, known)
        return known

    def _folder(self, name: str) -> Path:
        return self._home.datasets / checked_name(name, "dataset")

    def _making(self, name: str) -> Path:
        return self._home.datasets / f".{checked_name(name, 'dataset')}"

    def _clear(self, folder: Path) -> None:
        kill_server_in(folder / "data")
        if folder.exists():
            shutil.rmtree(folder)


def loaded(size: int) -> int:
    """Bytes that a cluster takes at most while `size` bytes of tables and indexes are loaded into it."""
    return size + min(size, MOST_LOG) + EMPTY


def read_dataset(home: Home, name: str) -> tuple[Dataset, Path]:
    """A published dataset and its data directory. Raises Errored (`data.dataset_gone`)."""
    folder = home.datasets / checked_name(name, "dataset")
    try:
        return _read(folder), folder / "data"
    except FileNotFoundError:
        raise Errored(
            "data.dataset_gone", f"the dataset {name} is not there", hint="greenroom data list shows those that are"
        ) from None


def progress_in_words(say: Say) -> Any:
    """Progress in words, now and then."""
    last = 0.0

    def told(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SAY_SECONDS:
            last = now
            say(f"{progress.share:.0%}: {progress.table}, {progress.rows} rows")

    return told


def _as_dict(dataset: Dataset) -> dict[str, Any]:
    as_of = timestamp(dataset.as_of) if dataset.as_of else None
    return asdict(dataset) | {
        "label": dataset.label.name.lower(),
        "made_at": timestamp(dataset.made_at),
        "as_of": as_of,
    }


def _read(folder: Path) -> Dataset:
    stored = json.loads((folder / "dataset.json").read_text())
    as_of = stored["as_of"]
    return Dataset(
        **{
            **stored,
            "label": DataLabel[stored["label"].upper()],
            "made_at": datetime.fromisoformat(stored["made_at"]),
            "as_of": datetime.fromisoformat(as_of) if as_of else None,
            "extensions": tuple(stored["extensions"]),
        }
    )
