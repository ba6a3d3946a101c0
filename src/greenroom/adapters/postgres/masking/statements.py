"""The SQL of a masked copy: how a table is read, tested and written. Pure.

The form of the masked select is the contract in `domain/masking.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenroom.adapters.postgres.masking.choices import Choices, Mask
from greenroom.adapters.postgres.masking.model import Catalog, Exclusion, Table, TableColumn, Unique
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.adapters.postgres.masking.walls import KEY, SCHEMA


@dataclass(frozen=True)
class Question:
    """A query over the masked rows of a table that counts those that `constraint` would not accept."""

    table: Table
    constraint: str
    query: str


def values_of(table: Table, choices: Choices, where: str = "") -> tuple[str, str]:
    """What to select for each moved column, and the FROM clause: masked values of the type that the column has."""
    masks = _masks(table, choices)
    condition = f" WHERE {where}" if where else ""
    if not masks:
        columns = ", ".join(f"t.{ident(c.name)}" for c in table.moved)
        return columns, f"ONLY {ident(table.schema, table.name)} t{condition}"
    selected = ", ".join(
        f"CAST(({masks[c.name].masked.sql}) AS {c.bare})" if c.name in masks else f"s.{ident(c.name)}"
        for c in table.moved
    )
    return selected, f"(SELECT t.* FROM {_view(table)} t{condition} OFFSET 0) s"


def keyed_view(table: Table, choices: Choices) -> str | None:
    """The statement that makes the view of a table with its digests, over which masks are computed; None where no
    column is masked. Rows are known by their place in it as in the table, by `ctid`."""
    masks = _masks(table, choices)
    if not masks or table.kind != "r":
        return None
    digests = {d.name: d.sql for m in masks.values() for d in m.masked.digests}
    computed = "".join(f", {sql} AS {ident(name)}" for name, sql in digests.items())
    rows = f"ONLY {ident(table.schema, table.name)} t CROSS JOIN {KEY}"
    return f"CREATE VIEW {_view(table)} AS SELECT t.*, t.ctid AS ctid{computed} FROM {rows}"


def _masks(table: Table, choices: Choices) -> dict[str, Mask]:
    return {c.name: m for c in table.moved if (m := choices.mask(table, c.name)) is not None}


def _view(table: Table) -> str:
    return ident(SCHEMA, f"t{table.oid}")


def read_statement(table: Table, choices: Choices, where: str = "") -> str:
    """COPY of the masked rows to the client."""
    selected, source = values_of(table, choices, where)
    return f"COPY (SELECT {selected} FROM {source}) TO STDOUT (FORMAT {form_of(table)})"


def write_statement(table: Table, into: Table) -> str:
    """COPY from the client: into the table itself or, where masks decide the partition, into its root."""
    columns = ", ".join(ident(c.name) for c in table.moved)
    named = f" ({columns})" if columns else ""
    return f"COPY {ident(into.schema, into.name)}{named} FROM STDIN (FORMAT {form_of(table)})"


def form_of(table: Table) -> str:
    """Binary, unless a column's binary form means something in its own database only."""
    return "text" if any(c.as_text for c in table.moved) else "binary"


def written_to(catalog: Catalog, table: Table, choices: Choices) -> Table:
    """The table that takes the rows: a partition's root when a mask can send them to another partition."""
    root = catalog.root(table)
    deciding: set[str] = set()
    above = table
    while above.is_partition:
        above = catalog.tables[above.parents[0]]
        deciding |= above.partitioned_by
    return root if deciding & choices.masked(table) else table


def chunk_condition(first: int, until: int | None) -> str:
    """The rows of a range of blocks, by their place."""
    conditions = [f"t.ctid >= '({first},0)'::tid"] if first else []
    conditions += [f"t.ctid < '({until},0)'::tid"] if until is not None else []
    return " AND ".join(conditions)


# --- what the masked rows would break ------------------------------------------------------------------


def questions_of(catalog: Catalog, choices: Choices, kept: dict[int, str] | None = None) -> tuple[Question, ...]:
    """Every constraint that a mask could break, as a query to be asked in the vault; `kept` as in `plan.py`."""
    found: list[Question] = []
    for table in catalog.tables.values():
        masked = choices.masked(table)
        if masked and table.kind in "rp":
            found += _questions(catalog, table, choices, masked, kept or {})
    return tuple(found)


