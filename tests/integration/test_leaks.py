"""The leak check between real databases: what leaks is named by column and kind, what does not is let through."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from greenroom.adapters.postgres.masking.ends import End
from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.leaks import Kind, LeakReport
from greenroom.domain.secret import Secret
from tests.integration.test_masked_copy import MASKED, TORTURE
from tests.leak_support import RULED, clone, examine, fill, found, masked, wanted
from tests.masked_copy_support import KEY, RULES, Server, rows, run, servers

LEAKING = {
    "first": "first",
    "last": "upper(last)",
    "full_name": "concat(last, ', ', first)",
    "email": "lower(regexp_replace(email, '@', '+shop@'))",
    "phone": "translate(phone, '+ ', '')",
    "birth": "birth",
    "iban": "translate(iban, ' ', '')",
    "card": "encode(sha256(convert_to(card, 'UTF8')), 'base64')",
    "street": "reverse(street)",
    "city": "translate(city, 'aeiouy', 'äéîõůÿ')",
    "postcode": "postcode",
    "company": "md5(lower(company))",
    "national": "encode(convert_to(national, 'UTF8'), 'hex')",
    "site": "replace(replace(site, ':', '%3A'), '/', '%2F')",
    "note": "concat('Please write to <', email, '> soon')",
    "nicks": "ARRAY[concat('nick of ', upper(login))]",
    "prefs": "jsonb_set(prefs, ARRAY['seen'], to_jsonb(iban)) - 'contact'",
    "token": "md5(email)",
    "photo": "convert_to(concat('by ', national), 'UTF8')",
    "login": "concat('u', id)",
    "search": "to_tsvector('pg_catalog.english', concat('of interest: ', last, ' ', first))",
    "salary": "salary",
}
"""A rule for each column that does not mask, as SQL."""

CAUGHT = {
    ("person.first", "person.first"): Kind.UNCHANGED,
    ("person.last", "person.last"): Kind.NORMALISED,
    ("person.full_name", "person.full_name"): Kind.NORMALISED,
    ("person.email", "person.email"): Kind.WORDS,
    ("person.phone", "person.phone"): Kind.NORMALISED,
    ("person.birth", "person.birth"): Kind.UNCHANGED,
    ("person.iban", "person.iban"): Kind.NORMALISED,
    ("person.card", "person.card"): Kind.HASHED,
    ("person.street", "person.street"): Kind.REVERSED,
    ("person.city", "person.city"): Kind.NORMALISED,
    ("person.postcode", "person.postcode"): Kind.UNCHANGED,
    ("person.company", "person.company"): Kind.HASHED,
    ("person.national", "person.national"): Kind.ENCODED,
    ("person.site", "person.site"): Kind.ENCODED,
    ("person.email", "person.note"): Kind.EXACT,
    ("person.login", "person.nicks"): Kind.NORMALISED,
    ("person.iban", "person.prefs"): Kind.EXACT,
    ("person.email", "person.token"): Kind.HASHED,
    ("person.national", "person.photo"): Kind.EXACT,
    ("person.salary", "person.salary"): Kind.UNCHANGED,
    ("person.first", "person.full_name"): Kind.EXACT,
}

INDEXED = (Kind.WORDS, Kind.NORMALISED)
"""A search index sorts words: now and then that is their order in the name."""


@dataclass
class Ground:
    server: Server
    source: End
    target: End


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with servers(18) as found_servers:
        server = found_servers[18]
        source = server.database()
        fill(source, 300)
        yield Ground(server, source, masked(source, server, wanted(source)))


def look(ground: Ground, target: End | None = None, **more: Any) -> LeakReport:
    return examine(ground.source, target or ground.target, wanted(ground.source), **{"rows": 300, **more})


def test_clean_copies_pass_whatever_the_key(ground: Ground) -> None:
    """Ten masking keys, ten other sets of masks that hit real names and towns by chance: not one false alarm."""
    for n in range(10):
        asked = wanted(ground.source, key=Secret(hashlib.sha256(f"key {n}".encode()).hexdigest()))
        report = examine(ground.source, masked(ground.source, ground.server, asked), asked, rows=150)
        assert report.complaints == ()
        assert report.is_publishable
    assert {t.column for t in report.tested} == set(RULED)
    assert all(t.rows > 100 or t.why_less for t in report.tested)


def test_a_schema_full_of_oddities_passes_and_does_not_when_it_leaks(ground: Ground) -> None:
    """Strange names, types, partitions and generated columns are read; a generated column that shows a value is found
    in it."""
    source = ground.server.database()
    run(source, "DROP ROLE IF EXISTS torture_reader; CREATE ROLE torture_reader NOLOGIN")
    run(source, TORTURE)
    ruled = dict(MASKED)
    asked = wanted(source, ruled, rules=RULES)
    target = masked(source, ground.server, asked)
    assert examine(source, target, asked).complaints == ()
    who = rows(source, 'SELECT email FROM "Per""son 😀" WHERE email IS NOT NULL ORDER BY "Id"')
    with target.session(settings={"search_path": "public"}) as connection:
        for n, (email,) in enumerate(who):
            statement = 'UPDATE "Per""son 😀" SET email = %s WHERE "Id" = %s'
            connection.execute(statement.encode(), [f"{email}x", 300 - n])
    report = examine(source, target, asked)
    places = {x.place for x in report.leaks}
    assert {'public.Per"son 😀.email', 'public.Per"son 😀.twice'} <= places


def test_rules_that_leak_are_named_by_column_and_kind(ground: Ground) -> None:
    """Identity, other case, turned names, tags, no blanks, accents, backwards, codes, hashes, parts of JSON, texts,
    arrays, bytes and search indexes: each is caught where it is."""
    ruled = dict(RULED) | {f"public.person.{c}": ("sql", {"expression": e}) for c, e in LEAKING.items()}
    ruled["public.person.token"] = ("sql", {"expression": "md5(email)::uuid"})
    asked = wanted(ground.source, ruled)
    report = examine(ground.source, masked(ground.source, ground.server, asked), asked, rows=300)
    caught = {key: leak.kind for key, leak in found(report).items()}
    assert {key: caught.get(key) for key in CAUGHT} == CAUGHT
    assert caught["person.full_name", "person.search"] in INDEXED
    assert not report.is_publishable


def test_values_are_found_wherever_the_target_holds_text(ground: Ground) -> None:
    """Comments, defaults, constraints, labels, function bodies, settings, large objects, other tables without a key,
    matviews, JSON keys, arrays, bytea, long texts: values of a masked column far from their row."""
    people = rows(ground.source, "SELECT email, iban, full_name, phone, first, last FROM person ORDER BY id")
    mail = [p[0] for p in people]
    names = [p[2] for p in people]
    hashed = hashlib.md5(mail[7].lower().encode()).hexdigest()
    harm = [
        f"COMMENT ON COLUMN town.people IS 'ask {mail[0]}'",
        f"ALTER TABLE town ADD added text DEFAULT '{mail[1]}'",
        f"ALTER TABLE town ADD CHECK (name <> '{mail[2]}')",
        f"ALTER TYPE mood ADD VALUE '{mail[3]}'",
        f"CREATE FUNCTION told() RETURNS text LANGUAGE sql AS $$ SELECT '{mail[4]}' $$",
        f"""DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I SET my.setting = %L', current_database(), '{mail[5]}');
            END $do$""",
        f"SELECT lo_from_bytea(0, 'letter to {mail[6]}, dear friend')",
        "CREATE TABLE loose (a text); INSERT INTO loose SELECT 'x' FROM generate_series(1, 5000)",
        f"INSERT INTO loose VALUES ('{hashed[:20]}')",
        f"CREATE MATERIALIZED VIEW seen AS SELECT '{mail[8].upper()}'::text AS what",
        "CREATE TABLE docs (j jsonb, a text[], b bytea, x text)",
        f"INSERT INTO docs VALUES ('{json.dumps({mail[9]: [1]})}', NULL, NULL, NULL)",
        f"INSERT INTO docs VALUES (NULL, ARRAY['x', '{people[10][1].replace(' ', '')}'], NULL, NULL)",
        f"INSERT INTO docs VALUES (NULL, NULL, 'from {mail[11]}', '<a>{mail[12]}</a>')",
        f"CREATE TABLE long (t text); INSERT INTO long VALUES (repeat('lorem ipsum ', 200000) || ' {mail[13]} ')",
        f"UPDATE visit SET agent = agent || ' {base64.b64encode(mail[14].encode()).decode()}' WHERE id = 299",
        "CREATE TABLE memo (words text)",
        *(f"INSERT INTO memo VALUES ('talked to {n.replace(chr(39), chr(39) * 2)} at length')" for n in names[:120]),
        *(f"INSERT INTO memo VALUES ('rang {p[3][4:]}')" for p in people[:40]),
        "CREATE TABLE joined (id int, name text)",
        *(f"INSERT INTO joined VALUES (1, '{p[4]}{p[5]}')" for p in people[:200] if "'" not in p[4] + p[5]),
    ]
    harmed = clone(ground.server, ground.target, *harm)
    caught = {key: leak.kind for key, leak in found(look(ground, harmed)).items()}
    places = {place for column, place in caught if column == "person.email"}
    assert {
        "comment on column people of table public.town",
        "default of public.town.added",
        "town.added",
        "constraint town_name_check of public.town",
        "label of enum mood",
        "function told",
        "settings of the database",
        "large objects",
        "loose.a",
        "seen.what",
        "view public.seen",
        "docs.j",
        "docs.b",
        "docs.x",
        "long.t",
        "visit.agent",
    } <= places
    assert caught["person.email", "loose.a"] is Kind.HASHED
    assert caught["person.email", "seen.what"] is Kind.NORMALISED
    assert caught["person.email", "visit.agent"] is Kind.ENCODED
    assert caught["person.iban", "docs.a"] is Kind.NORMALISED
    assert ("person.full_name", "memo.words") in caught
    assert ("person.phone", "memo.words") in caught
    assert ("person.last", "joined.name") in caught or ("person.first", "joined.name") in caught


def test_a_harmless_column_that_holds_names_and_a_trigger_that_fills(ground: Ground) -> None:
    """A column declared harmless with what the masked ones hold, in the row and in another table's rows."""
    source = ground.server.database()
    fill(source, 200)
    run(source, "UPDATE orders o SET memo = concat('Deliver to Mrs ', p.last) FROM person p WHERE p.id = o.person")
    run(source, "UPDATE person SET region = first; UPDATE person SET site = upper(login)")
    ruled = {
        k: v
        for k, v in RULED.items()
        if k not in ("public.person.region", "public.person.site", "public.person.search")
    }
    asked = wanted(source, ruled)
    target = masked(source, ground.server, asked)
    caught = {key: leak.kind for key, leak in found(examine(source, target, asked)).items()}
    assert caught["person.first", "person.region"] is Kind.EXACT
    assert caught["person.last", "orders.memo"] is Kind.EXACT
    assert caught["person.login", "person.site"] is Kind.NORMALISED
    assert caught["person.full_name", "person.search"] in INDEXED


