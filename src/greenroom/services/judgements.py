"""What people say about a release: approvals, overrides, freezes, revoked evidence, checks run again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.evidence import Override
from greenroom.domain.gate import Request, override_flaw
from greenroom.domain.kinds import Kind
from greenroom.domain.names import did_you_mean
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import MATRIX, Action, Actor, require
from greenroom.domain.work import State, Work
from greenroom.registry import all_gates
from greenroom.services.app import App
from greenroom.services.promotions import why
from greenroom.store import records, tables
from greenroom.workflows.commands import wanted_checks

FREEZE_LIMIT = timedelta(days=3653)
"""Whoever means longer means without an end."""


def approve(
    app: App, actor: Actor, reference: str, environment: str, *, note: str = "", shown: str | None = None
) -> dict[str, Any]:
    """Say yes to what is shown now. `shown`: the digest the person saw; if it is another by now, nothing is recorded.

    Raises Refused (`approval.own`, `approval.changed`).
    """
    row = app.allow(actor, Action.APPROVE, environment)
    answer = why(app, actor, reference, environment)
    with app.world.store.database.transaction() as tx:
        release = records.release(tx, reference)
        asked = {answer.work.requested_by} if answer.work else set()
        if actor.name == release.made_by or actor.name in asked:
            did = "made this release" if actor.name == release.made_by else "asked for this promotion"
            raise Refused("approval.own", f"{actor.name} {did}", hint="somebody else approves it")
        if shown is not None and shown != answer.shown:
            raise Refused(
                "approval.changed",
                "what you saw is not what would be promoted now",
                because="release, plan, configuration or evidence changed meanwhile",
                hint=f"greenroom why {release.version} {environment} shows it as it is",
            )
        roles = {
            r.value
            for r in actor.roles
            if Action.APPROVE in MATRIX[r] and row and row.kind in MATRIX[r][Action.APPROVE]
        }
        approval = {
            "id": app.world.ids.new("approval"),
            "release": release.digest,
            "environment": environment,
            "by": actor.name,
            "roles": sorted(roles),
            "shown": answer.shown,
            "at": app.world.clock.now(),
            "note": note[:2000],
        }
        app.world.store.recorder.record(tx, actor.name, "approval.given", approval=approval)
        app.world.store.works.signal(tx, environment)
    app.poke()
    return approval


def withdraw(app: App, actor: Actor, approval_id: str) -> None:
    """Take one's own approval back."""
    with app.world.store.database.transaction() as tx:
        row = tx.execute(select(tables.approval).where(tables.approval.c.id == approval_id)).first()
        if row is None or row.by != actor.name:
            raise BadInput(
                "approval.unknown",
                f"{actor.name} gave no approval {approval_id[:80]!r}",
                hint="one's own approval can be withdrawn; greenroom why RELEASE ENV shows who approved",
            )
        change = {"id": approval_id, "revoked_at": app.world.clock.now()}
        app.world.store.recorder.record(tx, actor.name, "approval.withdrawn", approval=change)
        app.world.store.works.signal(tx, row.environment)
    app.poke()


def override(
    app: App, actor: Actor, gate: str, reference: str, environment: str, *, reason: str, seconds: float
) -> dict[str, Any]:
    """Set one gate aside for one release in one environment, for a while. Raises Refused (`override.…`)."""
    row = app.allow(actor, Action.OVERRIDE, environment)
    known = all_gates()
    if gate not in known or row is None:
        raise BadInput(
            "gate.unknown",
            f"there is no gate {gate[:80]!r}",
            hint=did_you_mean(gate, known, "there are " + ", ".join(known)),
        )
    answer = why(app, actor, reference, environment)
    now = app.world.clock.now()
    with app.world.store.database.transaction() as tx:
        release = records.release(tx, reference)
        role = next(r.value for r in sorted(actor.roles) if row.kind in MATRIX[r].get(Action.OVERRIDE, frozenset()))
        new = Override(
            id=app.world.ids.new("override"),
            gate=gate,
            release=release.digest,
            environment=environment,
            by=actor.name,
            role=role,
            reason=reason[:2000],
            at=now,
            expires_at=now + timedelta(seconds=min(max(seconds, 0), 366 * 86400)),
        )
        asked_by = answer.work.requested_by if answer.work else ""
        request = Request("promotion", release.digest, environment, asked_by, release.made_by)
        flaw = override_flaw(known[gate], new, request, row.kind)
        if flaw is not None:
            raise Refused(flaw.code, f"{gate} is not set aside", because=flaw.because, hint=flaw.next)
        fields = {f: getattr(new, f) for f in Override.__dataclass_fields__}
        app.world.store.recorder.record(tx, actor.name, "override.given", override=fields)
        app.world.store.works.signal(tx, environment)
    app.poke()
    return fields


