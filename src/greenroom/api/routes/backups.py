"""Backups of an environment's database: how they stand, making one, bringing one back, practising it."""

from __future__ import annotations

from typing import Any

from greenroom.api.access import Who
from greenroom.api.asked import NewBackup, NewRestore, NewVerification
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import WorkSummary
from greenroom.api.shapes_backup import BackupInPlace, BackupsInPlace, Restoring
from greenroom.api.state import Services
from greenroom.api.views import work_answer
from greenroom.services import backups

router = authenticated_router("backups")


@router.get("/environments/{env}/backups", response_model=BackupsInPlace, summary="How its backups stand")
def list_backups(services: Services, who: Who, env: str) -> dict[str, Any]:
    """That there are backups, and how old, for everybody who sees the environment; which ones for those who may back
    up there. What is in them, for nobody."""
    return backups.standing(services, who, env)


@router.get("/environments/{env}/backups/{name}", response_model=BackupInPlace, summary="One backup")
def show_backup(services: Services, who: Who, env: str, name: str) -> dict[str, Any]:
    return backups.show(services, who, env, name)


@router.post("/environments/{env}/backups", response_model=WorkSummary, status_code=202, summary="Make a backup now")
def make_backup(services: Services, who: Who, env: str, asked: NewBackup) -> dict[str, Any]:
    return work_answer(services, backups.back_up(services, who, env, full=asked.full))


@router.post(
    "/environments/{env}/restores",
    response_model=Restoring,
    status_code=202,
    summary="Bring a state of its database back",
)
def restore(services: Services, who: Who, env: str, asked: NewRestore) -> dict[str, Any]:
    """Visitors wait meanwhile; the present database is kept aside."""
    work, preview = backups.restore(services, who, env, to=asked.to, reason=asked.reason, dry_run=asked.dry_run)
    return {"work": work_answer(services, work) if work else None, "preview": preview}


@router.post("/environments/{env}/drills", response_model=WorkSummary, status_code=202, summary="Practise a restore")
def drill(services: Services, who: Who, env: str) -> dict[str, Any]:
    return work_answer(services, backups.drill(services, who, env))


@router.post(
    "/environments/{env}/verifications",
    response_model=WorkSummary,
    status_code=202,
    summary="Read every byte of its backups",
)
def verify(services: Services, who: Who, env: str, asked: NewVerification) -> dict[str, Any]:
    return work_answer(services, backups.verify(services, who, env, asked.name))
