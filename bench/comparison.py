"""Greenroom beside pganonymize and pynonymizer: the same customers, the same rules as far as each has them, by turns.

Rates of rows: the customers by the seconds of a whole run, less those that the same program takes over a single row. So
no size favours who starts quickly; the whole runs are told beside it. What each is given, so that it is fair:

- Greenroom reads the source and writes an empty database: the schema, the rows, indexes, statistics, a checkpoint.
- The other two change a database in place. The copy that they need first is made beforehand and is not counted.
- Indexes are there in all of them afterwards, and no value of the source is: that is looked at each time.
- pganonymize works in as many processes as there are cores (`--parallel`), 20,000 rows at once: it starts them anew for
  each chunk, and its own 2,000 rows would start ten times as many.

They are programs in a virtual environment of their own in the benchmark's directory, from `peers.txt`, and no part of
Greenroom. One table alone: pynonymizer would work through several of them once for each of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.masked_copy_support import KEY, Server, rows, servers
from uv import find_uv_bin

from bench.figure import Figure
from greenroom.adapters.postgres.masking.copying import Wanted, copy_masked
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.tools import Tools
from greenroom.domain.masking import HARMLESS, Chosen
from greenroom.domain.secret import Secret
from greenroom.registry import all_rules

CUSTOMERS = int(os.environ.get("GREENROOM_BENCH_CUSTOMERS", "100000"))
ROUNDS = int(os.environ.get("GREENROOM_BENCH_PEER_ROUNDS", "3"))
PINNED = Path(__file__).with_name("peers.txt")
CHUNK = 20000
SECONDS = 3600

SCHEMA = """
    CREATE TABLE customer (id bigint PRIMARY KEY, first text, last text, email text UNIQUE, phone text, street text,
        city text, born date, national_id text UNIQUE, note text, profile jsonb, created timestamptz);
    INSERT INTO customer SELECT i, 'First' || h % 997, 'Last' || h / 1000 % 4999, 'who' || h || '@example.org',
        '+44 7700 ' || lpad((h % 10000000)::text, 7, '0'), h % 300 || ' High Street', 'City ' || h % 400,
        date '1950-01-01' + (h % 18000)::int, 'NI' || h || i % 16, 'Called about ' || repeat(md5(i::text), 8),
        jsonb_build_object('contact', jsonb_build_object('email', 'who' || h || '@example.org',
        'ip', '203.0.113.' || h % 250), 'tags', jsonb_build_array('a', i % 7), 'seen', i), now()
        FROM (SELECT i, abs(hashint8extended(i, 1) / 2) AS h FROM generate_series(1, {customers}) i) n;
    CREATE INDEX ON customer (last, first); CREATE INDEX ON customer (born); CREATE INDEX ON customer (city);
