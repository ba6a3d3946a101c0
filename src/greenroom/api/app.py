"""Puts the HTTP API together: routes by noun, one authentication, one form for every error."""

from __future__ import annotations

import importlib
import pkgutil
import secrets
from collections.abc import Collection, Iterator

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

import greenroom
from greenroom.api import routes
from greenroom.api.errors import answer_errors
from greenroom.api.guards import Guards
from greenroom.api.state import ApiState
from greenroom.services.app import App

PREFIX = "/api/v1"

ABOUT = """\
Everything the command line and the board do goes through here. Requests carry `Authorization: Bearer gr_…`; what the
token's account may do is decided by its roles, the same for people and automation. An error is a JSON object with
`outcome`, `code`, `message`, `because`, `next` and `facts`; its code is stable.
"""


def create_app(app: App, *, hook_key: bytes, hosts: Collection[str] = ()) -> FastAPI:
    """The API over these services. `hook_key` signs webhooks; `hosts` are further names it answers to.

    Starts nothing; serve it on loopback.
    """
    api = FastAPI(
        title="Greenroom",
        version=greenroom.__version__,
        description=ABOUT,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # a route of its own gives it to those who are known
        generate_unique_id_function=_operation_id,
    )
    api.state.greenroom = ApiState(app, hook_key, boot=secrets.token_hex(4))
    for router in _routers():
        api.include_router(router, prefix="" if router.prefix == "/healthz" else PREFIX)
    answer_errors(api)
    api.add_middleware(Guards, hosts=frozenset(hosts))
    return api


def _routers() -> Iterator[APIRouter]:
    """The `router` of every module in `routes`, by name of the module."""
    for name in sorted(m.name for m in pkgutil.iter_modules(routes.__path__)):
        yield importlib.import_module(f"{routes.__name__}.{name}").router


def _operation_id(route: APIRoute) -> str:
    """The function's name: unique, and what generated clients call it."""
    return route.name
