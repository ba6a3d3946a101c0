"""Detectors find what their cases tell, and nothing else; the cases leave no detector out."""

from __future__ import annotations

import pytest

from greenroom.discovery.discover import discover
from greenroom.discovery.model import Harmless, Proposal, Undecided
from greenroom.registry import all_detectors, all_rules
from tests.unit.discovery.cases import Told, told_cases

ALL = list(told_cases())


@pytest.mark.parametrize("told", ALL, ids=[t.id for t in ALL])
def test_tells(told: Told) -> None:
    """The column gets the verdict that the case tells, for the detector's reason."""
    verdicts = discover([told.table], all_rules(), all_detectors())
    verdict = next(v for v in verdicts if v.column == told.column)
    if told.expects == "harmless":
        assert isinstance(verdict, Harmless), (told.promise, verdict)
    elif told.expects == "undecided":
        assert isinstance(verdict, Undecided), (told.promise, verdict)
    else:
        assert isinstance(verdict, Proposal), (told.promise, verdict)
        assert (verdict.rule, verdict.detector) == (told.expects, told.detector), (told.promise, verdict)
        if told.settings is not None:
            assert dict(verdict.settings) == told.settings
    assert verdict.reason


@pytest.mark.parametrize("name", all_detectors())
def test_each_detector_has_its_cases(name: str) -> None:
    """Every detector has a case in which it finds something, and one of its file in which it does not."""
    own = [t for t in ALL if t.id.startswith(f"{name}[")]
    assert any(t.detector == name and t.expects not in ("harmless", "undecided") for t in own)
    assert any(t.detector != name or t.expects in ("harmless", "undecided") for t in own)
    assert len({t.promise for t in own}) == len(own)
