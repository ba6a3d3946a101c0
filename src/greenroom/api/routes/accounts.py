"""Accounts and their tokens."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from greenroom.api.access import Who
from greenroom.api.asked import NewAccount
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import Account, Granted, Me
from greenroom.api.state import Services
from greenroom.domain.kinds import Kind
from greenroom.domain.roles import Action, may
from greenroom.services import accounts

router = authenticated_router("accounts")


@router.get("/accounts", response_model=list[Account], summary="Who there is, and with which roles")
def list_accounts(services: Services, who: Who) -> list[dict[str, Any]]:
    return accounts.listed(services, who)


@router.get("/accounts/me", response_model=Me, summary="Who am I, and what may I do?")
def who_am_i(who: Who) -> dict[str, Any]:
    allowed = {a.value: [k.value for k in Kind if may(who.roles, a, k)] for a in Action}
    return {
        "name": who.name,
        "roles": sorted(r.value for r in who.roles),
        "may": {a: k for a, k in allowed.items() if k},
    }


@router.post(
    "/accounts", response_model=Granted, status_code=201, summary="A new account, or new roles and a new token"
)
def add_account(services: Services, who: Who, asked: NewAccount) -> dict[str, Any]:
    token = accounts.add(services, who, asked.name, asked.roles)
    return {"name": asked.name, "roles": sorted(set(asked.roles)), "token": token.reveal()}


@router.delete("/accounts/{name}", status_code=204, summary="Disable an account: its token opens nothing any more")
def disable_account(services: Services, who: Who, name: str) -> Response:
    accounts.disable(services, who, name)
    return Response(status_code=204)
