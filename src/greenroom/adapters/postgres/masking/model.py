"""What a database consists of, as far as a masked copy has to know it. Expressions are the server's own renderings:
columns stand in them unqualified, everything else with its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from greenroom.domain.dotted import dotted
from greenroom.domain.masking import Column

PAGE = 8192
"""Bytes of a block as every common build of PostgreSQL has it; used for sizes only."""


@dataclass(frozen=True)
class TableColumn:
    """A column and what moving it needs.

    `bare` is the type without domain and length, to cast to: a cast to `varchar(5)` would cut silently. `generated` is
    empty, `s` (stored) or `v` (virtual), then `expression` makes it. `inherited`: a parent has it too. `domain_checks`
    speak of `VALUE`. `as_text`: its binary form holds object identifiers, which mean nothing in another database.
    """

    column: Column
    bare: str
    generated: str = ""
    expression: str = ""
    inherited: bool = False
    domain_checks: tuple[str, ...] = ()
    as_text: bool = False

    @property
    def name(self) -> str:
        return self.column.name


@dataclass(frozen=True)
class Check:
    """A check constraint that is in force for the rows there are."""

    name: str
    expression: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Unique:
    """A unique index. `keys` are expressions; `columns` all columns in them and in the predicate.

    `is_plain`: keys are columns and there is no predicate.
    """

    name: str
    keys: tuple[str, ...]
    columns: frozenset[str]
    predicate: str = ""
    nulls_equal: bool = False
    is_plain: bool = True


@dataclass(frozen=True)
class Exclusion:
    """An exclusion constraint: no two rows for which all `keys` stand to each other as `operators` say."""

    name: str
    keys: tuple[str, ...]
    operators: tuple[str, ...]
    columns: frozenset[str]
    predicate: str = ""


@dataclass(frozen=True)
class Table:
    """A relation with columns: `kind` is `r` (holds rows), `p` (partitioned: its leaves hold them) or `f` (foreign).

    `parents` are the tables it is a partition of or inherits from. `bound` is what a partition's rows fulfil,
    `partitioned_by` the columns that decide where a row of this partitioned table goes. Sizes are bytes.
    """

    oid: int
    schema: str
    name: str
    kind: str
    columns: tuple[TableColumn, ...]
    parents: tuple[int, ...] = ()
    is_partition: bool = False
    bound: str = ""
    partitioned_by: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    uniques: tuple[Unique, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    size: int = 0
    total_size: int = 0

    @property
    def path(self) -> str:
        return dotted(self.schema, self.name)

    @property
    def moved(self) -> tuple[TableColumn, ...]:
        """The columns that a copy moves: the generated ones are made anew."""
        return tuple(c for c in self.columns if not c.generated)

    def column(self, name: str) -> TableColumn | None:
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True)
class Reference:
    """A foreign key, declared in the database or named in the configuration; columns in pairs.

    `operators` compare target and column; `=` where there are none.
    """

    table: int
    columns: tuple[str, ...]
    target: int
    target_columns: tuple[str, ...]
    name: str = ""
    operators: tuple[str, ...] = ()
    is_declared: bool = True


@dataclass(frozen=True)
class Sequence:
    """A sequence and where it stands. `owner` is the table and column that it counts for."""

    schema: str
    name: str
    value: int
    is_called: bool
    increment: int = 1
    owner: tuple[int, str] | None = None


@dataclass(frozen=True)
class Catalog:
    """One database at one moment. `matviews` are (schema, name) of the filled ones, each after those it reads.

    `built` holds, for every index and constraint by (catalog, oid), its bytes and the tables that building it touches;
    `left_out` names what no masked copy carries, in words.
    """

    version: int
    tables: Mapping[int, Table]
    references: tuple[Reference, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    matviews: tuple[tuple[str, str], ...] = ()
    roles: tuple[str, ...] = ()
    large_objects: int = 0
    built: Mapping[tuple[int, int], tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def named(self, path: str) -> Table | None:
        """The table that the configuration calls `schema.table`."""
        return next((t for t in self.tables.values() if t.path == path), None)

    def holding(self, oid: int) -> tuple[Table, ...]:
        """The tables that hold the rows of this one: itself, or the leaves of a partitioned one."""
        table = self.tables[oid]
        if table.kind != "p":
            return (table,) if table.kind == "r" else ()
        children = (t for t in self.tables.values() if oid in t.parents and t.is_partition)
        return tuple(leaf for child in children for leaf in self.holding(child.oid))

    def root(self, table: Table) -> Table:
        """The uppermost partitioned table that this one is a part of; itself for any other."""
        while table.is_partition:
            table = self.tables[table.parents[0]]
        return table