"""
LEFT = """
    SELECT count(*), count(*) FILTER (WHERE first ~ '^First[0-9]' OR last ~ '^Last[0-9]' OR email ~ '^who[0-9]{10}'
        OR street ~ '^[0-9]+ High Street$' OR city ~ '^City [0-9]' OR national_id ~ '^NI[0-9]' OR note ~ '^Called'
        OR profile #>> '{contact,email}' ~ '^who[0-9]{10}'), count(DISTINCT email), count(DISTINCT national_id),
        count(*) FILTER (WHERE profile -> 'tags' IS NOT NULL AND profile -> 'seen' IS NOT NULL) FROM customer
"""
"""Rows, those in which something of the source is left, and three times the rows again where nothing broke."""

OWN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "first": ("first_name", {"by": "id"}),
    "last": ("last_name", {"by": "id"}),
    "email": ("email", {"by": "id"}),
    "phone": ("phone", {}),
    "street": ("street", {"by": "id"}),
    "city": ("city", {"by": "id"}),
    "born": ("date_shift", {"by": "id"}),
    "national_id": ("keyed_hash", {}),
    "note": ("constant", {"value": "Removed."}),
    "profile": (
        "json",
        {"paths": {"contact.email": {"rule": "email"}, "contact.ip": {"rule": "ip_address"}}, "others": "keep"},
    ),
}


@dataclass(frozen=True)
class Peer:
    """A program to compare with: how many times faster Greenroom is to be, its rules, its arguments after its name for
    a database and the file of its rules, and what it cannot do of what is asked."""

    name: str
    goal: float
    rules: Mapping[str, Any]
    arguments: Callable[[End, Path], list[str]]
    cannot: str


def _faked(provider: str, **more: Any) -> dict[str, Any]:
    return {"provider": {"name": provider, **more}}


PEERS = (
    Peer(
        "pganonymize",
        25,
        {
            "tables": [
                {
                    "customer": {
                        "primary_key": "id",
                        "chunk_size": CHUNK,
                        "fields": [
                            {"first": _faked("fake.first_name")},
                            {"last": _faked("fake.last_name")},
                            {"email": {**_faked("md5"), "append": "@example.com"}},
                            {"phone": _faked("fake.phone_number")},
                            {"street": _faked("fake.street_address")},
                            {"city": _faked("fake.city")},
                            {"born": _faked("fake.date_of_birth")},
                            {"national_id": _faked("md5")},
                            {"note": _faked("set", value="Removed.")},
                            {"profile.contact.email": _faked("fake.email")},
                            {"profile.contact.ip": _faked("fake.ipv4_private")},
                        ],
                    }
                }
            ]
        },
        lambda end, rules: [f"--schema={rules}", "--parallel", *_at(end, "--dbname", "--user", "--host", "--port")],
        "its names are drawn anew each time and its MD5 has no key; a date cannot be shifted, so it is drawn",
    ),
    Peer(
        "pynonymizer",
        7,
        {
            "tables": {
                "customer": {
                    "columns": {
                        "first": "first_name",
                        "last": "last_name",
                        "email": "unique_email",
                        "phone": "phone_number",
                        "street": "street_address",
                        "city": "city",
                        "born": "date_of_birth",
                        "national_id": "unique_login",
                        "note": "('Removed.')",
                        "profile": "(profile || jsonb_build_object('contact', jsonb_build_object('email', "
                        "md5(random()::text) || '@example.com', 'ip', '10.0.0.' || (random() * 250)::int)))",
                    }
                }
            }
        },
        lambda end, rules: [
            f"--strategy={rules}",
            "--db-type=postgres",
            "--only-step=ANONYMIZE_DB",
            *_at(end, "--db-name", "--db-user", "--db-host", "--db-port"),
        ],
        "its fakes are 150 of each kind, and the JSON is SQL by hand",
    ),
)


def _at(end: End, *options: str) -> list[str]:
    names = ("dbname", "user", "host", "port")
    return [f"{option}={end.parameters[name]}" for option, name in zip(options, names, strict=True)]


def measure(directory: Path) -> list[Figure]:
    try:
        programs = _installed(directory)
    except (OSError, subprocess.SubprocessError) as error:
        return [_not_measured(peer, f"not installed: {_last_words(error)}") for peer in PEERS]
    with servers(18, on_disk=True) as found:
        server = found[18]
        source, single = _filled(server, CUSTOMERS), _filled(server, 1)
        taken: dict[tuple[str, int], list[float]] = {}  # by program and rows
        failed: dict[str, str] = {}
        for _ in range(ROUNDS):
            for customers, database in ((1, single), (CUSTOMERS, source)):
                taken.setdefault(("greenroom", customers), []).append(_copied(server, database))
                for peer in PEERS:
                    try:
                        if peer.name not in failed:
                            seconds = _in_place(server, database, peer, programs, directory)
                            taken.setdefault((peer.name, customers), []).append(seconds)
                    except (subprocess.SubprocessError, ValueError) as error:
                        failed[peer.name] = f"it failed: {_last_words(error)}"
    medians = {which: statistics.median(seconds) for which, seconds in taken.items()}
    return [_not_measured(p, failed[p.name]) if p.name in failed else _figure(p, medians) for p in PEERS]


def _figure(peer: Peer, medians: Mapping[tuple[str, int], float]) -> Figure:
    whole, start = ([medians[name, n] for name in ("greenroom", peer.name)] for n in (CUSTOMERS, 1))
    ours, its = (a - b for a, b in zip(whole, start, strict=True))
    if min(ours, its) <= 0:
        return _not_measured(
            peer, f"{CUSTOMERS} customers take no longer than one: set GREENROOM_BENCH_CUSTOMERS higher"
        )
    how = (
        f"{CUSTOMERS} customers, median of {ROUNDS} by turns: {CUSTOMERS / ours:.0f} rows/s beside "
        f"{CUSTOMERS / its:.0f}, less {start[0]:.1f} and {start[1]:.1f} s over a single row; whole "
        f"runs {whole[0]:.1f} and {whole[1]:.1f} s; {peer.name} works in place on a copy that is not counted; "
        f"{peer.cannot}"
    )
    return Figure(f"masked copy, times faster than {peer.name}", its / ours, "×", peer.goal, how, is_floor=True)


def _not_measured(peer: Peer, why: str) -> Figure:
    """A comparison that could not be made is a goal missed, not one left out."""
    print(f"  NOT COMPARED with {peer.name}: {why}", file=sys.stderr)
    return Figure(f"masked copy, times faster than {peer.name}", 0, "×", peer.goal, f"NOT MEASURED, {why}", True)


def _installed(directory: Path) -> Path:
    """Where the programs are, in a virtual environment made for them."""
    environment, uv = directory / "peers", find_uv_bin()
    for argv in (
        [uv, "venv", "--quiet", f"--python={sys.executable}", str(environment)],
        [uv, "pip", "install", "--quiet", f"--python={environment / 'bin' / 'python'}", f"--requirement={PINNED}"],
    ):
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=600)
    return environment / "bin"


def _filled(server: Server, customers: int) -> End:
    end = server.database()
    with end.session(settings={"search_path": "public"}) as connection:
        connection.execute(SCHEMA.format(customers=customers).encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return end


def _copied(server: Server, source: End) -> float:
    """Greenroom's masked copy as a program of its own."""
    target = server.database()
    told = {
        "ends": [dict(end.parameters) for end in (source, target)],
        "password": source.password.reveal(),
        "programs": str(server.tools.bin),
        "libraries": str(server.tools.libraries or ""),
    }
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "bench.comparison"], input=json.dumps(told), text=True, check=True, timeout=SECONDS
    )
    seconds = time.monotonic() - began
    _checked(source, target, server, "greenroom", seconds)
    return seconds


