"""Caught mail."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from greenroom.api.access import Who
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import CaughtMessage, Cleared, Message
from greenroom.api.shapes_clones import Mailbox
from greenroom.api.state import Services
from greenroom.services import mail

router = authenticated_router("mail")


@router.get("/environments/{env}/mail", response_model=list[CaughtMessage], summary="Mail its application sent")
def list_mail(
    services: Services, who: Who, env: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """Newest first. Outside production mail is caught and reaches nobody."""
    return mail.listed(services, who, env, limit=limit)


@router.get("/environments/{env}/mailbox", response_model=Mailbox, summary="Where mail is handed over to be caught")
def show_mailbox(services: Services, who: Who, env: str) -> dict[str, Any]:
    """For programs outside the environment, such as a working tree that runs with `greenroom dev`."""
    return mail.mailbox(services, who, env)


@router.get("/environments/{env}/mail/{message}", response_model=Message, summary="One message")
def show_mail(services: Services, who: Who, env: str, message: str) -> dict[str, Any]:
    return mail.shown(services, who, env, message)


@router.delete("/environments/{env}/mail", response_model=Cleared, summary="Throw caught mail away")
def clear_mail(services: Services, who: Who, env: str) -> dict[str, Any]:
    return {"environment": env, "cleared": mail.clear(services, who, env)}
