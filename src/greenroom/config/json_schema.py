"""The published JSON Schema (draft 2020-12): the models of the file, and the settings of every gate there is.

It says what a single value may be. What must hold between values (order of the path, ports, names that refer to
others) is said by `greenroom` alone: whatever the schema refuses `load` refuses too, not the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from greenroom.config.known import defaults_of, every_model
from greenroom.config.schema import ProjectFile
from greenroom.domain.gate import Gate
from greenroom.domain.names import NAME, RESERVED, VARIABLE
from greenroom.registry import all_gates

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_KEYS = {
    "processes": NAME.pattern,
    "checks": NAME.pattern,
    "environments": NAME.pattern,
    "config": VARIABLE.pattern,
    "switch_off": VARIABLE.pattern,
}


def project_schema(gates: Mapping[str, Gate] | None = None) -> dict[str, Any]:
    """The schema of `greenroom.yaml`, with these gates (by default: all)."""
    found = _schema_of(ProjectFile)
    definitions: dict[str, Any] = found.pop("$defs")
    for model in (found, *definitions.values()):
        if "properties" in model:
            _name_keys(model)
            _empty_is_absent(model)
    written = definitions["Environment"]["properties"]["gates"]
    definitions["Environment"]["properties"]["gates"] = {
        "type": ["object", "null"],
        "description": written["description"],
        "properties": {
            name: _gate(gate, definitions) for name, gate in (all_gates() if gates is None else gates).items()
        },
        "additionalProperties": False,
    }
    return {"$schema": DRAFT, **_untitled(found, top=True), "$defs": _untitled(dict(sorted(definitions.items())))}


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The model's own schema, its defaults written as people write them (`30s`, not 30.0)."""
    found = model.model_json_schema(by_alias=True)
    for name, one in every_model(model).items():
        properties = (found if one is model else found["$defs"][name])["properties"]
        for key, default in defaults_of(one).items():
            if default is None:
                properties[key].pop("default", None)
            else:
                properties[key]["default"] = default
    return found


def _name_keys(model: dict[str, Any]) -> None:
    """Keys that people choose follow a pattern; anything else is refused under `propertyNames`."""
    for name, pattern in _KEYS.items():
        mapping = model["properties"].get(name, {})
        for one in mapping.get("anyOf", [mapping]):
            if one.get("type") != "object":
                continue
            if "patternProperties" in one:
                (one["additionalProperties"],) = one.pop("patternProperties").values()
            one["propertyNames"] = {"pattern": f"^{pattern}$"}
            if pattern == NAME.pattern:
                one["propertyNames"]["not"] = {"enum": sorted(RESERVED)}


def _empty_is_absent(model: dict[str, Any]) -> None:
    """A key without a value counts as absent, where it may be absent."""
    for name, value in model["properties"].items():
        if name in model.get("required", ()) or {"type": "null"} in value.get("anyOf", ()):
            continue
        outer = {k: value.pop(k) for k in ("description", "default") if k in value}
        value.pop("title", None)
        branches = value["anyOf"] if set(value) == {"anyOf"} else [value]
        model["properties"][name] = {"anyOf": [*branches, {"type": "null"}], **outer}


def _gate(gate: Gate, definitions: dict[str, Any]) -> dict[str, Any]:
    """Settings of one gate; `off` only where it may be switched off."""
    settings = _schema_of(gate.Config)
    for name, model in settings.pop("$defs", {}).items():
        definitions[f"{gate.name}.{name}"] = model
    name = f"gate.{gate.name}"
    definitions[name] = _renamed(settings, gate.name)
    for inner in [n for n in definitions if n.startswith(f"{gate.name}.")]:
        definitions[inner] = _renamed(definitions[inner], gate.name)
    # A kind's default may supply what the settings require, so nothing is required here.
    definitions[name].pop("required", None)
    words = ["on", "off"] if gate.overridable else ["on"]
    switch = {"enum": [True, False, *words] if gate.overridable else [True, *words]}
    return {
        "description": gate.title + ".",
        "anyOf": [{"$ref": f"#/$defs/{name}"}, switch, {"type": "null"}],
    }


def _renamed(value: Any, prefix: str) -> Any:
    """References of a gate's own schema, moved under the gate's name."""
    if isinstance(value, dict):
        return {
            k: f"#/$defs/{prefix}.{v.removeprefix('#/$defs/')}" if k == "$ref" else _renamed(v, prefix)
            for k, v in value.items()
        }
    return [_renamed(v, prefix) for v in value] if isinstance(value, list) else value


def _untitled(value: Any, *, top: bool = False) -> Any:
    """Without the titles pydantic makes up from names; a property called `title` stays."""
    if isinstance(value, list):
        return [_untitled(v) for v in value]
    if not isinstance(value, dict):
        return value
    kept = {k: v for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    named = {"title": "greenroom.yaml"} if top else {}
    return {**named, **{k: _untitled(v) for k, v in kept.items()}}
