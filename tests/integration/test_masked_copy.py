"""A masked copy between real servers: everything a schema can hold arrives, and nothing of what was ruled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.target import Mark, read_mark
from greenroom.adapters.postgres.schema import _IS_OURS, OURS, SECTIONS
from tests.masked_copy_support import Server, copy, harmless_but, rows, run, servers

LONG = "é" * 31  # 62 bytes
TORTURE = (Path(__file__).parents[1] / "cases/masking/torture.sql").read_text()
VIRTUAL = "ALTER TABLE gone ADD COLUMN v int GENERATED ALWAYS AS (i + 1) VIRTUAL;"

PERSON = 'public.Per"son 😀'
MASKED = {
    f"{PERSON}.{LONG}x": ("pseudonym", {}),
    f"{PERSON}.email": ("pseudonym", {}),
    f"{PERSON}.nick2": ("pseudonym", {}),
    "public.parted.note": ("constant", {"value": "left blank"}),
    "public.up.name": ("pseudonym", {}),
    '"v1.2"."people.old"."e.mail"': ("pseudonym", {}),
    '"v1.2"."people.old"."""said"""': ("pseudonym", {}),
}


ATTACHED = """SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
              WHERE d.datname = current_database()"""


@pytest.fixture(scope="module")
def both() -> Iterator[dict[int, Server]]:
    with servers(18, 15) as found:
        yield found


def structure(end: End) -> dict[str, list[str]]:
    """The application's schema as the server renders it, but for what a copy does not carry."""
    found = {}
    with end.session() as connection:
        for name, query in SECTIONS.items():
            said = connection.execute(OURS.sub(_IS_OURS, query).encode()).fetchall()
            found[name] = sorted(str(row) for row in said)
    return found


@pytest.mark.parametrize(("old", "new"), [(18, 18), (15, 15), (15, 18)])
@pytest.mark.needs("postgres15")
def test_everything_arrives_and_nothing_of_what_was_ruled(both: dict[int, Server], old: int, new: int) -> None:
    """Schema, unmasked values, sequences and views are as they were; masked columns hold other values."""
    source, target = both[old].database(), both[new].database()
    _fill(source)
    if old == 18:
        run(source, VIRTUAL)
    report = copy(source, target, both[new], harmless_but(source, MASKED, unsaid=["public.down.name"]))
    if old == new:
        before, after = structure(source), structure(target)
        assert after == before
    assert all(c.is_equal for c in report.compared)
    assert report.rows[PERSON] == 300
    for same in (
        'SELECT v::text FROM "Other ""Schema""".values v ORDER BY 1',
        'SELECT ("Id", feels, moods, numbers, home, kind, spans, code, bits, boss)::text FROM "Per""son 😀" ORDER BY 1',
        'SELECT "Id", price::text FROM "Per""son 😀" ORDER BY 1',
    ):
        assert rows(target, same) == rows(source, same)
    ruled = f'SELECT "{LONG}x", email, twice, nick2 FROM "Per""son 😀" ORDER BY "Id"'
    for was, now in zip(rows(source, ruled), rows(target, ruled), strict=True):
        assert all((a is None) == (b is None) and (a is None or a != b) for a, b in zip(was, now, strict=True))
    left = """SELECT 1 FROM "v1.2"."people.old" t WHERE t::text ~ '@|word'"""
    assert (rows(source, left), rows(target, left)) == ([(1,)] * 40, [])
    assert rows(target, "SELECT note FROM parted ORDER BY id") == [("left blank",)] * 3
    places = [where for (where,) in rows(target, "SELECT tableoid::regclass::text FROM parted ORDER BY id")]
    assert places == ["parted_old_1", "parted_old_1", "parted_new"]
    assert rows(target, "SELECT n FROM a_second") == [(301,)]
    assert rows(target, "SELECT count(*) FROM fired") == [(0,)]
    assert rows(target, "SELECT nextval('free')") == [(15,)]
    assert rows(target, "SELECT nextval('unused')") == [(1,)]
    assert rows(target, "SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]
    assert rows(target, "SELECT count(*) FROM pg_publication") == [(0,)]
    assert (rows(source, ATTACHED), rows(target, ATTACHED)) == ([("app.payment_key=live",)], [])
    assert rows(target, "SELECT i, j FROM gone ORDER BY 1") == [(1, 5), (2, 6)]
    assert rows(target, "SELECT relispopulated FROM pg_class WHERE relname = 'hollow'") == [(False,)]
    assert rows(target, 'SELECT col_description(\'"Per""son 😀"\'::regclass, 5)') == [("it's an address",)]
    run(target, "INSERT INTO \"Per\"\"son 😀\" (nick, nick2, code) VALUES ('fresh', 'fresh', 'new')")
    assert any("large objects stayed behind" in s for s in report.said)
    assert any("publication" in s for s in report.said)
    assert any("public.down.name is treated as public.up.name" in s for s in report.said)
    with target.session() as connection:
        assert read_mark(connection) == Mark(report.plan, is_finished=True)


def _fill(source: End) -> None:
    if not rows(source, "SELECT 1 FROM pg_roles WHERE rolname = 'torture_reader'"):
        run(source, "CREATE ROLE torture_reader NOLOGIN")
    run(source, TORTURE)
    run(source, f"ALTER DATABASE \"{source.parameters['dbname']}\" SET app.payment_key = 'live'")
