"""A shop with personal data of every kind, its rules, and clones of a masked copy of it to do harm to."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Mapping
from typing import Any

from greenroom.adapters.postgres.masking.copying import Wanted, copy_masked
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.leaks import examine
from greenroom.domain.leaks import Leak, LeakReport
from greenroom.domain.masking import Rule
from greenroom.domain.secret import Secret
from greenroom.masking._words import lists
from greenroom.registry import all_rules
from tests.masked_copy_support import KEY, Ruled, Server, harmless_but, run

SCHEMA = """
    CREATE TYPE mood AS ENUM ('glad', 'sad', 'in between', 'rather not');
    CREATE TABLE person (id int PRIMARY KEY, first text, last text, full_name text, email text UNIQUE, phone text,
        birth date, iban text, card text, street text, city text, postcode text, company text, national text,
        ip inet, site text, note text, prefs jsonb, nicks text[], feels mood, salary numeric(10, 2), token uuid,
        photo bytea, password text, login text, lower_login text GENERATED ALWAYS AS (lower(login)) STORED,
        search tsvector, score int, region text);
    CREATE TABLE orders (id int PRIMARY KEY, person int REFERENCES person, customer text, ordered timestamptz,
        delivered timestamptz, amount numeric, status text, product text, memo text);
    CREATE TABLE audit (who text, what json, at date);
    CREATE TABLE visit (id int, at int, agent text, who text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (400);
    CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM (400) TO (100000);
    CREATE TABLE town (name text PRIMARY KEY, people int);
    CREATE MATERIALIZED VIEW buyers AS
        SELECT p.email, count(*) FROM person p JOIN orders o ON o.person = p.id GROUP BY 1;
    CREATE FUNCTION index_person() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.search := pg_catalog.to_tsvector('pg_catalog.simple', concat_ws(' ', NEW.first, NEW.last));
            RETURN NEW;
        END $$;
    CREATE TRIGGER indexed BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION index_person();
    COMMENT ON TABLE person IS 'Everybody who ever bought something';
"""

RULED: Ruled = {
    "public.person.first": ("first_name", {}),
    "public.person.last": ("last_name", {}),
    "public.person.full_name": ("full_name", {}),
    "public.person.email": ("email", {}),
    "public.person.phone": ("phone", {}),
    "public.person.birth": ("date_shift", {}),
    "public.person.iban": ("iban", {}),
    "public.person.card": ("card_number", {}),
    "public.person.street": ("street", {}),
    "public.person.city": ("city", {}),
    "public.person.postcode": ("postcode", {}),
    "public.person.company": ("company", {}),
    "public.person.national": ("national_id", {}),
    "public.person.ip": ("ip_address", {}),
    "public.person.site": ("url", {}),
    "public.person.note": ("free_text", {"mode": "shape"}),
    "public.person.prefs": (
        "json",
        {"paths": {"contact.mail": {"rule": "email"}, "names[*]": {"rule": "full_name"}}, "others": "keep"},
    ),
    "public.person.nicks": ("array", {"element": {"rule": "username"}}),
    "public.person.feels": ("shuffle", {}),
    "public.person.salary": ("number_noise", {}),
    "public.person.token": ("uuid", {}),
    "public.person.photo": ("bytea", {}),
    "public.person.password": ("password_hash", {}),
    "public.person.login": ("username", {}),
    "public.person.search": ("null", {}),
    "public.person.region": ("shuffle", {}),
    "public.orders.customer": ("email", {}),
    "public.orders.ordered": ("date_shift", {}),
    "public.orders.delivered": ("date_shift", {}),
    "public.orders.amount": ("number_noise", {}),
    "public.audit.who": ("email", {}),
    "public.audit.what": ("json", {"paths": {"old.phone": {"rule": "phone"}, "step": {"rule": "harmless"}}}),
    "public.visit.who": ("keyed_hash", {}),
}

SYLLABLES = [a + b for a in ("br", "k", "l", "m", "n", "s", "st", "t", "v", "z", "gr", "č", "ø") for b in "aeiouy"]


def names(numbers: random.Random) -> tuple[str, str]:
    """Half from the lists that masks draw from, half that stand in none."""
    known = lists(numbers.choice(["en_US", "de_DE", "es_ES"]))
    if numbers.random() < 0.5:
        return numbers.choice(known["first_name"]), numbers.choice(known["last_name"])
    made = ["".join(numbers.choice(SYLLABLES) for _ in range(numbers.randint(2, 4))).title() for _ in range(2)]
    return made[0], made[1]


def person(n: int, numbers: random.Random) -> tuple[Any, ...]:
    first, last = names(numbers)
    known = lists("en_US")
    digits = lambda many: "".join(numbers.choice("0123456789") for _ in range(many))  # noqa: E731
    mail = f"{first}.{last}{n}@{numbers.choice(['Gmail.com', 'posteo.de', 'firma.example.net'])}".replace(" ", "")
    day = f"{numbers.randint(1940, 2005)}-{numbers.randint(1, 12):02}-{numbers.randint(1, 28):02}"
    street = f"{numbers.randint(1, 300)} {numbers.choice(known['street_name'])}"
    city = numbers.choice(known["city"]) if numbers.random() < 0.5 else f"New {names(numbers)[1]}"
    note = f"Called {numbers.randint(1, 9)} times. {first} asked about {digits(6)} and was cross."
    prefs = {"contact": {"mail": mail}, "names": [f"{first} {last}"], "theme": "dark", "size": numbers.randint(1, 99)}
    company = f"{names(numbers)[1]} {numbers.choice(['Ltd', 'GmbH', 'and Sons'])}"
    site = f"https://{last.lower()}{n}.example.org/about"
    return (
        n, first, last, f"{first} {last}", mail, f"+49 30 {digits(3)} {digits(4)}", day,
        f"DE{digits(2)} {digits(4)} {digits(4)} {digits(4)} {digits(4)} {digits(2)}", f"4{digits(15)}", street, city,
        digits(5), company, f"{digits(6)}-{digits(4)}",
        f"{numbers.randint(11, 200)}.{numbers.randint(0, 99)}.3.{n % 250}",
        site, note, json.dumps(prefs), [f"{first.lower()}{n}", f"x{digits(5)}"],
        numbers.choice(["glad", "sad", "in between", "rather not"]),
        f"{numbers.randint(1000, 9000)}.{digits(2)}", None, f"photo of {mail}".encode(), f"$2b$12${digits(53)}",
        f"{last}{digits(3)}", numbers.randint(0, 100), numbers.choice(["north", "south", "east", "west"]),
    )  # fmt: skip


def fill(source: End, people: int = 800) -> None:
    numbers = random.Random(7)
    run(source, SCHEMA)
    columns = (
        "id, first, last, full_name, email, phone, birth, iban, card, street, city, postcode, company, national, ip, "
        "site, note, prefs, nicks, feels, salary, token, photo, password, login, score, region"
    )
    rows = [person(n, numbers) for n in range(1, people + 1)]
    with source.session(settings={"search_path": "public"}) as connection, connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO person ({columns}) VALUES ({', '.join(['%s'] * 27)})".encode(), rows)
        orders = [
            (i, p[0], p[4], f"2024-0{numbers.randint(1, 9)}-1{numbers.randint(0, 9)}", numbers.randint(1, 9),
             numbers.randint(1, 500), numbers.choice(["paid", "sent"]),
             numbers.choice(["Baker's mill", "Lamp King Georgia", "Mug from Austin"]),
             hashlib.md5(str(i).encode()).hexdigest())
            for i, p in enumerate((numbers.choice(rows) for _ in range(2 * people)), 1)
        ]  # fmt: skip
        cursor.executemany(
            b"INSERT INTO orders SELECT %s::int, %s::int, %s::text, %s::timestamptz,"
            b" %s::timestamptz + %s * interval '1 day', %s::int, %s, %s, %s",
            [(*o[:4], o[3], *o[4:]) for o in orders],
        )
        cursor.execute(
            b"UPDATE person SET token = md5(id || 'token')::uuid;"
            b"INSERT INTO audit SELECT email, json_build_object('old', json_build_object('phone', phone),"
            b" 'step', 'login'), '2024-01-01'::date + id % 300 FROM person;"
            b"INSERT INTO visit SELECT id, id, 'Mozilla/5.0 (X11; Linux) build ' || 1000 * id, email FROM person;"
            b"INSERT INTO town SELECT DISTINCT city, length(city) FROM person WHERE id <= 3 AND city NOT LIKE 'New %';"
            b"REFRESH MATERIALIZED VIEW buyers; ANALYZE"
        )


def wanted(source: End, ruled: Ruled = RULED, *, key: Secret = KEY, rules: Mapping[str, Rule] | None = None) -> Wanted:
    return Wanted(harmless_but(source, ruled), rules or all_rules(), key, workers=2, large_objects=True)


def masked(source: End, server: Server, asked: Wanted) -> End:
    target = server.database()
    copy_masked(source, target, server.tools, asked)
    return target


_clones = itertools.count()


def clone(server: Server, target: End, *harm: str) -> End:
    """The same database again, with something done to it."""
    name = f"harmed{next(_clones)}"
    with End.behind(server.superuser, "postgres").session() as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{target.parameters["dbname"]}"'.encode())
    made = End.behind(server.superuser, name)
    for one in harm:
        run(made, one)
    return made


def found(report: LeakReport) -> dict[tuple[str, str], Leak]:
    """Leaks by column and place, without the schema's name."""
    return {(x.column.removeprefix("public."), x.place.removeprefix("public.")): x for x in report.leaks}


__all__ = ["KEY", "RULED", "clone", "examine", "fill", "found", "masked", "wanted"]
