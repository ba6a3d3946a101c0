"""What people say: approvals, overrides, freezes, revoked evidence, checks run again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response

from greenroom.api.access import Who
from greenroom.api.asked import NewApproval, NewCheck, NewFreeze, NewOverride, Revocation
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import Approval, Freeze, Override, Thawed, WorkSummary
from greenroom.api.state import Services
from greenroom.api.views import work_answer
from greenroom.domain.errors import BadInput
from greenroom.services import judgements

router = authenticated_router("judgements")


@router.post("/approvals", response_model=Approval, status_code=201, summary="Say yes to what is shown now")
def approve(services: Services, who: Who, asked: NewApproval) -> dict[str, Any]:
    return judgements.approve(services, who, asked.release, asked.environment, note=asked.note, shown=asked.shown)


@router.delete("/approvals/{approval_id}", status_code=204, summary="Take one's own approval back")
def withdraw_approval(services: Services, who: Who, approval_id: str) -> Response:
    judgements.withdraw(services, who, approval_id)
    return Response(status_code=204)


@router.post("/overrides", response_model=Override, status_code=201, summary="Set one gate aside for one release")
def override(services: Services, who: Who, asked: NewOverride) -> dict[str, Any]:
    return judgements.override(
        services, who, asked.gate, asked.release, asked.environment, reason=asked.reason, seconds=asked.seconds
    )


@router.post("/freezes", response_model=Freeze, status_code=201, summary="No ordinary promotion into an environment")
def freeze(services: Services, who: Who, asked: NewFreeze) -> dict[str, Any]:
    if asked.until is not None and asked.until.tzinfo is None:
        raise BadInput("freeze.until", "the end of a freeze has an offset", hint="for example 2026-11-24T18:00+01:00")
    return judgements.freeze(services, who, asked.environment, reason=asked.reason, until=asked.until)


@router.delete("/freezes", response_model=Thawed, summary="Lift an environment's freezes")
def thaw(
    services: Services, who: Who, environment: Annotated[str, Query(min_length=1, max_length=100)]
) -> dict[str, Any]:
    return {"environment": environment, "lifted": judgements.thaw(services, who, environment)}


@router.post("/evidence/{evidence_id}/revoke", status_code=204, summary="Withdraw evidence, and what stood on it")
def revoke_evidence(services: Services, who: Who, evidence_id: str, asked: Revocation) -> Response:
    judgements.revoke(services, who, evidence_id, asked.reason)
    return Response(status_code=204)


@router.post("/checks", response_model=WorkSummary, status_code=202, summary="Run checks again where a release runs")
def run_checks(services: Services, who: Who, asked: NewCheck) -> dict[str, Any]:
    work = judgements.run_checks(services, who, asked.release, asked.environment, asked.checks)
    return work_answer(services, work)
