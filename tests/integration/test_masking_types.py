"""Each masking rule on each column of a table with hostile names, types and values, in real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from greenroom.domain.masking import Column, Rule
from greenroom.masking._types import Kind, kind_of
from greenroom.registry import all_rules
from tests.masking_support import Connection, columns_of, select_masked, server, session

NAME = 'Ümläut "quoted" 😀 ' + "x" * 40  # 63 bytes, the most there are
QUOTED = '"' + NAME.replace('"', '""') + '"'
TABLE = f""" "Odd 'schema".{QUOTED} """

SCHEMA = f"""
    CREATE SCHEMA "Odd 'schema";
    CREATE TYPE "Mood ""x" AS ENUM ('sad', 'it''s fine');
    CREATE DOMAIN short AS varchar(40) CHECK (length(VALUE) < 41);
    CREATE DOMAIN tags AS text[];
    CREATE TABLE {TABLE} (
        {QUOTED} text, v varchar(60), c char(40), d short, n name, s smallint, i int, b bigint, num numeric,
        num2 numeric(7,2), r real, dp double precision, flag boolean, day date, ts timestamp(0), tz timestamptz,
        t time, iv interval, u uuid, j json, jb jsonb, by bytea, ip inet, net cidr, mood "Mood ""x",
        a text[], a2 varchar(9)[], ai int[], tg tags, p point, m money
    );
    INSERT INTO {TABLE} VALUES
        ('O''Neil \\ "😀" é', '+49 170 1234567', '4111 1111 1111 1111', 'DE89370400440532013000', 'anna', 32767,
         2147483647, 9223372036854775807, 'NaN', 99999.99, 'Infinity', 1.7e308, true, 'infinity',
         '294276-12-31 23:59:59', '4714-11-24 00:00:00+00 BC', '24:00', '178000000 years',
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{{"a": "\\u0000"}}', '{{"a": [1, null]}}', '\\x00ff', '::1/64',
         '10.0.0.0/8', 'sad', '{{{{a,NULL}}}}', '{{""}}', '[3:4]={{1,2}}', '{{}}', '(1,2)', '1.00'),
        (repeat('é', 100000), repeat('x', 60), '', '', '', -32768, -2147483648, -9223372036854775808, '1e500', -0.01,
         '1e-45', 5e-324, false, '4714-11-24 BC', '-infinity', 'infinity', '0:0', '0',
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', (repeat('[', 2000) || repeat(']', 2000))::json, 'null', '', '1.2.3.4',
         '::/0', 'it''s fine', '{{}}', '{{}}', '{{}}', NULL, '(NaN,0)', '-1');
    INSERT INTO {TABLE} DEFAULT VALUES;
"""

SETTINGS: dict[str, dict[str, Any]] = {
    "constant": {"value": "7"},
    "array": {"element": {"rule": "keyed_hash"}},
    "json": {"paths": {"a[*]": {"rule": "number_noise"}}},
    "sql": {"expression": "NULL"},
    "free_text": {"mode": "shape"},
    "bytea": {"mode": "keyed"},
}


@pytest.fixture(scope="module", params=[18, pytest.param(15, marks=pytest.mark.needs("postgres15"))])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    with server(request.param) as url, session(url) as found:
        found.execute(SCHEMA.encode())
        yield found


def test_the_columns_are_as_the_rules_are_told(connection: Connection) -> None:
    """Lengths, domains and labels are read from the catalog as the contract says."""
    columns = columns_of(connection, TABLE)
    assert len(NAME.encode()) == 63
    assert columns[NAME].length is None
    assert (columns["v"].length, columns["c"].length, columns["d"].length) == (60, 40, 40)
    assert columns["d"].base.startswith("character varying")
    assert columns["mood"].labels == ("sad", "it's fine")


@pytest.mark.parametrize("rule", all_rules().values(), ids=list(all_rules()))
def test_whatever_a_rule_accepts_it_carries_out(connection: Connection, rule: Rule) -> None:
    """Type, length and checks of each column are kept, NULL stays NULL, and no value makes the statement fail."""
    config = rule.Config.model_validate(SETTINGS.get(rule.name, {}))
    accepted = [c for c in columns_of(connection, TABLE).values() if rule.problem(config, c) is None and _told(rule, c)]
    assert accepted
    for column in accepted:
        with connection.transaction(force_rollback=True):
            _make(connection, rule, config, column)
            (made,) = columns_of(connection, "made").values()
            assert made.type == column.type, f"{rule.name} on {column.name}"
            nulls = f"SELECT count(*) FROM made WHERE {_quoted(made.name)} IS NULL"
            (found,) = connection.execute(nulls.encode())
            assert found[0] >= 1, f"{rule.name} on {column.name}"


def _told(rule: Rule, column: Column) -> bool:
    """Whether 7 could be a value of the column: only PostgreSQL knows that of types Greenroom does not."""
    return rule.name != "constant" or kind_of(column) not in (Kind.OTHER, Kind.ARRAY)


def _make(connection: Connection, rule: Rule, config: Any, column: Column) -> None:
    statement = f"CREATE TEMP TABLE made AS {select_masked(TABLE, [rule.mask(config, column)])}"
    try:
        connection.execute(statement.encode())
    except Exception as error:
        raise AssertionError(f"{rule.name} on {column.name} ({column.type})") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
