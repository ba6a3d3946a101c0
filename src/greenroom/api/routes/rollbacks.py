"""Going back."""

from __future__ import annotations

from typing import Any

from greenroom.api.access import Who
from greenroom.api.asked import NewRollback
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import Decided
from greenroom.api.state import Services
from greenroom.api.views import decided
from greenroom.services import promotions

router = authenticated_router("rollbacks")


@router.post("/rollbacks", response_model=Decided, status_code=202, summary="Bring an environment's older release back")
def roll_back(services: Services, who: Who, asked: NewRollback) -> dict[str, Any]:
    """During the bake that is a switch: the promotion's own work is cancelled and given back."""
    answer = promotions.roll_back(
        services,
        who,
        asked.environment,
        to=asked.to,
        mode=asked.mode,
        point=asked.point,
        reason=asked.reason,
        dry_run=asked.dry_run,
    )
    return decided(services, answer)
