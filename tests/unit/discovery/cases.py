"""Reads the detectors' cases in `tests/cases/discovery/detectors/DETECTOR.toml`. A key that nothing reads is an error.

A case has a promise, a `table`, the `column` with its `type` (text when absent), `beside` columns as `name = type`,
its `values` (each `times` over), and what it `expects`: a rule, `harmless` or `undecided`. `detector` says whose a
proposal is; it is the file's own when absent. `unique`, `nullable`, `labels`, `checks`, `comment` and `key` describe
the column further, `settings` are those of the rule.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from greenroom.discovery.measure import measure, measure_arrays, measure_json
from greenroom.discovery.model import ColumnFacts, Sample, TableFacts
from greenroom.domain.masking import Column
from greenroom.registry import all_traits
from tests.masking_support import column_of
from tests.unit.gates.cases import Table

CASES = Path(__file__).parents[2] / "cases" / "discovery" / "detectors"
TODAY = date(2026, 11, 27)


@dataclass(frozen=True)
class Told:
    """One case as its file tells it."""

    id: str
    promise: str
    detector: str
    table: TableFacts
    column: str
    expects: str
    settings: dict[str, Any] | None


def told_cases(folder: Path = CASES) -> Iterator[Told]:
    """Every case of every file."""
    for path in sorted(folder.glob("*.toml")):
        file = Table(path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
        tables = [Table(f"{path.stem}[{n}]", values) for n, values in enumerate(file.take("case"))]
        file.done()
        for table in tables:
            yield _told(table, path.stem)


def _told(t: Table, stem: str) -> Told:
    name, kind = t.take("column"), t.take("type", "text")
    values = t.take("values", []) * t.take("times", 1)
    told = column_of(
        kind, unique=t.take("unique", False), nullable=t.take("nullable", True), labels=tuple(t.take("labels", []))
    )
    table = t.take("table")
    column = replace(told, table=table, name=name)
    facts = ColumnFacts(
        column,
        comment=t.take("comment", ""),
        is_key=t.take("key", False),
        checks=tuple(t.take("checks", [])),
        sample=sampled(column, values),
    )
    beside = tuple(
        ColumnFacts(replace(column_of(type_name), table=table, name=other))
        for other, type_name in t.take("beside", {}).items()
    )
    case = Told(
        t.where,
        t.take("promise"),
        t.take("detector", stem),
        TableFacts("public", table, (facts, *beside)),
        f"public.{table}.{name}",
        t.take("expects"),
        t.take("settings", None),
    )
    t.done()
    return case


def sampled(column: Column, values: list[Any]) -> Sample:
    """The sample of these values, as the adapter would take it."""
    if column.array:
        return measure_arrays(values, all_traits(), TODAY)
    if column.base in ("json", "jsonb"):
        return measure_json(values, all_traits(), TODAY)
    return measure(values, all_traits(), TODAY)
