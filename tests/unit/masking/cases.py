"""Reads the masking rules' cases in `tests/cases/masking/RULE/*.toml`. A key that nothing reads is an error.

A case has a promise, the `type` of the column (and `unique`, `nullable`, `labels`), the `settings`, and either the
`problem` that the rule finds, or `rows`: values, each with a regular expression that its whole mask matches. `\\N` is
NULL. Real PostgreSQL makes the masks, in `tests/integration/test_masking_cases.py`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenroom.domain.masking import Column, Rule
from greenroom.registry import all_rules
from tests.masking_support import column_of
from tests.unit.gates.cases import Table

CASES = Path(__file__).parents[2] / "cases" / "masking"
NULL = "\\N"


@dataclass(frozen=True)
class Told:
    """One case as its file tells it."""

    id: str
    promise: str
    rule: Rule
    column: Column
    settings: dict[str, Any]
    problem: str | None
    rows: tuple[tuple[str, str], ...]


def told_cases(folder: Path = CASES) -> Iterator[Told]:
    """Every case of every file."""
    for path in sorted(folder.glob("*/*.toml")):
        name = path.parent.name
        yield from read(path.read_text(encoding="utf-8"), all_rules()[name], f"{name}/{path.stem}")


def read(text: str, rule: Rule, where: str) -> list[Told]:
    """The cases in one file's text. Raises KeyError for a key that is missing or that nothing reads."""
    file = Table(where, tomllib.loads(text))
    common = file.take("common", {})
    tables = [Table(f"{where}[{n}]", common | values) for n, values in enumerate(file.take("case"))]
    file.done()
    return [_told(t, rule) for t in tables]


def _told(t: Table, rule: Rule) -> Told:
    column = column_of(
        t.take("type", "text"),
        unique=t.take("unique", False),
        nullable=t.take("nullable", True),
        labels=tuple(t.take("labels", [])),
    )
    promise, settings = t.take("promise"), t.take("settings", {})
    problem = t.take("problem", None)
    rows = () if problem is not None else tuple((value, mask) for value, mask in t.take("rows"))
    t.done()
    return Told(t.where, promise, rule, column, settings, problem, rows)
