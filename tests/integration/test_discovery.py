"""Discovery on real PostgreSQL: what it finds can be carried out, no value leaves, and nothing it meets stops it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from greenroom.adapters.postgres import discovery as adapter
from greenroom.adapters.postgres.discovery import Read, read_facts
from greenroom.adapters.postgres.masking.catalog import read_catalog
from greenroom.adapters.postgres.masking.choices import choose_masks
from greenroom.adapters.postgres.masking.ends import End
from greenroom.discovery.discover import discover
from greenroom.discovery.model import Harmless, Proposal, Undecided, Verdict
from greenroom.domain.dotted import table_of
from greenroom.domain.masking import Chosen
from greenroom.registry import all_detectors, all_rules, all_traits
from tests.masked_copy_support import Server, copy, rows, run, servers

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench.discovery import CALLED_HARMLESS, OWN, PRECISION, RECALL, load, score, truth_of  # noqa: E402

ROOT = Path(__file__).parents[2]
CASES = sorted(p.parent for p in (ROOT / OWN).glob("*/pii.tsv"))
TORTURE = (ROOT / "tests/cases/masking/torture.sql").read_text()
CANARY = "Zq7canary"


@pytest.fixture(scope="module")
def both() -> Iterator[dict[int, Server]]:
    with servers(18, 15) as found:
        yield found


def facts(end: End, **more: int) -> Read:
    with end.session() as connection:
        return read_facts(connection, all_traits(), date(2026, 11, 27), **more)


def verdicts(read: Read) -> dict[str, Verdict]:
    return {v.column: v for v in discover(read.tables, all_rules(), all_detectors())}


def chosen(found: dict[str, Verdict]) -> list[Chosen]:
    """The configuration that somebody makes of it who declares harmless what they looked at."""
    return [
        Chosen(v.column, v.rule, v.settings) if isinstance(v, Proposal) else Chosen(v.column, "harmless", {})
        for v in found.values()
    ]


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
@pytest.mark.needs("postgres15")
def test_what_is_proposed_is_right_and_can_be_carried_out(both: dict[int, Server], case: Path) -> None:
    """Recall and precision reach the goals, next to nothing personal is called harmless, and a masked copy runs with
    what was proposed: no proposed column keeps a value that the rule is there to hide."""
    server = both[18]
    source, target = load(server, case), server.database()
    found = verdicts(facts(source))
    result = score(tuple(found.values()), truth_of(case))
    assert result.recall >= RECALL, sorted(result.missed)
    assert result.precision >= PRECISION, sorted(result.wrong)
    assert result.harmless_share <= CALLED_HARMLESS, sorted(result.called_harmless)
    report = copy(source, target, server, chosen(found), rules=all_rules())
    assert sum(report.rows.values()) > 1000
    emails = [v.column for v in found.values() if isinstance(v, Proposal) and v.rule == "email"]
    assert emails
    for path in emails:
        schema, table, column = path.split(".")
        query = f'SELECT count(*) FROM "{schema}"."{table}" WHERE "{column}"::text <> \'\' AND "{column}" LIKE \'%@%\''
        assert rows(source, query) == rows(target, query)
        assert rows(target, f"{query} AND \"{column}\" NOT LIKE '%@example.com'") == [(0,)]


@pytest.mark.parametrize("major", [15, 18])
@pytest.mark.needs("postgres15")
def test_everything_a_schema_can_hold_gets_a_verdict(both: dict[int, Server], major: int) -> None:
    """Quotes, emoji, 63 characters, domains, arrays, composites, generated columns, inheritance, partitions: each
    column that a copy moves has one verdict, and the masked copy would take them all."""
    source = both[major].database()
    if not rows(source, "SELECT 1 FROM pg_roles WHERE rolname = 'torture_reader'"):
        run(source, "CREATE ROLE torture_reader NOLOGIN")
    run(source, TORTURE)
    read = facts(source)
    found = verdicts(read)
    with source.session() as connection:
        catalog = read_catalog(connection)
        moved = {
            c.column.path for t in catalog.tables.values() for c in t.moved if not t.is_partition and t.kind != "f"
        }
        assert moved <= found.keys()
        choose_masks(catalog, chosen(found), all_rules())
    assert not read.unread


HOSTILE = f"""
    CREATE TABLE "q""uo😀te's" ("e""mail 😀" text, "{"x" * 63}" text);
    INSERT INTO "q""uo😀te's" SELECT 'w' || i || '{CANARY}@example.org', '{CANARY}' FROM generate_series(1, 60) i;
    CREATE TABLE keyed (doc jsonb, js json, names text[], nested text[][]);
    INSERT INTO keyed SELECT jsonb_build_object('{CANARY}' || i, i, CASE WHEN i % 7 = 0 THEN 'Kim{CANARY}' ELSE
        'most' END, jsonb_build_object('mail', '{CANARY}@example.org')),
        json_build_object('phone', '+44 7700 9001' || i), ARRAY['{CANARY}', NULL],
        ARRAY[ARRAY['{CANARY}'], ARRAY['b']] FROM generate_series(10, 60) i;
    INSERT INTO keyed (doc) VALUES ('"{CANARY}"'), ('[["{CANARY}"]]'), ('null'), ('{{}}');
    CREATE TABLE huge (note text, file bytea, doc jsonb);
    INSERT INTO huge SELECT '{CANARY} ' || repeat(md5(i::text), 200000), decode(repeat('ff', 100000), 'hex'),
        jsonb_build_object('a', repeat('{CANARY}', 100000)) FROM generate_series(1, 8) i;
    CREATE TABLE empty_table (id int, whatever text, vorname text);
    CREATE TABLE parted (id int, made date, email text) PARTITION BY RANGE (made);
    CREATE TABLE parted_a PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE parted_b PARTITION OF parted FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
    INSERT INTO parted SELECT i, date '2021-05-01', 'p' || i || '@example.org' FROM generate_series(1, 50) i;
    CREATE VIEW seen AS SELECT * FROM parted;
    CREATE MATERIALIZED VIEW kept AS SELECT * FROM parted;
    CREATE TABLE made (first_name text, upper_name text GENERATED ALWAYS AS (upper(first_name)) STORED);
    INSERT INTO made VALUES ('{CANARY}');
    CREATE TABLE handles (handle text PRIMARY KEY); CREATE TABLE posts (by text REFERENCES handles);
    INSERT INTO handles VALUES ('{CANARY}'); INSERT INTO posts VALUES ('{CANARY}');
    CREATE TYPE pair AS (a text, b text);
    CREATE TABLE odd (p pair, ps pair[], t tsvector, x point, r int4range, m money, c "char", o oid, b bit(3));
    INSERT INTO odd VALUES (ROW('{CANARY}', 'b'), ARRAY[ROW('{CANARY}', 'b')::pair], '{CANARY.lower()}', '(1,2)',
        '[1,2)', 3, 'x', 4, B'101');
    CREATE TABLE times (d date, s timestamptz, n numeric);
    INSERT INTO times VALUES ('infinity', '-infinity', 'NaN'), ('4713-01-01 BC', '294276-12-31 23:59:59', 1e300);
    COMMENT ON COLUMN times.n IS 'Kundennummer';
    CREATE TABLE "people.old" ("e.mail" text);
    INSERT INTO "people.old" SELECT 'w' || i || '{CANARY}@example.org' FROM generate_series(1, 60) i;
