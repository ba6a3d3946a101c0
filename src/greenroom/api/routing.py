"""How every noun's router is made: authenticated, with the errors it can answer described."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from greenroom.api.access import KNOWN
from greenroom.api.shapes import Problem

ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "model": Problem,
        "description": "400 not understood, 401 nobody, 403 a role is missing, 404 no such thing, 409 the answer is no",
    },
    "5XX": {"model": Problem, "description": "It could not be found out."},
}

ERRORS_OF_TEXT: dict[int | str, dict[str, Any]] = {
    status: {
        "description": said["description"],
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, said in ERRORS.items()
}
"""For a route that answers with plain text: its errors are JSON all the same, which is not derived from its class."""


TOTAL = "X-Total-Count"

COUNTED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {TOTAL: {"description": "How many there are altogether.", "schema": {"type": "integer"}}}}
}
"""For a route that answers with a part of what there is."""


def counted(response: Response, found: list[dict[str, Any]], total: int) -> list[dict[str, Any]]:
    """The part, with the number of the whole beside it: who sees a part should know that it is one."""
    response.headers[TOTAL] = str(total)
    return found


def authenticated_router(tag: str) -> APIRouter:
    return APIRouter(tags=[tag], dependencies=[KNOWN], responses=ERRORS)
