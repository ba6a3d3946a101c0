"""The one place where real things are put together."""

from __future__ import annotations

import os
import secrets as randomness
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from greenroom.adapters.caddy.edge import CaddyEdge
from greenroom.adapters.caddy.program import RunAs
from greenroom.adapters.clock import SortableIdentifiers, clock_of
from greenroom.adapters.egress.nftables import NftEgress
from greenroom.adapters.home import Home
from greenroom.adapters.house import FileHouse
from greenroom.adapters.mail.mailboxes import CaughtMail
from greenroom.adapters.postgres.backup.backups import PostgresBackups
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.database import PostgresDatabases
from greenroom.adapters.postgres.datasets.candidates import PostgresCandidates
from greenroom.adapters.postgres.datasets.clones import SMALL, USER, PostgresClones
from greenroom.adapters.postgres.datasets.vault import PostgresVault
from greenroom.adapters.postgres.sources.fetching import PostgresSources
from greenroom.adapters.probe import HttpProbe
from greenroom.adapters.runtimes import users
from greenroom.adapters.runtimes.process import ProcessRuntime
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.adapters.sealing.files import write_atomically
from greenroom.adapters.sealing.sealer import OciSealer
from greenroom.adapters.sealing.signing import Keyring
from greenroom.adapters.sealing.store import OciArtifacts
from greenroom.adapters.sealing.tools import Account, HostToolchain, Recipe
from greenroom.adapters.secretstore import FileSecrets
from greenroom.adapters.workers import LocalWorkers
from greenroom.config.project import ProjectConfig
from greenroom.domain.errors import GreenroomError, Refused
from greenroom.domain.gate import Decision
from greenroom.domain.release import Language
from greenroom.domain.work import Work
from greenroom.keeper.client import KeeperClient
from greenroom.ports.backups import Storage
from greenroom.services.app import App
from greenroom.services.decisions import decide_work
from greenroom.services.policy import AppliedPolicy
from greenroom.store.belonging import belong, refuse_anothers
from greenroom.store.database import Database, opening
from greenroom.workflows.crash import crash_points
from greenroom.workflows.engine import Engine
from greenroom.workflows.procedure import procedure
from greenroom.workflows.progress import Progress
from greenroom.workflows.recipe import committed, language_of
from greenroom.workflows.world import Store, World

PROJECT_FILE = "project.json"
"""In `home.private`, once a control plane has served the home: whose it is."""


@dataclass(frozen=True)
class Control:
    """A control plane, wired and not yet started."""

    home: Home
    keeper: KeeperClient
    world: World
    engine: Engine
    app: App


def store_url(home: Home) -> str:
    """Where the store is: `GREENROOM_STORE` (SQLAlchemy's form, for PostgreSQL), or a SQLite file in the home."""
    return os.environ.get("GREENROOM_STORE") or f"sqlite:///{home.store}"


def build(home: Home, *, first: ProjectConfig | None = None) -> Control:
    """Wire a control plane over `home`. `first` is the configuration of a home that has none yet.

    Opens the store and starts no thread and no process. Raises Refused (`store.lost`, `store.other_home`,
    `store.newer`), Errored (`store.unreadable`, `store.copy_failed`).
    """
    clock = clock_of(os.environ)
    ids = SortableIdentifiers(clock)
    database = Database(store_url(home), clock)
    _refuse_an_empty_one(home, database)
    owner, place = _owner(home), f"{socket.gethostname()}:{home.root}"
    try:
        with opening():
            if database.file != home.store:
                refuse_anothers(database, owner, place)
            database.open()
            if database.file != home.store:
                belong(database, owner, place)
            policy = AppliedPolicy(database, first)
    except GreenroomError:
        database.close()
        raise
    project = policy().project
    keeper = KeeperClient(home.keeper, heal=True)
    keyring, toolchain = Keyring(home.private), HostToolchain(home)
    secrets = FileSecrets(home)
    credentials = FileSecrets(home, "database")
    clusters = Clusters(home, keeper, project, clock, credentials, ensure_user=users.ensure_user, adopt=adopt)
    own = Clusters(
        home, keeper, project, clock, credentials, ensure_user=users.ensure_user, adopt=adopt, user=USER, settings=SMALL
    )
    databases = PostgresDatabases(home, keeper, project, clock, ensure_user=users.ensure_user, adopt=adopt)
    world = World(
        clock=clock,
        ids=ids,
        store=Store(database),
        runtime=ProcessRuntime(home, keeper, project),
        edge=CaddyEdge(home, keeper, project, edge_port=policy().edge_port, clock=clock, run_as=_edge_user(home)),
        databases=databases,
        backups=PostgresBackups(
            home,
            keeper,
            project,
            clock,
            storage=_storage(policy, secrets),
            ensure_user=users.ensure_user,
            adopt=adopt,
            reached=_reached(os.environ, "restore"),
        ),
        vault=PostgresVault(home, clusters, credentials, clock),
        sources=PostgresSources(home, clusters, clock, _reached(os.environ, "source")),
        candidates=PostgresCandidates(home, clusters, clock, _reached(os.environ, "refresh")),
        clones=PostgresClones(home, own, credentials, _reached(os.environ, "clone")),
        artifacts=OciArtifacts(home, keyring, toolchain),
        sealer=OciSealer(home, keyring, databases, toolchain, recipe_of, account=_build_account(home)),
        secrets=secrets,
        mail=CaughtMail(home, keeper, lambda: [e.name for e in policy().environments if e.catches_mail], clock),
        egress=NftEgress(home, project, clock),
        probe=HttpProbe(),
        house=FileHouse(home),
        workers=LocalWorkers(home.run / "workers"),
        progress=Progress(clock),
        project=policy,
    )
    engine = Engine(world, procedure(), _decider(world), owner=owner, crash=crash_points(os.environ))
    return Control(home, keeper, world, engine, App(world, engine.poke))