def _in_place(server: Server, source: End, peer: Peer, programs: Path, directory: Path) -> float:
    """Another program over a copy of the database."""
    target = server.database()
    name, of = target.parameters["dbname"], source.parameters["dbname"]
    with End.behind(server.superuser, "postgres").session() as connection:
        connection.execute(f"DROP DATABASE {name}".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {of} STRATEGY FILE_COPY".encode())
    rules = directory / f"{peer.name}.json"
    rules.write_text(json.dumps(peer.rules))
    passwords = directory / "passwords"
    passwords.write_text(f"*:*:*:*:{target.password.reveal()}\n")
    passwords.chmod(0o600)
    environment = server.tools.env(target.env(search_path="public") | {"PGPASSFILE": str(passwords)})
    began = time.monotonic()
    subprocess.run(
        [str(programs / peer.name), *peer.arguments(target, rules)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    seconds = time.monotonic() - began
    _checked(source, target, server, peer.name, seconds)
    return seconds


def _checked(source: End, target: End, server: Server, name: str, seconds: float) -> None:
    """All rows are there and masked: a figure must not praise a program for what it did not do. Then it is dropped."""
    (whole, *_), (many, left, *intact) = rows(source, LEFT)[0], rows(target, LEFT)[0]
    print(f"  {name}: {many} rows in {seconds:.2f} s", file=sys.stderr)
    if many != whole or left or any(n != whole for n in intact):
        raise ValueError(f"{name} left {left} of {whole} rows as they were; there are {many}, intact {intact}")
    with End.behind(server.superuser, "postgres").session() as connection:
        connection.execute(f"DROP DATABASE {target.parameters['dbname']} WITH (FORCE)".encode())


def _last_words(error: BaseException) -> str:
    said = getattr(error, "stderr", None)
    said = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join((said or str(error)).split())[-300:]


def _as_program(told: Mapping[str, Any]) -> None:
    source, target = (End(parameters, Secret(told["password"])) for parameters in told["ends"])
    tools = Tools(Path(told["programs"]), Path(told["libraries"]) if told["libraries"] else None)
    with source.session(settings={"search_path": "public"}) as connection:
        names = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attnum > 0"
        )
        columns = [name for (name,) in names.fetchall()]
    chosen = [Chosen(f"public.customer.{c}", *OWN.get(c, (HARMLESS, {}))) for c in columns]
    copy_masked(source, target, tools, Wanted(chosen, all_rules(), KEY, verify=False))


if __name__ == "__main__":
    _as_program(json.load(sys.stdin))
