"""Break-glass access to an environment's database."""

from __future__ import annotations

from typing import Any

from greenroom.api.access import Who
from greenroom.api.asked import NewGlass
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import GlassInPlace, GlassOpened
from greenroom.api.state import Services
from greenroom.services import glass

router = authenticated_router("break-glass")


@router.get("/break-glass", response_model=list[GlassInPlace], summary="Who is, and was, let into a database by hand")
def list_glass(services: Services, who: Who) -> list[dict[str, Any]]:
    return glass.listed(services, who)


@router.post(
    "/environments/{env}/break-glass",
    response_model=GlassOpened,
    status_code=201,
    summary="Be let into an environment's database by hand, for a while",
)
def open_glass(services: Services, who: Who, env: str, asked: NewGlass) -> dict[str, Any]:
    """It is on the ledger, in the log, in the metrics, and everybody sees it in `status`."""
    opened, url = glass.open_glass(services, who, env, reason=asked.reason, seconds=asked.seconds, writes=asked.writes)
    return {"glass": opened, "url": url.reveal()}


@router.delete("/break-glass/{glass_id}", response_model=GlassInPlace, summary="End break-glass access before its time")
def close_glass(services: Services, who: Who, glass_id: str) -> dict[str, Any]:
    """Its role is dropped and its sessions are ended."""
    return glass.close(services, who, glass_id)
