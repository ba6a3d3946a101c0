"""The smaller dataset: roots by condition and share, what belongs to them, and everything that those rows refer to.

Which rows are kept is noted by their place (ctid) in temporary tables of the source, one for each table that holds
rows: they need no key, and within one snapshot a place means one row.

Two fixpoints, each reached by rounds that look at the newest rows only:

1. downwards: rows that refer to a kept row, where `children` is set;
2. upwards: rows that a kept row refers to. They bring no children, else every dataset would be the whole one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.model import Catalog, Reference, Table
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.adapters.postgres.masking.walls import KEY, SCHEMA
from greenroom.adapters.postgres.masking.workers import words_of
from greenroom.domain.data import Root, Subset
from greenroom.domain.errors import BadInput, Refused

PURPOSE = "subset"
"""Keeps this use of the key apart from every other."""


@dataclass(frozen=True)
class Step:
    """A reference between two tables that hold rows."""

    child: Table
    parent: Table
    reference: Reference


def reached_tables(catalog: Catalog, references: Iterable[Reference], subset: Subset) -> tuple[Table, ...]:
    """The tables of which a part is taken: those that references join to a root, in either direction."""
    steps = tuple(steps_of(catalog, references))
    found = {t.oid for root in subset.roots for t in catalog.holding(_root(catalog, root).oid)}
    while more := {oid for s in steps for oid in _ends(s) if found & _ends(s)} - found:
        found |= more
    return tuple(catalog.tables[oid] for oid in sorted(found))


def steps_of(catalog: Catalog, references: Iterable[Reference]) -> Iterator[Step]:
    """References as they join the tables that hold rows: partitioned ones by each of their leaves."""
    for reference in references:
        for child in catalog.holding(reference.table):
            for parent in catalog.holding(reference.target):
                yield Step(child, parent, reference)


def kept_conditions(tables: Iterable[Table]) -> dict[int, str]:
    """For each table, the condition over `t` that holds for the kept rows."""
    return {t.oid: f"t.ctid IN (SELECT tid FROM {_kept(t)})" for t in tables}


def keep_rows(
    connection: Connection, catalog: Catalog, references: Iterable[Reference], subset: Subset
) -> dict[int, int]:
    """Note the kept rows in this session; how many there are by table.

    The transaction must allow temporary tables, and the views of `share_views` must be there. Raises BadInput
    (`data.subset_table`, `data.subset_where`).
    """
    references = tuple(references)
    tables = reached_tables(catalog, references, subset)
    steps = [s for s in steps_of(catalog, references) if {t.oid for t in tables} >= _ends(s)]
    for table in tables:
        connection.execute(f"CREATE TEMPORARY TABLE {_kept(table)} (tid tid PRIMARY KEY, round int NOT NULL)".encode())
    for root in subset.roots:
        _seed(connection, catalog, root)
    last = _spread(connection, steps, 0, downwards=True) if subset.children else 0
    _spread(connection, steps, last, downwards=False)
    return {t.oid: connection.execute(f"SELECT count(*) FROM {_kept(t)}".encode()).fetchall()[0][0] for t in tables}


def _seed(connection: Connection, catalog: Catalog, root: Root) -> None:
    table = _root(catalog, root)
    for leaf in catalog.holding(table.oid):
        conditions = [f"({root.where}\n)"] if root.where else []
        if root.share is not None:
            conditions.append(f"t.ctid IN (SELECT s.ctid FROM {_shares(leaf)} s WHERE s.part < {_part(root.share)})")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = f"SELECT t.ctid, 0 FROM ONLY {ident(leaf.schema, leaf.name)} t{where}"
        statement = f"INSERT INTO {_kept(leaf)} {rows} ON CONFLICT DO NOTHING"
        try:
            connection.execute(statement.encode(), binary=True)  # the protocol that takes one statement only
        except (psycopg.ProgrammingError, psycopg.DataError) as error:
            raise BadInput(
                "data.subset_where",
                f"the condition of the subset on {root.table} cannot be asked",
                because=words_of(error),
                hint="write an SQL condition over the table's columns",
            ) from error


def share_views(catalog: Catalog, subset: Subset) -> Iterator[str]:
    """Statements that make a view of each table of which a share is taken: where a row lies, and its part of 2^32 by a
    keyed hash of its primary key, so that the same rows are in the share each time.

    Raises BadInput (`data.subset_table`, `data.subset_share`) and Refused (`data.subset_key`).
    """
    leaves: dict[int, tuple[Table, str]] = {}
    for root in subset.roots:
        table = _root(catalog, root)
        if root.share is not None:
            part = part_of(table, root.share)
            leaves |= {leaf.oid: (leaf, part) for leaf in catalog.holding(table.oid)}
    for leaf, part in leaves.values():
        rows = f"ONLY {ident(leaf.schema, leaf.name)} t CROSS JOIN {KEY}"
        yield f"CREATE VIEW {_shares(leaf)} AS SELECT t.ctid AS ctid, {part} AS part FROM {rows}"


def part_of(table: Table, share: float) -> str:
    """A row's part, from 0 below 2^32, as an expression over the row `t` and the key `k`."""
    if not 0 < share <= 1:
        raise BadInput("data.subset_share", f"a share of {share:g} is no part", hint="write more than 0, at most 1")
    if not table.key:
        raise Refused(
            "data.subset_key",
            f"{table.path} has no primary key",
            because="which rows are in a share is decided by their key, so that it is the same each time",
            hint="give a condition instead of a share",
        )
    row = f"ROW({', '.join(f't.{ident(c)}' for c in table.key)})::text"
    digest = f"sha256(k.key || convert_to('{PURPOSE}' || {row}, 'UTF8'))"
    return f"('x' || encode(substr({digest}, 1, 4), 'hex'))::bit(32)::bigint"


