"""Pieces of SQL that the rules are made of: quoting, keyed digests, integers cut from them.

No piece contains a percent sign, so that a driver with its own meaning for it leaves the statements alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from greenroom.domain.masking import Column, Digest
from greenroom.masking._types import Kind, kind_of

INTEGER_BYTES = 6
"""Bytes of a digest that make one integer: 48 bits, so that every word of a list is as likely as any other."""


def ident(name: str) -> str:
    """An identifier, whatever is in it. Raises ValueError for a zero byte, which no identifier holds."""
    if "\0" in name or not name:
        raise ValueError(f"{name!r} names nothing in PostgreSQL")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant, right whatever `standard_conforming_strings` says. Raises ValueError for a zero byte."""
    if "\0" in text:
        raise ValueError("PostgreSQL's text holds no zero byte")
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in quoted else quoted


def source(column: Column) -> str:
    """The value in the source row, for digests."""
    return f"t.{ident(column.name)}"


def value(column: Column) -> str:
    """The value in the row that masks are made of."""
    return f"s.{ident(column.name)}"


def digest(sql: str) -> Digest:
    """A digest whose name follows from its expression."""
    return Digest(f"mask_{hashlib.sha256(sql.encode()).hexdigest()[:20]}", sql)


def keyed(use: str, content: str) -> Digest:
    """SHA-256 of key, use and content (a bytea expression): different uses of one value have nothing in common."""
    return digest(_keyed(use, content))


def exposed(use: str, content: str) -> Digest:
    """The same, hashed with the key once more: for masks that show a digest in full."""
    return digest(f"sha256(k.key || {_tag('shown')} || {_keyed(use, content)})")


def _keyed(use: str, content: str) -> str:
    return f"sha256(k.key || {_tag(use)} || {content})"


def _tag(use: str) -> str:
    return f"'\\x{use.encode().hex()}00'::bytea"


def content(column: Column) -> str:
    """The value as bytes that do not depend on the session's settings. Integers of every width agree, and so do texts
    of every type; `citext` agrees with itself whatever the case."""
    v = source(column)
    match kind_of(column):
        case Kind.INTEGER:
            return f"int8send({v}::bigint)"
        case Kind.FLOAT:
            return f"float8send({v}::float8)"
        case Kind.DATE | Kind.TIMESTAMP | Kind.TIMESTAMPTZ as kind:
            return f"{kind}_send({v})"
        case Kind.BYTEA:
            return v
        case Kind.CITEXT:
            return f"convert_to(lower({v}::text), 'UTF8')"
        case _:
            return f"convert_to({v}::text, 'UTF8')"


def integer(digest_sql: str, first: int) -> str:
    """A bigint in 0 … 2**48-1 from six bytes of a digest, beginning with byte `first` (counted from 0)."""
    return f"('x' || encode(substr({digest_sql}, {first + 1}, {INTEGER_BYTES}), 'hex'))::bit(48)::bigint"


def hexadecimal(digest_sql: str, digits: int, first: int = 0) -> str:
    """So many hexadecimal digits of a digest, from byte `first`; at most 64."""
    whole = f"encode(substr({digest_sql}, {first + 1}, {(digits + 1) // 2}), 'hex')"
    return whole if digits % 2 == 0 else f"left({whole}, {digits})"


def given(inputs: Mapping[str, str], steps: Iterable[tuple[str, str]], result: str) -> str:
    """`result` over names for what it uses more than once, as `g.NAME`: inputs are expressions of the place where this
    stands, each step may use inputs and the steps before it.

    A scalar subselect, nested once for each step; `OFFSET 0` keeps the planner from writing a step out at every place
    that uses it.
    """
    inner = f"(SELECT {', '.join(f'{sql} AS {name}' for name, sql in inputs.items())} OFFSET 0) g"
    for name, sql in steps:
        inner = f"(SELECT *, {sql} AS {name} FROM {inner} OFFSET 0) g"
    return f"(SELECT {result} FROM {inner})"
