"""Masking as values: a rule takes a column and gives SQL; the vault's PostgreSQL carries it out. Nothing here does I/O.

A masked table is read by one statement of this form, where `k` holds the project's key for the length of the session:

    SELECT <Masked.sql of each column> FROM (
        SELECT t.*, <Digest.sql AS Digest.name …> FROM <table> t CROSS JOIN (SELECT … AS key OFFSET 0) k OFFSET 0
    ) s

Each digest is computed once for each row, however many columns are derived from it; `OFFSET 0` keeps PostgreSQL's
planner from computing it again for each of them. NULL stays NULL in every rule that does not say otherwise.

In the vault the inner select is a view (`adapters/postgres/masking/walls.py`), for then the key is out of reach of the
functions that the statement calls; it is in no statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from greenroom.domain.dotted import dotted

HARMLESS = "harmless"
"""The rule of a column that may leave as it is."""

UNIQUE_DIGITS = 20
"""Hexadecimal digits of a digest (80 bits) that count as collision-free: of a thousand million different values, two
fall together with a chance of 4 in ten million."""


class RuleConfig(BaseModel):
    """Settings of a rule: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True)
class Column:
    """One column as the catalog describes it. Names are as PostgreSQL keeps them, unquoted.

    `type` is `format_type(atttypid, atttypmod)`, e.g. `character varying(50)`; for a domain, the type below it stands
    in `base`. `length` is the limit in characters, None without one. `unique` is True when a unique index of this
    column alone exists. `labels` are those of an enum, in order. `array` is the number of dimensions declared, 0 for
    none.
    """

    schema: str
    table: str
    name: str
    type: str
    base: str
    nullable: bool = True
    unique: bool = False
    length: int | None = None
    labels: tuple[str, ...] = ()
    array: int = 0
    position: int = 0

    @property
    def path(self) -> str:
        """`schema.table.column`, as the configuration and every message name it (`domain.dotted`)."""
        return dotted(self.schema, self.table, self.name)


@dataclass(frozen=True)
class Digest:
    """A keyed digest of a source value: `name` is the SQL alias in the inner select, `sql` an expression over `t`
    (the source row) and `k.key`, bytea unless the rule that made it knows better. Equal digests of several columns are
    computed once: their names are equal exactly when their expressions are."""

    name: str
    sql: str


@dataclass(frozen=True)
class Masked:
    """What a rule makes of a column: an expression over `s` (the row with its digests), of the column's type.

    `whole_table` is True when a digest looks at other rows (a window function): the table must then be read by one
    statement, not in parts.
    """

    sql: str
    digests: tuple[Digest, ...] = ()
    whole_table: bool = False


class Rule(Protocol):
    """One masking rule, one file of `greenroom.masking`: how a column's values become harmless.

    `name` is what the configuration calls it; `Config` are its settings; `keeps_unique` is True when different values
    stay different, so that the rule may stand on a unique column (some only with a setting, which `problem` names).
    """

    name: str
    title: str
    Config: type[RuleConfig]
    keeps_unique: bool

    def problem(self, config: Any, column: Column) -> str | None:
        """Why this rule cannot stand on this column (its type, its length, uniqueness), or None."""

    def mask(self, config: Any, column: Column) -> Masked:
        """The SQL. Called only when `problem` is None. Identifiers are quoted, texts are literals; no key is in it."""


@dataclass(frozen=True)
class Chosen:
    """What the configuration says of one column: a rule with its settings, or that it is harmless."""

    column: str
    rule: str
    settings: Mapping[str, Any]
