"""Reads the catalog of the source. The connection has `pg_catalog` as its search path, so names come with schemas."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking import catalog_sql as sql
from greenroom.adapters.postgres.masking.model import (
    Catalog,
    Check,
    Exclusion,
    Reference,
    Sequence,
    Table,
    TableColumn,
    Unique,
)
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.adapters.postgres.masking.types import Types, read_types
from greenroom.domain.masking import Column

Rows = list[tuple[Any, ...]]


def read_catalog(connection: Connection) -> Catalog:
    """The database as the connection's transaction sees it."""
    version = connection.info.server_version
    tables = _tables(connection, version)
    return Catalog(
        version,
        tables,
        references=tuple(
            Reference(table, tuple(columns), target, tuple(target_columns), name, tuple(operators))
            for table, columns, target, target_columns, name, operators in _rows(connection, sql.REFERENCES)
            if table in tables and target in tables
        ),
        sequences=_sequences(connection),
        matviews=tuple((schema, name) for schema, name in _rows(connection, sql.MATVIEWS)),
        roles=tuple(name for (name,) in _rows(connection, sql.ROLES)),
        large_objects=int(_rows(connection, "SELECT count(*) FROM pg_largeobject_metadata")[0][0]),
        built={
            (catalog, oid): (int(size), tuple(touched)) for catalog, oid, size, touched in _rows(connection, sql.BUILT)
        },
        left_out=tuple(words for (words,) in _rows(connection, sql.LEFT_OUT)),
    )


def _rows(connection: Connection, query: str) -> Rows:
    return connection.execute(sql.of_the_application(query).encode()).fetchall()


def _grouped(rows: Rows) -> dict[int, Rows]:
    found: dict[int, Rows] = defaultdict(list)
    for oid, *rest in rows:
        found[oid].append(tuple(rest))
    return found


def _tables(connection: Connection, version: int) -> dict[int, Table]:
    types = read_types(connection)
    indexes = _rows(connection, sql.UNIQUES if version >= 150000 else sql.UNIQUES_BEFORE_15)
    alone = {(oid, keys[0]) for oid, _, keys, _, predicate, _, plain, _ in indexes if plain and len(keys) == 1}
    columns = _columns(connection, types, alone)
    uniques: dict[int, list[Unique]] = defaultdict(list)
    primary: dict[int, tuple[str, ...]] = {}
    for oid, name, keys, touched, predicate, nulls_equal, plain, is_primary in indexes:
        quoted = tuple(ident(k) for k in keys) if plain else tuple(keys)
        uniques[oid].append(Unique(name, quoted, frozenset(touched), predicate or "", nulls_equal, plain))
        if is_primary:
            primary[oid] = tuple(keys)
    enforced = (
        sql.CHECKS if version < 180000 else sql.CHECKS.replace("k.convalidated", "k.convalidated AND k.conenforced")
    )
    checks, exclusions = _grouped(_rows(connection, enforced)), _grouped(_rows(connection, sql.EXCLUSIONS))
    return {
        oid: Table(
            oid,
            schema,
            name,
            kind,
            tuple(columns[oid]),
            tuple(parents),
            is_partition,
            bound or "",
            frozenset(partitioned_by),
            primary.get(oid, ()),
            tuple(Check(n, expression, frozenset(c)) for n, expression, c in checks[oid]),
            tuple(uniques[oid]),
            tuple(Exclusion(n, tuple(k), tuple(o), frozenset(c), p or "") for n, k, o, c, p in exclusions[oid]),
            int(size),
            int(total),
        )
        for oid, schema, name, kind, parents, is_partition, bound, partitioned_by, size, total in _rows(
            connection, sql.TABLES
        )
    }


def _columns(connection: Connection, types: Types, alone: set[tuple[int, str]]) -> dict[int, list[TableColumn]]:
    found: dict[int, list[TableColumn]] = defaultdict(list)
    for row in _rows(connection, sql.COLUMNS):
        oid, schema, table, name, type_oid, type_text, typmod, nullable, position, dimensions, generated, made, up = row
        base = types.base(type_oid)
        limit = typmod if base.oid == type_oid else types.typmod(type_oid)
        column = Column(
            schema,
            table,
            name,
            type_text,
            type_text if base.oid == type_oid else types.below(type_oid),
            nullable=nullable and not types.is_never_null(type_oid),
            unique=(oid, name) in alone,
            length=limit - 4 if base.name in ("varchar", "bpchar") and limit >= 4 else None,
            labels=base.labels,
            array=max(dimensions, 1) if base.is_array else 0,
            position=position,
        )
        found[oid].append(
            TableColumn(
                column,
                base.bare,
                generated,
                made or "",
                up,
                types.checks(type_oid),
                types.is_bound_to_database(type_oid),
            )
        )
    return found


def _sequences(connection: Connection) -> tuple[Sequence, ...]:
    found = []
    for schema, name, increment, table, column in _rows(connection, sql.SEQUENCES):
        row = connection.execute(f"SELECT last_value, is_called FROM {ident(schema, name)}".encode()).fetchone()
        if row is not None:
            owner = (table, column) if table is not None else None
            found.append(Sequence(schema, name, row[0], row[1], increment, owner))
    return tuple(found)
