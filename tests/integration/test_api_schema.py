"""The API under schemathesis: whatever is sent, by whomever, it answers as its own description says, and never breaks.

Requests are made from the served OpenAPI document, valid and invalid ones; names in them are often real ones, so that
they get past the first look-up. Real HTTP, real engine, memory twins.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from greenroom.domain.roles import Role
from tests.plane import Plane, running_plane
from tests.worlds import placed, sealed, token

EXAMPLES = 3
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPEN = {"/healthz", "/api/v1/hooks/push"}
Look = Callable[[Any, Any], None]
ENVIRONMENTS = ["dev", "qa", "packaging", "uat", "staging", "production"]


@dataclass
class Ground:
    """A plane with something in it; `names` are real values by the name of the field that takes them."""

    plane: Plane
    described: dict[str, Any]
    names: dict[str, list[str]]
    tokens: dict[str, str]

    @property
    def operations(self) -> list[Any]:
        schema = schemathesis.openapi.from_dict(self.described)
        schema.config.update(base_url=self.plane.url)
        return [found.ok() for found in schema.get_all_operations()]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with running_plane(tmp_path_factory.mktemp("plane")) as plane:
        old, new = sealed(plane.world, "1.0"), sealed(plane.world, "2.0")
        works = [placed(plane.world, old, name, ago=7200) for name in ENVIRONMENTS]
        placed(plane.world, new, "staging", ago=3600)
        tokens = {r.value: token(plane.app, r, name=f"role-{r.value}") for r in Role}
        described = httpx.get(
            f"{plane.url}/api/v1/openapi.json", headers={"Authorization": f"Bearer {tokens['manager']}"}
        ).json()
        names = {
            "env": ENVIRONMENTS,
            "environment": ENVIRONMENTS,
            "then_promote": ENVIRONMENTS,
            "ref": ["1.0", "2.0", old, new[:20]],
            "release": ["1.0", "2.0", old, new[:20]],
            "to": ["1.0", "2.0", old],
            "work_id": works,
            "name": ["PAYMENT_TOKEN", "role-client", "SECRET_KEY"],
            "gate": ["soak", "freeze", "window", "checks"],
            "evidence_id": [f"evidence-{n:012d}" for n in (2, 4, 6, 9)],
            "at": ["2026-12-24T02:30", "9999-12-31T23:59"],
            "until": ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2027-01-01T00:00:00+01:00"],
            "timezone": ["Europe/Berlin", "Pacific/Apia", "Europe"],
            "roles": ["client"],
        }
        yield Ground(plane, described, names, tokens)


def with_real_names(case: Any, names: dict[str, list[str]], data: st.DataObject) -> Any:
    """The case, with some of its fields holding what is really there."""
    for place in (case.path_parameters, case.query, case.body):
        if not isinstance(place, dict):
            continue
        for key in sorted(set(place) & set(names)):
            if data.draw(st.booleans()):
                real = data.draw(st.sampled_from(names[key]))
                place[key] = [real] if isinstance(place[key], list) else real
        if "follow" in place:  # a stream that stays is another test's
            place["follow"] = "false"
    return case


def send(ground: Ground, operation: Any, who: str, look: Look) -> None:
    """Some valid requests to the operation, and invalid ones, others for each who; `look` judges each answer."""
    headers = {"Authorization": f"Bearer {ground.tokens[who]}"} if who else {}
    modes = [GenerationMode.POSITIVE]
    if who in ("", "administrator", "manager"):  # what is not understood is not understood from anybody
        modes.append(GenerationMode.NEGATIVE)
    for mode in modes:
        strategy = operation.as_strategy(generation_mode=mode)

        @seed(zlib.crc32(f"{who} {operation.label}".encode()))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy, st.data())
        def ask(case: Any, data: st.DataObject) -> None:
            case = with_real_names(case, ground.names, data)
            response = case.call(base_url=ground.plane.url, headers=headers, timeout=120)
            look(case, response)

        with suppress(Unsatisfiable):  # an operation that takes nothing has no invalid request
            ask()


@pytest.mark.parametrize("role", [r.value for r in Role])
def test_every_answer_is_as_described(ground: Ground, role: str) -> None:
    """No server error, no status, media type or shape that the description lacks, for no role."""
    sent: list[str] = []

    def look(case: Any, response: Any) -> None:
        sent.append(case.operation.label)
        case.validate_response(response, checks=CHECKS)

    for operation in ground.operations:
        if "accounts/{name}" in operation.path:  # the accounts that ask are not to be withdrawn on the way
            continue
        send(ground, operation, role, look)
    assert len(set(sent)) >= len(ground.operations) - 1


def test_nobody_learns_anything(ground: Ground) -> None:
    """Without a token: 401, or 4xx about the request's own form."""

    def look(case: Any, response: Any) -> None:
        if case.operation.path in OPEN:
            return
        assert response.status_code in (400, 401, 404, 405), (case.operation.label, response.text)
        if response.status_code != 401:
            assert response.json()["code"].startswith("request."), response.text

    for operation in ground.operations:
        send(ground, operation, "", look)
