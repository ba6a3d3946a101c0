"""Sealed releases, and making them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from greenroom.api.access import Who
from greenroom.api.asked import NewRelease
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import Documents, ReleaseInFull, ReleaseSummary, WorkSummary
from greenroom.api.state import Services
from greenroom.api.views import work_answer
from greenroom.services import releases

router = authenticated_router("releases")


@router.get("/releases", response_model=list[ReleaseSummary], summary="Releases, newest first")
def list_releases(
    services: Services, who: Who, limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> list[dict[str, Any]]:
    return releases.listed(services, who, limit)


@router.post("/releases", response_model=WorkSummary, status_code=202, summary="Build and seal a release from a commit")
def make_release(services: Services, who: Who, asked: NewRelease) -> dict[str, Any]:
    work = releases.make(services, who, asked.commit, then_promote=asked.then_promote)
    return work_answer(services, work)


@router.get("/releases/{ref}", response_model=ReleaseInFull, summary="One release: how it runs, what was found out")
def show_release(services: Services, who: Who, ref: str) -> dict[str, Any]:
    return releases.shown(services, who, ref)


@router.get("/releases/{ref}/documents", response_model=Documents, summary="Its bill of materials and provenance")
def show_documents(services: Services, who: Who, ref: str) -> dict[str, Any]:
    return releases.documents(services, who, ref)
