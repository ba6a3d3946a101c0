"""The gates of an environment: the kind's defaults, changed by what the file says under `gates`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from greenroom.config.problems import Finding, from_pydantic, nearest, unknown_key
from greenroom.config.yaml_text import Document, Path
from greenroom.domain.gate import Gate, GateConfig
from greenroom.domain.kinds import Kind

GatePairs = tuple[tuple[Gate, GateConfig], ...]


def gates_for(
    kind: Kind,
    written: Mapping[str, Any],
    known: Mapping[str, Gate],
    document: Document,
    at: Path,
    earlier: Sequence[str],
) -> tuple[GatePairs, list[Finding]]:
    """The gates in the registry's order, and what is wrong with the settings at `at`.

    A gate that is spelled out keeps the kind's default for what it does not mention. `earlier` names the environments
    that come before, the only ones a gate may look at.
    """
    findings = [unknown_key((*at, name), list(known)) for name in written if name not in known]
    pairs: list[tuple[Gate, GateConfig]] = []
    for name, gate in known.items():
        config, wrong = _one(gate, kind, written.get(name), document, (*at, name), earlier)
        findings += wrong
        if config is not None:
            pairs.append((gate, config))
    return tuple(pairs), findings


def is_off(value: Any) -> bool:
    """`off` is a word to people and false to YAML."""
    return value is False or value == "off"


def _one(
    gate: Gate, kind: Kind, value: Any, document: Document, at: Path, earlier: Sequence[str]
) -> tuple[GateConfig | None, list[Finding]]:
    default = gate.default(kind)
    if value is None:
        return default, []
    if is_off(value):
        if not gate.overridable:
            return default, [Finding(at, "left on: this gate guards what Greenroom promises, and is never off", "off")]
        if default is not None:  # a project may tighten what the kind brings, not loosen it
            return default, [Finding(at, f"left on: {kind.value} brings this gate; its settings may be changed", "off")]
        return None, []
    if value is True or value == "on":
        value = {}
    if not isinstance(value, dict):
        return default, [Finding(at, f"settings of the gate {gate.name}, on or off", value)]
    base = default.model_dump(mode="json", by_alias=True, exclude_unset=True) if default else {}
    places = list(_places(value, at, earlier))
    try:
        return gate.Config.model_validate({**base, **value}), places
    except ValidationError as error:
        return default, [*from_pydantic(error.errors(include_url=False), gate.Config, document, at), *places]


def _places(value: Mapping[str, Any], at: Path, earlier: Sequence[str]) -> Iterator[Finding]:
    """In every gate, a setting called `in` names environments that come before."""
    names = value.get("in")
    listed = names if isinstance(names, list) else [names]
    for n, name in enumerate(listed):
        if isinstance(name, str) and name not in earlier:
            place = (*at, "in", n) if isinstance(names, list) else (*at, "in")
            expected = f"an environment that comes before ({', '.join(earlier) or 'there is none'})"
            yield Finding(place, expected, name, more=nearest(name, earlier))
