"""Tables that keep what other tables were: the people in them are found as in the tables themselves."""

from __future__ import annotations

import pytest

from greenroom.discovery.discover import discover
from greenroom.discovery.model import ColumnFacts, Proposal, TableFacts
from greenroom.domain.masking import Column
from greenroom.registry import all_detectors, all_rules

COLUMNS = {"id": "integer", "name": "text", "email": "text", "born": "date"}


def table(schema: str, name: str, **more: str) -> TableFacts:
    columns = {**COLUMNS, **more}
    return TableFacts(
        schema, name, tuple(ColumnFacts(Column(schema, name, column, kind, kind)) for column, kind in columns.items())
    )


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("public", "person_version"),
        ("public", "person_history"),
        ("public", "old_person"),
        ("public", "PersonAudit"),
        ("audit", "person"),
    ],
)
def test_what_is_kept_of_people_is_about_people(schema: str, name: str) -> None:
    """Whatever is proposed for a table is proposed for the one that keeps its past."""
    tables = (table("public", "person"), table(schema, name, operation_type="integer"))
    found = {v.column: v for v in discover(tables, all_rules(), all_detectors())}
    for column in ("name", "email"):
        first, kept = found[f"public.person.{column}"], found[f"{schema}.{name}.{column}"]
        assert isinstance(first, Proposal)
        assert isinstance(kept, Proposal)
        assert kept.rule == first.rule


def test_a_table_with_a_like_name_and_other_columns_is_its_own() -> None:
    """`person_log` that shares no columns with `person` is judged by itself."""
    log = TableFacts(
        "public",
        "person_log",
        tuple(
            ColumnFacts(Column("public", "person_log", n, k, k))
            for n, k in {"id": "bigint", "level": "integer"}.items()
        ),
    )
    found = discover((table("public", "person"), log), all_rules(), all_detectors())
    assert not any(v.reason.startswith("as ") for v in found)
