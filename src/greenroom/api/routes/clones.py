"""Clones: a database of one's own."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import Response

from greenroom.api.access import Who
from greenroom.api.asked import WantedClone
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes_clones import CloneGiven, CloneInPlace
from greenroom.api.state import Services, State
from greenroom.services import clones

router = authenticated_router("clones")


@router.get("/clones", response_model=list[CloneInPlace], summary="Everybody's clones, without their addresses")
def list_clones(services: Services, who: Who) -> list[dict[str, Any]]:
    return clones.listed(services, who)


@router.put("/clones/{name}", response_model=CloneGiven, summary="Make or show one's own clone of this name")
async def obtain_clone(state: State, who: Who, name: str, asked: WantedClone) -> dict[str, Any]:
    """It runs when this answers. Asked again, it is the same one, and kept for the whole time again. 409 with
    `Retry-After` while it is another's turn."""
    return await state.slow.run(partial(clones.obtain, state.app, who, name, dataset=asked.dataset))


@router.post("/clones/{name}/reset", response_model=CloneGiven, summary="Fill one's own clone anew")
async def reset_clone(state: State, who: Who, name: str, asked: WantedClone) -> dict[str, Any]:
    """What was changed in it is lost; its address stays. 409 with `Retry-After` while it is another's turn."""
    return await state.slow.run(partial(clones.reset, state.app, who, name, dataset=asked.dataset))


@router.delete("/clones/{name}", status_code=204, summary="Drop a clone")
async def drop_clone(state: State, who: Who, name: str, owner: str | None = None) -> Response:
    """One's own; another's, with its `owner`, by who may also remove releases. 409 with `Retry-After` while it is
    another's turn."""
    await state.slow.run(partial(clones.drop, state.app, who, name, owner=owner))
    return Response(status_code=204)
