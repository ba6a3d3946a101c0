"""A home whose production has people, for journeys about data; and what is asked of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.database import PostgresDatabases
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.adapters.runtimes.users import ensure_user
from greenroom.domain.release import Services
from tests.life_support import Life, living, pin, wait_until
from tests.postgres_ground import query

REQUIREMENTS = Path(__file__).parents[1] / "bench/application/requirements.in"
CONFIG = """\
project: {project}
release: {{version: "{version}", language: python, lock: requirements.txt}}
processes:
  web: {{command: [python, serve.py], listen: socket, stop: 3s}}
migration: {{style: command, command: [python, migrate.py]}}
services: {{postgres: 18}}
data:
  seed: [seed/person.csv, seed/visits.sql]
  rules:
    public.person.name: full_name
    public.person.email: email
    public.person.note: free_text
  harmless:
    public.person: [id, joined]
    public.visit: [id, person, at]
environments:
  dev: {{port: {dev}, preview_port: {preview}, gates: {{checks: {{none_needed: it is tiny}}}}}}
  staging:
    port: {staging}
    preview_port: {look}
    gates: {{checks: {{none_needed: it is tiny}}}}
    data: {{edits: ["UPDATE person SET note = 'seen in staging' WHERE id = 1"]}}
  production:
    port: {production}
    preview_port: {show}
    bake: {{for: 0s}}
    gates: {{checks: {{none_needed: it is tiny}}, approvals: {{count: 1, roles: [manager]}}}}
edge: {{port: {edge}, ports_from: {first}}}
api: {{port: {api}}}
"""
SERVE = """\
import http.server, os, socketserver
import psycopg

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            rows = connection.execute("SELECT name || ' ' || email || ' ' || note FROM person ORDER BY id").fetchall()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(("VERSION\\n" + "\\n".join(r[0] for r in rows)).encode())
    def address_string(self):
        return "socket"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

Server(os.environ["GREENROOM_SOCKET"], Answer).serve_forever()
"""
MIGRATE = """\
import os
import psycopg

with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS person (id serial PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,"
        " note text NOT NULL DEFAULT '', joined date NOT NULL DEFAULT '2026-01-01')"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS visit (id serial PRIMARY KEY, person int NOT NULL REFERENCES person, at date)"
    )
    if "VERSION" != "1.0":
        connection.execute("ALTER TABLE person ADD COLUMN IF NOT EXISTS nick text")
"""
SEED = {
    "seed/person.csv": "id,name,email,note\n1,Ann Example,ann@example.test,from the seed of VERSION\n",
    "seed/visits.sql": "-- of everybody\nINSERT INTO visit (person, at) SELECT id, '2026-01-01' FROM person;\n",
}
PEOPLE = (
    ("Wilhelmina Quackenbush", "wq@quackenbush.example", "prefers mornings"),
    ("Zebulon Xanthopoulos", "zebulon@xantho.example", "call +44 20 7946 0958"),
)


@contextmanager
def data_life() -> Iterator[Life]:
    """1.0 runs in all three; production has people, and a backup of them."""
    names = ("dev", "staging", "production", "look", "show", "tree")
    with living("", environments=names, config=CONFIG) as life:
        life.files = {"serve.py": SERVE, "migrate.py": MIGRATE, **SEED}
        life.repository.mkdir()
        pin(REQUIREMENTS, life.repository / "requirements.txt")
        life.commit("1.0")
        life.up()
        life.begin_release("1.0")
        wait_until(lambda: (life.visit() or "").startswith("1.0") and not life.unfinished(), 120)
        for environment in ("staging", "production"):
            promote(life, "1.0", environment)
        for person in PEOPLE:
            query(url(life, "production"), "INSERT INTO person (name, email, note) VALUES (%s, %s, %s)", *person)
        query(url(life, "production"), "INSERT INTO visit (person, at) SELECT id, joined FROM person")
        wait_until(lambda: life.api("environments/production/backups")["count"] >= 1, 90)
        wait_until(lambda: not life.unfinished(), 90)
        yield life


def promote(life: Life, version: str, environment: str) -> None:
    if environment == "production":
        token = done(life, "account", "add", f"m{version.replace('.', '')}", "--role", "manager")["token"]
        known = json.loads((life.home.private / "api.json").read_text())
        life.env = {"GREENROOM_TOKEN": token, "GREENROOM_URL": known["url"]}
        told = life.run("approve", version, environment, "--yes")
        assert told.returncode == 0, told.stderr
        life.env = {}
    assert done(life, "promote", version, environment)["state"] == "done"


def url(life: Life, environment: str) -> str:
    databases = PostgresDatabases(
        life.home, life.keeper, life.project, SystemClock(), ensure_user=ensure_user, adopt=adopt
    )
    return databases.ensure(environment, Services(18)).url.reveal()


def done(life: Life, *words: str) -> Any:
    told = life.run(*words, "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    return json.loads(told.stdout)


def people(life: Life, environment: str) -> str:
    shown = life.visit(environment)
    assert shown is not None
    return shown


def somebody(life: Life, name: str, role: str) -> dict[str, str]:
    """What the command line needs to be somebody with this role."""
    known = json.loads((life.home.private / "api.json").read_text())
    token = done(life, "account", "add", name, "--role", role)["token"]
    return {"GREENROOM_TOKEN": token, "GREENROOM_URL": known["url"]}


def as_one(life: Life, who: dict[str, str], *words: str) -> Any:
    life.env = who
    try:
        return done(life, *words)
    finally:
        life.env = {}
