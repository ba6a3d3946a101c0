"""What kind of value a column holds, whatever its domain, its length or its precision."""

from __future__ import annotations

import re
from enum import StrEnum

from greenroom.domain.masking import Column


class Kind(StrEnum):
    """Types that rules treat alike. The values are PostgreSQL's names where there is only one type of the kind."""

    TEXT = "text"
    CITEXT = "citext"
    INTEGER = "integer"
    NUMERIC = "numeric"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    UUID = "uuid"
    JSON = "json"
    JSONB = "jsonb"
    BYTEA = "bytea"
    INET = "inet"
    CIDR = "cidr"
    ENUM = "enum"
    ARRAY = "array"
    OTHER = "other"


_KINDS = {
    "text": Kind.TEXT,
    "character varying": Kind.TEXT,
    "character": Kind.TEXT,
    "bpchar": Kind.TEXT,
    "name": Kind.TEXT,
    "citext": Kind.CITEXT,
    "smallint": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "bigint": Kind.INTEGER,
    "numeric": Kind.NUMERIC,
    "real": Kind.FLOAT,
    "double precision": Kind.FLOAT,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "timestamp without time zone": Kind.TIMESTAMP,
    "timestamp with time zone": Kind.TIMESTAMPTZ,
    "uuid": Kind.UUID,
    "json": Kind.JSON,
    "jsonb": Kind.JSONB,
    "bytea": Kind.BYTEA,
    "inet": Kind.INET,
    "cidr": Kind.CIDR,
}

_BYTES = {"smallint": 2, "integer": 4, "bigint": 8}
TEXTS = frozenset({Kind.TEXT, Kind.CITEXT})
DATES = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
NUMBERS = frozenset({Kind.INTEGER, Kind.NUMERIC, Kind.FLOAT})


def bare(type_name: str) -> str:
    """A type's name without length, precision and array brackets: `timestamp(3) without time zone[]` has none left."""
    return re.sub(r"\([^)]*\)|\[\d*\]", "", type_name).strip()


def kind_of(column: Column) -> Kind:
    """The kind of a column's values."""
    if column.array or column.base.endswith("]"):
        return Kind.ARRAY
    if column.labels:
        return Kind.ENUM
    name = bare(column.base)
    known = _KINDS.get(name)
    if known is None and name.rpartition(".")[2] == "citext":
        known = Kind.CITEXT
    return known or Kind.OTHER


_WHOLE = re.compile(r"numeric\((\d{1,2})(?:,\s*0)?\)")
MOST_DIGITS = 18
"""Digits of a number that fits a bigint whatever they are."""


def whole_digits(column: Column) -> int:
    """The digits of a `numeric(9)`: a whole number that fits a bigint, as older systems have their keys; 0 for any
    other column."""
    found = _WHOLE.fullmatch(column.base) or _WHOLE.fullmatch(column.type)
    return int(found[1]) if found and not column.array and 0 < int(found[1]) <= MOST_DIGITS else 0


def largest(column: Column) -> int:
    """The largest number that a column of whole numbers holds."""
    if digits := whole_digits(column):
        return int(10**digits - 1)
    return int((1 << (8 * _BYTES[bare(column.base)] - 1)) - 1)


def limit_of(column: Column) -> int | None:
    """The most characters a text may have: its declared length, 63 bytes for `name`, None without a limit."""
    return 63 if column.length is None and bare(column.base) == "name" else column.length


def type_problem(column: Column, *kinds: Kind) -> str | None:
    """The complaint about a column that is of none of these kinds, or None."""
    if kind_of(column) in kinds:
        return None
    wanted = sorted({"text" if k in TEXTS else k.value for k in kinds})
    listed = " or ".join(([", ".join(wanted[:-1])] if wanted[1:] else []) + wanted[-1:])
    return f"it stands on {listed} alone, and {column.path} is {column.type}"


def unique_problem(column: Column, instead: str = "email, username, uuid, keyed_hash or shuffle") -> str | None:
    """The complaint about a unique column, from a rule that lets different values fall together, or None."""
    if not column.unique:
        return None
    return f"{column.path} has a unique index, and this rule gives different values the same mask; use {instead}"
