"""A long life, made quickly: environments that came and went, releases, works with their history, evidence, a ledger.

Rows that the ledger answers for are written by the recorder itself. Entries that tell of work, most of a real ledger,
are chained with the same function and inserted a thousand at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select
from tests.worlds import FULL, memory_app, memory_world, placed, sealed

from greenroom.adapters.memory.artifacts import Stored
from greenroom.domain import ledger as chain
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.work import State, Work
from greenroom.domain.work_record import asking
from greenroom.services.app import App
from greenroom.store import tables as t
from greenroom.workflows.claiming import about
from greenroom.workflows.world import World

AT_A_TIME = 1_000
OF_ITSELF = 7
"""Entries of a promotion about what its checks found and where visitors were sent."""
PATH = ("dev", "qa", "packaging", "uat", "staging")


@dataclass(frozen=True)
class Size:
    """How much there ever was. `path` is how many environments there are now; the others were removed."""

    entries: int
    environments: int
    releases: int
    works: int
    evidence: int
    path: int = 6

    @classmethod
    def of(cls, entries: int) -> Size:
        """In the proportions of a busy team: fifty entries for each piece of work."""
        return cls(entries, entries // 100, max(10, entries // 200), max(20, entries // 50), max(10, entries // 40))


@dataclass
class Lived:
    """What was made, with what measuring asks about."""

    world: World
    app: App
    newest: str
    some_work: str
    token_hash: str = "manager"


def lived(directory: Any, size: Size) -> Lived:
    """A store of this size in `directory`, with every chain and table as a real life would leave them."""
    world = memory_world(directory, config(size.path))
    with world.store.database.transaction() as tx:
        for row in _environments(world, size):
            world.store.recorder.record(tx, "administrator", row.pop("event"), environment=row)
    newest = _releases(world, size)
    for environment in [e.name for e in world.project().environments][:-1]:
        placed(world, newest, environment)
    work = _works(world, size, newest)
    _tell(world, size, newest)
    return Lived(world, memory_app(world), newest, work)


def config(path: int) -> str:
    """The six environments of the full template, or a path of this length: testers' environments one after another."""
    if path == 6:
        return FULL.replace("{follow: main}", "{}")
    named = "".join(
        f"  qa{n}: {{kind: qa, port: {20_000 + 2 * n}, preview_port: {20_001 + 2 * n}}}\n" for n in range(path - 2)
    )
    plain = FULL.replace("template: full\n", "").replace("  dev: {follow: main}\n", "")
    return plain + "  dev: {kind: dev}\n" + named + "  production: {kind: production}\n"


def _environments(world: World, size: Size) -> Iterator[dict[str, Any]]:
    """Laid out and removed again: previews, trials, former names."""
    now = world.clock.now()
    for n in range(max(0, size.environments - size.path)):
        row = {"id": f"former-{n}", "kind": "qa", "position": 1, "removed_at": None}
        yield {"event": "environment.laid_out", **row}
        yield {"event": "environment.removed", "id": f"former-{n}", "removed_at": now}


def _releases(world: World, size: Size) -> str:
    """The newest of them, sealed as the workflow does; the older ones without bytes of their own in memory."""
    newest = sealed(world, f"{size.releases}.0")
    described = world.release(newest).descriptor.as_dict()
    start = world.clock.now() - timedelta(days=400)
    digests = [f"sha256:{hashlib.sha256(str(n).encode()).hexdigest()}" for n in range(size.releases - 1)]
    about = world.artifacts.stored[newest]  # type: ignore[attr-defined]
    with world.store.database.transaction() as tx:
        for n, digest in enumerate(digests):
            row = {"id": digest, "project": "shop", "version": f"{n}.0", "made_by": "maker", "size": 12_345_678}
            row |= {"git_commit": digest[7:47], "made_at": start + timedelta(minutes=n), "descriptor": described}
            world.store.recorder.record(tx, "maker", "release.sealed", release=row)
            world.artifacts.stored[digest] = Stored(about.descriptor, about.documents, 1)  # type: ignore[attr-defined]
        for n in range(size.evidence):
            row = {"id": f"evidence-old-{n}", "kind": "check", "name": "journey", "release": digests[n % len(digests)]}
            row |= {"environment": PATH[n % len(PATH)], "outcome": "passed", "by": "maker", "facts": {"seconds": n}}
            row |= {"at": start + timedelta(minutes=n)}
            world.store.recorder.record(tx, "maker", "evidence.recorded", evidence=row)
    return newest


