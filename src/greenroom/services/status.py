"""The path as it stands: what is where, how old, what is under way, what waits and why. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from greenroom.domain.discretion import without_words
from greenroom.domain.errors import GreenroomError
from greenroom.domain.evidence import Freeze
from greenroom.domain.gate import Request
from greenroom.domain.glass import Glass
from greenroom.domain.ledger import parse_timestamp
from greenroom.domain.names import short
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Action, Actor
from greenroom.domain.work import Direction, State, Work
from greenroom.ports.runtime import InstanceState
from greenroom.services import data, egress, glass
from greenroom.services.app import App
from greenroom.services.decisions import decide_on
from greenroom.services.discretion import error_for_all, hears, hears_in, hears_there
from greenroom.store import glasses, records
from greenroom.store.records import Called, EnvironmentRow
from greenroom.workflows.instances import idle_processes

UNFINISHED = [State.WAITING, State.QUEUED, State.ACTIVE, State.ATTENTION]
MOST_UNFINISHED = 10_000
MOST_MADE = 20


@dataclass(frozen=True)
class _Known:
    """What one look at the path reads at once, instead of once for each environment."""

    rows: list[EnvironmentRow]
    called: Mapping[str, Called]
    freezes: Mapping[str, list[Freeze]]
    glasses: list[Glass]
    works: Mapping[str | None, list[Work]]
    made: list[Work]
    """Works that made the newest releases, newest first, where an environment follows a branch."""
    now: datetime


def path(app: App, actor: Actor) -> dict[str, Any]:
    """Every environment in order, with the arrow that leads into it: what could come next, and what keeps it."""
    app.allow(actor, Action.VIEW)
    now = app.world.clock.now()
    with app.world.store.database.reading() as tx:
        rows = records.environments(tx)
        works = app.world.store.works.find(tx, states=UNFINISHED, limit=MOST_UNFINISHED)
        digests = [d for row in rows for d in (row.current, row.previous)] + [w.release for w in works]
        follows = any(e.follow for e in app.world.project().environments)
        made = app.world.store.works.find(tx, kinds=[WorkKind.RELEASE], limit=MOST_MADE) if follows else []
        opened = glasses.open_ones(tx)
        known = _Known(
            rows, records.called(tx, digests), records.freezes(tx), opened, _by_environment(works), made, now
        )
        shown = [_environment(app, tx, actor, known, i) for i in range(len(rows))]
        making = [_work_view(w, now, known.called, heard=hears(actor, None)) for w in known.works.get(None, [])]
    return {"project": app.world.project().project, "at": now, "environments": shown, "releases": making}


def work(app: App, actor: Actor, work_id: str) -> dict[str, Any]:
    """One piece of work: steps, durations, what it recorded, why it failed."""
    found = app.work(work_id)
    app.allow(actor, Action.VIEW, found.about)
    with app.world.store.database.reading() as tx:
        heard = hears_in(actor, found.about, records.environments(tx))
        return work_view(app, tx, found, app.world.clock.now(), history=True, heard=heard)


def works(
    app: App, actor: Actor, *, environment: str | None = None, before: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Newest first, ended ones included; of those asked for before the work `before`, if it is given."""
    app.allow(actor, Action.VIEW, environment)
    bound = app.work(before) if before is not None else None
    with app.world.store.database.reading() as tx:
        found = app.world.store.works.find(tx, environment=environment, before=bound, limit=min(limit, 1000))
        rows, now = records.environments(tx), app.world.clock.now()
        called, kinds = records.called(tx, (w.release for w in found)), {r.name: r.kind for r in rows}
        return [_work_view(w, now, called, heard=hears_there(actor, w.about, kinds)) for w in found]


def works_count(app: App, actor: Actor, *, environment: str | None = None) -> int:
    """How many `works` has altogether."""
    app.allow(actor, Action.VIEW, environment)
    with app.world.store.database.reading() as tx:
        return app.world.store.works.count(tx, environment)


def work_view(
    app: App, tx: Connection, work: Work, now: datetime, *, history: bool = False, heard: bool = False
) -> dict[str, Any]:
    """For people and machines alike. `seconds` counts from the first claim, so waiting is not in it. Unless `heard`,
    without what programs said."""
    view = _work_view(work, now, records.called(tx, [work.release]), heard=heard)
    if history:
        told = app.world.store.works.history(tx, work.id)
        view["heard"] = heard
        view["history"] = told if heard else [{**line, "detail": ""} for line in told]
        view["facts"] = dict(work.facts) if heard else without_words(work.facts)
        view["steps"] = _durations(work, told)
        view["application_seconds"] = sum(_application(f) for f in work.facts.values())
    return view


def _work_view(work: Work, now: datetime, called: Mapping[str, Called], *, heard: bool) -> dict[str, Any]:
    """One line of a list. The release may have been collected since."""
    version = called[work.release].version if work.release else work.request.get("commit")
    ended = work.ended_at or now
    return {
        "id": work.id,
        "kind": work.kind.value,
        "environment": work.about,
        "release": work.release,
        "short": short(work.release) if work.release else None,
        "version": version,
        "state": work.state.value,
        "step": work.step,
        "direction": work.direction.value,
        "plan": list(work.plan.steps),
        "done": max(0, work.cursor),
        "requested_by": work.requested_by,
        "requested_at": work.requested_at,
        "not_before": work.not_before,
        "bakes_until": _bakes_until(work),
        "started_at": work.started_at,
        "ended_at": work.ended_at,
        "seconds": (ended - work.started_at).total_seconds() if work.started_at else 0.0,
        "error": work.error if heard else error_for_all(work.error, work.about or "releases"),
        "cancel": work.cancel,
    }


