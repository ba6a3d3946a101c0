"""The generated pages of plans, states and roles say what the code does."""

from __future__ import annotations

import sys

import pytest

from greenroom.domain.plan import PLANS
from greenroom.domain.roles import MATRIX, Action, Role
from greenroom.domain.work import State
from greenroom.workflows.procedure import procedure
from tests.docs.pages import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from reference_pages import plan, roles, states  # noqa: E402


@pytest.mark.parametrize("module", [plan, roles, states], ids=lambda m: m.__name__)
def test_the_page_is_current(module: object) -> None:
    """`make docs` would write the same."""
    for path, page in module.PAGES.items():  # type: ignore[attr-defined]
        assert (ROOT / path).read_text(encoding="utf-8") == page(), f"{path} is stale: run `make docs`"


def test_every_step_has_its_undo_and_its_limit_in_words() -> None:
    """A new step is described, and a removed one is not."""
    classes = {type(s).__name__ for s in procedure().values()}
    assert set(plan.UNDO) == classes
    assert set(plan.LIMITS) == classes


def test_what_is_said_to_undo_nothing_does_nothing() -> None:
    """A step whose undo is `nothing` has an undo that returns at once; a step that is never undone says so."""
    for step in procedure().values():
        said = plan.UNDO[type(step).__name__]
        if said.startswith(plan.NOTHING + ":"):
            assert plan.does_nothing(step), f"{type(step).__name__} undoes something"
        assert (said == plan.NEVER) == (not step.returns)


def test_every_plan_has_its_section() -> None:
    """Each kind of work is described, with its steps in their order."""
    page = plan.plan_page()
    assert set(plan.ABOUT) == set(PLANS)
    for made in PLANS.values():
        assert " → ".join(made.steps) in page


def test_every_state_is_explained() -> None:
    """What it means comes from the source; how it goes on is said for each."""
    assert set(states.NEXT) == set(State)
    assert set(states.meanings()) | {s.name for s in states.MEANS} == {s.name for s in State}


def test_every_role_and_action_is_explained() -> None:
    """Whoever adds one says what it is for and which commands it covers."""
    assert set(roles.ABOUT) == set(Role) == set(MATRIX)
    assert set(roles.COMMANDS) == set(Action)
