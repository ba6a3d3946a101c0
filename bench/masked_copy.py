"""The masked copy of a whole database against moving the same bytes unmasked, taking turns on the same servers.

Raw: PostgreSQL's own programs, `psql` into `psql` with binary COPY in as many streams as cores, the schema by
`pg_dump`, indexes and constraints by `pg_restore --jobs=2`, ANALYZE. Masked: `copy_masked` with rules for every
personal column: names, addresses, birth dates, unique numbers, notes and JSON, derived from a SHA-256 of each
person's key. People come in no order: building an index over sorted values would flatter the raw copy.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.masked_copy_support import KEY, Server, own_peak, servers

from bench.figure import Figure
from greenroom.adapters.postgres.masking.catalog import read_catalog
from greenroom.adapters.postgres.masking.choices import Choices
from greenroom.adapters.postgres.masking.copying import Wanted, copy_masked
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.plan import chunks_of
from greenroom.adapters.postgres.masking.rebuilding import cores
from greenroom.adapters.postgres.tools import Tools, run
from greenroom.domain.masking import Chosen, Column, Digest, Masked, RuleConfig
from greenroom.domain.secret import Secret

MEGABYTES = int(os.environ.get("GREENROOM_BENCH_MB", "2200"))
ROUNDS = int(os.environ.get("GREENROOM_BENCH_COPIES", "3"))
CUSTOMER_BYTES = 2300
"""What a customer takes with orders and payments, as this data comes out."""

SCHEMA = """
    CREATE TABLE customer (id bigint PRIMARY KEY, first text, last text, email text UNIQUE, phone text, street text,
        city text, born date, national_id bigint UNIQUE, note text, profile jsonb, created timestamptz);
    CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint REFERENCES customer, at timestamptz,
        total numeric(10,2), ship_to text, comment text);
    CREATE TABLE payment (id bigint PRIMARY KEY, orders bigint REFERENCES orders, card text, iban text, amount numeric);
"""
INDEXES = """
    CREATE INDEX ON customer (last, first); CREATE INDEX ON customer (born); CREATE INDEX ON orders (customer);
    CREATE INDEX ON orders (at); CREATE INDEX ON payment (orders);
"""
FILL = """
    INSERT INTO customer SELECT i, 'First' || h % 997, 'Last' || h / 1000 % 4999, 'who' || h || '@example.org',
        '+44 7700 ' || lpad((h % 10000000)::text, 7, '0'), h % 300 || ' High Street', 'City ' || h % 400,
        date '1950-01-01' + (h % 18000)::int, (h / 16 * 16 + i % 16), 'Called about ' || repeat(md5(i::text), 8),
        jsonb_build_object('contact', jsonb_build_object('email', 'who' || h || '@example.org',
        'ip', '10.0.0.' || h % 250), 'tags', jsonb_build_array('a', i % 7), 'seen', i), now()
        FROM (SELECT i, abs(hashint8extended(i, 1) / 2) AS h FROM generate_series(1, {customers}) i) n;
    INSERT INTO orders SELECT i, 1 + abs(hashint8extended(i, 2) / 2) % {customers}, now() - i * interval '1 second',
        i % 900, i % 300 || ' High Street', repeat(md5(i::text), 6) FROM generate_series(1, {customers} * 3) i;
    INSERT INTO payment SELECT i, i, '4' || lpad(i::text, 15, '0'), 'GB00' || lpad(i::text, 18, '0'), i % 900
        FROM generate_series(1, {customers} * 3) i;
