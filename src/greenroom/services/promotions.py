"""Promote, roll back, cancel, resume, schedule, and why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.gate import Decision, Request
from greenroom.domain.names import short
from greenroom.domain.plan import WorkKind
from greenroom.domain.release import Release
from greenroom.domain.roles import Action, Actor, may
from greenroom.domain.work import ENDED, Direction, State, Work
from greenroom.services import ways_back
from greenroom.services.app import App
from greenroom.services.decisions import decide_on
from greenroom.store import records
from greenroom.store.records import EnvironmentRow

OPEN = (State.WAITING, State.QUEUED, State.ACTIVE)


@dataclass(frozen=True)
class Answer:
    """What became of a request. `work` None: it was only asked (`dry_run`). `way` says in words how a rollback that was
    only asked about would go."""

    work: Work | None
    decision: Decision
    shown: str
    plan: tuple[str, ...]
    way: tuple[str, ...] = ()


def promote(
    app: App,
    actor: Actor,
    reference: str,
    environment: str,
    *,
    at: datetime | None = None,
    schedule_key: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """Ask for a release to enter an environment.

    Refused gates raise Refused (`gate.refused`, the checklist in `facts`) and leave a ledger entry. Waiting
    ones leave a row that goes on by itself. Asking again for what is under way gives the same work back.
    """
    app.allow(actor, Action.PROMOTE, environment)
    with app.world.store.database.transaction() as tx:
        release = records.release(tx, reference)
        same = _under_way(app, tx, WorkKind.PROMOTION, environment, release.digest)
        work = app.new_work(WorkKind.PROMOTION, actor, environment=environment, release=release.digest)
        work = replace(work, not_before=at)
        decision, case = decide_on(tx, app.world, _request(work, release), release)
        if dry_run:
            return Answer(None, decision, case.shown, work.plan.steps)
        if same is not None and at is None:
            return Answer(same, decision, case.shown, same.plan.steps)
        if decision.refused:
            about = {"environment": environment, "release": release.digest, "decision": decision.as_dict()}
            app.world.store.recorder.append(tx, actor.name, "promotion.refused", {"about": about})
        elif not app.add_work(tx, work, schedule_key=schedule_key):
            raise Refused(
                "schedule.exists",
                f"{release.version} is scheduled into {environment} for that time already",
                hint="greenroom status shows what waits",
            )
    if decision.refused:
        raise refusal(f"promote {release.version}@{short(release.digest)} to {environment}", decision)
    app.poke()
    return Answer(work, decision, case.shown, work.plan.steps)


def schedule(app: App, actor: Actor, reference: str, environment: str, local: str, timezone: str) -> Answer:
    """Promote at a local time, once: a time that the clock shows twice happens the first time only.

    `local` is ISO 8601 without an offset, e.g. `2026-11-24T02:30`. Raises BadInput (`schedule.invalid`).
    """
    try:
        wall = datetime.fromisoformat(local)
        zone = ZoneInfo(timezone)
    except (ValueError, OSError, KeyError) as e:
        hint = "for example 2026-11-24T02:30 and Europe/Berlin"
        raise BadInput(
            "schedule.invalid", f"{local!r} in {timezone!r} is not a local time", because=str(e), hint=hint
        ) from e
    if wall.tzinfo is not None:
        raise BadInput("schedule.invalid", "the time has an offset", hint="give the local time, and the zone beside it")
    at = wall.replace(tzinfo=zone)
    if at < app.world.clock.now():
        raise BadInput("schedule.past", f"{local} in {timezone} is in the past", hint="promote goes at once")
    digest = app.release_digest(reference)
    key = f"{environment}|{digest}|{wall.isoformat()}|{timezone}"
    return promote(app, actor, digest, environment, at=at, schedule_key=key)


def why(app: App, actor: Actor, reference: str, environment: str) -> Answer:
    """The checklist: what lets the release in or keeps it out, and who or what can satisfy each line."""
    app.allow(actor, Action.VIEW, environment)
    with app.world.store.database.reading() as tx:
        release = records.release(tx, reference)
        same = _under_way(app, tx, WorkKind.PROMOTION, environment, release.digest)
        work = same or app.new_work(WorkKind.PROMOTION, actor, environment=environment, release=release.digest)
        request = _request(work, release)
        kind = app.world.project().environment(environment).kind
        if same is None and not may(actor.roles, Action.PROMOTE, kind):  # who only looks has not asked for it
            request = replace(request, requested_by="")
        decision, case = decide_on(tx, app.world, request, release)
    return Answer(same, decision, case.shown, work.plan.steps)


def roll_back(
    app: App,
    actor: Actor,
    environment: str,
    *,
    to: str | None = None,
    mode: str = "as-is",
    point: str | None = None,
    reason: str = "",
    dry_run: bool = False,
) -> Answer:
    """Go back. During a bake that is a switch and nothing else; afterwards the older release is started beside
    the newer one and must prove, by health and journey, that it can live on today's schema.

    `mode`: as-is, down (the newer release's down-migration), restore (with `point`, what was written since is
    lost). Raises Refused (`rollback.nothing_older`, `gate.refused`), BadInput.
    """
    app.allow(actor, Action.ROLL_BACK, environment)
    if mode not in ("as-is", "down", "restore") or (mode == "restore") != (point is not None):
        raise BadInput("rollback.mode", f"{mode!r} is not a way back", hint="nothing, --down, or --restore POINT")
    try:
        return _roll_back(app, actor, environment, to, mode, point, reason, dry_run)
    finally:
        app.poke()  # after the commit: a worker that looked before it would see nothing


def _roll_back(
    app: App,
    actor: Actor,
    environment: str,
    to: str | None,
    mode: str,
    point: str | None,
    reason: str,
    dry_run: bool,
) -> Answer:
    with app.world.store.database.transaction() as tx:
        row = records.environment(tx, environment)
        holder = app.world.store.works.holder(tx, environment)
        if holder and holder.kind is WorkKind.PROMOTION:
            return _of_promotion(app, tx, actor, holder, mode, reason, dry_run)
        if holder and holder.kind is WorkKind.CHECK and not dry_run:  # it must not make the way back wait
            _cancel(app, tx, actor, holder, "a rollback goes first")
        if row.current is None:
            raise Refused("rollback.nothing_older", f"nothing runs in {environment}", hint="promote a release into it")
        release = _target(tx, row, to)
        if mode == "down":
            _require_down(records.release(tx, row.current))
        same = _under_way(app, tx, WorkKind.ROLLBACK, environment, release.digest)
        if same is not None and (same.request.get("mode"), same.request.get("point")) == (mode, point):
            return Answer(same, Decision(()), "", same.plan.steps)
        work = app.new_work(
            WorkKind.ROLLBACK,
            actor,
            environment=environment,
            release=release.digest,
            mode=mode,
            point=point,
            reason=reason,
            from_work=row.current_work,
        )
        decision, case = decide_on(tx, app.world, _request(work, release), release)
        if dry_run:
            return Answer(None, decision, case.shown, work.plan.steps, ways_back.by_rollback(app, tx, work, release))
        if not decision.refused:
            app.add_work(tx, work)
    if decision.refused:
        raise refusal(f"roll {environment} back to {release.version}", decision)
    return Answer(work, decision, case.shown, work.plan.steps)


def _of_promotion(
    app: App, tx: Connection, actor: Actor, holder: Work, mode: str, reason: str, dry_run: bool
) -> Answer:
    """A promotion is under way and the older release still up: cancelling it is the way back, during the bake a switch
    and nothing else."""
    release = records.release(tx, holder.release or "")
    if mode != "as-is":
        raise Refused(
            "rollback.still_baking",
            f"{release.version} is still baking in {holder.environment}",
            because="data is brought back only when one release is in place",
            hint=f"greenroom finish {holder.id} ends the bake; then ask again",
        )
    _require_cancellable(tx, holder)
    if not dry_run:
        _cancel(app, tx, actor, holder, reason or "rolled back during the promotion")
    way = ways_back.by_undoing(app, tx, holder) if dry_run else ()
    return Answer(None if dry_run else holder, Decision(()), "", holder.plan.steps, way)


def cancel(app: App, actor: Actor, work_id: str, reason: str = "") -> Work:
    """Stop at the next step boundary and undo. Raises Refused (`work.ended`, `work.past_return`)."""
    app.allow(actor, Action.CANCEL, app.work(work_id).about)
    with app.world.store.database.transaction() as tx:
        work = app.world.store.works.get(tx, work_id)
        if work is not None:
            _require_cancellable(tx, work)
            _cancel(app, tx, actor, work, reason or "cancelled")
    app.poke()
    return app.work(work_id)


def _require_cancellable(tx: Connection, work: Work) -> None:
    """Asked in the transaction that sets the flag, so that nothing slips past in between.

    Raises Refused (`work.ended`, `work.past_return`, `rollback.forward_only`).
    """
    if work.state in ENDED:
        raise Refused(
            "work.ended", f"{work.id} has ended: {work.state}", hint="rollback goes back from what is in place"
        )
    if work.direction is Direction.BACKWARD:
        raise Refused(
            "work.past_return", f"{work.id} is being undone already", hint="greenroom status shows how far it is"
        )
    if work.step in ("retire", "record"):
        raise Refused(
            "work.past_return",
            f"{work.id} is past its bake: the older release has been told to end",
            hint=f"greenroom rollback {work.environment} once it is done",
        )
    release = records.release(tx, work.release) if work.release else None
    if release and work.kind is WorkKind.PROMOTION and work.step == "bake" and release.descriptor.migration.contracts:
        raise Refused(
            "rollback.forward_only",
            f"{work.environment} cannot go back from {release.version} by a switch: forward-only",
            because=f"{release.version} declares that older releases cannot live on its schema, and it is switched to",
            hint=f"greenroom finish {work.id} ends the bake; then rollback --down or --restore POINT",
        )


def finish(app: App, actor: Actor, work_id: str) -> Work:
    """End the bake now. Raises Refused (`work.not_baking`)."""
    work = app.work(work_id)
    app.allow(actor, Action.RESUME, work.about)
    if work.state is not State.ACTIVE or work.step != "bake":
        raise Refused("work.not_baking", f"{work.id} is not baking", hint="greenroom status shows what is under way")
    with app.world.store.database.transaction() as tx:
        ends = {**work.request, "end_bake": True}
        if app.world.store.works.set_columns(tx, work.id, [State.ACTIVE], request=ends, wake_at=None):
            app.world.store.recorder.append(tx, actor.name, "promotion.bake_ended", {"about": {"work": work.id}})
    app.poke()
    return app.work(work_id)


def resume(app: App, actor: Actor, work_id: str) -> Work:
    """Go on with work that stands in attention, at the same step. Raises Refused (`work.not_stuck`)."""
    work = app.work(work_id)
    app.allow(actor, Action.RESUME, work.about)
    forward_only = bool(work.error and str(work.error.get("code", "")).startswith("work.forward_only"))
    with app.world.store.database.transaction() as tx:
        values: dict[str, Any] = {"state": State.ACTIVE, "attempts": 0, "owner": None, "wake_at": None, "error": None}
        if forward_only:  # staying on the newer release is what resuming means there
            onward = {"direction": Direction.FORWARD, "cancel": None, "cursor": work.plan.steps.index("switch")}
            values |= {**onward, "request": {**work.request, "end_bake": True}}
        if not app.world.store.works.set_columns(tx, work.id, [State.ATTENTION], **values):
            raise Refused("work.not_stuck", f"{work.id} does not need a person: {work.state}", hint="nothing to do")
        about = {"work": work.id, "error": dict(work.error or {}), "onward": forward_only}
        app.world.store.recorder.append(tx, actor.name, "work.resumed", {"about": about})
    app.poke()
    return app.work(work_id)


def refusal(what: str, decision: Decision) -> Refused:
    """The gates' no, as an error: every refused line, and what to do about the first."""
    lines = decision.refused
    return Refused(
        lines[0].verdict.code if len(lines) == 1 and hasattr(lines[0].verdict, "code") else "gate.refused",
        what,
        because="; ".join(f"gate {x.gate}: {x.verdict.because}" for x in lines),
        hint="; ".join(x.verdict.next for x in lines if hasattr(x.verdict, "next")),
        facts=decision.as_dict(),
    )


