"""Requests made to break the API: each gets a clear answer, none a server error, none is believed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from greenroom.api.guards import LARGEST_BODY
from greenroom.api.routes import hooks
from greenroom.domain.roles import Role
from tests.api_support import HOOK_KEY, Api, made_api


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = made_api(tmp_path)
    yield made
    made.world.store.database.close()


def problem(answer: Any) -> tuple[int, str]:
    """Status and code; every error has one form."""
    body = answer.json()
    assert set(body) == {"outcome", "code", "message", "because", "next", "facts"}
    return answer.status_code, body["code"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[" * 200_000, b'{"a":' * 100_000, b"null", b"[]", b"1e999", b"NaN", b'"x"', b"\xff\xfe", b"\x00",
        b'{"environment": "qa", "reason": "\\ud800"}', b'{"environment": "qa", "reason": "x", "until": 1e400}',
        b'{"environment": {"$ne": null}, "reason": []}', b'{"environment": "qa", "reason": "x", "reason2": "y"}',
    ],
    ids=lambda b: repr(b[:30]),
)  # fmt: skip
def test_a_body_that_is_no_such_thing(api: Api, body: bytes) -> None:
    """Not JSON, deep as a well, half a character, the wrong shape: 400, and nothing was frozen."""
    headers = {"Content-Type": "application/json"}
    answer = api.ask("POST", "/freezes", Role.MANAGER, content=body, headers=headers)
    assert problem(answer) == (400, "request.invalid") or b"ud800" in body
    assert answer.status_code < 500


@pytest.mark.parametrize(
    "media", ["text/plain", "application/xml", "multipart/form-data", "application/json; charset=utf-7", ""]
)
def test_another_media_type_is_not_guessed_at(api: Api, media: str) -> None:
    """A form, as a page elsewhere could send it without asking, changes nothing."""
    body = b'{"environment": "qa", "reason": "x"}'
    answer = api.ask("POST", "/freezes", Role.MANAGER, content=body, headers={"Content-Type": media})
    assert answer.status_code == (201 if media.startswith("application/json") else 400), answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/freezes", {"environment": "production", "reason": "x", "until": "9999-12-31T23:59:59-23:59"}),
        ("/freezes", {"environment": "production", "reason": "x", "until": "0001-01-01T00:00:00+23:59"}),
        ("/promotions", {"release": "2.0", "environment": "qa", "at": "9999-12-31T23:59", "timezone": "America/Adak"}),
        ("/promotions", {"release": "2.0", "environment": "qa", "at": "0001-01-01T00:00", "timezone": "Asia/Tokyo"}),
        ("/promotions", {"release": "2.0", "environment": "qa", "at": "2027-01-01T00:00", "timezone": "Europe"}),
        ("/promotions", {"release": "2.0", "environment": "qa", "at": "2027-01-01", "timezone": "../../etc/group"}),
        ("/promotions", {"release": "2.0", "environment": "qa", "at": "2027-01-01T00:00", "timezone": "\0"}),
        ("/promotions", {"release": "2.0", "environment": "qa", "at": "2027-W01", "timezone": "x" * 64}),
        ("/promotions", {"release": "%", "environment": "qa"}),
        ("/promotions", {"release": "sha256:" + "%" * 64, "environment": "qa"}),
        ("/promotions", {"release": "' OR 1=1 --", "environment": "qa"}),
        ("/promotions", {"release": "\0\ud83d", "environment": "qa"}),
        ("/promotions", {"release": "2.0", "environment": "qa\r\nSet-Cookie: a=b"}),
        ("/promotions", {"release": "2.0", "environment": "../production"}),
        ("/rollbacks", {"environment": "production", "mode": "restore", "point": "../../x"}),
        ("/overrides", {"gate": "__class__", "release": "2.0", "environment": "qa", "reason": "x", "seconds": 1e300}),
        ("/overrides", {"gate": "soak", "release": "2.0", "environment": "qa", "reason": "x", "seconds": 5e-324}),
        ("/accounts", {"name": "../root", "roles": ["client"]}),
        ("/accounts", {"name": "mia\u202e", "roles": ["client"]}),
        ("/accounts", {"name": "ok", "roles": ["client\n"]}),
        ("/checks", {"release": "2.0", "environment": "qa", "checks": ["$(id)", "../journey"]}),
        ("/releases", {"commit": "--upload-pack=touch /tmp/x"}),
        ("/releases", {"commit": "HEAD", "then_promote": "\u0000"}),
    ],
)  # fmt: skip
def test_values_at_the_edge_of_their_kind(api: Api, path: str, body: dict[str, Any]) -> None:
    """Times at the end of the calendar, zones that are paths, references that are SQL: an answer, never a breakage."""
    roles = (Role.MANAGER, Role.ENGINEER, Role.DEVELOPER, Role.TESTER, Role.ADMINISTRATOR)
    answer = api.ask("POST", path, *roles, json=body) if "\ud83d" not in json.dumps(body, ensure_ascii=False) else None
    if answer is None:
        raw = json.dumps(body).encode()
        answer = api.ask("POST", path, *roles, content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code < 500, answer.text
    assert "set-cookie" not in answer.headers
    for where in ("/status", "/status.txt", "/work", "/environments", "/ledger"):
        assert api.ask("GET", where, *roles).status_code == 200, where


@pytest.mark.parametrize(
    "path",
    ["/releases/%00", "/releases/..%2f..", "/work/%f0%28%8c", "/secrets/qa%0d%0aX: y/A", "/secrets/qa/%2e%2e%2fb"],
)
def test_names_in_the_address(api: Api, path: str) -> None:
    """NUL, climbing paths, line ends and half characters in the address are unknown names."""
    answer = api.ask("GET", path, Role.ADMINISTRATOR)
    assert answer.status_code in (400, 404, 405), answer.text
    assert not {"x", "set-cookie"} & set(answer.headers)


def test_too_much_is_too_much(api: Api) -> None:
    """One byte past the limit is refused, with and without saying so beforehand, also to nobody."""
    big = b" " * (LARGEST_BODY + 1)
    headers = {"Content-Type": "application/json"}
    assert problem(api.ask("POST", "/freezes", Role.MANAGER, content=big, headers=headers)) == (
        413,
        "request.too_large",
    )
    assert problem(api.ask("POST", "/freezes", content=big, headers=headers))[0] == 413
    assert problem(api.ask("POST", "/freezes", Role.MANAGER, content=iter([big]), headers=headers))[0] == 413


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil",
        "127.0.0.1:80:80",
        "",
        "LOCALHOST.",
        "0x7f.1",
        "[::1]x",
    ],
)
def test_another_host_gets_nothing(api: Api, host: str) -> None:
    """A page elsewhere that resolves its own name to this machine is not answered, whatever token it has."""
    answer = api.ask("GET", "/status", Role.MANAGER, headers={"Host": host})
    assert problem(answer) == (421, "request.host")


# --- webhooks --------------------------------------------------------------------------------------


def pushed(api: Api, *, key: bytes = HOOK_KEY, sign: bool = True, **change: Any) -> Any:
    body = {"ref": "refs/heads/main", "commit": "abcdef1", "at": api.world.clock.now().isoformat(), **change}
    raw = json.dumps(body).encode()
    signature = "sha256=" + hmac.new(key, raw, hashlib.sha256).hexdigest()
    headers = {hooks.SIGNATURE: signature} if sign else {}
    return api.ask("POST", "/hooks/push", content=raw, headers=headers)


def test_a_webhook_that_is_not_ours_does_nothing(api: Api) -> None:
    """Unsigned, signed with another key, old, from the future: refused; no work was made."""
    later = api.world.clock.now() + timedelta(minutes=6)
    earlier = api.world.clock.now() - timedelta(minutes=6)
    assert problem(pushed(api, sign=False)) == (401, "hook.unsigned")
    assert problem(pushed(api, key=b"x" * 32)) == (401, "hook.bad_signature")
    assert problem(pushed(api, key=b"")) == (401, "hook.bad_signature")
    assert problem(pushed(api, at=later.isoformat())) == (409, "hook.stale")
    assert problem(pushed(api, at=earlier.isoformat())) == (409, "hook.stale")
    assert problem(pushed(api, at="9999-12-31T23:59:59-23:59")) == (409, "hook.stale")
    assert problem(pushed(api, commit="--help"))[0] == 400
    assert problem(pushed(api, extra=1))[0] == 400
    assert not [w for w in api.ask("GET", "/work", Role.DEVELOPER).json() if w["kind"] == "release"]


def test_a_webhook_is_accepted_once_also_after_a_restart(api: Api) -> None:
    """The same bytes again are refused, by this control plane and by the one that comes after it."""
    from greenroom.api.app import create_app
    from tests.api_support import TestClient

    assert pushed(api).status_code == 202
    assert problem(pushed(api)) == (409, "hook.replayed")
    api.client = TestClient(
        create_app(api.app, hook_key=HOOK_KEY), base_url="http://127.0.0.1", raise_server_exceptions=False
    )
    assert problem(pushed(api)) == (409, "hook.replayed")
