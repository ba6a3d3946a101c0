"""Every route asked by every role: allowed exactly where `domain.roles` says so, and nowhere without a token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.routing import APIRoute

from greenroom.domain.kinds import Kind
from greenroom.domain.roles import Action, Role, may
from greenroom.services import accounts
from greenroom.services.app import App
from greenroom.store import records
from tests.api_support import ENVIRONMENTS, Api, made_api
from tests.worlds import actor

A = Action


@dataclass(frozen=True)
class Ask:
    """What a route asks for. `action` None: everybody who is known. {env}, {work}, {evidence} are filled in."""

    action: Action | None
    body: dict[str, Any] | None = None
    query: str = ""
    everywhere: bool = False  # asked once for each environment


def each(action: Action, body: dict[str, Any] | None = None, query: str = "") -> Ask:
    return Ask(action, body, query, everywhere=True)


TABLE: dict[tuple[str, str], Ask] = {
    ("GET", "/status"): Ask(A.VIEW),
    ("GET", "/status.txt"): Ask(A.VIEW),
    ("GET", "/releases"): Ask(A.VIEW),
    ("POST", "/releases"): Ask(A.RELEASE, {}),
    ("GET", "/releases/{ref}"): Ask(A.VIEW),
    ("GET", "/releases/{ref}/documents"): Ask(A.VIEW),
    ("GET", "/environments"): Ask(A.VIEW),
    ("GET", "/environments/{env}/logs"): each(A.READ_LOGS),
    ("GET", "/environments/{env}/restore-points"): each(A.ROLL_BACK),
    ("GET", "/environments/{env}/mail"): each(A.READ_MAIL),
    ("DELETE", "/environments/{env}/mail"): each(A.READ_MAIL),
    ("GET", "/environments/{env}/mail/{message}"): each(A.READ_MAIL),
    ("GET", "/egress"): Ask(A.VIEW),
    ("GET", "/environments/{env}/egress"): each(A.READ_LOGS),
    ("GET", "/environments/{env}/mailbox"): each(A.READ_MAIL),
    ("GET", "/environments/{env}/backups"): each(A.VIEW),
    ("GET", "/environments/{env}/backups/{name}"): each(A.BACK_UP),
    ("POST", "/environments/{env}/backups"): each(A.BACK_UP, {}),
    ("POST", "/environments/{env}/restores"): each(A.RESTORE, {"dry_run": True}),
    ("POST", "/environments/{env}/drills"): each(A.BACK_UP),
    ("POST", "/environments/{env}/verifications"): each(A.BACK_UP, {}),
    ("POST", "/environments/{env}/refreshes"): each(A.REFRESH, {"dry_run": True}),
    ("GET", "/break-glass"): Ask(A.VIEW),
    ("POST", "/environments/{env}/break-glass"): each(A.BREAK_GLASS, {"reason": "why", "seconds": 60}),
    ("DELETE", "/break-glass/{glass_id}"): Ask(A.BREAK_GLASS),
    ("GET", "/data"): Ask(A.VIEW),
    ("GET", "/clones"): Ask(A.VIEW),
    ("PUT", "/clones/{name}"): Ask(A.CLONE, {}),
    ("POST", "/clones/{name}/reset"): Ask(A.CLONE, {}),
    ("DELETE", "/clones/{name}"): Ask(A.CLONE),
    ("GET", "/datasets"): Ask(A.VIEW),
    ("POST", "/datasets"): Ask(A.MASK, {}),
    ("POST", "/discoveries"): Ask(A.MASK),
    ("POST", "/promotions"): each(A.PROMOTE, {"release": "2.0", "environment": "{env}"}),
    ("GET", "/why"): each(A.VIEW, query="?release=2.0&environment={env}"),
    ("GET", "/work"): Ask(A.VIEW),
    ("GET", "/work/{work_id}"): each(A.VIEW),
    ("GET", "/work/{work_id}/events"): each(A.VIEW),
    ("POST", "/work/{work_id}/cancel"): each(A.CANCEL, {}),
    ("POST", "/work/{work_id}/resume"): each(A.RESUME),
    ("POST", "/work/{work_id}/finish"): each(A.RESUME),
    ("POST", "/rollbacks"): each(A.ROLL_BACK, {"environment": "{env}"}),
    ("POST", "/approvals"): each(A.APPROVE, {"release": "2.0", "environment": "{env}"}),
    ("DELETE", "/approvals/{approval_id}"): Ask(None),
    ("POST", "/overrides"): each(
        A.OVERRIDE, {"gate": "soak", "release": "2.0", "environment": "{env}", "reason": "why", "seconds": 60}
    ),
    ("POST", "/freezes"): each(A.FREEZE, {"environment": "{env}", "reason": "why"}),
    ("DELETE", "/freezes"): each(A.FREEZE, query="?environment={env}"),
    ("POST", "/evidence/{evidence_id}/revoke"): each(A.REVOKE, {"reason": "why"}),
    ("POST", "/checks"): each(A.CHECK, {"release": "2.0", "environment": "{env}"}),
    ("GET", "/ledger"): Ask(A.READ_LEDGER),
    ("GET", "/ledger/export"): Ask(A.READ_LEDGER),
    ("GET", "/ledger/verify"): Ask(A.READ_LEDGER),
    ("GET", "/accounts"): Ask(A.ADMINISTER),
    ("POST", "/accounts"): Ask(A.ADMINISTER, {"name": "somebody", "roles": ["client"]}),
    ("GET", "/accounts/me"): Ask(None),
    ("DELETE", "/accounts/{name}"): Ask(A.ADMINISTER),
    ("GET", "/secrets/{env}"): each(A.SET_SECRET),
    ("PUT", "/secrets/{env}/{name}"): each(A.SET_SECRET, {"value": "hunter22"}),
    ("DELETE", "/secrets/{env}/{name}"): each(A.SET_SECRET),
    ("GET", "/policy"): Ask(A.VIEW),
    ("POST", "/policy"): Ask(A.CONFIGURE, {"text": "project: x", "repository": "/r", "dry_run": True}),
    ("POST", "/collect"): Ask(A.COLLECT, {"dry_run": True}),
    ("GET", "/doctor"): Ask(A.READ_LEDGER),
    ("GET", "/metrics"): Ask(A.VIEW),
    ("GET", "/openapi.json"): Ask(None),
}
WITHOUT_TOKEN = {("GET", "/healthz"), ("POST", "/api/v1/hooks/push")}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Api:
    return made_api(tmp_path_factory.mktemp("roles"))


def routes(api: Api) -> set[tuple[str, str]]:
    described = api.client.app.openapi()["paths"]  # type: ignore[attr-defined]
    return {(method.upper(), path) for path, methods in described.items() for method in methods}


def evidence_of(app: App, env: str) -> str:
    """The evidence that something was promoted there."""
    with app.world.store.database.reading() as tx:
        row = records.environment(tx, env)
        return next(e.id for e in records.evidence_of(tx, row.current or "") if e.environment == env)


def requests(api: Api, route: tuple[str, str]) -> Iterator[tuple[Kind | None, str, dict[str, Any] | None]]:
    """(kind of environment, path with query, body) of each request that tries the route."""
    ask = TABLE[route]
    for env in ENVIRONMENTS if ask.everywhere else ("dev",):
        names = {
            "env": env,
            "ref": "2.0",
            "work_id": api.works[env],
            "evidence_id": evidence_of(api.app, env),
            "approval_id": "approval-1",
            "message": "1.a",
            "glass_id": "glass-0",
            "name": "nobody" if "accounts" in route[1] else "PAYMENT_TOKEN",
        }
        body = ask.body and {k: v.format(**names) if isinstance(v, str) else v for k, v in ask.body.items()}
        yield (
            Kind(env) if ask.everywhere else None,
            (route[1] + ask.query).format(**names),
            body if body or ask.body is None else {},
        )


def test_the_table_has_every_route(shared: Api) -> None:
    """A route that nobody put into the table of roles does not exist."""
    assert routes(shared) - WITHOUT_TOKEN == {(m, f"/api/v1{p}") for m, p in TABLE}


def test_no_route_hides_from_the_table(shared: Api) -> None:
    """What is served is what is described: no route without a description, no mounted application, no web socket."""
    served = set()
    for prefix, route in every_route(shared.client.app.routes):  # type: ignore[attr-defined]
        assert isinstance(route, APIRoute), route
        served |= {(method, prefix + route.path) for method in route.methods}
    assert served == routes(shared)


def every_route(found: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Routes with what stands before their path; included routers opened."""
    for route in found:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield prefix, route
        else:
            yield from every_route(inner.routes, prefix + route.include_context.prefix)