def _cancel(app: App, tx: Connection, actor: Actor, work: Work, reason: str) -> None:
    if app.world.store.works.cancel(tx, work.id, f"{actor.name}: {reason[:500]}"):
        about = {"work": work.id, "reason": reason[:500], "environment": work.environment}
        app.world.store.recorder.append(tx, actor.name, "work.cancel_requested", {"about": about})


def _target(tx: Connection, row: EnvironmentRow, to: str | None) -> Release:
    """Where a rollback goes: what was there before, or an older release that has been there and is asked for.

    It must have been there well, and before the present one: anything else enters by promotion, through the gates.
    """
    if to is None:
        if row.previous is None:
            raise Refused(
                "rollback.nothing_older",
                f"{row.name} has nothing recorded to go back to",
                hint="greenroom rollback --to RELEASE goes back to any release that has been there",
            )
        return records.release(tx, row.previous)
    release = records.release(tx, to)
    been = [
        e
        for e in records.evidence_of(tx, release.digest)
        if e.kind in ("promotion", "rollback") and e.environment == row.name and e.revoked_at is None
    ]
    well = bool(been) and been[0].outcome is Outcome.PASSED
    if release.digest == row.current or not well or (row.since is not None and been[0].at >= row.since):
        said = "is what runs there" if release.digest == row.current else "was not well there before the present one"
        raise Refused(
            "rollback.not_older",
            f"{release.version} {said}",
            hint="rollback returns to a release that was there; greenroom promote brings any other, through the gates",
        )
    return release


def _require_down(newer: Release) -> None:
    """A way down needs the newer release's command, and its way up again should the older one not live there."""
    migration = newer.descriptor.migration
    if migration.down and migration.command:
        return
    lacks = "down-migration" if not migration.down else "migration command to come up again with"
    raise Refused(
        "rollback.no_down",
        f"{newer.version} declares no {lacks}",
        hint="greenroom rollback --restore POINT brings the data back to an earlier state",
    )


def _under_way(app: App, tx: Connection, kind: WorkKind, environment: str, digest: str) -> Work | None:
    """Unfinished work of this kind for this release in this environment."""
    states = [*OPEN, State.ATTENTION]
    found = app.world.store.works.find(tx, environment=environment, states=states, kinds=[kind], release=digest)
    return next((w for w in found if w.not_before is None), None)


def _request(work: Work, release: Release) -> Request:
    return Request(
        action=work.kind.value,
        release=release.digest,
        environment=work.environment or "",
        requested_by=work.requested_by,
        made_by=release.made_by,
        work=work.id,
        not_before=work.not_before,
    )
