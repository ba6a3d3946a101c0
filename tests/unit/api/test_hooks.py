"""The webhook is known by its signature, once, and does what automation may."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from greenroom.domain.roles import Role
from tests.api_support import HOOK_KEY, Api

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def body(api: Api, **changes: Any) -> bytes:
    told = {"ref": "refs/heads/main", "commit": COMMIT, "at": api.world.clock.now().isoformat(), **changes}
    return json.dumps({k: v for k, v in told.items() if v is not None}).encode()


def push(api: Api, content: bytes, signature: str | None = None, key: bytes = HOOK_KEY) -> Any:
    signed = signature or "sha256=" + hmac.new(key, content, hashlib.sha256).hexdigest()
    headers = {} if signature == "" else {"X-Greenroom-Signature": signed}
    return api.ask("POST", "/hooks/push", content=content, headers=headers)


def test_a_signed_push_makes_a_release_for_the_environment_that_follows(api: Api) -> None:
    """By the automation account `webhook`, on its way to dev."""
    answer = push(api, body(api))
    assert answer.status_code == 202
    assert answer.json()["work"]["requested_by"] == "webhook"
    assert answer.json()["said"] == "on its way to dev"


def test_a_branch_nobody_follows_does_nothing(api: Api) -> None:
    """It is not an error to push another branch."""
    answer = push(api, body(api, ref="refs/heads/feature"))
    assert (answer.status_code, answer.json()["work"]) == (202, None)


def test_an_unsigned_push_is_refused(api: Api) -> None:
    """401 `hook.unsigned`; a token does not stand in for the signature."""
    assert push(api, body(api), "").json()["code"] == "hook.unsigned"
    answer = api.ask("POST", "/hooks/push", Role.AUTOMATION, content=body(api))
    assert (answer.status_code, answer.json()["code"]) == (401, "hook.unsigned")


@pytest.mark.parametrize("signature", ["sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "0" * 64, "sha256=é"])
def test_a_wrong_signature_is_refused(api: Api, signature: str) -> None:
    """401 `hook.bad_signature`, whatever is in the header."""
    headers = {"X-Greenroom-Signature": signature.encode()}
    answer = api.ask("POST", "/hooks/push", content=body(api), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "hook.bad_signature")


def test_a_body_changed_after_signing_is_refused(api: Api) -> None:
    """The signature is over the bytes."""
    good = body(api)
    signature = "sha256=" + hmac.new(HOOK_KEY, good, hashlib.sha256).hexdigest()
    assert push(api, good.replace(b"main", b"evil"), signature).json()["code"] == "hook.bad_signature"
    assert push(api, good, key=b"another").json()["code"] == "hook.bad_signature"


def test_a_push_is_accepted_once(api: Api) -> None:
    """A replay within the five minutes is refused as such."""
    content = body(api)
    assert push(api, content).status_code == 202
    assert push(api, content).json()["code"] == "hook.replayed"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_future_push_is_refused(api: Api, minutes: int) -> None:
    """More than five minutes off, either way."""
    at = (api.world.clock.now() + timedelta(minutes=minutes)).isoformat()
    assert push(api, body(api, at=at)).json()["code"] == "hook.stale"


@pytest.mark.parametrize(
    "changes", [{"commit": "HEAD; rm -rf /"}, {"commit": None}, {"at": "2026-11-23T09:00:00"}, {"ref": ""}, {"more": 1}]
)
def test_a_signed_push_that_is_not_understood_says_where(api: Api, changes: dict[str, Any]) -> None:
    """400 `request.invalid`; being signed makes nothing valid."""
    answer = push(api, body(api, **changes))
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")
