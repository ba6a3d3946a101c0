"""Overrides fit their case or count for nothing, and a case that makes no sense cannot be made."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given

from greenroom.domain.evidence import Freeze, Override
from greenroom.domain.gate import OVERRIDE_LIMIT, Case, EnvironmentView, Passed, Request, Waiting, decide, override_flaw
from greenroom.domain.kinds import Kind
from greenroom.registry import all_gates
from tests.unit.gates.strategies import MAIN, NOW, OTHER, all_configured, cases

FREEZE = all_gates()["freeze"]
GATES = [(FREEZE, FREEZE.Config())]
REQUEST = Request("promotion", MAIN, "production", "rita", "dan")
FROZEN = Case(
    REQUEST,
    tuple(EnvironmentView(k.value, k) for k in Kind),
    NOW,
    freezes=(Freeze("f", "production", "olaf", "audit", NOW - timedelta(days=1)),),
    accounts={"mia": frozenset({"manager"})},
)
GOOD = Override(
    "o", "freeze", MAIN, "production", "mia", "manager", "the fix cannot wait", NOW, NOW + timedelta(hours=2)
)


def test_an_override_sets_a_gate_aside_and_stays_visible() -> None:
    """The line keeps its verdict, names who overrode it, and the decision passes."""
    decision = decide(GATES, replace(FROZEN, overrides=(GOOD,)))
    assert decision.passed
    assert decision.as_dict()["lines"][0]["verdict"] == "refused"
    assert decision.as_dict()["lines"][0]["overridden_by"] == "mia"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"gate": "window"}, "override.elsewhere"),
        ({"release": OTHER}, "override.elsewhere"),
        ({"environment": "staging"}, "override.elsewhere"),
        ({"role": "engineer"}, "override.role"),
        ({"role": ""}, "override.role"),
        ({"role": "Manager"}, "override.role"),
        ({"by": "dan"}, "override.own"),
        ({"by": "rita"}, "override.own"),
        ({"reason": " \n"}, "override.no_reason"),
        ({"expires_at": NOW + OVERRIDE_LIMIT + timedelta(seconds=1)}, "override.expiry"),
        ({"expires_at": NOW}, "override.expiry"),
    ],
)
def test_an_override_that_does_not_fit_counts_for_nothing(change: dict[str, object], code: str) -> None:
    """Wrong case, wrong role, own work, no reason or no near end: the gate stays closed, and it can be told why."""
    override = replace(GOOD, **change)
    assert not decide(GATES, replace(FROZEN, overrides=(override,))).passed
    flaw = override_flaw(FREEZE, override, REQUEST, Kind.PRODUCTION)
    assert flaw is not None
    assert (flaw.code, bool(flaw.because), bool(flaw.next)) == (code, True, True)


@pytest.mark.parametrize("name", ["path", "sealed", "one_at_a_time"])
def test_some_gates_are_never_overridden(name: str) -> None:
    """Path, seal and one-at-a-time stand whoever says otherwise."""
    gate = all_gates()[name]
    case = replace(FROZEN, busy_with="promotion-9", overrides=(replace(GOOD, gate=name),))
    decision = decide([(gate, gate.Config())], case)
    assert not decision.passed
    assert decision.lines[0].overridden_by is None
    flaw = override_flaw(gate, replace(GOOD, gate=name), REQUEST, Kind.PRODUCTION)
    assert flaw is not None
    assert flaw.code == "override.not_overridable"


@pytest.mark.parametrize("later", [timedelta(seconds=-1), timedelta(hours=2)])
def test_an_override_holds_until_it_expires(later: timedelta) -> None:
    """Before it was given and from its last instant on it sets nothing aside."""
    assert not decide(GATES, replace(FROZEN, now=NOW + later, overrides=(GOOD,))).passed


@given(all_configured, cases())
def test_an_override_never_weakens_another_line(gates, case: Case) -> None:
    """With overrides and without, every gate gives the same verdict; only overridable lines are set aside."""
    with_them, without = decide(gates, case), decide(gates, replace(case, overrides=()))
    assert [x.verdict for x in with_them.lines] == [x.verdict for x in without.lines]
    for line in with_them.lines:
        if line.overridden_by is not None:
            assert all_gates()[line.gate].overridable
            assert not isinstance(line.verdict, Passed)


def test_the_decision_wakes_when_the_first_wait_ends() -> None:
    """`wake_at` is the earliest moment a waiting line names, and None when somebody must act."""
    window, busy = all_gates()["window"], all_gates()["one_at_a_time"]
    case = replace(FROZEN, busy_with="promotion-9", request=replace(REQUEST, not_before=NOW + timedelta(hours=3)))
    gates = [(window, window.Config()), (busy, busy.Config())]
    assert decide(gates, case).wake_at == NOW + timedelta(hours=3)
    assert decide(gates[1:], case).wake_at is None
    assert isinstance(decide(gates, case).lines[1].verdict, Waiting)


@pytest.mark.parametrize(
    "change",
    [
        {"path": ()},
        {"path": tuple(EnvironmentView("production", Kind.PRODUCTION) for _ in range(2))},
        {"now": datetime(2026, 1, 1)},
        {"request": replace(REQUEST, environment="nowhere")},
    ],
)
def test_a_case_that_makes_no_sense_cannot_be_made(change: dict[str, object]) -> None:
    """A target off the path, a name twice on it, a naive instant: ValueError, not a verdict."""
    with pytest.raises(ValueError, match="should"):
        replace(FROZEN, **change)


@pytest.mark.parametrize("accounts", [{}, {"mia": frozenset({"engineer"})}])
def test_an_override_ends_with_the_role_it_was_given_in(accounts) -> None:
    """Disabling whoever gave it, or taking the role away, brings the gate back."""
    decision = decide(GATES, replace(FROZEN, overrides=(GOOD,), accounts=accounts))
    assert not decision.passed
    assert decision.lines[0].overridden_by is None
