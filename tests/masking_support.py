"""Masks as a real PostgreSQL makes them: columns as its catalog describes them, the statement of the masked form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from greenroom.domain.masking import Column, Masked
from greenroom.domain.release import Services
from greenroom.registry import all_rules
from tests.postgres_ground import ground

KEY, OTHER_KEY = "0f" * 32, "1e" * 32

KEY_SETTING = "greenroom.masking_key"
"""The session setting that holds the project's key, in hexadecimal digits."""

SET_KEY = f"SELECT set_config('{KEY_SETTING}', $1, false)"
"""What a session runs first, with the key in hexadecimal digits (32 of them or more) as its only parameter."""


def key_source() -> str:
    """The subselect `k`, in parentheses: one row with the column `key`, 16 bytes derived from the session's key.

    The statement fails when the session has no key, or one of fewer than 32 hexadecimal digits: a dataset is never
    masked with an empty key by mistake.
    """
    setting = f"current_setting('{KEY_SETTING}')"
    too_short = f"('{KEY_SETTING} holds too few digits: ' || length({setting}))::int::text"
    checked = f"CASE WHEN length({setting}) >= 32 THEN {setting} ELSE {too_short} END"
    return (
        f"(SELECT substr(sha256('masking key of Greenroom'::bytea || decode({checked}, 'hex')), 1, 16) AS key OFFSET 0)"
    )


def select_masked(source: str, masked: Iterable[Masked]) -> str:
    """The whole statement over `source` (a quoted table, or a subselect in parentheses), one column for each of
    `masked`."""
    columns = list(masked)
    digests = {d.name: d.sql for m in columns for d in m.digests}
    inner = ", ".join(["t.*", *(f"{sql} AS {name}" for name, sql in digests.items())])
    outer = ", ".join(m.sql for m in columns)
    return f"SELECT {outer} FROM (SELECT {inner} FROM {source} t CROSS JOIN {key_source()} k OFFSET 0) s"


CATALOG = """
    SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
           CASE y.typtype WHEN 'd' THEN format_type(y.typbasetype, y.typtypmod) ELSE format_type(a.atttypid, NULL) END,
           NOT a.attnotnull,
           EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indnatts = 1
                                            AND i.indkey[0] = a.attnum),
           CASE WHEN coalesce(nullif(y.typbasetype, 0), y.oid) IN ('varchar'::regtype, 'bpchar'::regtype)
                THEN nullif(CASE WHEN y.typtype = 'd' THEN y.typtypmod ELSE a.atttypmod END, -1) - 4 END,
           ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = y.oid ORDER BY e.enumsortorder),
           a.attndims, a.attnum
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_type y ON y.oid = a.atttypid
     WHERE c.oid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def server(major: int) -> Iterator[str]:
    """The address of a database of this major version that is nobody else's."""
    with ground() as made, made.databases().scratch(Services(major)) as scratch:
        yield scratch.url.reveal()


@contextmanager
def session(url: str, key: str = KEY) -> Iterator[Connection]:
    """A session that holds the key, in a transaction that is rolled back; nothing is compiled, as in the product's."""
    with psycopg.connect(url, options="-c jit=off") as connection:
        set_key(connection, key)
        yield connection
        connection.rollback()


def set_key(connection: Connection, key: str) -> None:
    connection.execute(SET_KEY.replace("$1", "%s").encode(), [key])


def columns_of(connection: Connection, table: str) -> dict[str, Column]:
    """The columns of a table (its name quoted), by name."""
    rows = connection.execute(CATALOG.encode(), [table]).fetchall()
    return {row[2]: Column(*row[:8], tuple(row[8]), *row[9:]) for row in rows}


def column_of(type_name: str, *, unique: bool = False, nullable: bool = True, **more: Any) -> Column:
    """A column as the catalog would describe it, for what is decided without a database."""
    bare, _, rest = type_name.partition("(")
    length = int(rest.partition(")")[0]) if bare in ("character varying", "character") and rest else None
    base = bare.strip() + rest.partition(")")[2]
    return Column(
        "public", "t", "v", type_name, base, nullable, unique, length, array=int(type_name.endswith("]")), **more
    )


def masked(rule: str, column: Column, **settings: Any) -> Masked:
    """What the rule makes of the column. Raises AssertionError where it says that it cannot stand there."""
    found = all_rules()[rule]
    config = found.Config.model_validate(settings)
    assert (problem := found.problem(config, column)) is None, problem
    return found.mask(config, column)


def run(connection: Connection, source: str, masks: Sequence[Masked]) -> list[tuple[Any, ...]]:
    """The masked rows of a table or subselect, in the order in which it is read."""
    return connection.execute(select_masked(source, masks).encode()).fetchall()


def of_values(
    connection: Connection, column: Column, values: Sequence[str | None], rule: str, **settings: Any
) -> list[str | None]:
    """The masks of values of a type, both in PostgreSQL's text form."""
    source = (
        f"(SELECT v::{column.type} AS v, o FROM jsonb_array_elements_text({_literal(values)}) WITH ORDINALITY u(v, o))"
    )
    mask = masked(rule, column, **settings)
    whole = Masked(f"({mask.sql})::text", mask.digests)
    rows = run(
        connection, source, [whole, Masked("s.o"), Masked(f"pg_typeof({mask.sql})::text = pg_typeof(s.v)::text")]
    )
    assert all(row[2] for row in rows)
    return [row[0] for row in sorted(rows, key=lambda r: r[1])]


def _literal(values: Sequence[str | None]) -> str:
    text = json.dumps(list(values)).replace("'", "''").replace("\\", "\\\\")
    return f"E'{text}'::jsonb"