def _works(world: World, size: Size, release: str) -> str:
    """Promotions that ended, each with a line of history for each step; one in a hundred was undone."""
    now, plan = _began(world), PLANS[WorkKind.PROMOTION]
    names = [e.name for e in world.project().environments]
    with world.store.database.transaction() as tx:
        for first in range(0, size.works, AT_A_TIME):
            numbers = range(first, min(first + AT_A_TIME, size.works))
            tx.execute(
                t.work.insert(), [_work(n, names[n % len(names)], release, now, plan.as_dict()) for n in numbers]
            )
            tx.execute(t.history.insert(), [line for n in numbers for line in _history(n, plan.steps, now)])
    return f"promotion-old-{size.works // 2}"


def _work(n: int, environment: str, release: str, start: Any, plan: dict[str, Any]) -> dict[str, Any]:
    at = start + timedelta(minutes=n)
    row = {"id": f"promotion-old-{n}", "kind": "promotion", "environment": environment, "release": release}
    row |= {"plan": plan, "state": "done" if n % 100 else "rolled_back", "requested_by": "maker", "requested_at": at}
    row |= {"facts": {"check": {"seconds": 0.2, "passed": ["health", "journey"]}}, "request": {}, "token": n}
    return row | {"cursor": 9, "started_at": at, "ended_at": at + timedelta(seconds=30)}


def _history(n: int, steps: tuple[str, ...], start: Any) -> Iterator[dict[str, Any]]:
    for step in steps:
        line = {"work": f"promotion-old-{n}", "step": step, "direction": "forward", "attempt": 1, "outcome": "done"}
        yield line | {"started_at": start + timedelta(minutes=n), "seconds": 0.5, "detail": ""}


def _tell(world: World, size: Size, release: str) -> None:
    """Entries about work until there are as many as asked for, chained as the recorder does: each was asked for, began,
    said something of itself now and then, and ended."""
    with world.store.database.transaction() as tx:
        entry, rows = _last(tx), []
        each, more = divmod(size.entries - entry.seq, size.works)
        for n in range(size.works):
            for event, subject in _of_work(world, n, release, each + (n < more)):
                entry = chain.append(entry, entry.at, "maker", event, subject)
                rows.append({c.name: getattr(entry, c.name) for c in t.ledger.columns})
                if len(rows) == AT_A_TIME:
                    tx.execute(t.ledger.insert(), rows)
                    rows = []
        if rows:
            tx.execute(t.ledger.insert(), rows)


def _of_work(world: World, n: int, release: str, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """`count` entries: as many about one piece of work as a promotion writes, the others about nothing of the kind."""
    names = [e.name for e in world.project().environments]
    row = _work(n, names[n % len(names)], release, _began(world), PLANS[WorkKind.PROMOTION].as_dict())
    environment, at = row["environment"], row["requested_at"]
    work = Work(row["id"], WorkKind.PROMOTION, environment, release, PLANS[WorkKind.PROMOTION], State.DONE, "maker", at)
    yield "promotion.requested", asking(work)
    yield "promotion.started", about(work)
    for number in range(count - 3):
        yield "noted", {"about": {"work": work.id} if number < OF_ITSELF else {"environment": environment}}
    yield f"promotion.{row['state']}", about(work)


def _began(world: World) -> datetime:
    return world.clock.now() - timedelta(days=400)


def _last(tx: Connection) -> chain.Entry:
    row = tx.execute(select(t.ledger).order_by(t.ledger.c.seq.desc()).limit(1)).one()
    return chain.Entry(row.seq, row.at, row.actor, row.event, row.subject, row.prev, row.hash)
