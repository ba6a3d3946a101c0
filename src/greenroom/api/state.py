"""What the routes share, and how they get at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from greenroom.api.lane import SlowLane
from greenroom.services.app import App


@dataclass(frozen=True)
class ApiState:
    """`boot` names this life of the control plane; `slow` is where requests go that may take long."""

    app: App
    hook_key: bytes
    boot: str
    slow: SlowLane = field(default_factory=SlowLane)


def state_of(request: Request) -> ApiState:
    return cast(ApiState, request.app.state.greenroom)


def _services(request: Request) -> App:
    return state_of(request).app


Services = Annotated[App, Depends(_services)]
State = Annotated[ApiState, Depends(state_of)]
