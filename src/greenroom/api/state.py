"""What the routes share, and how they get at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from greenroom.services.app import App


@dataclass(frozen=True)
class ApiState:
    """`boot` names this life of the control plane; `seen_hooks` remembers signatures against replay."""

    app: App
    hook_key: bytes
    boot: str
    seen_hooks: dict[str, float] = field(default_factory=dict)


def state_of(request: Request) -> ApiState:
    return cast(ApiState, request.app.state.greenroom)


def _services(request: Request) -> App:
    return state_of(request).app


Services = Annotated[App, Depends(_services)]
State = Annotated[ApiState, Depends(state_of)]
