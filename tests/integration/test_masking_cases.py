"""Every case of every masking rule holds in real PostgreSQL, the embedded one and the host's."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.masking_support import Connection, of_values, server, session
from tests.unit.masking.cases import NULL, Told, told_cases

ALL = [t for t in told_cases() if t.rows]


@pytest.fixture(scope="module", params=[18, pytest.param(15, marks=pytest.mark.needs("postgres15"))])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    with server(request.param) as url, session(url) as found:
        found.execute("CREATE TYPE mood AS ENUM ('sad', 'fine')")
        yield found


@pytest.mark.parametrize("told", ALL, ids=[t.id for t in ALL])
def test_masks(connection: Connection, told: Told) -> None:
    """Each value's mask is what the case says, of the column's type."""
    values = [None if value == NULL else value for value, _ in told.rows]
    with connection.transaction(force_rollback=True):
        found = of_values(connection, told.column, values, told.rule.name, **told.settings)
    for (value, wanted), mask in zip(told.rows, found, strict=True):
        assert re.fullmatch(wanted, NULL if mask is None else mask, re.DOTALL), (
            f"{told.promise}: {value!r} became {mask!r}"
        )