@pytest.mark.parametrize("role", list(Role), ids=str)
@pytest.mark.parametrize("route", list(TABLE), ids=" ".join)
def test_a_role_may_exactly_what_the_matrix_says(shared: Api, route: tuple[str, str], role: Role) -> None:
    """403 `role.missing`, naming who may, exactly where the role may not; anything but 401 and 403 where it may."""
    for kind, path, body in requests(shared, route):
        answer = shared.ask(route[0], path, role, json=body)
        action = TABLE[route].action
        if action is None or may([role], action, kind):
            assert answer.status_code not in (401, 403), (path, answer.text)
            assert answer.status_code < 500, (path, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "role.missing"), (path, answer.text)
            assert answer.json()["next"].startswith("ask someone who is ")


@pytest.mark.parametrize("route", list(TABLE), ids=" ".join)
def test_nobody_gets_in_without_a_token_that_holds(shared: Api, route: tuple[str, str]) -> None:
    """No token, another scheme, a malformed, an unknown, a doubled and a withdrawn one: 401."""
    gone = accounts.add(shared.app, actor(Role.ADMINISTRATOR, name="root"), "gone", ["administrator"]).reveal()
    accounts.disable(shared.app, actor(Role.ADMINISTRATOR, name="root"), "gone")
    _, path, body = next(requests(shared, route))
    good = accounts.add(shared.app, actor(Role.ADMINISTRATOR, name="root"), "good", ["administrator"]).reveal()
    for given in (
        None,
        "Basic Zm9vOmJhcg==",
        "Bearer",
        "Bearer x",
        f"Bearer {good} {good}",
        "Bearer gr_" + "a" * 43,
        f"Bearer {gone}",
    ):
        answer = shared.ask(route[0], path, json=body, headers={"Authorization": given} if given else {})
        assert answer.status_code == 401, given
        assert answer.json()["code"] == ("auth.invalid" if given else "auth.missing")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_is_good_only_alone(shared: Api) -> None:
    """Two Authorization headers, one of them good, are nobody: a proxy and we might read different ones."""
    good = accounts.add(shared.app, actor(Role.ADMINISTRATOR, name="root"), "twice", ["manager"]).reveal()
    headers = [("Authorization", f"Bearer {good}"), ("Authorization", "Bearer gr_other")]
    assert shared.client.get("/api/v1/status", headers=headers).json()["code"] == "auth.invalid"


def test_release_with_a_promotion_asks_for_both_roles(shared: Api) -> None:
    """`then_promote` needs the right to promote there, not only to make releases."""
    body = {"then_promote": "production"}
    assert shared.ask("POST", "/releases", Role.DEVELOPER, json=body).json()["code"] == "role.missing"


def test_health_needs_no_token_and_says_nothing(shared: Api) -> None:
    """The only open answer is that somebody is there."""
    assert shared.client.get("/healthz").json() == {"ok": True}
