"""Every error has one form and the right status, and says nothing it should not."""

from __future__ import annotations

import errno
import json
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from greenroom.api.errors import status_of
from greenroom.domain.errors import BadInput, Errored, GreenroomError, Refused
from greenroom.domain.roles import Role
from greenroom.services import releases, status
from tests.api_support import Api, made_api


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """One for all: what is refused changes nothing."""
    return made_api(tmp_path_factory.mktemp("errors"))


FORM = {"outcome", "code", "message", "because", "next", "facts"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Refused("role.missing", "x"), 403),
        (Refused("gate.refused", "x"), 409),
        (Refused("auth.missing", "x"), 401),
        (Refused("hook.bad_signature", "x"), 401),
        (BadInput("release.unknown", "x"), 404),
        (BadInput("release.ambiguous", "x"), 400),
        (Errored("runtime.unavailable", "x"), 503),
        (Errored("secrets.unreadable", "x"), 500),
    ],
    ids=lambda x: getattr(x, "code", str(x)),
)
def test_each_kind_of_error_has_its_status(error: GreenroomError, expected: int) -> None:
    """401 nobody, 403 a role is missing, 404 unknown, 409 no, 400 not understood, 503 later, 500 broken."""
    assert status_of(error) == expected


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/nothing", "request.not_found"), ("PATCH", "/status", "request.method")],
)
def test_what_the_framework_refuses_has_our_form(api: Api, method: str, path: str, code: str) -> None:
    """No such address and no such method are errors like all others."""
    told = api.ask(method, path, Role.MANAGER).json()
    assert set(told) == FORM
    assert told["code"] == code


def test_an_invalid_body_names_the_field_and_never_the_value(api: Api) -> None:
    """What was given may be a secret; where it stands and what it should be is enough."""
    answer = api.ask("PUT", "/secrets/dev/X", Role.ADMINISTRATOR, json={"valeu": "hunter22", "value": ["hunter23"]})
    assert answer.status_code == 400
    told = answer.json()
    assert set(told) == FORM
    assert told["code"] == "request.invalid"
    assert {p["where"] for p in told["facts"]["problems"]} == {"body/valeu", "body/value"}
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"environment": ' + b"[" * 5000 + b"}", b"[]", b'"x"'])
def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    """Whatever the bytes are, the answer is 400 in our form."""
    answer = api.ask("POST", "/freezes", Role.MANAGER, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


def test_a_body_beyond_a_mebibyte_is_not_read(api: Api) -> None:
    """413, by its announced size and by what really comes."""
    large = b"x" * (1024 * 1024 + 1)
    assert api.ask("POST", "/policy", Role.ADMINISTRATOR, content=large).json()["code"] == "request.too_large"
    streamed = api.ask("POST", "/policy", Role.ADMINISTRATOR, content=iter([large]))
    assert (streamed.status_code, streamed.json()["code"]) == (413, "request.too_large")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost:80:80", "127.0.0.1@evil"])
def test_another_host_is_not_answered(api: Api, host: str) -> None:
    """A page elsewhere that resolves its own name to this machine gets 421, whatever its token."""
    answer = api.ask("GET", "/status", Role.MANAGER, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "request.host")


@pytest.mark.parametrize("host", ["127.0.0.1:7480", "localhost", "[::1]:7480", "LOCALHOST:1"])
def test_the_loopback_names_are_answered(api: Api, host: str) -> None:
    """With any port."""
    assert api.ask("GET", "/status", Role.MANAGER, headers={"Host": host}).status_code == 200


def test_an_unexpected_error_shows_an_incident_and_nothing_else(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of a defect may hold anything; it goes to the log, under the id that the answer has."""

    def broken(*_: object) -> None:
        raise RuntimeError("password is hunter22")

    monkeypatch.setattr(status, "path", broken)
    answer = api.ask("GET", "/status", Role.MANAGER)
    assert answer.status_code == 500
    assert set(answer.json()) == FORM
    assert answer.json()["facts"]["incident"] in answer.json()["because"]
    assert "hunter22" not in answer.text


def test_a_store_that_does_not_answer_is_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locked, full or gone: ask later, nothing was changed."""

    def locked(*_: object) -> None:
        raise OperationalError("SELECT 'hunter22'", {}, Exception("database is locked"))

    monkeypatch.setattr(releases, "listed", locked)
    answer = api.ask("GET", "/releases", Role.MANAGER)
    assert (answer.status_code, answer.json()["code"]) == (503, "store.unavailable")

    assert "hunter22" not in answer.text


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
    ids=["the store", "a file"],
)
def test_a_full_disk_says_so(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Which disk, and what to do: as SQLite says it, and as the system does."""

    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(releases, "listed", full)
    answer = api.ask("GET", "/releases", Role.MANAGER)
    assert (answer.status_code, answer.json()["code"]) == (507, "home.disk_full")
    assert answer.json()["message"] == "the disk that holds memory is full"
    assert "greenroom collect" in answer.json()["next"]


def test_a_refused_promotion_carries_its_checklist(api: Api) -> None:
    """409, and who can satisfy each line."""
    answer = api.ask("POST", "/promotions", Role.ENGINEER, json={"release": "2.0", "environment": "production"})
    assert answer.status_code == 409
    told = answer.json()
    assert told["outcome"] == "refused"
    assert any(line["verdict"] == "refused" and line["next"] for line in told["facts"]["lines"])


def test_answers_are_not_kept_by_anybody(api: Api) -> None:
    """No cache, no guessing at types, no cookie, no other origin."""
    answer = api.ask("GET", "/status", Role.MANAGER, headers={"Origin": "http://evil.example"})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not {"set-cookie", "access-control-allow-origin"} & set(answer.headers)


def test_the_answers_are_what_openapi_says(api: Api) -> None:
    """Answers may carry more than the document names, but we leave no field out of it."""
    document = api.client.app.openapi()  # type: ignore[attr-defined]
    shapes = document["components"]["schemas"]
    work = api.works["dev"]
    for path, shape in {
        "/releases/2.0": "ReleaseInFull",
        f"/work/{work}": "WorkInFull",
        "/why?release=2.0&environment=qa": "Explained",
        "/status": "PathInPlace",
        "/policy": "PolicyInForce",
        "/ledger/verify": "LedgerVerified",
        "/accounts/me": "Me",
        "/releases/2.0/documents": "Documents",
    }.items():
        told = api.ask("GET", path, *Role).json()
        assert set(told) == set(shapes[shape]["properties"]), path
    json.dumps(document)
