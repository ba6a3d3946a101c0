"""A whole control plane on memory twins and a store in a temporary directory, for unit tests.

`memory_world` wires it, `memory_app` puts the services on top, `apply` puts a configuration in force; `sealed` and
`placed` record facts as the workflows would have, for tests that begin in the middle of a story.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from greenroom.adapters.memory.artifacts import MemoryArtifacts, MemorySealer
from greenroom.adapters.memory.backups import MemoryBackups
from greenroom.adapters.memory.clones import MemoryClones
from greenroom.adapters.memory.datasets import MemoryCandidates, MemoryVault
from greenroom.adapters.memory.edge import MemoryEdge
from greenroom.adapters.memory.egress import MemoryEgress
from greenroom.adapters.memory.house import MemoryHouse
from greenroom.adapters.memory.mail import MemoryMail
from greenroom.adapters.memory.runtime import MemoryRuntime
from greenroom.adapters.memory.secrets import MemorySecrets
from greenroom.adapters.memory.sources import MemorySources
from greenroom.adapters.memory.workers import MemoryWorkers
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.roles import Actor, Role
from greenroom.domain.work import ENDED, State, Work
from greenroom.domain.work_record import asking
from greenroom.ports.clock import Clock
from greenroom.ports.probe import Answer
from greenroom.services import accounts, policy
from greenroom.services.app import App
from greenroom.store import records
from greenroom.store.database import Database
from greenroom.workflows.claiming import about
from greenroom.workflows.progress import Progress
from greenroom.workflows.world import Store, World
from tests.scripted import ScriptedDatabases
from tests.twins import Counter, FakeClock

FULL = """\
project: shop
template: full
processes:
  web: {command: "python -m shop"}
migration: {style: command, command: "python migrate.py"}
health: {path: /health}
config:
  SECRET_KEY: {secret: true, generate: true}
  PAYMENT_TOKEN: {secret: true, about: for the payment service}
checks:
  journey: {command: "python journey.py", journey: true}
environments:
  dev: {follow: main}
"""
SMALL = FULL.replace("template: full", "template: small")


@dataclass
class FakeProbe:
    """Answers 200 at once, or what `answers` says for a dial."""

    answers: dict[str, Answer] = field(default_factory=dict)

    def get(self, dial: str, path: str, *, seconds: float) -> Answer:
        return self.answers.get(dial, Answer(200, 0.001))


def memory_world(
    tmp_path: Path, config_text: str | None = FULL, *, clock: Clock | None = None, database: Database | None = None
) -> World:
    """Everything a workflow can reach, nothing real but SQLite. `config_text` is put in force; None: nothing is.

    Everybody whom `actor` makes of one role has an account, named after it, which no token opens. `database`: an opened
    store to go on with as it is; nothing is recorded in it.
    """
    clock = clock or (database.clock if database else FakeClock())
    made = database or Database.sqlite(tmp_path / "greenroom.db", clock)
    if database is None:
        made.open()
    store = Store(made)
    artifacts, vault = MemoryArtifacts(), MemoryVault()
    world = World(
        clock=clock,
        ids=Counter(),
        store=store,
        runtime=MemoryRuntime(tmp_path / "env"),
        edge=MemoryEdge(),
        databases=ScriptedDatabases(clock),
        backups=MemoryBackups(clock),
        vault=vault,
        sources=MemorySources(clock),
        candidates=MemoryCandidates(clock, vault),
        clones=MemoryClones(vault),
        artifacts=artifacts,
        sealer=MemorySealer(artifacts),
        secrets=MemorySecrets(),
        mail=MemoryMail(),
        egress=MemoryEgress(clock),
        probe=FakeProbe(),
        house=MemoryHouse(),
        workers=MemoryWorkers(),
        progress=Progress(clock),
        project=policy.AppliedPolicy(made),
    )
    if database is not None:
        return world
    with store.database.transaction() as tx:
        for role in Role:
            row = {"id": role.value, "roles": [role.value], "token_hash": role.value, "created_at": clock.now()}
            store.recorder.record(tx, "greenroom", "account.granted", account={**row, "disabled_at": None})
    if config_text is not None:
        apply(world, config_text, str(tmp_path / "repository"))
    return world


def memory_app(world: World, poke: Callable[[], None] = lambda: None) -> App:
    return App(world, poke)


def apply(world: World, text: str, repository: str = "/nonexistent/repository") -> dict[str, Any]:
    """Put a configuration in force, as an administrator would."""
    return policy.apply(memory_app(world), actor(Role.ADMINISTRATOR), text, repository)


def actor(*roles: Role, name: str | None = None) -> Actor:
    """Somebody with these roles, named after the first unless said otherwise."""
    return Actor(name or roles[0].value, frozenset(roles))


def token(app: App, *roles: Role, name: str | None = None) -> str:
    """An account with these roles; what it shows to prove itself."""
    who = actor(*roles, name=name)
    root = Actor("root", frozenset({Role.ADMINISTRATOR}))
    return accounts.add(app, root, who.name, [r.value for r in roles]).reveal()


def sealed(world: World, version: str = "1.0", *, by: str = "maker", commit: str | None = None) -> str:
    """A release as the seal step would have recorded it; its digest."""
    descriptor = world.project().descriptor(version)
    digest = world.artifacts.put(descriptor, {"app.py": version})
    row = {
        "id": digest,
        "project": descriptor.project,
        "version": version,
        "git_commit": commit or hashlib.sha1(version.encode()).hexdigest(),
        "made_by": by,
        "made_at": world.clock.now(),
        "descriptor": descriptor.as_dict(),
        "size": 12_345_678,
    }
    with world.store.database.transaction() as tx:
        world.store.recorder.record(tx, by, "release.sealed", release=row)
        world.store.recorder.record(
            tx, by, "evidence.recorded", evidence=_evidence(world, "seal", "clean-room", digest)
        )
    return digest


def placed(world: World, digest: str, environment: str, *, ago: float = 3600.0) -> str:
    """The release is in the environment, promoted `ago` seconds before now; the work's id."""
    at = world.clock.now() - timedelta(seconds=ago)
    work = added_work(world, WorkKind.PROMOTION, State.DONE, environment=environment, release=digest, at=at)
    if world.project().environment(environment).runs:
        world.databases.ensure(environment, world.release(digest).descriptor.services)
    with world.store.database.transaction() as tx:
        before = records.environment(tx, environment)
        row = {
            "id": environment,
            "current": digest,
            "current_work": work.id,
            "dial": f"127.0.0.1:{20000 + before.position}",
            "previous": before.current,
            "since": at,
        }
        world.store.recorder.record(tx, "maker", "traffic.switched", environment=row)
        found = _evidence(world, "promotion", environment, digest, environment=environment, at=at)
        world.store.recorder.record(tx, "maker", "evidence.recorded", evidence=found)
    return work.id


