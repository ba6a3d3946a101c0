"""After the copy: both sides compared. A copy that does not stand this is not finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.choices import Choices
from greenroom.adapters.postgres.masking.model import Catalog, Table
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.adapters.postgres.masking.statements import columns_left_alone, written_to
from greenroom.domain.errors import Errored

INVALID = """
    SELECT format('index %I.%I', n.nspname, c.relname)
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT i.indisvalid AND n.nspname !~ '^pg_'
    UNION ALL
    SELECT format('constraint %I of %s', k.conname, k.conrelid::regclass)
      FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
     WHERE NOT k.convalidated AND n.nspname !~ '^pg_'
"""


@dataclass(frozen=True)
class Compared:
    """One table: rows on both sides, and the sums over its unmasked columns where there are any."""

    table: str
    rows: int
    target_rows: int
    checksum: str = ""
    target_checksum: str = ""

    @property
    def is_equal(self) -> bool:
        return (self.rows, self.checksum) == (self.target_rows, self.target_checksum)


def checksum_query(table: Table, choices: Choices, where: str = "", *, is_whole: bool = False) -> str:
    """Rows, and the sum of a 64-bit hash of each row's unmasked columns as text: whatever the rows' order."""
    columns = ", ".join(f"t.{ident(c.name)}" for c in columns_left_alone(table, choices))
    summed = f"coalesce(sum(hashtextextended(ROW({columns})::text, 0)::numeric), 0)::text" if columns else "''"
    condition = f" WHERE {where}" if where else ""
    only = "" if is_whole else "ONLY "
    return f"SELECT count(*), {summed} FROM {only}{ident(table.schema, table.name)} t{condition}"


def compare(
    source: Connection,
    target: Connection,
    catalog: Catalog,
    choices: Choices,
    table: Table,
    kept: Mapping[int, str],
) -> Compared:
    """One table that holds rows, or, where masks decide the partition, a whole partitioned one."""
    into = written_to(catalog, table, choices)
    leaves = catalog.holding(into.oid) if into is not table else (table,)
    rows, total = 0, 0
    for leaf in leaves:
        n, said = source.execute(checksum_query(leaf, choices, kept.get(leaf.oid, "")).encode()).fetchall()[0]
        rows, total = rows + n, total + int(said or 0)
    query = checksum_query(into, choices, is_whole=into is not table)
    target_rows, said = target.execute(query.encode()).fetchall()[0]
    return Compared(into.path, rows, target_rows, str(total), str(int(said or 0)))


def invalid_ones(connection: Connection) -> frozenset[str]:
    """Indexes and constraints that are there and not in force for every row."""
    return frozenset(name for (name,) in connection.execute(INVALID.encode()).fetchall())


def check_constraints(before: frozenset[str], target: Connection) -> None:
    """What was valid is valid: names of what is not there on the source's side, too, are no fault of the copy."""
    after = sorted(invalid_ones(target) - before)
    if after:
        raise _differs(f"not valid in the target: {', '.join(after)}")


def check_sequences(target: Connection, catalog: Catalog) -> None:
    """The next value of a sequence is past every value of the column that it counts for."""
    for s in catalog.sequences:
        owner = catalog.tables.get(s.owner[0]) if s.owner else None
        if owner is None or s.owner is None or owner.kind not in "rp" or s.increment < 0:
            continue
        top, last = target.execute(
            f"SELECT (SELECT max({ident(s.owner[1])}) FROM {ident(owner.schema, owner.name)}), "
            f"(SELECT last_value - (NOT is_called)::int FROM {ident(s.schema, s.name)})".encode()
        ).fetchall()[0]
        if top is not None and top > last:
            raise _differs(f"the sequence {s.schema}.{s.name} stands at {last}, its column at {top}")


def refuse_differences(compared: list[Compared]) -> None:
    wrong = [c for c in compared if not c.is_equal]
    if wrong:
        raise _differs("; ".join(_said(c) for c in wrong[:10]))


def _said(c: Compared) -> str:
    if c.rows != c.target_rows:
        return f"{c.table}: {c.rows} rows became {c.target_rows}"
    return f"{c.table}: columns that no rule changes have other values"


def _differs(because: str) -> Errored:
    return Errored(
        "data.copy_differs",
        "the masked copy is not what it should be",
        because=because,
        hint="it stays marked as unfinished; refresh again, and report it if it comes back",
    )