def test_small_groups_keep_a_dataset_back(ground: Ground) -> None:
    """Rows that fewer than k share their quasi-identifiers with are counted, on the masked side; columns only."""
    quasi = {"public.person": ["region"], "public.visit": ["at"]}
    report = look(ground, quasi=quasi, k=5, rows=60)
    kept, broken = report.anonymity
    assert kept.is_kept
    assert kept.rows == 300
    counted = rows(ground.target, "SELECT min(n) FROM (SELECT count(*) n FROM person GROUP BY region) g")
    assert counted == [(kept.smallest,)]
    assert (broken.smallest, broken.groups_below, broken.rows_below) == (1, 300, 300)
    assert not report.is_publishable
    assert len(report.complaints) == 1
    for wrong in ({"public.person": ["regoin"]}, {"public.persons": ["id"]}, {"public.person": []}):
        with pytest.raises(BadInput) as caught:
            look(ground, quasi=wrong)
        assert caught.value.code == "data.quasi_unknown"


def test_no_value_is_in_report_messages_log_or_error(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever leaks, what is said of it holds columns and counts; a failing server's words are withheld."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    mails = {n: mail.replace("'", "''") for n, mail in rows(ground.source, "SELECT id, email FROM person")}
    told_by = f"UPDATE person SET note = v FROM jsonb_each_text('{json.dumps(mails)}') e(k, v) WHERE id = k::int"
    harmed = clone(ground.server, ground.target, told_by)
    report = look(ground, harmed, say=said.append)
    assert not report.is_publishable
    broken = clone(ground.server, harmed, "ALTER TABLE person ADD shown int GENERATED ALWAYS AS (note::int) VIRTUAL")
    with broken.session() as asking, pytest.raises(psycopg.Error) as quoted:
        asking.execute("SELECT shown FROM public.person WHERE id = 1")
    value = rows(ground.source, "SELECT email FROM person WHERE id = 1")[0][0]
    assert value in str(quoted.value)
    with pytest.raises(Errored) as caught:
        look(ground, broken)
    assert caught.value.code == "data.leak_check_failed"
    assert caught.value.__cause__ is None
    told = json.dumps(report.as_facts()) + "\n".join([*report.complaints, *said, caplog.text, str(caught.value)])
    columns = "first, last, full_name, email, phone, iban, card, street, company, national, login, note, site, password"
    for row in rows(ground.source, f"SELECT {columns} FROM person"):
        for value in row:
            assert len(value) < 5 or value not in told
    for end in (ground.source, ground.target):
        assert not end.password.reveal() or end.password.reveal() not in told
    assert KEY.reveal() not in told


def test_whoever_asks_for_an_end_gets_it(ground: Ground) -> None:
    """The check stops between two batches, and says that nothing is published."""
    answers = iter([True] * 8)
    with pytest.raises(Errored) as caught:
        look(ground, go_on=lambda: next(answers, False))
    assert caught.value.code == "data.leak_check_stopped"


def test_nothing_is_written_on_either_side(ground: Ground) -> None:
    """Both sessions are read only, and a second examination with the same seed tells the same."""
    first, second = look(ground, rows=60), look(ground, rows=60)
    assert first.tested == second.tested
    assert first.seed == second.seed
    assert rows(ground.source, "SELECT count(*) FROM pg_stat_user_tables WHERE n_tup_upd > 0 AND relname = 'town'") == [
        (0,)
    ]