def added_work(
    world: World,
    kind: WorkKind,
    state: State,
    *,
    environment: str | None = None,
    release: str | None = None,
    at: datetime | None = None,
    by: str = "maker",
    **columns: Any,
) -> Work:
    """A row of work in this state. `columns` are set past the state machine: tests of reading want any row."""
    at = at or world.clock.now()
    work = Work(
        id=world.ids.new(kind.value),
        kind=kind,
        environment=environment,
        release=release,
        plan=PLANS[kind],
        state=State.QUEUED,
        requested_by=by,
        requested_at=at,
        request={"commit": "HEAD"} if kind is WorkKind.RELEASE else {},
    )
    ended = state in ENDED
    started = state not in (State.QUEUED, State.WAITING)
    changes = {"started_at": at if started else None, "ended_at": at if ended else None, **columns}
    with world.store.database.transaction() as tx:
        world.store.works.add(tx, work)
        world.store.works.set_columns(tx, work.id, [State.QUEUED], state=state, **changes)
        found = world.store.works.get(tx, work.id)
        assert found is not None
        _tell_of(world, tx, found, has_started=started)
    return found


def _tell_of(world: World, tx: Connection, work: Work, *, has_started: bool) -> None:
    """The entries that would stand on the ledger if it had come this far by itself."""
    entries: list[tuple[str, dict[str, Any]]] = [("requested", asking(work))]
    if has_started:
        entries.append(("started", about(work)))
    if work.state in ENDED or work.state is State.ATTENTION:
        entries.append((work.state, about(work, **({"error": dict(work.error)} if work.error else {}))))
    for word, subject in entries:
        world.store.recorder.append(tx, work.requested_by, f"{work.kind}.{word}", subject)


def _evidence(
    world: World,
    kind: str,
    name: str,
    digest: str,
    *,
    environment: str | None = None,
    at: datetime | None = None,
) -> dict[str, Any]:
    return {
        "id": world.ids.new("evidence"),
        "kind": kind,
        "name": name,
        "release": digest,
        "environment": environment,
        "outcome": "passed",
        "at": at or world.clock.now(),
        "by": "maker",
        "facts": {},
    }
