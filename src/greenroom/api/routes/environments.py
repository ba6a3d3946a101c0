"""Environments: what is in them, what they say, what they can be brought back to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from greenroom.api.access import Who, account_of, token_of
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import EnvironmentInPlace, Logs, RestorePointInPlace
from greenroom.api.state import Services
from greenroom.domain.errors import GreenroomError
from greenroom.services import logs, restore_points, status
from greenroom.services.app import App

router = authenticated_router("environments")

FOLLOW_SECONDS = 0.2
RECHECK_EVERY = 75  # looks, so every 15 seconds


@router.get("/environments", response_model=list[EnvironmentInPlace], summary="Environments in the order of the path")
def list_environments(services: Services, who: Who) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = status.path(services, who)["environments"]
    return found


@router.get(
    "/environments/{env}/logs",
    response_model=Logs,
    summary="What its processes and commands said last",
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "With follow: one JSON object per line."}},
)
def read_logs(
    request: Request,
    services: Services,
    who: Who,
    env: str,
    process: Annotated[
        str | None, Query(max_length=100, description="One process or command: web, web.0, migrate.")
    ] = None,
    lines: Annotated[int, Query(ge=1, le=logs.MOST_LINES)] = 100,
    follow: Annotated[bool, Query(description="Stay, and send what comes.")] = False,
) -> Any:
    tail = logs.tail(services, who, env, process=process)
    last = tail.last(lines)
    if not follow:
        return {"environment": env, "lines": [{"source": x.source, "text": x.text} for x in last]}
    return StreamingResponse(_follow(services, token_of(request), env, tail, last), media_type="application/x-ndjson")


@router.get(
    "/environments/{env}/restore-points",
    response_model=list[RestorePointInPlace],
    summary="What its database can be brought back to, and what that would lose",
)
def list_restore_points(services: Services, who: Who, env: str) -> list[dict[str, Any]]:
    return restore_points.listed(services, who, env)


async def _follow(app: App, token: str, env: str, tail: logs.Tail, last: list[logs.LogLine]) -> AsyncIterator[str]:
    """Ends when the client goes, or when its account may no longer read."""
    looks = 0
    while True:
        for line in last:
            yield json.dumps({"source": line.source, "text": line.text}, ensure_ascii=False) + "\n"
        await anyio.sleep(FOLLOW_SECONDS)
        looks += 1
        if looks % RECHECK_EVERY == 0 and not await run_in_threadpool(_still_may, app, token, env):
            return
        last = await run_in_threadpool(tail.new)


def _still_may(app: App, token: str, env: str) -> bool:
    try:
        logs.tail(app, account_of(app, token), env)
    except GreenroomError:
        return False
    return True