"""


@pytest.mark.parametrize("major", [15, 18])
@pytest.mark.needs("postgres15")
def test_no_value_leaves_whatever_it_stands_in(both: dict[int, Server], major: int) -> None:
    """Neither facts nor verdicts hold a sampled value: of a text, a key of a document, an array, a composite."""
    source = both[major].database()
    run(source, HOSTILE)
    read = facts(source)
    found = verdicts(read)
    assert CANARY.lower() not in repr((read, found)).lower()
    assert not read.unread
    assert {table_of(p) for p in found} == {
        f"public.{t}"
        for t in (
            "q\"uo😀te's",
            '"people.old"',
            *("keyed", "huge", "empty_table", "parted", "made", "handles", "posts", "odd", "times"),
        )
    }
    email = found['public.q"uo😀te\'s.e"mail 😀']
    assert isinstance(email, Proposal)
    assert email.reason == "name, and 60 of 60 sampled values are e-mail addresses"
    assert isinstance(found['public."people.old"."e.mail"'], Proposal)
    assert isinstance(found["public.parted.email"], Proposal)
    assert found["public.parted.email"].reason.startswith("name, and 50 of 50")
    assert isinstance(found["public.empty_table.vorname"], Proposal)
    assert isinstance(found["public.empty_table.whatever"], Undecided)
    assert isinstance(found["public.made.upper_name"], Harmless)
    follower, target = found["public.posts.by"], found["public.handles.handle"]
    assert isinstance(follower, Proposal)
    assert isinstance(target, Proposal)
    assert (follower.rule, follower.settings, follower.follows) == (target.rule, target.settings, target.column)
    inside = found["public.keyed.js"]
    assert isinstance(inside, Proposal)
    assert inside.settings["paths"] == {"phone": {"rule": "phone"}}
    with source.session() as connection:
        choose_masks(read_catalog(connection), chosen(found), all_rules())


def test_it_reads_some_rows_of_a_large_table_and_writes_nothing(both: dict[int, Server]) -> None:
    """A table of many pages gives at most the rows that were asked for, from all over it, the same ones each time; the
    transaction cannot write; the connection is as it was."""
    source = both[18].database()
    run(
        source,
        "CREATE TABLE big (id bigint PRIMARY KEY, email text, pad text); INSERT INTO big SELECT i,"
        " CASE WHEN i > 100000 THEN 'u' || i || '@example.org' ELSE '' END, repeat('x', 200)"
        " FROM generate_series(1, 200000) i; ANALYZE big; CREATE TABLE gone (LIKE big);"
        " INSERT INTO gone SELECT i, 'u' || i || '@example.org', repeat('x', 200) FROM generate_series(1, 50000) i;"
        " DELETE FROM gone WHERE id > 3",
    )
    with source.session() as connection:
        read = read_facts(connection, all_traits(), date(2026, 11, 27))
        again = read_facts(connection, all_traits(), date(2026, 11, 27))
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        assert connection.execute("SHOW transaction_read_only").fetchall() == [("off",)]
        with (
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
            adapter._reading(connection),
        ):
            connection.execute("CREATE TABLE public.written ()")
    assert read == again
    sample = next(c for t in read.tables if t.name == "big" for c in t.columns if c.column.name == "email").sample
    assert sample.rows == adapter.ROWS
    assert 0.2 < sample.values / sample.rows < 0.8  # neither the first half alone nor the second
    few = next(c for t in read.tables if t.name == "gone" for c in t.columns if c.column.name == "email").sample
    assert few.values == 3


def test_a_table_that_cannot_be_read_is_named_and_judged_by_its_names(
    both: dict[int, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column whose reading fails or takes too long costs the sample of its table; what the server said, which may
    hold a value, is not repeated."""
    source = both[18].database()
    run(
        source,
        f"""CREATE TABLE person (email text, age int); INSERT INTO person VALUES ('{CANARY}', 3);
        CREATE TABLE other (phone text); INSERT INTO other VALUES ('+44 7700 900123')""",
    )
    monkeypatch.setattr(
        adapter,
        "_expression",
        lambda column: f"(s.\"{column.name}\"::text || '{CANARY}')::int" if column.name == "email" else "pg_sleep(0)",
    )
    read = facts(source)
    assert [(u.table, u.because) for u in read.unread] == [("public.person", "InvalidTextRepresentation (22P02)")]
    assert CANARY not in repr(read)
    found = verdicts(read)
    assert isinstance(found["public.person.email"], Proposal)
    assert found["public.person.email"].confidence < 0.9