def _refuse_an_empty_one(home: Home, database: Database) -> None:
    """Begun anew, a store would know nothing of what runs, of who approved what, and of who the owner is: a home that
    had one gets it back instead. Raises Refused (`store.lost`)."""
    if not (home.private / PROJECT_FILE).exists():
        return
    try:
        if database.has_lived():
            return
    except SQLAlchemyError:  # opening it says what is wrong with it
        return
    raise Refused(
        "store.lost",
        f"the store of {home.root} is empty or gone: {database.file or 'the database that GREENROOM_STORE names'}",
        because="this home has been at work, and its releases, approvals and ledger are not there; nothing was changed",
        hint="put a copy of the store in its place (docs/operate/backup-of-greenroom-itself.md), then greenroom up;"
        " or begin anew in another home: greenroom up --home DIRECTORY",
    )


def _storage(policy: AppliedPolicy, secrets: FileSecrets) -> Callable[[str], Storage]:
    """Where an environment's backups lie, as the configuration in force says; one that left the path: the home."""

    def storage(environment: str) -> Storage:
        try:
            said = policy().environment(environment).backups
        except KeyError:
            return Storage()
        kept = secrets.values(environment)
        return Storage(
            directory=said.directory,
            second=said.second,
            endpoint=said.endpoint,
            region=said.region,
            access_key=kept.get(said.access_key or ""),
            secret_key=kept.get(said.secret_key or ""),
            is_encrypted=said.is_encrypted,
            wal_limit=said.log_limit,
        )

    return storage


def _reached(environment: Mapping[str, str], kind: str) -> Callable[[str], None]:
    """Boundaries within a restore, refresh or clone are crash points too: `restore.exchange.aside`."""
    crash = crash_points(environment)
    return lambda boundary: crash(f"{kind}.{boundary}")


def recipe_of(tree: Path, commit: str) -> Recipe:
    """How a commit is built, from its own greenroom.yaml."""
    build = committed(tree, commit).build
    language: Language = build.language or language_of(tree)
    return Recipe(language, build.runtime, build.lock, build.commands, build.timeout_seconds, build.max_bytes)


def _owner(home: Home) -> str:
    """Who this home's workers are in a store that several share; the same in every life, so that its own left-overs
    are taken up at once."""
    path = home.private / "owner"
    if not path.exists():
        write_atomically(path, randomness.token_hex(8).encode(), mode=0o600)
    return path.read_text()


def _decider(world: World) -> Callable[[Connection, Work], Decision | None]:
    return lambda tx, work: decide_work(tx, world, work)


def _edge_user(home: Home) -> RunAs | None:
    """The proxy's own user, in the group that applications' sockets let through; None without root."""
    if not users.can_separate():
        return None
    name = users.edge_group(home)
    user = users.ensure_user(name)
    return RunAs(user.uid, user.gid)


def _build_account(home: Home) -> Account | None:
    """The user that builds releases; None without root."""
    if not users.can_separate():
        return None
    user = users.ensure_user(users.build_user(home))
    return Account(user.uid, user.gid)
