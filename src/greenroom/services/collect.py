"""Garbage collection: sealed releases nobody runs nor would go back to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from greenroom.domain.names import short
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Action, Actor
from greenroom.services.app import App
from greenroom.store import records, tables
from greenroom.store.works import unfinished

w = tables.work.c


def collect(app: App, actor: Actor, *, keep_newest: int = 10, dry_run: bool = False) -> dict[str, Any]:
    """Remove what is neither in an environment, nor its way back, nor under way, nor among the newest.

    The rows stay, marked as collected: the ledger still names every release there ever was. Bytes go once that is
    recorded, when nothing can begin with them any more; killed before, the next collection removes them.
    """
    app.allow(actor, Action.COLLECT)
    now = app.world.clock.now()
    there = app.world.artifacts.digests()
    with app.world.store.database.transaction() as tx:
        kept = in_use(app, tx) | {r.digest for r in records.releases(tx, max(keep_newest, 1))} | _being_made(tx, there)
        gone = sorted(there - kept)
        answer = {"removed": [short(d) for d in gone], "kept": len(kept), "freed_bytes": 0, "dry_run": dry_run}
        if dry_run:
            return answer
        for digest in gone:
            if app.world.store.has_release(tx, digest):
                row = {"id": digest, "collected_at": now}
                app.world.store.recorder.record(tx, actor.name, "release.collected", release=row)
    answer["freed_bytes"] = app.world.artifacts.remove(gone)
    return answer


def _being_made(tx: Connection, there: set[str]) -> set[str]:
    """What a release under way may have sealed, or found sealed, and not recorded yet: every digest without a row, and
    earlier releases of its commit."""
    facts = list(tx.scalars(select(w.facts).where(unfinished(), w.kind == WorkKind.RELEASE.value)))
    if not facts:
        return set()
    commits = [(f.get("fetch") or {}).get("commit") for f in facts]
    c = tables.release.c
    known = {r.id: r.git_commit for r in tx.execute(select(c.id, c.git_commit))}
    return {d for d in there if d not in known or known[d] in commits}


def in_use(app: App, tx: Connection) -> set[str]:
    """What environments hold, what they would go back to, and what unfinished work is about."""
    found: set[str] = set()
    for row in records.environments(tx):
        found |= {d for d in (row.current, row.previous) if d}
    for digest, facts in tx.execute(select(w.release, w.facts).where(unfinished())):
        was = ((facts or {}).get("restore-point") or {}).get("was") or {}
        found |= {d for d in (digest, was.get("release"), was.get("previous")) if d}
    return found
