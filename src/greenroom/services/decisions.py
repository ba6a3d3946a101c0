"""Putting a case before the gates: the same for people, automation, the API, rollback, and the engine itself."""

from __future__ import annotations

from sqlalchemy import Connection

from greenroom.domain.canonical import digest_of
from greenroom.domain.evidence import Evidence
from greenroom.domain.gate import Case, Decision, EnvironmentView, Request, decide
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.release import Release
from greenroom.domain.work import Work
from greenroom.store import records
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.world import World


def decide_on(tx: Connection, world: World, request: Request) -> tuple[Decision, Case]:
    """Ask every gate of the environment, with what is recorded now."""
    case = case_of(tx, world, request)
    return decide(world.project().environment(request.environment).gates, case), case


def decide_work(tx: Connection, world: World, work: Work) -> Decision | None:
    """The engine's question at the moment of execution; None for work that no gate guards."""
    if work.kind not in (WorkKind.PROMOTION, WorkKind.ROLLBACK) or not work.environment or not work.release:
        return None
    release = records.release(tx, work.release)
    request = Request(
        action=work.kind.value,
        release=release.digest,
        environment=work.environment,
        requested_by=work.requested_by,
        made_by=release.made_by,
        work=work.id,
        not_before=work.not_before,
    )
    return decide_on(tx, world, request)[0]


def case_of(tx: Connection, world: World, request: Request) -> Case:
    """Everything on the table for this request."""
    release = records.release(tx, request.release)
    rows = records.environments(tx)
    evidence = records.evidence_of(tx, release.digest)
    holder = world.store.works.holder(tx, request.environment)
    return Case(
        request=request,
        path=tuple(_view(row, release) for row in rows),
        now=world.clock.now(),
        evidence=evidence,
        approvals=records.approvals_of(tx, release.digest, request.environment),
        freezes=records.freezes_of(tx, request.environment),
        overrides=records.overrides_of(tx, release.digest, request.environment),
        busy_with=holder.id if holder and holder.id != request.work else None,
        shown=_shown(world, release, rows, evidence, request.environment),
    )


def _view(row: EnvironmentRow, release: Release) -> EnvironmentView:
    checks = tuple(c.name for c in release.descriptor.checks if row.name in c.environments)
    return EnvironmentView(row.name, row.kind, row.current, row.since, row.previous, checks)


def _shown(
    world: World, release: Release, rows: list[EnvironmentRow], evidence: tuple[Evidence, ...], environment: str
) -> str:
    """The digest of what an approver is shown: release, plan, configuration, what it replaces, what was found.

    When any of it changes, approvals given before no longer match and lapse.
    """
    position = next(r.position for r in rows if r.name == environment)
    earlier = {r.name for r in rows if r.position < position}
    found = [
        e.id
        for e in evidence
        if e.revoked_at is None
        and (
            e.environment is None
            or e.environment in earlier
            or (e.kind == "promotion" and e.environment == environment)
        )
    ]
    return digest_of(
        {
            "release": release.digest,
            "plan": PLANS[WorkKind.PROMOTION].as_dict(),
            "config": world.project().environment(environment).as_policy(),
            "replaces": next(r.current for r in rows if r.name == environment),
            "evidence": sorted(found),
        }
    )
