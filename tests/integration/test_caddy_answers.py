"""What visitors are shown, what applications are told, and what the log keeps, with a real Caddy."""

from __future__ import annotations

import json
import re
import socket
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from greenroom.ports.edge import Canary, Pointer
from tests.caddy_support import Stage, eventually, hits, stage
from tests.load import Answer, Style, ask
from tests.sockets import exactly

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LEAKS = ("x-internal-debug", "set-cookie")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("edge")) as running:
        for environment in running.sites:
            dial = running.apps.start(environment, running.dial(environment))
            running.edge.point(environment, Pointer(dial, f"r-{environment}", 1))
        yield running


def get(edge: Stage, environment: str, path: str, accept: str = "text/html,*/*;q=0.8", method: str = "GET") -> Answer:
    return ask(edge.port(environment), Style(method, path=path, headers=(("Accept", accept),)))


def entries(edge: Stage) -> list[dict[str, object]]:
    """The last one may be half written."""
    log = edge.home.root / "edge" / "log" / "access.json"
    return [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def entry_of(edge: Stage, incident: str) -> dict[str, object]:
    eventually(lambda: any(e.get("uuid") == incident for e in entries(edge)), "it is in the access log")
    return next(e for e in entries(edge) if e.get("uuid") == incident)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_production_is_friendly(edge: Stage, status: int) -> None:
    """A 5xx keeps its status; the visitor gets a page with an incident id, and nothing of the application's."""
    answer = get(edge, "production", f"/status/{status}")
    page = answer.body.decode()
    incident = answer.headers["x-incident-id"]
    assert answer.status == status
    assert UUID.fullmatch(incident) and incident in page
    assert answer.headers["x-request-id"] == incident
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "Something went wrong on our side" in page
    assert "secret" not in page and str(status) not in page.replace(incident, "")
    assert not set(LEAKS) & set(answer.headers) and "innards" not in str(answer.headers)
    assert "\\" not in page and "body{margin:0" in page  # the style's braces came through
    assert entry_of(edge, incident)["incident"] == incident


def test_json_is_answered_where_it_is_asked_for(edge: Stage) -> None:
    """An API client gets the same facts as JSON, for every usual way to ask."""
    for accept in (
        "application/json",
        "application/json, text/plain, */*",
        "application/problem+json",
        "APPLICATION/JSON",
    ):
        answer = get(edge, "production", "/status/500", accept)
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.body) == {"error": "internal_error", "incident": answer.headers["x-incident-id"]}
    for accept in ("text/html,*/*;q=0.8", "*/*", "text/html, application/json"):
        assert b"<!doctype html>" in get(edge, "production", "/status/500", accept).body


def test_staging_says_what_but_not_why(edge: Stage) -> None:
    """Medium: status, method, incident id; no text of the application and nothing the visitor sent."""
    answer = get(edge, "staging", "/status/503/<script>alert(1)</script>", method="DELETE")
    page = answer.body.decode()
    assert answer.status == 503
    assert "answered 503" in page and "DELETE" in page and answer.headers["x-incident-id"] in page
    assert "script" not in page and "secret" not in page
    assert not set(LEAKS) & set(answer.headers)
    facts = json.loads(get(edge, "staging", "/status/500", "application/json").body)
    assert facts | {"incident": ""} == {"error": "application_error", "incident": "", "status": "500", "method": "GET"}


def test_dev_shows_everything(edge: Stage) -> None:
    """Full: the application's own error passes through, headers and all, with our request id."""
    answer = get(edge, "dev", "/status/500")
    assert answer.status == 500 and b"secret detail" in answer.body
    assert answer.headers["x-internal-debug"] == "yes"
    assert UUID.fullmatch(answer.headers["x-request-id"])


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_what_is_no_breakage_is_untouched(edge: Stage, environment: str) -> None:
    """The application's 404 and 403 are its own business."""
    for status in (404, 403, 418):
        answer = get(edge, environment, f"/status/{status}")
        assert answer.status == status and b"secret detail" in answer.body and "set-cookie" in answer.headers


def test_head_has_no_body(edge: Stage) -> None:
    """HEAD of a failing page: its status and headers, and no byte after them."""
    answer = get(edge, "production", "/status/500", method="HEAD")
    assert (answer.status, answer.body) == (500, b"") and "x-incident-id" in answer.headers


@pytest.mark.parametrize(
    ("environment", "says"), [("production", "Something went wrong"), ("staging", "answered 502"), ("dev", "502 ")]
)
def test_an_application_that_is_down(edge: Stage, environment: str, says: str) -> None:
    """Nobody listens: 502 in the words of the environment, with the incident id, which the log has, too."""
    present = edge.edge.pointer(environment)
    edge.edge.point(environment, Pointer(f"unix/{edge.home.sockets}/nobody.sock", "r-down", 2))
    try:
        answer = get(edge, environment, "/")
        assert answer.status == 502 and says in answer.body.decode()
        assert answer.headers["x-incident-id"] in answer.body.decode()
        assert entry_of(edge, answer.headers["x-incident-id"])["release"] == "r-down"
    finally:
        edge.edge.point(environment, Pointer(present.dial, present.release, 2))


def test_a_request_that_kills_its_process_is_not_sent_again(edge: Stage) -> None:
    """A connection that broke after the request was sent is a 502; the request reached the application once."""
    before = hits["/die"]
    assert get(edge, "production", "/die").status == 502
    assert hits["/die"] == before + 1


