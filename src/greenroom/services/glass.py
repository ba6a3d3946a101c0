"""Break-glass access: an operator in an environment's database by hand, for a while, with a reason, seen by everybody.

What is open is what the store says: a row is written before a door is opened, and closed after it was shut. So after a
kill at any point either nothing is open, or the store has it; `tend` brings the databases to what the store says.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from greenroom.domain.errors import BadInput, GreenroomError, Refused
from greenroom.domain.glass import LIMIT, Glass
from greenroom.domain.kinds import Kind
from greenroom.domain.roles import SYSTEM, Action, Actor, Role, may
from greenroom.domain.secret import Secret
from greenroom.services.app import App
from greenroom.store import glasses, records

log = structlog.get_logger(__name__)

MOST_SHOWN = 100
SETTLED = timedelta(minutes=1)
"""An opening takes a moment between its row and its door; after this long a row without a door has lost it."""

EXPIRED, CLOSED = "glass.expired", "glass.closed"


def open_glass(
    app: App, actor: Actor, environment: str, *, reason: str, seconds: float, writes: bool = False
) -> tuple[dict[str, Any], Secret]:
    """Let the actor into the environment's database by hand; what was opened, and the URL, for this once.

    Raises BadInput (`glass.reason`, `glass.length`), Refused (`glass.nothing_there`, `glass.is_open`).
    """
    row = app.allow(actor, Action.BREAK_GLASS, environment)
    if not reason.strip():
        raise BadInput("glass.reason", "whoever is let in by hand says why", hint="--reason TEXT; everybody reads it")
    if not 0 < seconds <= LIMIT.total_seconds():
        raise BadInput(
            "glass.length",
            "break-glass access is longer than nothing and lasts 4 hours at most",
            because=f"got {seconds:g} s",
            hint="--for 30m; afterwards it can be asked for again, with a reason",
        )
    if row is None or row.current is None or app.world.release(row.current).descriptor.services.postgres is None:
        raise Refused(
            "glass.nothing_there",
            f"{environment} has no database to be let into",
            because="nothing runs there, or the release that does declares none",
            hint="greenroom status shows what is where",
        )
    now = app.world.clock.now()
    new = Glass(
        app.world.ids.new("glass"),
        environment,
        actor.name,
        reason[:2000],
        writes,
        now,
        now + timedelta(seconds=seconds),
    )
    with app.world.store.database.transaction() as tx:
        mine = next((g for g in glasses.open_ones(tx, environment) if g.by == actor.name), None)
        if mine is not None:
            raise Refused(
                "glass.is_open",
                f"{actor.name} is let into {environment} already",
                because=f"{mine.id} is open; its URL was shown once and is kept nowhere",
                hint=f"greenroom break-glass close {mine.id}, then open again",
            )
        app.world.store.recorder.record(tx, actor.name, "glass.opened", glass=asdict(new))
    try:
        url = app.world.databases.open_door(environment, new.id, writes=writes, until=new.expires_at)
    except BaseException:
        _record_end(app, SYSTEM, new, CLOSED, "the door could not be opened")
        raise
    _warn("glass.opened", new)
    return view(new), url


def close(app: App, actor: Actor, glass_id: str) -> dict[str, Any]:
    """Shut it before its time: the role is gone and its sessions are ended. Any operator may, not only who opened it.

    Raises BadInput (`glass.unknown`).
    """
    app.allow(actor, Action.BREAK_GLASS)
    with app.world.store.database.reading() as tx:
        found = glasses.find(tx, glass_id)
        kinds = {r.name: r.kind for r in records.environments(tx)}
    if found is None:
        raise BadInput(
            "glass.unknown",
            f"there is no break-glass access {glass_id[:80]!r}",
            hint="greenroom break-glass list shows what is open, and what was",
        )
    if found.environment in kinds:
        app.allow(actor, Action.BREAK_GLASS, found.environment)
    if found.closed_at is None:
        app.world.databases.close_door(found.environment, found.id)
        found = _record_end(app, actor, found, CLOSED, "closed by hand") or found
    return view(found)


def listed(app: App, actor: Actor) -> list[dict[str, Any]]:
    """Newest first, closed ones too; for everybody: that somebody was in is nobody's secret."""
    app.allow(actor, Action.VIEW)
    with app.world.store.database.reading() as tx:
        return [view(g) for g in glasses.newest(tx, limit=MOST_SHOWN)]


