"""Production is run elsewhere on a managed PostgreSQL: its people are themselves in staging and nobody in dev."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from greenroom.adapters.postgres.cluster import Clusters
from tests.data_support import CONFIG, MIGRATE, PEOPLE, REQUIREMENTS, SEED, SERVE, done, people, promote, url
from tests.life_support import GREENROOM, Life, living, pin, wait_until
from tests.managed import READER_PASSWORD, Managed, managed
from tests.postgres_ground import ground, query

PLACE = "127.0.0.1:{port}/shop"
SERVER = f"data:\n  source_url: postgresql://reader@{PLACE}\n  source_password: SOURCE_PASSWORD\n"
SCHEMA = """
    CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
        note text NOT NULL DEFAULT '', joined date NOT NULL DEFAULT '2026-01-01');
    CREATE TABLE visit (id serial PRIMARY KEY, person int NOT NULL REFERENCES person, at date);
"""


@dataclass
class Elsewhere:
    life: Life
    server: Managed

    @property
    def place(self) -> str:
        return PLACE.format(port=self.server.port)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    """1.0 runs in dev and staging, never in production; production's people are on a server of version 15."""
    names = ("dev", "staging", "production", "look", "show", "tree")
    with ground() as made:
        clusters: Clusters = made.databases()._clusters
        with managed(clusters, 15, made.home.root.parent / "managed") as server:
            config = CONFIG.replace("data:\n", SERVER.replace("{port}", str(server.port)), 1)
            with living("", environments=names, config=config) as life:
                life.files = {"serve.py": SERVE, "migrate.py": MIGRATE, **SEED}
                life.repository.mkdir()
                pin(REQUIREMENTS, life.repository / "requirements.txt")
                life.commit("1.0")
                life.up()
                life.begin_release("1.0")
                wait_until(lambda: (life.visit() or "").startswith("1.0") and not life.unfinished(), 120)
                promote(life, "1.0", "staging")
                server.run(SCHEMA)
                for name, email, note in PEOPLE:
                    server.run(f"INSERT INTO person (name, email, note) VALUES ('{name}', '{email}', '{note}')")
                server.run("INSERT INTO visit (person, at) SELECT id, joined FROM person")
                yield Elsewhere(life, server)


@pytest.mark.needs("postgres15")
def test_data_flows_from_a_managed_server(elsewhere: Elsewhere) -> None:
    """Without the password it is named; with it staging, discovery, a dataset and dev are filled as from backups, and
    lineage says from where. The password is nowhere but among the secrets, and no process is given it."""
    life, server = elsewhere.life, elsewhere.server
    told = life.run("data", "refresh", "staging", "--yes")
    assert told.returncode == 1
    assert "greenroom secret set production SOURCE_PASSWORD" in told.stderr
    env = {**os.environ, "GREENROOM_HOME": str(life.home.root)}
    words = [*GREENROOM, "secret", "set", "production", "SOURCE_PASSWORD"]
    subprocess.run(words, cwd=life.repository, env=env, input=READER_PASSWORD, text=True, check=True, timeout=60)

    asked = done(life, "data", "refresh", "staging", "--dry-run")["preview"]
    assert (asked["label"], asked["server"]) == ("copy", elsewhere.place)
    assert done(life, "data", "refresh", "staging", "--yes")["state"] == "done"
    assert PEOPLE[1][0] in people(life, "staging")
    assert "seen in staging" in people(life, "staging")
    said = "INSERT INTO person (name, email) VALUES ('Next', 'next@example.test') RETURNING id"
    assert query(url(life, "staging"), said) == [(3,)]
    assert server.run("SELECT count(*) FROM person WHERE note = 'seen in staging' OR name = 'Next'") == [(0,)]

    verdicts = {v["column"]: v["verdict"] for v in done(life, "data", "discover")["verdicts"]}
    assert verdicts["public.person.email"] == "rule"
    assert life.run("data", "make", "--to", "2026-11-24T02:30").returncode == 1
    assert done(life, "data", "make")["state"] == "done"
    assert done(life, "data", "refresh", "dev", "--yes")["state"] == "done"
    shown = people(life, "dev")
    assert not any(word in shown for person in PEOPLE for word in person)
    assert query(url(life, "dev"), "SELECT count(*), count(DISTINCT email) FROM person") == [(2, 2)]

    lineage = life.run("data", "lineage").stdout
    assert f"read from {elsewhere.place}" in lineage
    assert f"from {elsewhere.place}" in lineage.partition("staging")[2].partition("\n")[0]
    assert elsewhere.place in life.run("ledger", "export").stdout
    assert done(life, "ledger", "verify")["verified"]
    files = [p for p in life.root.rglob("*") if p.is_file() and not p.is_symlink()]
    assert [p for p in files if READER_PASSWORD.encode() in p.read_bytes()] == []
    assert _given_to_processes(READER_PASSWORD) == []


def _given_to_processes(secret: str) -> list[str]:
    """Processes in whose arguments or variables it stands."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            for file in ("environ", "cmdline"):
                try:
                    if secret.encode() in (entry / file).read_bytes():
                        found.append(f"{entry.name}/{file}")
                except OSError:  # it has ended, or is somebody else's
                    continue
    return found
