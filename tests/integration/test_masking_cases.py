"""Every case of every masking rule holds in real PostgreSQL, the embedded one and the host's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from greenroom.registry import rules_of
from tests import masking_support
from tests.docs.test_add_a_masking_rule import block
from tests.masking_support import Connection, of_values, server, session
from tests.unit.masking.cases import NULL, Told, read, told_cases

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


def test_the_example_of_the_page_masks(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule in `docs/contribute/add-a-masking-rule.md` does what the cases beside it say."""
    module = ModuleType("plates_in_postgres")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block("python"), "add-a-masking-rule.md", "exec"), module.__dict__)
    rule = rules_of([module])["licence_plate"]
    monkeypatch.setattr(masking_support, "all_rules", lambda: {rule.name: rule})
    told = [t for t in read(block("toml"), rule, "add-a-masking-rule.md") if t.rows]
    assert len(told) == 2
    for one in told:
        test_masks(connection, one)