def _bakes_until(work: Work) -> datetime | None:
    """When the bake that is under way ends by itself; None when none is."""
    baking = work.state is State.ACTIVE and work.step == "bake" and work.direction is Direction.FORWARD
    told = (work.facts.get("bake") or {}).get("ends_at") if baking else None
    return parse_timestamp(told) if told else None


def _durations(work: Work, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seconds by step on the way forward: each from the end of the one before to its own end, so that rests and
    repeats are in it and all of them add up to the whole."""
    seconds: dict[str, float] = {}
    before = work.started_at
    for line in history:
        if line["direction"] != "forward" or before is None:
            continue
        ended = line["started_at"] + timedelta(seconds=line["seconds"])
        seconds[line["step"]] = seconds.get(line["step"], 0.0) + (ended - before).total_seconds()
        before = ended
    return [{"name": n, "seconds": round(s, 4)} for n, s in seconds.items()]


def _application(facts: Any) -> float:
    """What a step recorded as the application's own time: migrating, booting, checks, finishing requests, ending."""
    return float(facts.get("application_seconds", 0.0)) if isinstance(facts, dict) else 0.0


def _by_environment(works: list[Work]) -> dict[str | None, list[Work]]:
    found: dict[str | None, list[Work]] = {}
    for work in works:
        found.setdefault(work.about, []).append(work)
    return found


def _environment(app: App, tx: Connection, actor: Actor, known: _Known, index: int) -> dict[str, Any]:
    row, now = known.rows[index], known.now
    config = app.world.project().environment(row.name)
    mine = known.works.get(row.name, [])
    freezes = [f for f in known.freezes.get(row.name, []) if f.holds(now)]
    return {
        "name": row.name,
        "kind": row.kind.value,
        "url": app.world.edge.url(row.name) if config.runs else None,
        "release": _release(known, row.current),
        "previous": _release(known, row.previous),
        "since": row.since,
        "age_seconds": (now - row.since).total_seconds() if row.since else None,
        "data": data.holding_view(app, tx, row)["holds"] if config.runs else None,
        "health": _health(app, row) if config.runs and row.current else None,
        "frozen": [{"by": f.by, "reason": f.reason, "until": f.until} for f in freezes],
        "glass": [glass.view(g) for g in known.glasses if g.environment == row.name],
        "work": [_work_view(w, now, known.called, heard=hears(actor, row.kind)) for w in mine],
        "egress": egress.standing(app, row.name) if config.runs else None,
        "idle": _idle(app, tx, row),
        "arrow": _arrow(app, tx, known, index, mine),
        "follows": _follows(app, tx, actor, known, config.follow, row) if config.follow else None,
    }


def _follows(app: App, tx: Connection, actor: Actor, known: _Known, branch: str, row: EnvironmentRow) -> dict[str, Any]:
    """The branch whose commits come in by themselves, and, where the newest of them did not, the work that says why:
    its release that was not made, or its promotion that was undone."""
    newest = next((w for w in known.made if w.request.get("then_promote") == row.name), None)
    if newest is not None and newest.state is State.DONE:
        promotions = app.world.store.works.find(
            tx, environment=row.name, kinds=[WorkKind.PROMOTION], release=newest.release, limit=1
        )
        newest = promotions[0] if promotions else None
    if newest is None or newest.state not in (State.REJECTED, State.ROLLED_BACK):
        return {"branch": branch, "failed": None}
    called = records.called(tx, [newest.release])
    return {"branch": branch, "failed": _work_view(newest, known.now, called, heard=hears(actor, row.kind))}


def _release(known: _Known, digest: str | None) -> dict[str, Any] | None:
    if digest is None:
        return None
    found = known.called[digest]
    return {"digest": digest, "short": short(digest), "version": found.version, "commit": found.commit}


def _idle(app: App, tx: Connection, row: EnvironmentRow) -> list[str]:
    """Processes of what is there that are not started, because they reach outside."""
    if row.current is None or not app.world.project().environment(row.name).runs:
        return []
    return sorted(idle_processes(app.world, row.name, records.release(tx, row.current)))


def _health(app: App, row: EnvironmentRow) -> str:
    """up, starting again, or unknown: what the keeper says of the instances visitors reach."""
    tag = (row.current_work or "").rpartition("-")[2]
    try:
        states = [i.state for i in app.world.runtime.instances(row.name) if i.id.endswith(f".{tag}")]
    except GreenroomError:
        return "unknown"
    if not states:
        return "down"
    return "up" if all(s is InstanceState.RUNNING for s in states) else "starting again"


def _arrow(app: App, tx: Connection, known: _Known, index: int, mine: list[Work]) -> dict[str, Any] | None:
    """What may come in next: what is asked for already, or else what stands in the environment before."""
    rows = known.rows
    waiting = next((w for w in mine if w.kind == "promotion" and w.state in (State.WAITING, State.QUEUED)), None)
    before = rows[index - 1].current if index else None
    digest = (waiting.release if waiting else None) or before
    if digest is None or digest == rows[index].current:
        return None
    release = records.release(tx, digest)
    request = Request(
        action="promotion",
        release=digest,
        environment=rows[index].name,
        requested_by=waiting.requested_by if waiting else "",
        made_by=release.made_by,
        work=waiting.id if waiting else None,
        not_before=waiting.not_before if waiting else None,
    )
    decision, _ = decide_on(tx, app.world, request, release, rows)
    return {"release": _release(known, digest), "requested": waiting is not None, **decision.as_dict()}
