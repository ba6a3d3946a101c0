"""Every error in one form: the JSON of `GreenroomError.as_dict`, under the HTTP status its kind has.

Nothing of an unexpected error leaves: it gets an incident id, and the log has the rest.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from greenroom.api.state import state_of
from greenroom.domain.disk import disk_full, is_full, says_full
from greenroom.domain.errors import BadInput, Errored, GreenroomError, Refused

log = structlog.get_logger(__name__)

BY_CODE = {
    "role.missing": HTTPStatus.FORBIDDEN,
    "request.not_found": HTTPStatus.NOT_FOUND,
    "request.method": HTTPStatus.METHOD_NOT_ALLOWED,
    "request.too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request.timeout": HTTPStatus.REQUEST_TIMEOUT,
    "request.host": HTTPStatus.MISDIRECTED_REQUEST,
    "home.disk_full": HTTPStatus.INSUFFICIENT_STORAGE,
    "store.unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "api.crowded": HTTPStatus.TOO_MANY_REQUESTS,
}
UNAUTHENTICATED = frozenset({"auth.missing", "auth.invalid", "hook.unsigned", "hook.bad_signature"})

NOTHING_LEFT = 1 << 20
UNCHANGED = "then ask again; nothing was changed"

Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]


def status_of(error: GreenroomError) -> HTTPStatus:
    """401 nobody, 403 a role is missing, 404 no such thing, 409 no, 429 not now, 400 not understood, 503 later, 500
    broken."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    if error.code in UNAUTHENTICATED:
        return HTTPStatus.UNAUTHORIZED
    if isinstance(error, BadInput):
        return HTTPStatus.NOT_FOUND if error.code.endswith(".unknown") else HTTPStatus.BAD_REQUEST
    if isinstance(error, Refused):
        return HTTPStatus.CONFLICT
    return HTTPStatus.SERVICE_UNAVAILABLE if error.code.endswith(".unavailable") else HTTPStatus.INTERNAL_SERVER_ERROR


def as_response(error: GreenroomError) -> JSONResponse:
    status = status_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    if "retry_after" in error.facts:  # seconds
        headers["Retry-After"] = str(error.facts["retry_after"])
    return JSONResponse(error.as_dict(), status_code=status.value, headers=headers)


def answer_errors(api: FastAPI) -> None:
    """Install the handlers."""
    api.add_exception_handler(GreenroomError, _known)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(SQLAlchemyError, _store)
    api.add_exception_handler(Exception, _unexpected)


async def _known(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, GreenroomError):
        raise error
    if isinstance(error, Errored):
        # It says what and why; a traceback would add nothing for the operator.
        log.error("request.errored", path=request.url.path, code=error.code, said=str(error))
    return as_response(error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Which field should be what. The value itself is not repeated: it may be a secret."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [{"where": _where(e["loc"]), "problem": str(e["msg"])} for e in error.errors()[:20]]
    said = "; ".join(f"{p['where']}: {p['problem']}" for p in problems)
    return as_response(
        BadInput(
            "request.invalid",
            f"the request to {request.method} {request.url.path} is not understood",
            because=said,
            hint="docs/reference/api.md describes it",
            facts={"problems": problems},
        )
    )


def _where(location: tuple[Any, ...]) -> str:
    return "/".join(str(part) for part in location)


async def _http(request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such route, another method, a body that is no JSON."""
    if not isinstance(error, HTTPException):
        raise error
    what = f"{request.method} {request.url.path[:200]}"
    if error.status_code == HTTPStatus.NOT_FOUND:
        return as_response(BadInput("request.not_found", f"there is no {what}", hint="docs/reference/api.md lists all"))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return as_response(BadInput("request.method", f"there is no {what}", hint="another method has this address"))
    return as_response(
        BadInput(
            "request.invalid",
            f"{what} is not understood",
            because=str(error.detail)[:500],
            hint="docs/reference/api.md describes it",
        )
    )


async def _store(request: Request, error: Exception) -> JSONResponse:
    incident = _logged(request, error)
    house = state_of(request).app.world.house
    if says_full(str(error)) or house.free_bytes() < NOTHING_LEFT:  # SQLite may only say `disk I/O error`
        return as_response(disk_full(house.where(), f"the store takes nothing more (incident {incident})", UNCHANGED))
    return as_response(
        Errored(
            "store.unavailable",
            "the store does not answer",
            because=f"incident {incident}, see the control plane's log",
            hint="see whether its disk is full, another program holds it, or its server is down; nothing was changed",
            facts={"incident": incident},
        )
    )


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    incident = _logged(request, error)
    if is_full(error):
        where = state_of(request).app.world.house.where()
        return as_response(disk_full(where, f"{error} (incident {incident})"))
    return as_response(
        Errored(
            "api.broke",
            "the control plane broke on this request",
            because=f"incident {incident}, see the control plane's log",
            hint="this is a defect of Greenroom: please report it with that log",
            facts={"incident": incident},
        )
    )


def _logged(request: Request, error: Exception) -> str:
    incident = uuid.uuid4().hex[:12]
    log.error("request.broke", incident=incident, method=request.method, path=request.url.path, exc_info=error)
    return incident
