"""What changes when another policy is applied, in lines a person can judge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from greenroom.config.project import ProjectConfig

_ABSENT = object()


def policy_difference(old: ProjectConfig, new: ProjectConfig) -> list[str]:
    """One line for each change, in the order of the path: `production/bake/for: 10m → 5m`. Empty: nothing changes."""
    before, after = old.policy, new.policy
    lines = list(_changes("", _without(before), _without(after)))
    return lines + list(_environments(before["environments"], after["environments"]))


def _without(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in policy.items() if k != "environments"}


def _environments(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[str]:
    before, after = ({e["name"]: e for e in listed} for listed in (old, new))
    for name in before:
        if name not in after:
            yield f"{name}: removed from the path"
    places = {name: (f"after {earlier}" if earlier else "at the start") for earlier, name in pairwise(["", *after])}
    for name, one in after.items():
        if name not in before:
            yield f"{name}: added to the path {places[name]} ({one['kind']})"
        else:
            yield from _changes(name, before[name], one)
    kept_before, kept_after = [n for n in before if n in after], [n for n in after if n in before]
    if kept_before != kept_after:
        yield f"path: {', '.join(kept_before)} → {', '.join(kept_after)}"


def _changes(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        yield f"{path}: {_said(old)} → {_said(new)}"
        return
    for key in dict.fromkeys([*old, *new]):
        inner = f"{path}/{key}" if path else key
        if path.endswith("/gates"):
            yield from _gate(inner, old.get(key, _ABSENT), new.get(key, _ABSENT))
        else:
            yield from _changes(inner, old.get(key, _ABSENT), new.get(key, _ABSENT))


def _gate(path: str, old: Any, new: Any) -> Iterator[str]:
    """A gate that comes or goes is said in one line, whatever its settings."""
    if new is _ABSENT:
        yield f"{path}: off from now on"
    elif old is _ABSENT:
        settings = ", ".join(f"{k} {_said(v)}" for k, v in new.items() if v not in (None, [], {}))
        yield f"{path}: on from now on" + (f" ({settings})" if settings else "")
    else:
        yield from _changes(path, old, new)


def _said(value: Any) -> str:
    if value is _ABSENT or value is None:
        return "not set"
    if isinstance(value, str):
        return value if value else '""'
    if isinstance(value, list):
        return ", ".join(_said(v) for v in value) or "none"
    return json.dumps(value, ensure_ascii=False)