def freeze(app: App, actor: Actor, environment: str, *, reason: str, until: datetime | None = None) -> dict[str, Any]:
    """No ordinary promotion into it until then, or until lifted. Rollback is allowed."""
    app.allow(actor, Action.FREEZE, environment)
    if not reason.strip():
        raise BadInput("freeze.reason", "a freeze says why", hint="--reason TEXT")
    now = app.world.clock.now()
    if until is not None and not now < until < now + FREEZE_LIMIT:
        said = "the end of a freeze lies ahead, within ten years"
        raise BadInput(
            "freeze.until", said, because=f"got {until.isoformat()}", hint="leave it out to freeze until thawed"
        )
    row = {
        "id": app.world.ids.new("freeze"),
        "environment": environment,
        "by": actor.name,
        "reason": reason[:2000],
        "at": now,
        "until": until,
    }
    with app.world.store.database.transaction() as tx:
        app.world.store.recorder.record(tx, actor.name, "freeze.declared", freeze=row)
    return row


def thaw(app: App, actor: Actor, environment: str) -> int:
    """Lift every freeze of the environment; how many there were."""
    app.allow(actor, Action.FREEZE, environment)
    with app.world.store.database.transaction() as tx:
        found = records.freezes_of(tx, environment)
        for one in found:
            change = {"id": one.id, "lifted_at": app.world.clock.now()}
            app.world.store.recorder.record(tx, actor.name, "freeze.lifted", freeze=change)
        app.world.store.works.signal(tx, environment)
    app.poke()
    return len(found)


def revoke(app: App, actor: Actor, evidence_id: str, reason: str) -> None:
    """Withdraw evidence; what stood on it falls: approvals that were shown it lapse, waiting work is decided again."""
    with app.world.store.database.reading() as tx:
        found = records.evidence(tx, evidence_id)
    if found is None:
        raise BadInput(
            "evidence.unknown",
            f"there is no evidence {evidence_id[:80]!r}",
            hint="greenroom release show RELEASE lists what was found out, with identifiers",
        )
    if found.environment is None:  # a seal: every environment stands on it, so only who may revoke in the last
        require(actor, Action.REVOKE, Kind.PRODUCTION)
    else:
        app.allow(actor, Action.REVOKE, found.environment)
    if not reason.strip():
        raise BadInput("evidence.reason", "revoking says why", hint="--reason TEXT")
    with app.world.store.database.transaction() as tx:
        row = {"id": evidence_id, "revoked_at": app.world.clock.now(), "revoked_why": reason[:2000]}
        app.world.store.recorder.record(tx, actor.name, "evidence.revoked", evidence=row)
        app.world.store.works.signal(tx)
    app.poke()


def run_checks(app: App, actor: Actor, reference: str, environment: str, names: list[str]) -> Work:
    """Run an environment's checks again against what runs there, as durable work. No names: all of them.

    Raises BadInput (`check.unknown`): then no work is made.
    """
    app.allow(actor, Action.CHECK, environment)
    with app.world.store.database.reading() as tx:
        release = records.release(tx, reference)
    digest = release.digest
    wanted_checks(release, environment, names)
    work = app.new_work(WorkKind.CHECK, actor, environment=environment, release=digest, checks=names)
    with app.world.store.database.transaction() as tx:
        same = app.world.store.works.find(
            tx, environment=environment, states=[State.QUEUED], kinds=[WorkKind.CHECK], release=digest
        )
        if same and same[0].request.get("checks") == names:
            return same[0]
        app.add_work(tx, work)
    app.poke()
    return work
