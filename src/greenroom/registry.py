"""Finds what is one file: every gate in `greenroom.gates`. Nothing is listed by hand.

A module of the package that has an object named `GATE` brings a gate; two that claim one name are refused.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType, ModuleType

from greenroom.domain.errors import Errored
from greenroom.domain.gate import Gate, GateConfig

_GATE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@cache
def all_gates() -> Mapping[str, Gate]:
    """Every gate Greenroom has, by name, in the fixed order the checklist shows them (by name)."""
    import greenroom.gates as package

    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    return gates_of(importlib.import_module(f"{package.__name__}.{name}") for name in names)


def gates_of(modules: Iterable[ModuleType]) -> Mapping[str, Gate]:
    """The gates of these modules, by name, sorted. Modules without a `GATE` are helpers of gates.

    Raises Errored: `registry.malformed` for a GATE that is none, `registry.claimed_twice` for a second claim to a name.
    """
    found: dict[str, Gate] = {}
    owner: dict[str, str] = {}
    for module in modules:
        gate = getattr(module, "GATE", None)
        if gate is None:
            continue
        if problem := _problem(gate):
            raise Errored("registry.malformed", f"{module.__name__}.GATE is not a gate", because=problem)
        if gate.name in found:
            raise Errored(
                "registry.claimed_twice",
                f"two gates claim the name {gate.name}",
                because=f"{owner[gate.name]} and {module.__name__}",
                hint="rename one of them",
            )
        found[gate.name], owner[gate.name] = gate, module.__name__
    return MappingProxyType(dict(sorted(found.items())))


def _problem(gate: object) -> str:
    """Why this object cannot serve as a gate, or nothing."""
    name = getattr(gate, "name", None)
    if not isinstance(name, str) or not _GATE_NAME.fullmatch(name):
        return "its name should be lower-case text"
    if not isinstance(getattr(gate, "title", None), str):
        return "it has no title"
    config = getattr(gate, "Config", None)
    if not (isinstance(config, type) and issubclass(config, GateConfig)):
        return "its Config should be a GateConfig"
    for switch in ("for_rollback", "overridable"):
        if not isinstance(getattr(gate, switch, None), bool):
            return f"{switch} should be true or false"
    missing = [m for m in ("default", "judge") if not callable(getattr(gate, m, None))]
    return f"it has no {missing[0]}()" if missing else ""
