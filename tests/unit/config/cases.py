"""The cases of `tests/cases/config`: a text and the problems it has, as a person reads them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parents[2] / "cases" / "config"
_BASE = {
    "project": "project: shop\n",
    "processes": "processes: {web: {command: ./web}}\n",
    "template": "template: small\n",
}
_KEYS = {"about", "text", "problems", "schema", "alone", "among"}


@dataclass(frozen=True)
class Case:
    """`schema_knows`: the JSON Schema refuses what the loader refuses. `among`: further problems may be reported."""

    name: str
    text: str
    problems: tuple[str, ...]
    schema_knows: bool
    among: bool


def all_cases() -> list[Case]:
    return [
        _case(file.stem, one)
        for file in sorted(DIRECTORY.glob("*.toml"))
        for one in tomllib.loads(file.read_text(encoding="utf-8"))["case"]
    ]


def _case(stem: str, one: dict) -> Case:
    unread = set(one) - _KEYS
    assert not unread, f"{stem}: nobody reads {unread}"
    text = one["text"]
    if not one.get("alone"):
        text += "\n" + "".join(line for key, line in _BASE.items() if not _has(text, key))
    return Case(
        f"{stem}: {one['about']}",
        text,
        tuple(one["problems"]),
        one.get("schema", "refuses") == "refuses" if one["problems"] else False,
        one.get("among", False),
    )


def _has(text: str, key: str) -> bool:
    keys = [line.split(":")[0] for line in text.splitlines()]
    return key in keys or (key == "template" and "environments" in keys)
