"""Reads what discovery needs to know: the catalog, and a bounded sample of values, of which only counts are kept.

No sampled value leaves this module: `read_facts` gives counts (`greenroom.discovery.model.Sample`). Everything happens
in one read-only transaction with a time limit for each statement. Works with PostgreSQL 13 to 18.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.catalog import read_catalog
from greenroom.adapters.postgres.masking.catalog_sql import of_the_application
from greenroom.adapters.postgres.masking.model import PAGE, Catalog, Table, TableColumn
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.discovery.measure import LOOKED_AT, measure, measure_arrays, measure_json
from greenroom.discovery.model import ColumnFacts, Sample, TableFacts, Traits
from greenroom.domain.dotted import dotted
from greenroom.masking._types import Kind, kind_of

ROWS = 400
"""Rows of a table that are looked at."""

SMALL = 64
"""Pages (of 8 kB) up to which a table is read from its beginning; a larger one is sampled by pages."""

FEWER = 20
"""Rows of each partition at least, and of a table that takes too long."""

SECONDS = 10
"""The most a statement may take."""

JSON_CHARACTERS = 20_000
"""A longer document is not looked into: half of one is none."""

ELEMENTS = 20
"""Elements of an array that are looked at."""

ABOUT = """
    SELECT c.oid::int8, a.attname, coalesce(col_description(c.oid, a.attnum), ''), a.attidentity <> '',
           s.n_distinct
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
           AND s.inherited = (c.relkind = 'p')
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND OURS(pg_class, c.oid)
"""

TABLES = """
    SELECT c.oid::int8, coalesce(obj_description(c.oid, 'pg_class'), ''), c.reltuples::float8
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND OURS(pg_class, c.oid)
"""


@dataclass(frozen=True)
class Unread:
    """A table whose rows could not be sampled, and why; its columns are judged by the catalog alone."""

    table: str
    because: str


@dataclass(frozen=True)
class Read:
    """The facts of every table, in the order of their names, and what could not be read."""

    tables: tuple[TableFacts, ...]
    unread: tuple[Unread, ...] = ()


def read_facts(connection: Connection, traits: Traits, today: date, *, rows: int = ROWS) -> Read:
    """What the database consists of, with samples of at most `rows` rows of a table.

    The connection is in autocommit, with `pg_catalog` as its search path. Partitions are read as part of their table;
    views, foreign tables and what belongs to extensions are left out. Raises psycopg.Error when the catalog cannot be
    read.
    """
    with _reading(connection):
        catalog = read_catalog(connection)
        told = {(oid, name): rest for oid, name, *rest in _rows(connection, ABOUT)}
        tables = {oid: rest for oid, *rest in _rows(connection, TABLES)}
        references = _references(catalog)
        found, unread = [], []
        for table in sorted(catalog.tables.values(), key=lambda t: t.path):
            if table.is_partition or table.kind == "f" or table.oid not in tables:
                continue
            samples, failure = _samples(connection, catalog, table, traits, today, rows)
            if failure:
                unread.append(Unread(table.path, failure))
            columns = tuple(
                _facts(table, c, told.get((table.oid, c.name), ("", False, None)), references, samples.get(c.name))
                for c in table.columns
            )
            comment, estimate = tables[table.oid]
            found.append(
                TableFacts(table.schema, table.name, columns, comment, int(estimate) if estimate >= 0 else None)
            )
    return Read(tuple(found), tuple(unread))


@contextmanager
def _reading(connection: Connection) -> Iterator[None]:
    """One transaction that can write nothing, sees one moment, and holds nothing up."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        connection.execute(f"SET LOCAL statement_timeout = '{SECONDS}s'")
        connection.execute("SET LOCAL lock_timeout = '2s'")
        yield
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(of_the_application(query).encode()).fetchall()


def _references(catalog: Catalog) -> dict[tuple[int, str], tuple[str, ...]]:
    """The paths that each column refers to; a partition's stand for its table's."""
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for reference in catalog.references:
        source, target = (catalog.root(catalog.tables[oid]) for oid in (reference.table, reference.target))
        for column, other in zip(reference.columns, reference.target_columns, strict=True):
            found[source.oid, column].append(f"{target.path}.{dotted(other)}")
    return {place: tuple(dict.fromkeys(paths)) for place, paths in found.items()}


