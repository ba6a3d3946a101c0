"""Nobody may do what the one table does not list for a role they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.errors import Refused
from greenroom.domain.kinds import Kind
from greenroom.domain.roles import MATRIX, SYSTEM, Action, Actor, Role, may, require

roles = st.frozensets(st.sampled_from(Role))
actions = st.sampled_from(Action)
kinds = st.sampled_from(Kind)

FORBIDDEN = [
    (Role.DEVELOPER, Action.PROMOTE, [Kind.PACKAGING, Kind.UAT, Kind.STAGING, Kind.PRODUCTION]),
    (Role.DEVELOPER, Action.READ_LOGS, [Kind.UAT, Kind.STAGING, Kind.PRODUCTION]),
    (Role.DEVELOPER, Action.SET_SECRET, [k for k in Kind if k is not Kind.DEV]),
    (Role.DEVELOPER, Action.APPROVE, list(Kind)),
    (Role.TESTER, Action.PROMOTE, [Kind.PRODUCTION]),
    (Role.TESTER, Action.ROLL_BACK, list(Kind)),
    (Role.CLIENT, Action.PROMOTE, list(Kind)),
    (Role.CLIENT, Action.READ_LOGS, list(Kind)),
    (Role.CLIENT, Action.SET_SECRET, list(Kind)),
    (Role.MANAGER, Action.PROMOTE, list(Kind)),
    (Role.ADMINISTRATOR, Action.PROMOTE, list(Kind)),
    (Role.ADMINISTRATOR, Action.APPROVE, list(Kind)),
    (Role.ADMINISTRATOR, Action.OVERRIDE, list(Kind)),
    (Role.AUTOMATION, Action.APPROVE, list(Kind)),
    (Role.AUTOMATION, Action.OVERRIDE, list(Kind)),
    (Role.AUTOMATION, Action.FREEZE, list(Kind)),
]


@given(roles, actions, kinds)
def test_nobody_but_the_listed(held: frozenset[Role], action: Action, kind: Kind) -> None:
    """A set of roles may exactly what one of them lists."""
    assert may(held, action, kind) == any(kind in MATRIX[r].get(action, frozenset()) for r in held)


@given(roles, roles, actions, st.none() | kinds)
def test_one_more_role_takes_nothing_away(
    held: frozenset[Role], more: frozenset[Role], action: Action, kind: Kind | None
) -> None:
    """Who holds more roles may at least as much."""
    assert not may(held, action, kind) or may(held | more, action, kind)


@given(roles, actions)
def test_somewhere_means_some_kind(held: frozenset[Role], action: Action) -> None:
    """Without a kind the question is whether it is allowed anywhere."""
    assert may(held, action) == any(may(held, action, kind) for kind in Kind)


@pytest.mark.parametrize(("role", "action", "where"), FORBIDDEN)
def test_what_a_role_may_never(role: Role, action: Action, where: list[Kind]) -> None:
    """The design's "may never" column, cell by cell."""
    assert [kind for kind in where if may([role], action, kind)] == []


@pytest.mark.parametrize("action", Action)
def test_everything_can_be_done_by_somebody(action: Action) -> None:
    """No action is left without a role that may do it."""
    assert any(may([role], action) for role in Role)


@pytest.mark.parametrize("action", Action)
def test_every_action_is_asked_for_by_a_service(action: Action) -> None:
    """The table has no entry that nothing asks: what is listed there is what Greenroom does."""
    services = (Path(__file__).parents[2] / "src/greenroom/services").glob("*.py")
    assert any(f"Action.{action.name}" in file.read_text(encoding="utf-8") for file in services)


def test_no_role_may_nothing() -> None:
    """Holding no role, or one that does not exist, allows nothing."""
    assert not any(may(held, action) for held in ([], ["root"], [""]) for action in Action)


@given(st.text(max_size=8), roles, actions, st.none() | kinds)
def test_a_refusal_says_who_could(name: str, held: frozenset[Role], action: Action, kind: Kind | None) -> None:
    """`require` passes who may; else it is refused with the roles that may, none of which is held."""
    actor = Actor(name, held)
    if may(held, action, kind):
        require(actor, action, kind)
        return
    with pytest.raises(Refused) as caught:
        require(actor, action, kind)
    able = caught.value.facts["roles"]
    assert caught.value.code == "role.missing"
    assert able == sorted(r.value for r in Role if may([r], action, kind))
    assert not set(able) & {r.value for r in held}
    assert able == [] or " or ".join(able) in caught.value.hint


def test_greenroom_itself_holds_every_role() -> None:
    """The system actor can do whatever a person can: it rolls back, expires and resumes by itself."""
    assert all(may(SYSTEM.roles, action) for action in Action)
