"""The outgoing network of environments."""

from __future__ import annotations

from typing import Any

from greenroom.api.access import Who
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes_egress import EgressInFull, EgressTotal
from greenroom.api.state import Services
from greenroom.services import egress

router = authenticated_router("egress")


@router.get("/egress", response_model=list[EgressTotal], summary="Where environments may go, how much was refused")
def list_egress(services: Services, who: Who) -> list[dict[str, Any]]:
    return egress.listed(services, who)


@router.get("/environments/{env}/egress", response_model=EgressInFull, summary="What it was refused, by destination")
def show_egress(services: Services, who: Who, env: str) -> dict[str, Any]:
    return egress.shown(services, who, env)