def _facts(
    table: Table,
    column: TableColumn,
    told: Sequence[Any],
    references: dict[tuple[int, str], tuple[str, ...]],
    sample: Sample | None,
) -> ColumnFacts:
    comment, is_identity, distinct = told
    checks = tuple(c.expression for c in table.checks if c.columns == {column.name}) + column.domain_checks
    return ColumnFacts(
        column.column,
        comment,
        column.name in table.key,
        bool(is_identity),
        bool(column.generated),
        references.get((table.oid, column.name), ()),
        checks,
        distinct,
        sample or Sample(),
    )


def _samples(
    connection: Connection, catalog: Catalog, table: Table, traits: Traits, today: date, rows: int
) -> tuple[dict[str, Sample], str]:
    """The samples of a table's columns by name, and why there are none."""
    read = tuple(c for c in table.columns if not c.generated)
    values: list[tuple[Any, ...]] = []
    failure = ""
    leaves = catalog.holding(table.oid)
    for leaf in leaves:
        # Of every partition a share, and enough that small ones make up for empty ones.
        wanted = min(max(rows // len(leaves), FEWER), rows - len(values))
        for fewer in (wanted, min(wanted, FEWER)):
            try:
                with connection.transaction():
                    values += _sampled(connection, leaf, read, fewer)
                break
            except psycopg.Error as error:
                # The server's message may quote a value; its class does not.
                failure = f"{type(error).__name__} ({error.sqlstate})"
        if len(values) >= rows:
            break
    samples = {c.name: _measured(c, [v[i] for v in values], traits, today) for i, c in enumerate(read)}
    return samples, failure


def _sampled(connection: Connection, table: Table, read: Sequence[TableColumn], rows: int) -> list[tuple[Any, ...]]:
    """Rows of a table. Of a large one, some of each sampled page, the same ones each time; where its pages turn out
    empty, its beginning."""
    columns, source = ", ".join(_expression(c) for c in read), f"ONLY {ident(table.schema, table.name)} s"
    pages = table.size // PAGE
    if pages > SMALL:
        share = f"{100.0 * SMALL / pages:.6f}"
        # A page has some hundred rows at most; a fifth of them leaves room for other pages within the limit.
        some = "abs(hashtextextended(s.ctid::text, 4) / 2) % 5 = 0"
        sampled = (
            f"SELECT {columns} FROM {source} TABLESAMPLE SYSTEM ({share}) REPEATABLE (4) WHERE {some} LIMIT {rows}"
        )
        if found := connection.execute(sampled.encode()).fetchall():
            return found
    return connection.execute(f"SELECT {columns} FROM {source} LIMIT {rows}".encode()).fetchall()


def _expression(column: TableColumn) -> str:
    """The value as text, cut on the server so that a long one is not sent."""
    v, kind = f"s.{ident(column.name)}", kind_of(column.column)
    if kind is Kind.BYTEA:
        return f"CASE WHEN octet_length({v}) > 0 THEN 'bytes' ELSE {v}::text END"
    if kind in (Kind.JSON, Kind.JSONB):
        return (
            f"CASE WHEN pg_column_size({v}) <= {JSON_CHARACTERS} THEN"
            f" CASE WHEN length({v}::text) <= {JSON_CHARACTERS} THEN {v}::text END END"
        )
    if kind is Kind.ARRAY:
        return (
            f"CASE WHEN {v} IS NOT NULL THEN ARRAY(SELECT left(e::text, {LOOKED_AT}) FROM unnest({v}) e"
            f" LIMIT {ELEMENTS}) END"
        )
    return f"left({v}::text, {LOOKED_AT})"


def _measured(column: TableColumn, values: Sequence[Any], traits: Traits, today: date) -> Sample:
    kind = kind_of(column.column)
    if kind is Kind.ARRAY:
        return measure_arrays(values, traits, today)
    if kind in (Kind.JSON, Kind.JSONB):
        return measure_json(values, traits, today)
    return measure(values, traits, today)