"""

PERSON = "sha256(k.key || int8send(t.id))"
BUYER = "sha256(k.key || int8send(t.customer))"
PAYER = "sha256(k.key || int8send(t.orders))"


def _number(digest: str, at: int) -> str:
    """63 bits of the digest."""
    return f"(substr(s.{digest}, {at}, 8)::bigint & 9223372036854775807)"


NAMES = "'[" + ", ".join(f'"Name{i}"' for i in range(700)) + "]'::jsonb"
RULED: Mapping[str, tuple[str, str, str]] = {
    "customer.first": ("p", PERSON, f"{NAMES} ->> ({_number('p', 1)} % 700)::int"),
    "customer.last": ("p", PERSON, f"{NAMES} ->> ({_number('p', 9)} % 700)::int"),
    "customer.email": ("p", PERSON, "'u' || encode(substr(s.p, 1, 12), 'hex') || '@example.net'"),
    "customer.phone": ("p", PERSON, f"'+44 7' || lpad(({_number('p', 17)} % 1000000000)::text, 9, '0')"),
    "customer.street": ("p", PERSON, f"({_number('p', 9)} / 700 % 300)::text || ' ' || ({NAMES} ->> 5) || ' Road'"),
    "customer.city": ("p", PERSON, f"{NAMES} ->> ({_number('p', 17)} / 700 % 700)::int"),
    "customer.born": ("p", PERSON, f"s.born + ({_number('p', 1)} % 61)::int - 30"),
    "customer.national_id": ("p", PERSON, "s.national_id # 987654321"),
    "customer.note": ("", "", "left(repeat('lorem ipsum ', 30), length(s.note))"),
    "customer.profile": (
        "p",
        PERSON,
        "s.profile || jsonb_build_object('contact', "
        "jsonb_build_object('email', 'u' || encode(substr(s.p, 1, 12), 'hex')))",
    ),
    "orders.ship_to": ("o", BUYER, f"({_number('o', 9)} / 700 % 300)::text || ' Road'"),
    "orders.comment": ("", "", "left(repeat('lorem ipsum ', 30), length(s.comment))"),
    "payment.card": ("y", PAYER, f"'4' || lpad(({_number('y', 1)} % 1000000000000000)::text, 15, '0')"),
    "payment.iban": ("y", PAYER, f"'GB00' || lpad(({_number('y', 9)} % 1000000000000000000)::text, 18, '0')"),
}


class Given(RuleConfig):
    pass


class ByHand:
    """The expression written above for this column."""

    name, title, Config, keeps_unique = "by_hand", "By hand", Given, True

    def problem(self, config: Any, column: Column) -> str | None:
        return None

    def mask(self, config: Any, column: Column) -> Masked:
        digest, source, sql = RULED[f"{column.table}.{column.name}"]
        return Masked(sql, (Digest(digest, source),) if digest else ())


def measure(directory: Path) -> list[Figure]:
    customers = MEGABYTES * (1 << 20) // CUSTOMER_BYTES
    with servers(18, on_disk=True) as found:
        server = found[18]
        whole, wide = server.database(), server.database()
        with whole.session(settings={"search_path": "public"}) as connection:
            connection.execute(f"{SCHEMA}{FILL.format(customers=customers)}{INDEXES}".encode())
            connection.execute("VACUUM ANALYZE")
            size = connection.execute("SELECT pg_database_size(current_database())").fetchall()[0][0]
        _only_customers(whole, wide, server)
        plain, masked, peak = _turns(server, whole, lambda s: s["whole"])
        wide_plain, wide_masked, wide_peak = _turns(server, wide, lambda s: s["rows"])
    how = f"median of {ROUNDS}, taking turns; {size / 2**30:.2f} GB, {cores()} streams"
    return [
        Figure(
            "masked copy, whole database", masked / plain, "×", 1.3, f"against raw binary COPY, {how}, with indexes"
        ),
        Figure("masked copy, widest table", wide_masked / wide_plain, "×", 2.0, f"rows alone; {how}"),
        Figure("memory of a masked copy", max(peak, wide_peak), "MB", 300, "peak of the process"),
    ]


def _turns(server: Server, source: End, part: Callable[[Mapping[str, float]], float]) -> tuple[float, float, float]:
    plain, masked, peak = [], [], 0.0
    for _ in range(ROUNDS):
        target = server.database()
        bare = _raw(server, source, target)
        plain.append(part(bare))
        _drop(server, target)
        target = server.database()
        told = (dict(source.parameters), dict(target.parameters), source.password.reveal())
        with multiprocessing.get_context("spawn").Pool(1) as pool:  # a process of its own: its memory is counted
            seconds, megabytes = pool.apply(_masked, (*told, str(server.tools.bin), str(server.tools.libraries or "")))
        for name, parts in (("raw", bare), ("masked", seconds)):
            print(f"  {name}", ", ".join(f"{k} {v:.2f}" for k, v in parts.items()), file=sys.stderr)
        masked.append(part(seconds))
        peak = max(peak, megabytes)
        _drop(server, target)
    return statistics.median(plain), statistics.median(masked), peak


def _masked(
    source: dict[str, str], target: dict[str, str], password: str, programs: str, libraries: str
) -> tuple[dict[str, float], float]:
    ends = [End(parameters, Secret(password)) for parameters in (source, target)]
    with ends[0].session() as connection:
        tables = read_catalog(connection).tables.values()
    chosen = [
        Chosen(c.column.path, "by_hand" if f"{t.name}.{c.name}" in RULED else "harmless", {})
        for t in tables
        for c in t.columns
    ]
    began = time.perf_counter()
    wanted = Wanted(chosen, {"by_hand": ByHand()}, KEY, verify=False)
    report = copy_masked(*ends, Tools(Path(programs), Path(libraries) if libraries else None), wanted)
    seconds = report.seconds | {"whole": time.perf_counter() - began}
    return seconds, own_peak() / 1024


def _raw(server: Server, source: End, target: End) -> dict[str, float]:
    """The same database, moved by PostgreSQL's own programs."""
    tools = server.tools
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "schema.dump"
        run(
            [tools.program("pg_dump"), "-Fc", "--schema-only", f"--file={file}"],
            env=tools.env(source.env()),
            seconds=3600,
        )
        restore = [tools.program("pg_restore"), f"--dbname={target.parameters['dbname']}", str(file)]
        environment = tools.env(target.env(maintenance_work_mem="256MB"))
        run([*restore, "--section=pre-data"], env=environment, seconds=3600)
        with source.session() as connection:
            chunks = chunks_of(read_catalog(connection), Choices({}, ()))
        moving = time.perf_counter()
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(lambda c: _piped(tools, source, target, c.read, c.write), chunks))
        moved = time.perf_counter()
        run([*restore, "--section=post-data", "--jobs=2"], env=environment, seconds=3600)
    with target.session() as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")
    return {"rows": moved - moving, "whole": time.perf_counter() - began}


def _piped(tools: Tools, source: End, target: End, read: str, write: str) -> None:
    psql = [tools.program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command"]
    with subprocess.Popen([*psql, read], env=tools.env(source.env()), stdout=subprocess.PIPE) as reading:
        subprocess.run([*psql, write], env=tools.env(target.env()), stdin=reading.stdout, check=True)
    assert reading.returncode == 0, read


def _only_customers(whole: End, wide: End, server: Server) -> None:
    """The widest table alone, without an index, in a database of its own."""
    with wide.session(settings={"search_path": "public"}) as connection:
        connection.execute(SCHEMA.split(";")[0].replace(" PRIMARY KEY", "").replace(" UNIQUE", "").encode())
    _piped(
        server.tools,
        whole,
        wide,
        "COPY public.customer TO STDOUT (FORMAT binary)",
        "COPY public.customer FROM STDIN (FORMAT binary)",
    )


def _drop(server: Server, end: End) -> None:
    with End.behind(server.superuser, "postgres").session() as connection:
        connection.execute(f"DROP DATABASE {end.parameters['dbname']} WITH (FORCE)".encode())
