"""Who is asking. The one place where a request is authenticated; what they may do, the services decide."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request

from greenroom.api.state import Services
from greenroom.domain.errors import Refused
from greenroom.domain.roles import Actor
from greenroom.services import accounts
from greenroom.services.app import App

_BEARER = re.compile(r"[Bb]earer +(gr_[A-Za-z0-9_-]{1,96})")


def authenticated(request: Request, services: Services) -> Actor:
    """The account whose token the request carries. Raises Refused (`auth.missing`, `auth.invalid`)."""
    return account_of(services, token_of(request))


def token_of(request: Request) -> str:
    """The token in the Authorization header, checked for its form only."""
    given = request.headers.getlist("authorization")
    if not given:
        hint = "send Authorization: Bearer gr_…; greenroom login keeps a token for the command line"
        raise Refused("auth.missing", "this request carries no token", hint=hint)
    match = _BEARER.fullmatch(given[0].strip()) if len(given) == 1 else None
    if match is None:
        raise _invalid()
    return match[1]


def account_of(app: App, token: str) -> Actor:
    """Whose token this is, today. Raises Refused (`auth.invalid`)."""
    actor = accounts.authenticate(app, token)
    if actor is None:
        raise _invalid()
    return actor


def _invalid() -> Refused:
    """The same for every wrong token: it does not tell a malformed one from one that was withdrawn."""
    return Refused(
        "auth.invalid",
        "nobody has this token",
        hint="an administrator gives out a new one with greenroom account add",
    )


Who = Annotated[Actor, Depends(authenticated)]
KNOWN = Depends(authenticated)
"""For a router's `dependencies`: so that no route of it can forget to ask."""
