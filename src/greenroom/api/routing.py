"""How every noun's router is made: authenticated, with the errors it can answer described."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from greenroom.api.access import KNOWN
from greenroom.api.shapes import Problem

ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "model": Problem,
        "description": "400 not understood, 401 nobody, 403 a role is missing, 404 no such thing, 409 the answer is no",
    },
    "5XX": {"model": Problem, "description": "It could not be found out."},
}


def authenticated_router(tag: str) -> APIRouter:
    return APIRouter(tags=[tag], dependencies=[KNOWN], responses=ERRORS)
