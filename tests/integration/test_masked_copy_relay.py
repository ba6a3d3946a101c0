"""What carries the rows of a masked copy: every row whatever its size, and an error of either side as it was told."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.relay import BATCH, relay
from tests.masked_copy_support import Server, rows, run, servers

SIZES = f"""
    CREATE TABLE sized (id int PRIMARY KEY, body text);
    INSERT INTO sized SELECT i, repeat('x', i % 90) FROM generate_series(1, 5000) i;
    INSERT INTO sized SELECT 10000 + i, repeat('y', {BATCH} - 40 + i) FROM generate_series(0, 80) i;
    INSERT INTO sized VALUES (20000, repeat('z', 3000000)), (20001, NULL);
    INSERT INTO sized VALUES (20002, repeat('z', {2 * BATCH})), (20003, '');
    CREATE TABLE nothing (id int, body text);
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with servers(18) as found:
        yield found[18]


@pytest.fixture
def ends(server: Server) -> tuple[End, End]:
    source, target = server.database(), server.database()
    run(source, SIZES)
    run(target, "CREATE TABLE sized (id int PRIMARY KEY, body text); CREATE TABLE nothing (id int, body text)")
    return source, target


@pytest.mark.parametrize("form", ["binary", "text"])
@pytest.mark.parametrize("table", ["sized", "nothing"])
def test_rows_of_every_size_arrive_as_they_left(ends: tuple[End, End], table: str, form: str) -> None:
    """Small ones together, large ones alone, none at all: the same rows, counted on both sides, and all bytes told."""
    source, target = ends
    told: list[int] = []
    with source.session() as a, target.session() as b:
        read, write = (f"COPY public.{table} {way} (FORMAT {form})" for way in ("TO STDOUT", "FROM STDIN"))
        left, arrived = relay(a, read, b, write, told.append)
        assert a.execute("SELECT 1").fetchall() == b.execute("SELECT 1").fetchall()
    query = f"SELECT count(*), md5(string_agg(id || coalesce(md5(body), 'none'), ',' ORDER BY id)) FROM {table}"
    assert rows(source, query) == rows(target, query)
    assert left == arrived == rows(source, query)[0][0]
    assert sum(told) >= rows(source, f"SELECT coalesce(sum(octet_length(body)), 0) FROM {table}")[0][0]


def test_what_the_source_cannot_read_ends_both_sides(ends: tuple[End, End]) -> None:
    """A row in the middle that fails: the source's own error, and nothing of the COPY stays in the target."""
    source, target = ends
    read = "COPY (SELECT id / (id - 4000), body FROM public.sized) TO STDOUT (FORMAT binary)"
    with source.session() as a, target.session() as b:
        with pytest.raises(psycopg.errors.DivisionByZero):
            relay(a, read, b, "COPY public.nothing FROM STDIN (FORMAT binary)", lambda _: None)
        assert a.execute("SELECT 1").fetchall() == b.execute("SELECT 1").fetchall()
    assert rows(target, "SELECT count(*) FROM nothing") == [(0,)]


def test_what_the_target_does_not_take_ends_both_sides(ends: tuple[End, End]) -> None:
    """Rows that are there already: the target's own error."""
    source, target = ends
    run(target, "INSERT INTO sized VALUES (4000, 'before')")
    with source.session() as a, target.session() as b:
        with pytest.raises(psycopg.errors.UniqueViolation):
            relay(a, "COPY public.sized TO STDOUT", b, "COPY public.sized FROM STDIN", lambda _: None)
        assert b.execute("SELECT 1").fetchall() == [(1,)]
    assert rows(target, "SELECT count(*) FROM sized") == [(1,)]
