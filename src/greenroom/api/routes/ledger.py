"""The ledger: read, exported, proved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from greenroom.api.access import Who
from greenroom.api.routing import COUNTED, authenticated_router, counted
from greenroom.api.shapes import LedgerEntry, LedgerVerified
from greenroom.api.state import Services
from greenroom.domain.roles import Actor
from greenroom.services import record_keeping
from greenroom.services.app import App

router = authenticated_router("ledger")

AT_A_TIME = 1000


@router.get(
    "/ledger", response_model=list[LedgerEntry], summary="The newest entries, in order; any others", responses=COUNTED
)
def read_ledger(
    services: Services,
    who: Who,
    response: Response,
    after: Annotated[
        int | None, Query(ge=0, le=2**53, description="The entries that follow this one; 0: from the first on.")
    ] = None,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="Only entries before this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=AT_A_TIME)] = 100,
) -> list[dict[str, Any]]:
    found, count = record_keeping.page(services, who, after=after, before=before, limit=limit)
    return counted(response, found, count)


@router.get(
    "/ledger/export",
    response_class=StreamingResponse,
    summary="All of it, one JSON object per line",
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "Entries in order, one per line."}},
)
def export_ledger(services: Services, who: Who) -> StreamingResponse:
    first = record_keeping.entries(services, who, limit=AT_A_TIME)  # permission, before the answer begins
    return StreamingResponse(_lines(services, who, first), media_type="application/x-ndjson")


@router.get(
    "/ledger/verify", response_model=LedgerVerified, summary="Prove the chain, and that the tables agree with it"
)
def verify_ledger(
    services: Services,
    who: Who,
    head: Annotated[
        str | None, Query(max_length=100, description="A hash exported earlier: is it still on it?")
    ] = None,
) -> dict[str, Any]:
    return record_keeping.verify(services, who, head=head)


def _lines(app: App, who: Actor, entries: list[dict[str, Any]]) -> Iterator[str]:
    """A thousand at a time: the ledger only grows, so the pieces fit."""
    while entries:
        yield "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in entries)
        entries = record_keeping.entries(app, who, after=entries[-1]["seq"], limit=AT_A_TIME)
