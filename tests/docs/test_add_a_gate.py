"""The example of `docs/contribute/add-a-gate.md` is a gate, and its cases are true."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from greenroom.domain.gate import Gate
from greenroom.registry import gates_of
from tests.unit.gates.cases import Told, read

PAGE = (Path(__file__).parents[2] / "docs/contribute/add-a-gate.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return found[0]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    module = ModuleType("scope_of_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block("python"), "add-a-gate.md", "exec"), module.__dict__)
    return gates_of([module])["scope"]


def test_the_example_is_found_as_a_gate_and_its_cases_hold(gate: Gate) -> None:
    """The page's code is a gate the registry takes, and each case of the page gets the verdict it tells."""
    told: list[Told] = read(block("toml"), gate, "add-a-gate.md")
    assert len(told) == 3
    for one in told:
        verdict = gate.judge(one.config, one.case)
        assert type(verdict).__name__.lower() == one.expected.verdict
        assert verdict.because == one.expected.because
        assert one.expected.next in getattr(verdict, "next", "")
        assert getattr(verdict, "code", None) == one.expected.code
