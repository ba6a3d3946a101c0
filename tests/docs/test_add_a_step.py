"""The example of `docs/contribute/add-a-step.md` is a step, and keeps what the page says of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from greenroom.domain.errors import Refused
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.work import State, Work
from greenroom.ports.probe import Answer
from greenroom.workflows.step import Done, StepContext
from tests.docs.pages import ROOT, Page
from tests.unit.workflows.story import Story

PAGE = ROOT / "docs/contribute/add-a-step.md"


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = ModuleType("warm_up_of_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (text,) = Page(PAGE.name, PAGE.read_text(encoding="utf-8")).blocks("python")
    exec(compile(text, PAGE.name, "exec"), module.__dict__)
    return module.WarmUpStep()


def context(story: Story, environment: str) -> StepContext:
    now = story.world.clock.now()
    plan = PLANS[WorkKind.PROMOTION]
    work = Work("promotion-x", WorkKind.PROMOTION, environment, story.new, plan, State.ACTIVE, "ida", now)
    return StepContext(work, story.world, lambda: None, lambda name: None, lambda text: None, lambda: False)


def test_the_example_asks_and_refuses(step: Any, tmp_path: Path) -> None:
    """It happens, twice without harm; an application that breaks is refused; in packaging nothing is asked."""
    story = Story(tmp_path)
    here = context(story, "production")
    assert step.do(here) == step.do(here) == Done({"asked": 5})
    assert step.undo(here) == Done()
    assert step.do(context(story, "packaging")) == Done()

    class Broken:
        def get(self, dial: str, path: str, *, seconds: float) -> Answer:
            return Answer(500, 0.1)

    broken = replace(here, world=replace(story.world, probe=Broken()))
    with pytest.raises(Refused) as refused:
        step.do(broken)
    assert refused.value.code == "warm_up.failed"