def _part(share: float) -> int:
    return round(share * 2**32)


def _shares(leaf: Table) -> str:
    return ident(SCHEMA, f"share{leaf.oid}")


def _spread(connection: Connection, steps: list[Step], last: int, *, downwards: bool) -> int:
    """Follow the references in one direction until a round finds nothing; the last round.

    The first round looks at all rows kept so far, every later one at those of the round before.
    """
    since, has_found = 0, True
    while has_found:
        newest, last = (since, last), last + 1
        found = [connection.execute(_round(s, newest, last, downwards).encode()).rowcount for s in steps]
        has_found, since = any(found), last
    return last


def _round(step: Step, newest: tuple[int, int], number: int, downwards: bool) -> str:
    r = step.reference
    operators = r.operators or ("=",) * len(r.columns)
    meets = " AND ".join(
        f"p.{ident(t)} {operator} c.{ident(c)}"
        for c, t, operator in zip(r.columns, r.target_columns, operators, strict=True)
    )
    known, new = (step.parent, step.child) if downwards else (step.child, step.parent)
    from_, to = ("p", "c") if downwards else ("c", "p")
    return (
        f"INSERT INTO {_kept(new)} SELECT DISTINCT {to}.ctid, {number} "
        f"FROM ONLY {ident(step.child.schema, step.child.name)} c "
        f"JOIN ONLY {ident(step.parent.schema, step.parent.name)} p ON {meets} "
        f"JOIN {_kept(known)} k ON k.tid = {from_}.ctid AND k.round BETWEEN {newest[0]} AND {newest[1]} "
        f"ON CONFLICT DO NOTHING"
    )


def _kept(table: Table) -> str:
    return f"pg_temp.kept_{table.oid}"


def _ends(step: Step) -> set[int]:
    return {step.child.oid, step.parent.oid}


def _root(catalog: Catalog, root: Root) -> Table:
    found = catalog.named(root.table)
    if found is None or found.kind == "f":
        raise BadInput(
            "data.subset_table",
            f"the subset names {root.table}, which is no table of the database",
            hint="write schema.table as it is in the database",
        )
    return found
