"""The configuration in force."""

from __future__ import annotations

from typing import Any

from greenroom.api.access import Who
from greenroom.api.asked import NewPolicy
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import PolicyChange, PolicyInForce
from greenroom.api.state import Services
from greenroom.services import policy

router = authenticated_router("policy")


@router.get("/policy", response_model=PolicyInForce, summary="The configuration in force, and who applied it")
def show_policy(services: Services, who: Who) -> dict[str, Any]:
    return policy.in_force(services, who)


@router.post(
    "/policy", response_model=PolicyChange, summary="Put another configuration in force, or see what would change"
)
def apply_policy(services: Services, who: Who, asked: NewPolicy) -> dict[str, Any]:
    return policy.apply(services, who, asked.text, asked.repository, dry_run=asked.dry_run)
