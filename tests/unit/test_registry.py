"""Gates, masking rules and detectors are found, not listed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from greenroom.discovery.measure import merged_traits
from greenroom.discovery.model import Detector
from greenroom.domain.errors import Errored
from greenroom.domain.gate import Case, GateConfig, Passed
from greenroom.domain.kinds import Kind
from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.registry import all_detectors, all_gates, all_rules, all_traits, detectors_of, gates_of, rules_of


class Stub:
    """A gate that a module brings."""

    title = "A stub"
    Config = GateConfig
    for_rollback = False
    overridable = True
    codes: dict[str, str] = {}

    def __init__(self, name: str) -> None:
        self.name = name

    def default(self, kind: Kind) -> None:
        return None

    def judge(self, config: Any, case: Case) -> Passed:
        return Passed("it is a stub")


class StubRule:
    """A masking rule that a module brings."""

    title = "A stub"
    Config = RuleConfig
    keeps_unique = False

    def __init__(self, name: str) -> None:
        self.name = name

    def problem(self, config: Any, column: Column) -> None:
        return None

    def mask(self, config: Any, column: Column) -> Masked:
        return Masked("NULL")


def module(name: str, gate: object = None, rule: object = None, detector: object = None) -> ModuleType:
    made = ModuleType(name)
    if gate is not None:
        made.GATE = gate  # type: ignore[attr-defined]
    if rule is not None:
        made.RULE = rule  # type: ignore[attr-defined]
    if detector is not None:
        made.DETECTOR = detector  # type: ignore[attr-defined]
    return made


def test_finds_every_gate_by_its_file() -> None:
    """The gates of the path are there, sorted by name, and no helper is taken for one."""
    names = list(all_gates())
    assert names == sorted(names)
    assert {"approvals", "checks", "freeze", "one_at_a_time", "path", "sealed", "soak", "window"} <= set(names)


def test_a_module_without_a_gate_is_a_helper() -> None:
    """Helpers are passed over."""
    assert list(gates_of([module("helper"), module("b", Stub("b")), module("a", Stub("a"))])) == ["a", "b"]


def test_a_second_claim_to_a_name_is_refused() -> None:
    """Both claimants are named."""
    with pytest.raises(Errored) as raised:
        gates_of([module("one", Stub("x")), module("two", Stub("x"))])
    assert raised.value.code == "registry.claimed_twice"
    assert "one" in raised.value.because
    assert "two" in raised.value.because


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("name", "Bad Name"), ("title", None), ("Config", dict), ("for_rollback", "no"), ("judge", None), ("default", 1)]
    + [("overridable", None), ("name", 5)],
)
def test_what_is_no_gate_is_refused(attribute: str, value: object) -> None:
    """A GATE that does not keep the promise is named with its module, when it is found and not when it is asked."""
    gate = Stub("x")
    setattr(gate, attribute, value)
    with pytest.raises(Errored) as raised:
        gates_of([module("strange", gate)])
    assert raised.value.code == "registry.malformed"
    assert "strange" in raised.value.message


def test_finds_every_masking_rule_by_its_file() -> None:
    """Each file of the package that is no helper brings one rule of its own name."""
    import greenroom.masking as package

    files = {p.stem for p in Path(package.__path__[0]).glob("*.py") if not p.stem.startswith("_")}
    assert list(all_rules()) == sorted(files)


def test_a_gate_is_no_masking_rule() -> None:
    """A module may bring either; each is looked for under its own name."""
    modules = [module("one", gate=Stub("x")), module("two", rule=StubRule("x"))]
    assert list(gates_of(modules)) == list(rules_of(modules)) == ["x"]


def test_a_second_claim_to_a_masking_rules_name_is_refused() -> None:
    """Both claimants are named."""
    with pytest.raises(Errored) as raised:
        rules_of([module("one", rule=StubRule("x")), module("two", rule=StubRule("x"))])
    assert raised.value.code == "registry.claimed_twice"
    assert raised.value.because == "one and two"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("name", "Bad Name"), ("title", 1), ("Config", GateConfig), ("keeps_unique", 1), ("problem", None), ("mask", "x")],
)
def test_what_is_no_masking_rule_is_refused(attribute: str, value: object) -> None:
    """A RULE that does not keep the promise is named with its module."""
    rule = StubRule("x")
    setattr(rule, attribute, value)
    with pytest.raises(Errored) as raised:
        rules_of([module("strange", rule=rule)])
    assert raised.value.code == "registry.malformed"
    assert "strange.RULE is not a masking rule" in raised.value.message


def test_finds_every_detector_by_its_file() -> None:
    """Each file of the package that is no helper brings one detector of its own name; no two recognise one trait."""
    import greenroom.discovery.detectors as package

    files = {p.stem for p in Path(package.__path__[0]).glob("*.py") if not p.stem.startswith("_")}
    assert list(all_detectors()) == sorted(files)
    assert sum(len(d.traits) for d in all_detectors().values()) == len(all_traits())


def test_a_detector_that_is_none_or_claims_anothers_name_is_refused() -> None:
    """The module is named, and both claimants are."""
    one = Detector("one", "ones", lambda place: None)
    with pytest.raises(Errored) as raised:
        detectors_of([module("strange", detector=Stub("x"))])
    assert "strange.DETECTOR is not a detector" in raised.value.message
    with pytest.raises(Errored) as raised:
        detectors_of([module("a", detector=one), module("b", detector=one)])
    assert raised.value.because == "a and b"


def test_two_detectors_cannot_recognise_one_trait() -> None:
    """What a count means would depend on the order of files."""
    with pytest.raises(ValueError, match="two detectors recognise email"):
        merged_traits([{"email": str.isdigit}, {"email": str.isalpha}])
