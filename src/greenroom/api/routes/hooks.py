"""The webhook that a git server or a post-receive hook calls. It is known by its signature, not by a token."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool

from greenroom.api.asked import Asked
from greenroom.api.routing import ERRORS
from greenroom.api.shapes import Push
from greenroom.api.state import ApiState, State
from greenroom.api.views import work_answer
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.roles import Actor, Role
from greenroom.services import pushes, releases

router = APIRouter(tags=["hooks"], responses=ERRORS)

WEBHOOK = Actor("webhook", frozenset({Role.AUTOMATION}))
SIGNATURE = "X-Greenroom-Signature"
FRESH_SECONDS = 300.0


class Pushed(Asked):
    """A branch moved."""

    ref: str = Field(min_length=1, max_length=200, description="Such as refs/heads/main.")
    commit: str = Field(pattern=r"^[0-9a-f]{7,64}$")
    at: datetime = Field(description="When this was sent, with an offset; older than 5 minutes is refused.")


BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": Pushed.model_json_schema()}}}}


@router.post(
    "/hooks/push",
    response_model=Push,
    status_code=202,
    summary="A commit was pushed: release it into the environment that follows its branch",
    openapi_extra=BODY,
)
async def push(request: Request, state: State) -> dict[str, Any]:
    """`X-Greenroom-Signature: sha256=HEX` is the HMAC-SHA256 of the body's bytes with the key in the control plane's
    `private/hook.key`. A body is accepted once.
    """
    body = await request.body()
    signature = _signed(state.hook_key, body, request.headers.getlist(SIGNATURE))
    pushed = _parsed(body)
    return await run_in_threadpool(_accepted, state, signature, pushed)


def _signed(key: bytes, body: bytes, given: list[str]) -> str:
    """Raises Refused (`hook.unsigned`, `hook.bad_signature`)."""
    if not given:
        raise Refused("hook.unsigned", "this push is not signed", hint=f"send {SIGNATURE}: sha256=HEX")
    expected = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    if len(given) != 1 or not hmac.compare_digest(given[0].strip().lower().encode(), expected.encode()):
        raise Refused(
            "hook.bad_signature",
            "this push is signed with another key, or was changed",
            hint="the key is in private/hook.key of the control plane's home",
        )
    return expected


def _parsed(body: bytes) -> Pushed:
    try:
        pushed = Pushed.model_validate_json(body)
    except ValidationError as error:
        said = "; ".join(f"{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise BadInput(
            "request.invalid", "the push is not understood", because=said, hint="docs/reference/api.md describes it"
        ) from error
    if pushed.at.tzinfo is None:
        raise BadInput(
            "request.invalid",
            "the push is not understood",
            because="at: should have an offset",
            hint="docs/reference/api.md describes it",
        )
    return pushed


def _accepted(state: ApiState, signature: str, pushed: Pushed) -> dict[str, Any]:
    """Raises Refused (`hook.stale`, `hook.replayed`)."""
    if abs((state.app.world.clock.now() - pushed.at).total_seconds()) > FRESH_SECONDS:
        raise Refused("hook.stale", "this push was sent more than 5 minutes ago", hint="see to the sender's clock")
    if not pushes.accept_once(state.app, signature, timedelta(seconds=2 * FRESH_SECONDS)):
        raise Refused("hook.replayed", "this very push was accepted before", hint="nothing to do")
    return _release(state, pushed)


def _release(state: ApiState, pushed: Pushed) -> dict[str, Any]:
    branch = pushed.ref.removeprefix("refs/heads/")
    following = [e.name for e in state.app.world.project().environments if e.follow == branch]
    if not following:
        return {"work": None, "said": f"no environment follows {branch}"}
    work = releases.make(state.app, WEBHOOK, pushed.commit, then_promote=following[0])
    return {"work": work_answer(state.app, work), "said": f"on its way to {following[0]}"}