def _questions(
    catalog: Catalog, table: Table, choices: Choices, masked: frozenset[str], kept: dict[int, str]
) -> list[Question]:
    rows = " UNION ALL ".join(
        _result(leaf, table, choices, kept.get(leaf.oid, "")) for leaf in catalog.holding(table.oid)
    )
    if not rows:
        return []
    touched = masked | {c.name for c in table.columns if c.generated}
    found = []
    if table.kind == "r":
        for check in table.checks:
            if check.columns & touched or not check.columns:
                from_rows = _whole(rows, table) if _speaks_of_the_row(check.expression, table) else f"({rows}) AS rows"
                found.append(Question(table, check.name, _count(from_rows, f"({check.expression}) IS FALSE")))
        for column in table.moved:
            if column.name in masked:
                found += _domain_questions(table, column, rows)
    if (
        table.kind == "p"
        and not table.is_partition
        and any(
            t.partitioned_by & masked for t in catalog.tables.values() if t.kind == "p" and catalog.root(t) == table
        )
    ):
        bounds = [f"({leaf.bound})" for leaf in catalog.holding(table.oid) if leaf.bound]
        found.append(
            Question(table, "partitions", _count(f"({rows}) AS rows", f"({' OR '.join(bounds) or 'true'}) IS NOT TRUE"))
        )
    if not table.is_partition:
        found += [
            Question(table, u.name, _duplicates(rows, u))
            for u in table.uniques
            if u.columns & touched and not _stays_unique(u, table, choices, masked)
        ]
        found += [Question(table, x.name, _conflicts(rows, x)) for x in table.exclusions if x.columns & touched]
    return found


def _result(leaf: Table, table: Table, choices: Choices, where: str) -> str:
    """The rows as they will be, generated columns included; columns in the order of `table`."""
    selected, source = values_of(leaf, choices, where)
    names = ", ".join(ident(c.name) for c in leaf.moved)
    rows = f"SELECT * FROM (SELECT {selected} FROM {source}) AS moved ({names})"
    columns = ", ".join(
        f"CAST(({c.expression}) AS {c.bare}) AS {ident(c.name)}" if c.generated else _named(c) for c in table.columns
    )
    return f"SELECT {columns} FROM ({rows}) AS made"


def _named(column: TableColumn) -> str:
    return ident(column.name)


def _count(from_rows: str, condition: str) -> str:
    return f"SELECT count(*) FROM {from_rows} WHERE {condition}"


def _speaks_of_the_row(expression: str, table: Table) -> bool:
    """True where a check calls a function with the whole row, which the server renders as `table.*`."""
    return f"{table.name}.*" in expression or f"{ident(table.name)}.*" in expression


def _whole(rows: str, table: Table) -> str:
    """The rows again as values of the table's own type, under its name: what its functions take."""
    names = [f"c{n}" for n in range(len(table.columns))]
    row = f"CAST(ROW({', '.join(f'given.{n}' for n in names)}) AS {ident(table.schema, table.name)})"
    return f"({rows}) AS given ({', '.join(names)}) CROSS JOIN LATERAL {row} AS {ident(table.name)}"


def _domain_questions(table: Table, column: TableColumn, rows: str) -> list[Question]:
    """A domain's demands; they speak of VALUE, which reads as the column `value` of a row."""
    return [
        Question(
            table,
            f"the domain of {column.name}",
            f"SELECT count(*) FROM (SELECT {ident(column.name)} AS value FROM ({rows}) AS rows) AS v "
            f"WHERE ({check}) IS FALSE",
        )
        for check in column.domain_checks
    ]


def _stays_unique(unique: Unique, table: Table, choices: Choices, masked: frozenset[str]) -> bool:
    """Different keys stay different when each masked column's rule keeps them so and nothing is computed from them."""
    rules = [choices.mask(table, c) for c in unique.columns & masked]
    generated = any(c.generated and c.name in unique.columns for c in table.columns)
    return unique.is_plain and not generated and all(m is not None and m.keeps_unique for m in rules)


def _duplicates(rows: str, unique: Unique) -> str:
    conditions = [f"({unique.predicate})"] if unique.predicate else []
    if not unique.nulls_equal:
        conditions += [f"({key}) IS NOT NULL" for key in unique.keys]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    keys = ", ".join(f"({key})" for key in unique.keys)
    return (
        f"SELECT coalesce(sum(n), 0)::int8 FROM (SELECT count(*) AS n FROM ({rows}) AS rows{where} "
        f"GROUP BY {keys} HAVING count(*) > 1) AS several"
    )


def _conflicts(rows: str, exclusion: Exclusion) -> str:
    keys = ", ".join(f"({key}) AS k{i}" for i, key in enumerate(exclusion.keys))
    where = f" WHERE {exclusion.predicate}" if exclusion.predicate else ""
    numbered = f"SELECT row_number() OVER () AS at, {keys} FROM ({rows}) AS rows{where}"
    meets = " AND ".join(f"a.k{i} {operator} b.k{i}" for i, operator in enumerate(exclusion.operators))
    return (
        f"WITH numbered AS MATERIALIZED ({numbered}) SELECT count(*) FROM numbered a "
        f"WHERE EXISTS (SELECT FROM numbered b WHERE a.at <> b.at AND {meets})"
    )


def columns_left_alone(table: Table, choices: Choices) -> Sequence[TableColumn]:
    """The moved columns that no rule changes."""
    return [c for c in table.moved if choices.mask(table, c.name) is None]