def view(glass: Glass) -> dict[str, Any]:
    return {**asdict(glass), "open": glass.closed_at is None}


def tend(app: App) -> None:
    """Shut what is over, what its owner may not have any more, and what no row knows: a restored state brings the roles
    of its time back. One environment in trouble holds up no other."""
    with app.world.store.database.reading() as tx:
        rows = records.environments(tx)
        names = {r.name for r in rows if r.current and may(list(Role), Action.BREAK_GLASS, r.kind)}
        names |= {g.environment for g in glasses.open_ones(tx)}
    kinds = {r.name: r.kind for r in rows}
    for name in sorted(names):
        try:
            _tend_one(app, name, kinds.get(name))
        except GreenroomError as e:
            log.warning("glass.not_tended", environment=name, **{k: str(v) for k, v in e.as_dict().items()})


def _tend_one(app: App, environment: str, kind: Kind | None) -> None:
    doors = app.world.databases.doors(environment)  # before the store is read: a row comes before its door
    now = app.world.clock.now()
    with app.world.store.database.reading() as tx:
        found = glasses.open_ones(tx, environment)
        able = {g.by for g in found if _may_still(tx, g.by, kind)}
    for name in sorted(set(doors) - {g.id for g in found}):
        app.world.databases.close_door(environment, name)
        log.warning("glass.unknown_removed", environment=environment, glass=name)
    for glass in found:
        event, why = _end_of(glass, now, is_able=glass.by in able, is_there=glass.id in doors)
        if event:
            app.world.databases.close_door(environment, glass.id)
            _record_end(app, SYSTEM, glass, event, why)


def _end_of(glass: Glass, now: datetime, *, is_able: bool, is_there: bool) -> tuple[str, str]:
    """The event that ends it now, and why; empty while it goes on."""
    if glass.is_over(now):
        return EXPIRED, "its time is over"
    if not is_able:
        return CLOSED, f"{glass.by} is no operator any more"
    if not is_there and now - glass.at > SETTLED:
        return CLOSED, "the database was replaced meanwhile"
    return "", ""


def _may_still(tx: Connection, name: str, kind: Kind | None) -> bool:
    """The account is there, not disabled, and has a role that may, in an environment that is still on the path."""
    account = next((a for a in records.accounts(tx) if a["name"] == name), None)
    if account is None or account["disabled_at"] is not None or kind is None:
        return False
    return may([Role(r) for r in account["roles"] if r in set(Role)], Action.BREAK_GLASS, kind)


def _record_end(app: App, actor: Actor, glass: Glass, event: str, why: str) -> Glass | None:
    """Say on the ledger that it is over; what it is now. None: somebody else said so meanwhile."""
    with app.world.store.database.transaction() as tx:
        found = glasses.find(tx, glass.id)
        if found is None or found.closed_at is not None:
            return None
        row = {"id": glass.id, "closed_at": app.world.clock.now(), "closed_why": why}
        app.world.store.recorder.record(
            tx, actor.name, event, about={"environment": glass.environment, "by": glass.by}, glass=row
        )
        ended = glasses.find(tx, glass.id)
    _warn(event, glass, why=why)
    return ended


def _warn(event: str, glass: Glass, **more: str) -> None:
    log.warning(
        event,
        glass=glass.id,
        environment=glass.environment,
        by=glass.by,
        reason=glass.reason,
        writes=glass.writes,
        until=glass.expires_at.isoformat(),
        **more,
    )
