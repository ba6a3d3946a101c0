"""Promotions, and why not."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from greenroom.api.access import Who
from greenroom.api.asked import NewPromotion
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import Decided
from greenroom.api.shapes_data import Explained
from greenroom.api.state import Services
from greenroom.api.views import decided
from greenroom.domain.errors import BadInput
from greenroom.services import data, promotions

router = authenticated_router("promotions")


@router.post(
    "/promotions", response_model=Decided, status_code=202, summary="Ask for a release to enter an environment"
)
def promote(services: Services, who: Who, asked: NewPromotion) -> dict[str, Any]:
    """Refused gates answer 409 with the checklist in `facts`; waiting ones leave work that goes on by itself.

    With `at` and `timezone` it happens once, at that local time.
    """
    if asked.at is None and asked.timezone is None:
        answer = promotions.promote(services, who, asked.release, asked.environment, dry_run=asked.dry_run)
    elif asked.at is None or asked.timezone is None or asked.dry_run:
        raise BadInput("schedule.invalid", "a schedule has a time and a zone", hint="`at` and `timezone`, no `dry_run`")
    else:
        answer = promotions.schedule(services, who, asked.release, asked.environment, asked.at, asked.timezone)
    return decided(services, answer)


@router.get(
    "/why", response_model=Explained, summary="Why can't I promote? The checklist, and who can satisfy each line"
)
def why(
    services: Services,
    who: Who,
    release: Annotated[str, Query(min_length=1, max_length=200)],
    environment: Annotated[str, Query(min_length=1, max_length=100)],
) -> dict[str, Any]:
    answer = promotions.why(services, who, release, environment)
    return {**decided(services, answer), "data": data.remark(services, environment)}
