"""The control plane itself: garbage collection, its health, metrics, its own description."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import PlainTextResponse

from greenroom.api.access import Who
from greenroom.api.asked import Collection
from greenroom.api.metrics import exposition
from greenroom.api.routing import ERRORS_OF_TEXT, authenticated_router
from greenroom.api.shapes import Collected, Examined
from greenroom.api.state import Services
from greenroom.services import collect, doctor

router = authenticated_router("control plane")


@router.post("/collect", response_model=Collected, summary="Remove releases that nobody runs nor would go back to")
def collect_garbage(services: Services, who: Who, asked: Collection) -> dict[str, Any]:
    return collect.collect(services, who, keep_newest=asked.keep_newest, dry_run=asked.dry_run)


@router.get("/doctor", response_model=list[Examined], summary="Look at everything and name what is damaged")
def examine(services: Services, who: Who) -> list[dict[str, Any]]:
    return doctor.examine(services, who)


@router.get("/metrics", response_class=PlainTextResponse, responses=ERRORS_OF_TEXT, summary="For Prometheus")
def metrics(services: Services, who: Who) -> PlainTextResponse:
    text, media_type = exposition(services, who)
    return PlainTextResponse(text, media_type=media_type)


@router.get("/openapi.json", summary="This description")
def openapi(request: Request, who: Who) -> dict[str, Any]:
    described: dict[str, Any] = request.app.openapi()
    return described
