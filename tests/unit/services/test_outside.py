"""What leads outside: payment keys, webhooks, processes that reach people. Production's are production's alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from greenroom.domain.errors import Refused
from greenroom.domain.release import Descriptor
from greenroom.domain.roles import Role
from greenroom.domain.secret import Secret
from greenroom.services import egress, secrets, status
from greenroom.store import tables
from greenroom.workflows.instances import deployment_of, idle_processes, variables
from greenroom.workflows.reach import reaches
from greenroom.workflows.world import World
from tests.worlds import SMALL, actor, memory_app, memory_world, placed, sealed

TEXT = (
    SMALL.replace(
        "config:\n",
        """config:
  PAY_KEY: {secret: true, outside: true, required: true}
  PAY_URL: {outside: true, default: "https://pay.example"}
  HOOK: {outside: true, default: "https://partner.example", caught: "http://127.0.0.1:9/"}
  SIGNATURE: {secret: true, outside: true, generate: true}
""",
    )
    .replace("processes:\n", 'processes:\n  reminders: {command: "python remind.py", listen: none, outside: true}\n')
    .replace("dev: {follow: main}", "dev: {outside: [reminders]}\n  staging: {}")
)
LIVE, TEST = Secret("sk_live_very_secret"), Secret("sk_test_very_harmless")
ADMINISTRATOR = actor(Role.ADMINISTRATOR)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = memory_world(tmp_path, TEXT)
    made.secrets.put("production", "PAY_KEY", LIVE)
    made.secrets.put("staging", "PAY_KEY", TEST)
    return made


def given(world: World, environment: str) -> dict[str, object]:
    return dict(variables(world, environment, world.release(sealed(world))))


def test_each_side_has_its_own(world: World) -> None:
    """Where side effects are caught: its own secret, the harmless value, and never the default of production."""
    real, caught = given(world, "production"), given(world, "staging")
    assert real["PAY_KEY"] == LIVE and caught["PAY_KEY"] == TEST
    assert real["PAY_URL"] == "https://pay.example" and "PAY_URL" not in caught
    assert real["HOOK"] == "https://partner.example" and caught["HOOK"] == "http://127.0.0.1:9/"
    assert real["SIGNATURE"] != caught["SIGNATURE"]


def test_what_is_required_is_asked_for(world: World) -> None:
    """Nothing starts with production's key for want of another."""
    with pytest.raises(Refused, match="dev lacks PAY_KEY"):
        given(world, "dev")


@pytest.mark.parametrize(("environment", "value"), [("staging", LIVE), ("dev", LIVE), ("production", TEST)])
def test_one_value_does_not_stand_on_both_sides(world: World, environment: str, value: Secret) -> None:
    """Whichever is set last is refused, without a value being said; that somebody tried stands on the ledger."""
    app = memory_app(world)
    with pytest.raises(Refused) as refused:
        secrets.put(app, ADMINISTRATOR, environment, "PAY_KEY", value)
    assert refused.value.code == "config.outside_shared"
    assert value.reveal() not in str(refused.value) and value.reveal() not in str(refused.value.as_dict())
    with world.store.database.reading() as tx:
        actions = tx.scalars(select(tables.ledger.c.event).order_by(tables.ledger.c.seq)).all()
    assert actions[-1] == "secret.refused"
    secrets.put(app, ADMINISTRATOR, "dev", "PAY_KEY", TEST)  # the same on one side is no matter
    secrets.put(app, ADMINISTRATOR, "dev", "PAYMENT_TOKEN", LIVE)  # nor what does not lead outside


def test_a_variable_that_is_marked_later_is_caught_too(world: World) -> None:
    """What stood there before the release said so keeps it from starting."""
    world.secrets.put("staging", "PAY_KEY", LIVE)
    with pytest.raises(Refused) as refused:
        given(world, "staging")
    assert refused.value.code == "config.outside_shared" and "production" in str(refused.value)


def test_processes_that_reach_people_rest(world: World) -> None:
    """Where side effects are caught, unless the environment names them; in production they run."""
    digest = sealed(world)
    release = world.release(digest)
    assert idle_processes(world, "staging", release) == {"reminders"}
    assert idle_processes(world, "dev", release) == idle_processes(world, "production", release) == frozenset()
    plan = deployment_of(world, "staging", release, "promotion-1")
    assert plan.instance_ids() == ["staging.web.0.1"]
    placed(world, digest, "staging")
    shown = {e["name"]: e["idle"] for e in status.path(memory_app(world), ADMINISTRATOR)["environments"]}
    assert shown == {"dev": [], "staging": ["reminders"], "production": []}


def test_a_descriptor_without_them_is_what_it_was(world: World) -> None:
    """Releases of before keep their digest: what is not said is not written, and what is said comes back."""
    now = world.project().descriptor("1.0")
    told = now.as_dict()
    assert Descriptor.from_dict(told) == now
    plain = replace(
        now,
        processes=tuple(replace(p, outside=False) for p in now.processes),
        variables=tuple(replace(v, outside=False, caught=None) for v in now.variables),
    ).as_dict()
    assert not any("outside" in p for p in plain["processes"])
    assert not any({"outside", "caught"} & set(v) for v in plain["variables"])


def test_an_environment_reaches_its_own(world: World) -> None:
    """Its address and preview at the edge, its database and its mailbox, and nobody else's; production is free."""
    world.databases.ensure("staging", world.project().described.services)
    world.mail.address("staging")
    found = {r.environment: r for r in reaches(world)}
    assert set(found) == {"dev", "staging"}
    staging = world.project().environment("staging")
    assert set(found["staging"].ports) == {staging.port, staging.preview_port, 25400, 20025}
    assert found["staging"].allow == ()


def test_who_may_see_what_was_refused(world: World) -> None:
    """How much, everybody; where to, whoever may read the environment's logs: names can carry what people typed."""
    app = memory_app(world)
    listed = egress.listed(app, actor(Role.CLIENT))
    assert [(e["environment"], e["limited"], e["allow"]) for e in listed] == [
        ("dev", True, []),
        ("staging", True, []),
        ("production", False, "any"),
    ]
    with pytest.raises(Refused):
        egress.shown(app, actor(Role.DEVELOPER), "staging")
    assert egress.shown(app, actor(Role.ENGINEER), "staging")["refused"] == []


def test_a_machine_that_cannot_says_so(world: World) -> None:
    """In every environment's standing, in status and in metrics; the doctor calls it damage where it was asked for."""
    from greenroom.services.examinations.egress import look
    from greenroom.terminal.path import picture
    from tests.worlds import apply

    world.egress.unable = "nft is not installed"  # type: ignore[attr-defined]
    world.egress.limit(reaches(world))
    placed(world, sealed(world), "staging")
    app = memory_app(world)
    said = picture(status.path(app, ADMINISTRATOR), width=160, color=False, unicode=False)
    assert "outgoing network is not limited: nft is not installed" in said
    found = next(look(app))
    assert found.outcome == "passed" and "NOT limited: nft is not installed" in found.said
    apply(world, TEXT.replace("staging: {}", "staging: {egress: {allow: [192.0.2.1]}}"))
    found = next(look(app))
    assert found.outcome == "failed" and "staging" in found.said and found.next
