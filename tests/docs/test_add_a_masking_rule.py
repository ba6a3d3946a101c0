"""The example of `docs/contribute/add-a-masking-rule.md` is a masking rule. (PostgreSQL tries it with all cases.)"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from greenroom.domain.masking import Rule
from greenroom.registry import rules_of
from tests.unit.masking.cases import Told, read

PAGE = (Path(__file__).parents[2] / "docs/contribute/add-a-masking-rule.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return found[0]


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> Rule:
    module = ModuleType("plates_of_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block("python"), "add-a-masking-rule.md", "exec"), module.__dict__)
    return rules_of([module])["licence_plate"]


def test_the_example_is_found_as_a_rule_and_refuses_what_it_says(rule: Rule) -> None:
    """The page's code is a rule the registry takes, and it finds the problems that the page's cases tell."""
    told: list[Told] = read(block("toml"), rule, "add-a-masking-rule.md")
    assert len(told) == 3
    for one in told:
        assert rule.problem(rule.Config.model_validate(one.settings), one.column) == one.problem
