"""The example of `docs/contribute/add-a-detector.md` is a detector, and finds what the page's cases tell."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from greenroom.discovery.discover import discover
from greenroom.discovery.model import Harmless, Proposal
from greenroom.registry import all_detectors, all_rules, detectors_of
from tests.unit.discovery.cases import told_cases

PAGE = (Path(__file__).parents[2] / "docs/contribute/add-a-detector.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return found[0]


def test_the_example_is_found_as_a_detector_and_does_what_it_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page's code is a detector the registry takes; its cases come out as they are told."""
    module = ModuleType("plates_of_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block("python"), "add-a-detector.md", "exec"), module.__dict__)
    detectors = {**all_detectors(), **detectors_of([module])}
    (tmp_path / "plate.toml").write_text(block("toml"), encoding="utf-8")
    cases = list(told_cases(tmp_path))
    assert len(cases) == len(tomllib.loads(block("toml"))["case"]) == 2
    for told in cases:
        verdict = next(v for v in discover([told.table], all_rules(), detectors) if v.column == told.column)
        if told.expects == "harmless":
            assert isinstance(verdict, Harmless)
        else:
            assert isinstance(verdict, Proposal)
            assert (verdict.rule, verdict.detector) == (told.expects, "plate")
