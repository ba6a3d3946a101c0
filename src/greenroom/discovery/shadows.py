"""Tables that keep what other tables were: `person_version` beside `person`, `audit.person`, `customer_history`.

Their columns hold the same people. By themselves they look like something else: keys are gone, and the name of the
table speaks of versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from greenroom.discovery.model import ColumnFacts, TableFacts
from greenroom.discovery.naming import tokens, vocabulary

KEEPERS = vocabulary(
    """archive archived audit audited backup backups bak changelog changes copy copies deleted former hist histories
    history historical journal log logs logged old prev previous revision revisions shadow snapshot snapshots temp tmp
    trash version versions historie historique historico storico verlauf"""
)
"""What is added to the name of a table for another that keeps what it was."""

SHARED = 0.5
"""The share of a table's columns, at least, that such a table has by name and type."""


def shadows(tables: Sequence[TableFacts]) -> Mapping[str, str]:
    """Columns of tables that keep what others were, each with the column it is a shadow of, by path."""
    by_name: dict[tuple[str, ...], list[TableFacts]] = {}
    for table in tables:
        by_name.setdefault(tokens(table.name), []).append(table)
    found: dict[str, str] = {}
    for table in tables:
        for kept in _kept(table, by_name):
            same = _same(table, kept)
            if len(same) >= max(2, SHARED * len(kept.columns)):
                found |= {mine: theirs for mine, theirs in same.items() if mine not in found}
    return found


def _kept(table: TableFacts, by_name: Mapping[tuple[str, ...], Sequence[TableFacts]]) -> list[TableFacts]:
    """The tables that this one may keep the past of."""
    words = tokens(table.name)
    names = [words[:-1]] if words and words[-1] in KEEPERS else []
    names += [words[1:]] if words and words[0] in KEEPERS else []
    names += [words] if KEEPERS & set(tokens(table.schema)) else []
    return [t for name in names if name for t in by_name.get(name, ()) if t is not table]


def _same(table: TableFacts, kept: TableFacts) -> dict[str, str]:
    theirs: dict[tuple[str, str], ColumnFacts] = {(c.column.name, c.column.base): c for c in kept.columns}
    return {
        c.column.path: theirs[c.column.name, c.column.base].column.path
        for c in table.columns
        if (c.column.name, c.column.base) in theirs
    }
