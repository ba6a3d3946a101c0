"""Garbage collection: sealed releases nobody runs nor would go back to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from greenroom.domain.names import short
from greenroom.domain.roles import Action, Actor
from greenroom.domain.work import State
from greenroom.services.app import App
from greenroom.store import records, tables


def collect(app: App, actor: Actor, *, keep_newest: int = 10, dry_run: bool = False) -> dict[str, Any]:
    """Remove what is neither in an environment, nor its way back, nor under way, nor among the newest.

    The rows stay, marked as collected: the ledger still names every release there ever was.
    """
    app.allow(actor, Action.COLLECT)
    now = app.world.clock.now()
    with app.world.store.database.transaction() as tx:
        kept = in_use(app, tx) | {r.digest for r in records.releases(tx, max(keep_newest, 1))}
        gone = sorted(app.world.artifacts.digests() - kept)
        answer = {"removed": [short(d) for d in gone], "kept": len(kept), "freed_bytes": 0, "dry_run": dry_run}
        if dry_run:
            return answer
        for digest in gone:
            if app.world.store.has_release(tx, digest):
                row = {"id": digest, "collected_at": now}
                app.world.store.recorder.record(tx, actor.name, "release.collected", release=row)
        # Within the transaction: no promotion can begin with one of these while they go.
        answer["freed_bytes"] = app.world.artifacts.collect(app.world.artifacts.digests() - set(gone))
    return answer


def in_use(app: App, tx: Connection) -> set[str]:
    """What environments hold, what they would go back to, and what unfinished work is about."""
    found: set[str] = set()
    for row in records.environments(tx):
        found |= {d for d in (row.current, row.previous) if d}
    w = tables.work.c
    ended = [State.DONE.value, State.ROLLED_BACK.value, State.REJECTED.value]
    for digest, facts in tx.execute(select(w.release, w.facts).where(w.state.not_in(ended))):
        was = ((facts or {}).get("restore-point") or {}).get("was") or {}
        found |= {d for d in (digest, was.get("release"), was.get("previous")) if d}
    return found
