"""The path as it stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import PlainTextResponse

from greenroom.api.access import Who
from greenroom.api.routing import ERRORS_OF_TEXT, authenticated_router
from greenroom.api.shapes import PathInPlace
from greenroom.api.state import Services
from greenroom.services import status
from greenroom.terminal.path import picture

router = authenticated_router("status")


@router.get("/status", response_model=PathInPlace, summary="The path: what is where, what waits, and why")
def get_status(services: Services, who: Who) -> dict[str, Any]:
    return status.path(services, who)


@router.get(
    "/status.txt",
    response_class=PlainTextResponse,
    responses=ERRORS_OF_TEXT,
    summary="The same as a picture for a terminal",
)
def get_status_text(
    services: Services,
    who: Who,
    width: Annotated[int, Query(ge=20, le=1000, description="Columns of the terminal.")] = 80,
    color: Annotated[bool, Query(description="With ANSI colours.")] = False,
    ascii_only: Annotated[bool, Query(alias="ascii", description="Without line drawing.")] = False,
) -> str:
    return picture(status.path(services, who), width=width, color=color, unicode=not ascii_only)
