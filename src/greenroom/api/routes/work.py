"""Durable work: what is under way, followed live, and turned around."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from greenroom.api.access import Who, account_of, token_of
from greenroom.api.asked import Why
from greenroom.api.events import Position, follow
from greenroom.api.routing import COUNTED, authenticated_router, counted
from greenroom.api.shapes import WorkInFull, WorkSummary
from greenroom.api.state import Services, State
from greenroom.api.views import work_answer
from greenroom.services import promotions, status

router = authenticated_router("work")


@router.get(
    "/work",
    response_model=list[WorkSummary],
    summary="Work, newest first, ended ones included",
    responses=COUNTED,
)
def list_work(
    services: Services,
    who: Who,
    response: Response,
    environment: Annotated[str | None, Query(max_length=100)] = None,
    before: Annotated[
        str | None, Query(max_length=100, description="Only what was asked for before this work.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[dict[str, Any]]:
    found = status.works(services, who, environment=environment, before=before, limit=limit)
    return counted(response, found, status.works_count(services, who, environment=environment))


@router.get("/work/{work_id}", response_model=WorkInFull, summary="One piece of work: steps, durations, why it failed")
def show_work(services: Services, who: Who, work_id: str) -> dict[str, Any]:
    return status.work(services, who, work_id)


@router.get(
    "/work/{work_id}/events",
    response_class=StreamingResponse,
    summary="Follow it live, as server-sent events",
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events `state`, `line`, `step`, `end`."}},
)
def follow_work(
    request: Request,
    state: State,
    who: Who,
    work_id: str,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """`state` (a work summary, at the start and on each change), `line` (a line of progress), `step` (a step that
    ended, with its seconds), `end` (the work in full; nothing follows). A client that lost the connection sends
    `Last-Event-ID` and goes on where it was.
    """
    token = token_of(request)
    first = status.work(state.app, who, work_id)  # permission and existence, before the answer begins
    start = Position.parse(last_event_id, state.boot)
    events = follow(
        look=lambda: status.work(state.app, account_of(state.app, token), work_id),
        lines=lambda number: state.app.world.progress.after(work_id, number),
        first=first,
        start=start,
    )
    return StreamingResponse(events, media_type="text/event-stream")


@router.post("/work/{work_id}/cancel", response_model=WorkSummary, status_code=202, summary="Stop it and undo")
def cancel_work(services: Services, who: Who, work_id: str, asked: Why) -> dict[str, Any]:
    return work_answer(services, promotions.cancel(services, who, work_id, asked.reason))


@router.post(
    "/work/{work_id}/resume",
    response_model=WorkSummary,
    status_code=202,
    summary="Go on with work that needed a person",
)
def resume_work(services: Services, who: Who, work_id: str) -> dict[str, Any]:
    return work_answer(services, promotions.resume(services, who, work_id))


@router.post("/work/{work_id}/finish", response_model=WorkSummary, status_code=202, summary="End its bake now")
def finish_work(services: Services, who: Who, work_id: str) -> dict[str, Any]:
    return work_answer(services, promotions.finish(services, who, work_id))
