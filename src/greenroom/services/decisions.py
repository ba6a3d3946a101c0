"""Putting a case before the gates: the same for people, automation, the API, rollback, and the engine itself."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from greenroom.config.project import EnvironmentConfig
from greenroom.domain.canonical import digest_of
from greenroom.domain.evidence import Evidence
from greenroom.domain.gate import Case, Decision, EnvironmentView, Request, decide
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.release import Release
from greenroom.domain.work import Work
from greenroom.services.testimony import contradiction
from greenroom.store import records
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.world import World


def decide_on(
    tx: Connection,
    world: World,
    request: Request,
    release: Release,
    rows: Sequence[EnvironmentRow] | None = None,
) -> tuple[Decision, Case]:
    """Ask every gate of the environment, with what is recorded now, and whether the ledger tells the same. `rows`: the
    environments, where they are known."""
    config = world.project().environment(request.environment)
    case = case_of(tx, world, request, release, config, rows or records.environments(tx))
    lines = decide(config.gates, case).lines
    contradicted = contradiction(tx, world, case)
    return Decision((contradicted, *lines) if contradicted else lines), case


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
    return decide_on(tx, world, request, release)[0]


def case_of(
    tx: Connection,
    world: World,
    request: Request,
    release: Release,
    config: EnvironmentConfig,
    rows: Sequence[EnvironmentRow],
) -> Case:
    """Everything on the table for this request."""
    evidence = records.evidence_of(tx, release.digest)
    approvals = records.approvals_of(tx, release.digest, request.environment)
    overrides = records.overrides_of(tx, release.digest, request.environment)
    holder = world.store.works.holder(tx, request.environment)
    return Case(
        request=request,
        path=tuple(_view(row, release) for row in rows),
        now=world.clock.now(),
        evidence=evidence,
        approvals=approvals,
        freezes=records.freezes_of(tx, request.environment),
        overrides=overrides,
        accounts=_accounts(tx) if approvals or overrides else {},
        busy_with=holder.id if holder and holder.id != request.work else None,
        shown=_shown(config, release, rows, evidence),
    )


def _accounts(tx: Connection) -> dict[str, frozenset[str]]:
    """The roles of everybody whose account is not disabled."""
    return {a["name"]: frozenset(a["roles"]) for a in records.accounts(tx) if a["disabled_at"] is None}


def _view(row: EnvironmentRow, release: Release) -> EnvironmentView:
    checks = tuple(c.name for c in release.descriptor.checks if row.name in c.environments)
    return EnvironmentView(row.name, row.kind, row.current, row.since, row.previous, checks)


def _shown(
    config: EnvironmentConfig, release: Release, rows: Sequence[EnvironmentRow], evidence: tuple[Evidence, ...]
) -> str:
    """The digest of what an approver is shown: release, plan, configuration, what it replaces, what was found.

    When any of it changes, approvals given before no longer match and lapse. Revoked evidence stays in, as revoked:
    the digest never returns to what it was before a finding, so a lapsed approval never comes back to life.
    """
    environment = config.name
    position = next(r.position for r in rows if r.name == environment)
    earlier = {r.name for r in rows if r.position < position}
    found = [
        [e.id, e.revoked_at is not None]
        for e in evidence
        if e.environment is None or e.environment in earlier or (e.kind == "promotion" and e.environment == environment)
    ]
    return digest_of(
        {
            "release": release.digest,
            "plan": PLANS[WorkKind.PROMOTION].as_dict(),
            "config": config.as_policy(),
            "replaces": next(r.current for r in rows if r.name == environment),
            "evidence": sorted(found),
        }
    )
