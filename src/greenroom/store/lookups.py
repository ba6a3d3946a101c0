"""Indexes of the ledger by what its entries set: which entries tell of a row is found without reading all of them.

They are the database's own, over the entries themselves: nothing beside the ledger has to be believed.
"""

from __future__ import annotations

from collections.abc import Iterator

INDEXED = {
    "release": ("id",),
    "evidence": ("id", "release"),
    "approval": ("id", "release"),
    "override": ("id", "release"),
    "freeze": ("id", "environment"),
    "environment": ("id",),
    "account": ("id",),
    "policy": ("id", "at"),
    "glass": ("id",),
    "about": ("work",),
}
"""By which columns of which recorded table the ledger's entries are looked up; and by the work they tell of."""


def told_by(table: str, name: str, *, sqlite: bool, subject: str = "ledger.subject") -> str:
    """The expression, indexed, for what an entry sets a column to. Both names are of `INDEXED`."""
    if sqlite:
        return f"json_extract({subject}, '$.{table}.{name}')"
    return f"(({subject}::jsonb) #>> '{{{table},{name}}}')"


def indexes(*, sqlite: bool) -> Iterator[str]:
    """The statements that index the ledger by what its entries set. Idempotent."""
    for table, columns in INDEXED.items():
        for name in columns:
            found = told_by(table, name, sqlite=sqlite, subject="subject")
            yield (
                f"CREATE INDEX IF NOT EXISTS ledger_by_{table}_{name} ON ledger ({found}, event, seq)"
                f" WHERE {found} IS NOT NULL"
            )
