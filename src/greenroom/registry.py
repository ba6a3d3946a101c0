"""Finds what is one file: every gate in `greenroom.gates`, every masking rule in `greenroom.masking`, every detector in
`greenroom.discovery.detectors`. Nothing is listed by hand.

A module of the package that has an object named `GATE` (`RULE`, `DETECTOR`) brings one; two that claim one name are
refused."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any

from greenroom.discovery.measure import merged_traits
from greenroom.discovery.model import Detector, Traits
from greenroom.domain.errors import Errored
from greenroom.domain.gate import Gate, GateConfig
from greenroom.domain.masking import Rule, RuleConfig

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@cache
def all_gates() -> Mapping[str, Gate]:
    """Every gate Greenroom has, by name, in the fixed order the checklist shows them (by name)."""
    import greenroom.gates as package

    return gates_of(_modules(package))


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every masking rule Greenroom has, by name, sorted."""
    import greenroom.masking as package

    return rules_of(_modules(package))


@cache
def all_detectors() -> Mapping[str, Detector]:
    """Every detector of personal data Greenroom has, by name, sorted."""
    import greenroom.discovery.detectors as package

    return detectors_of(_modules(package))


@cache
def all_traits() -> Traits:
    """What all detectors recognise in single values, by the trait's name."""
    return merged_traits(d.traits for d in all_detectors().values())


def gates_of(modules: Iterable[ModuleType]) -> Mapping[str, Gate]:
    """The gates of these modules, by name, sorted. Modules without a `GATE` are helpers of gates.

    Raises Errored: `registry.malformed` for a GATE that is none, `registry.claimed_twice` for a second claim to a name.
    """
    return _found(modules, "GATE", "gate", _gate_problem)


def rules_of(modules: Iterable[ModuleType]) -> Mapping[str, Rule]:
    """The masking rules of these modules, by name, sorted; as `gates_of` does for a `GATE`, with a `RULE`."""
    return _found(modules, "RULE", "masking rule", _rule_problem)


def detectors_of(modules: Iterable[ModuleType]) -> Mapping[str, Detector]:
    """The detectors of these modules, by name, sorted; as `gates_of` does for a `GATE`, with a `DETECTOR`."""
    return _found(modules, "DETECTOR", "detector", _detector_problem)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    return (importlib.import_module(f"{package.__name__}.{name}") for name in names)


def _found(
    modules: Iterable[ModuleType], attribute: str, noun: str, problem_of: Callable[[object], str]
) -> Mapping[str, Any]:
    """What stands under `attribute` in these modules, by its name, sorted."""
    found: dict[str, Any] = {}
    owner: dict[str, str] = {}
    for module in modules:
        one = getattr(module, attribute, None)
        if one is None:
            continue
        if problem := _name_problem(one) or problem_of(one):
            raise Errored(
                "registry.malformed",
                f"{module.__name__}.{attribute} is not a {noun}",
                because=problem,
                hint="mend that module as it says above, or take it away",
            )
        if one.name in found:
            raise Errored(
                "registry.claimed_twice",
                f"two {noun}s claim the name {one.name}",
                because=f"{owner[one.name]} and {module.__name__}",
                hint="rename one of them",
            )
        found[one.name], owner[one.name] = one, module.__name__
    return MappingProxyType(dict(sorted(found.items())))


def _name_problem(one: object) -> str:
    """What every one of them needs, or nothing."""
    name = getattr(one, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "its name should be lower-case text"
    return "" if isinstance(getattr(one, "title", None), str) else "it has no title"


def _gate_problem(gate: object) -> str:
    """Why this object cannot serve as a gate, or nothing."""
    return _shape_problem(gate, GateConfig, ("for_rollback", "overridable"), ("default", "judge"))


def _rule_problem(rule: object) -> str:
    """Why this object cannot serve as a masking rule, or nothing."""
    return _shape_problem(rule, RuleConfig, ("keeps_unique",), ("problem", "mask"))


def _detector_problem(detector: object) -> str:
    """Why this object cannot serve as a detector, or nothing."""
    return "" if isinstance(detector, Detector) else "it should be a Detector"


def _shape_problem(one: object, settings: type, switches: Iterable[str], methods: Iterable[str]) -> str:
    config = getattr(one, "Config", None)
    if not (isinstance(config, type) and issubclass(config, settings)):
        return f"its Config should be a {settings.__name__}"
    for switch in switches:
        if not isinstance(getattr(one, switch, None), bool):
            return f"{switch} should be true or false"
    missing = [m for m in methods if not callable(getattr(one, m, None))]
    return f"it has no {missing[0]}()" if missing else ""
