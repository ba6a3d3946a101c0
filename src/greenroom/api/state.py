"""What the routes share, and how they get at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from greenroom.services.app import App


@dataclass(frozen=True)
class ApiState:
    """`boot` names this life of the control plane."""

    app: App
    hook_key: bytes
    boot: str


def state_of(request: Request) -> ApiState:
    return cast(ApiState, request.app.state.greenroom)


def _services(request: Request) -> App:
    return state_of(request).app


Services = Annotated[App, Depends(_services)]
State = Annotated[ApiState, Depends(state_of)]