def test_an_environment_that_leads_nowhere(edge: Stage) -> None:
    """The preview without a candidate, and with one."""
    assert ask(edge.sites["production"].preview_port).status == 503
    edge.edge.preview("production", edge.dial("dev"))
    assert ask(edge.sites["production"].preview_port).body == b"dev"
    assert ask(edge.port("production")).body == b"production"
    edge.edge.preview("production", None)
    assert b"Something went wrong" in ask(edge.sites["production"].preview_port).body


def test_hosts(edge: Stage) -> None:
    """The shared port tells environments apart by host; further hosts work; everything unknown gets 421."""
    for environment in edge.sites:
        for host in (f"{environment}.shop.localhost:{edge.edge_port}", f"WWW.{environment}.example.org"):
            assert ask(edge.edge_port, host=host).body == environment.encode()
            assert ask(edge.port(environment), host=host).body == environment.encode()
    for host in (
        "evil.example.org",
        "production.other.localhost",
        "127.0.0.1",
        "x" * 300,
        "production.shop.localhost.evil.org",
    ):
        assert ask(edge.edge_port, host=host).status == 421
    assert ask(edge.port("production"), host="evil.example.org").status == 421
    assert ask(edge.port("production"), host="staging.shop.localhost").status == 421
    for host in ("a/b", "a b", "<script>"):
        answer = ask(edge.edge_port, host=host)
        assert answer.status in (400, 421) and b"script" not in answer.body


def test_headers_that_speak_for_us_are_deleted(edge: Stage) -> None:
    """Spoofed identity and request ids never reach the application, in any spelling a WSGI server would confuse."""
    spoofed = (
        "X-Greenroom-User",
        "x-greenroom-role",
        "X_Greenroom_User",
        "X-Request-Id",
        "X_Request_Id",
        "X-Forwarded-For",
    )
    headers = (*((name, "spoofed") for name in spoofed), ("X-Honest", "yes"))
    answer = ask(edge.port("production"), Style(path="/echo", headers=headers))
    seen = json.loads(answer.body)["headers"]
    assert "spoofed" not in seen.values() and seen["x-honest"] == "yes"
    assert not [name for name in seen if "greenroom" in name or "_" in name]
    assert seen["x-request-id"] == answer.headers["x-request-id"]
    assert UUID.fullmatch(seen["x-request-id"])


def test_limits(edge: Stage) -> None:
    """A header beyond the limit is refused by the edge; the application never sees it."""
    with socket.create_connection(("127.0.0.1", edge.port("production"))) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Big: " + b"x" * 70_000 + b"\r\n\r\n")
        assert exactly(client, 13) == b"HTTP/1.1 431 "


def test_the_logs_hold_no_credentials(edge: Stage) -> None:
    """Neither cookies nor tokens, of requests or answers, are in a log, errors included; nobody else can read it."""
    secrets = (("Cookie", "session=topsecret"), ("Authorization", "Bearer topsecret"), ("X-Api-Key", "topsecret"))
    headers = (*secrets, ("User-Agent", "test/1"))
    answer = ask(edge.port("production"), Style(path="/status/404", headers=headers))
    entry = entry_of(edge, answer.headers["x-request-id"])
    assert (entry["env"], entry["door"], entry["release"]) == ("production", "site", "r-production")
    assert (entry["status"], entry["user_agent"]) == (404, "test/1")
    broken = ask(edge.port("production"), Style(path="/die", headers=headers))
    assert "EOF" in str(entry_of(edge, broken.headers["x-incident-id"])["error"])  # why, for the operator
    log, errors = edge.home.root / "edge" / "log" / "access.json", edge.home.logs / "edge.log"
    assert "topsecret" not in log.read_text() and "session=secret" not in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "topsecret" not in errors.read_text()


def test_traffic_tells_releases_apart(edge: Stage) -> None:
    """Counts and failures by release; replaced pages are failures, previews and other environments do not count."""
    since = datetime.now(UTC)
    edge.edge.canary("staging", Canary(edge.dial("dev"), "r-canary", 0.0), token=2)
    edge.edge.preview("staging", edge.dial("dev"))
    chosen = (("Cookie", "gr_preview=canary"),)
    for _ in range(5):
        get(edge, "staging", "/slow/0.1")
        ask(edge.port("staging"), Style(headers=chosen))
    get(edge, "staging", "/status/500")
    ask(edge.sites["staging"].preview_port)
    last = get(edge, "production", "/").headers["x-request-id"]
    entry_of(edge, last)
    edge.edge.canary("staging", None, token=2)

    def report() -> object:
        return edge.edge.traffic("staging", since, datetime.now(UTC) + timedelta(seconds=1))

    eventually(lambda: report().of("r-staging").requests >= 6, "the log has all of it")
    found, canary = report().of("r-staging"), report().of("r-canary")
    assert (found.requests, found.failed) == (6, 1)
    assert 0.1 <= found.p50 < found.p99 + 1e-9 < 5
    assert (canary.requests, canary.failed) == (5, 0)
    assert {t.release for t in report().releases} == {"r-staging", "r-canary"}


def test_metrics(edge: Stage) -> None:
    """Prometheus text with durations by server."""
    get(edge, "production", "/")
    text = edge.edge.metrics()
    assert re.search(r'caddy_http_request_duration_seconds_count\{.*server="site-production"', text)
