"""Data as somebody meets it at the command line: production's people are themselves in staging and nobody in dev."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from greenroom.workflows.crash import FILE_VARIABLE
from tests.data_support import PEOPLE, SEED, as_one, data_life, done, people, promote, somebody, url
from tests.life_support import GREENROOM, Life, below, wait_until
from tests.postgres_ground import query


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    with data_life() as life:
        yield life


def test_staging_holds_a_copy_and_its_edits(life: Life) -> None:
    """Its visitors see production's people; what staging's configuration edits is edited; its passwords are its own."""
    asked = done(life, "data", "refresh", "staging", "--dry-run")
    assert (asked["work"], asked["preview"]["label"]) == (None, "copy")
    work = done(life, "data", "refresh", "staging", "--yes")
    assert work["state"] == "done"
    shown = people(life, "staging")
    assert PEOPLE[1][0] in shown
    assert "seen in staging" in shown
    assert query(url(life, "production"), "SELECT count(*) FROM person WHERE note = 'seen in staging'") == [(0,)]
    held = {e["environment"]: e["holds"] for e in life.api("data")["environments"]}
    assert (held["staging"]["label"], held["staging"]["source"]) == ("copy", "production")
    assert held["production"]["label"] == "live"
    assert url(life, "staging") != url(life, "production")


def test_dev_holds_nobody(life: Life) -> None:
    """A dataset is masked in the vault; in dev there are as many people, and none of production's."""
    made = done(life, "data", "make")
    assert made["state"] == "done"
    assert done(life, "data", "refresh", "dev", "--yes")["state"] == "done"
    shown = people(life, "dev")
    for name, email, note in PEOPLE:
        for said in (name, email, note, *name.split()):
            assert said not in shown
    assert query(url(life, "dev"), "SELECT count(*), count(DISTINCT email) FROM person") == [(2, 2)]
    assert query(url(life, "dev"), "SELECT count(*) FROM visit JOIN person ON person.id = person") == [(2,)]
    life.must_be_healthy()
    told = life.run("data", "lineage").stdout
    assert "masked" in told


def test_dev_can_be_filled_with_the_seed_of_its_release(life: Life) -> None:
    """Synthetic rows in the release's own schema, and lineage says whose; the application goes on behind them. A seed
    with a mistake is named with its line, and what dev holds stays."""
    asked = done(life, "data", "seed", "dev", "--dry-run")
    assert asked["preview"]["seed"] == ["seed/person.csv", "seed/visits.sql"]
    assert done(life, "data", "seed", "dev", "--yes")["state"] == "done"
    assert people(life, "dev") == "1.0\nAnn Example ann@example.test from the seed of 1.0"
    assert query(url(life, "dev"), "SELECT person FROM visit") == [(1,)]
    said = "INSERT INTO person (name, email) VALUES ('Next', 'next@example.test') RETURNING id"
    assert query(url(life, "dev"), said) == [(2,)]
    assert "synthetic, the seed of 1.0" in life.run("data", "lineage").stdout
    life.files["seed/person.csv"] = "id,name,email,note\n1,Ann,ann@example.test,x\ntwo,Bob,bob@example.test,y\n"
    life.begin_release("1.1")
    wait_until(lambda: (life.visit() or "").startswith("1.1") and not life.unfinished(), 120)
    told = life.run("data", "seed", "dev", "--yes")
    assert told.returncode == 1
    assert "seed/person.csv, line 3" in told.stderr
    assert "from the seed of 1.0" in people(life, "dev")
    life.files |= SEED


def test_a_column_nobody_ruled_stops_the_next_dataset(life: Life) -> None:
    """It is named, by the command and on the arrow into dev; what dev holds stays. Discovery has a rule for it."""
    query(url(life, "production"), "ALTER TABLE person ADD COLUMN phone text")
    query(url(life, "production"), "UPDATE person SET phone = '+44 20 7946 0' || (900 + id)")
    told = life.run("data", "make")
    assert told.returncode == 1
    assert "public.person.phone" in told.stderr
    assert "public.person.phone" in life.run("why", "1.0", "dev").stdout
    found = life.run("data", "discover", "--write")
    assert "public.person.phone: phone" in (life.repository / "greenroom.yaml").read_text(), found.stdout + found.stderr
    query(url(life, "production"), "ALTER TABLE person DROP COLUMN phone")
    assert done(life, "data", "make")["state"] == "done"


def test_a_rule_that_leaks_stops_the_next_dataset(life: Life) -> None:
    """An expression that gives the old value back: the dataset is refused, the report names table, column and count
    without a value, nothing is published, dev keeps what it holds, and the arrow into dev says why."""
    before = ([d["name"] for d in done(life, "data", "list")["datasets"]], people(life, "dev"))
    asked = "INSERT INTO person (name, email) SELECT 'Person ' || md5(i::text), i || '@somewhere.example'"
    query(url(life, "production"), asked + " FROM generate_series(1, 60) i")
    done(life, "backup", "now", "production")
    kept = life.config
    life.config = kept.replace("name: full_name", "name: {{rule: sql, expression: name}}")
    life.commit("2.0")
    assert life.run("apply").returncode == 0
    told = life.run("data", "make")
    said = told.stdout + told.stderr
    assert told.returncode == 1, said
    assert "data.leak" in said
    assert re.search(r"public\.person\.name .*\d+ of \d+", said), said
    why = life.run("why", "1.0", "dev").stdout
    assert "something of production is left in it" in why
    assert re.search(r"public\.person\.name .*\d+ of \d+", why), why
    report = json.dumps(done(life, "work", "show", str(life.works()[0]["id"])))
    values = [row[0] for row in query(url(life, "production"), "SELECT unnest(ARRAY[name, email]) FROM person")]
    shown = said + why + report + life.run("data", "list").stdout + life.run("ledger", "export").stdout
    assert len(values) == 124
    assert [v for v in values if v in shown] == []
    assert ([d["name"] for d in done(life, "data", "list")["datasets"]], people(life, "dev")) == before
    assert sorted(f.name for f in life.home.datasets.iterdir()) == sorted(before[0])
    life.config = kept
    life.commit("2.0")
    assert life.run("apply").returncode == 0
    query(url(life, "production"), "DELETE FROM person WHERE id NOT IN (SELECT person FROM visit)")
    assert done(life, "data", "make")["state"] == "done"
    assert "is left in it" not in life.run("why", "1.0", "dev").stdout


def test_a_refresh_that_is_killed_is_finished_and_leaves_nothing(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while the new data is laid out, while a server has it, and between the two renames: work goes on by itself
    each time with what it needs, and afterwards nothing is beside the database but the one that was put aside. What
    other work left when it was killed for good goes at the next start, and what nobody's work has to do with it."""
    plan = life.root / "points"
    points = ("refresh.place.copied", "refresh.ready.edited", "refresh.exchange.aside")
    plan.write_text("".join(f"{p}\n" for p in points))
    environment, sockets = life.home.environments / "dev", life.home.sockets
    life.down(applications=False)
    for left in ("rebuilt/refresh-gone/data", "aside/refresh-gone"):
        (environment / left).mkdir(parents=True)
    (environment / "aside/refresh-gone/aside.json").write_text('{"at": "2026-01-01T00:00:00+00:00"}')
    (sockets / "sv.00000000").mkdir()
    monkeypatch.setenv(FILE_VARIABLE, str(plan))
    life.up()
    wait_until(lambda: not (environment / "rebuilt/refresh-gone").exists(), 60)
    wait_until(lambda: not [*sockets.glob("sv.*")], 60)
    assert not (environment / "aside/refresh-gone").exists()
    work = done(life, "data", "refresh", "dev", "--yes", "--no-wait")["id"]
    wait_until(lambda: life.api(f"work/{work}")["state"] == "done", 180)
    assert plan.read_text() == ""
    assert [f.name for f in (environment / "rebuilt").iterdir()] == []
    assert [f.name for f in (environment / "aside").iterdir()] == [work]
    assert [*sockets.glob("sv.*"), *sockets.glob("rb.*")] == []
    assert people(life, "dev").startswith(("1.", "2."))
    life.down(applications=False)
    monkeypatch.delenv(FILE_VARIABLE)
    life.up()
    assert [f.name for f in (environment / "aside").iterdir()] == [work]


def test_a_newer_release_in_staging_lives_on_the_older_data(life: Life) -> None:
    """Its pending migrations are replayed on the copy: production's people, in its own schema."""
    life.begin_release("2.0")
    wait_until(lambda: (life.visit() or "").startswith("2.0") and not life.unfinished(), 120)
    promote(life, "2.0", "staging")
    query(url(life, "production"), "UPDATE person SET note = 'since yesterday' WHERE id = 2")
    done(life, "data", "refresh", "staging", "--yes")
    assert people(life, "staging").startswith("2.0")
    assert "since yesterday" in people(life, "staging")
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'nick'"
    assert (query(url(life, "staging"), columns), query(url(life, "production"), columns)) == ([(1,)], [(0,)])


def test_a_developer_has_a_database_of_their_own(life: Life) -> None:
    """Two of one name belong to two people; nobody of production is in them; what is written into one is in no other.
    Lists, lineage and the ledger tell of them and of no address; a reset gives back what the dataset has."""
    assert all((folder / "harmless").exists() for folder in life.home.datasets.glob("[!.]*"))
    ada, bob = somebody(life, "ada", "developer"), somebody(life, "bob", "tester")
    mine, theirs = [as_one(life, who, "clone", "--name", "cart")["url"] for who in (ada, bob)]
    assert as_one(life, ada, "clone", "--name", "cart")["url"] == mine != theirs
    query(mine, "UPDATE person SET note = 'mine'")
    notes = "SELECT count(*) FROM person WHERE note = 'mine'"
    assert (query(mine, notes), query(theirs, notes), query(url(life, "dev"), notes)) == ([(2,)], [(0,)], [(0,)])
    held = str(query(mine, "SELECT * FROM person"))
    assert not any(said in held for person in PEOPLE for said in person)
    shown = life.run("data", "lineage").stdout + life.run("clone", "list").stdout + life.run("ledger", "export").stdout
    assert ("ada's clone" in shown, "clone.created" in shown) == (True, True)
    assert not any(str(urlsplit(u).password) in shown for u in (mine, theirs))
    life.env = ada
    assert life.run("clone", "drop", "cart", "--owner", "bob", "--yes").returncode == 1
    assert life.run("clone", "reset", "cart", "--yes").returncode == 0
    life.env = {}
    assert query(mine, notes) == [(0,)]
    as_one(life, bob, "clone", "drop", "cart", "--yes")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(theirs, connect_timeout=5)


def test_a_working_tree_runs_on_a_clone(life: Life) -> None:
    """`greenroom dev` migrates the clone, shows its people, follows a change, and leaves nothing behind."""
    ada = somebody(life, "ada", "developer")
    database = as_one(life, ada, "clone", "--name", "tree")["url"]
    env = {**os.environ, **ada, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    words = [*GREENROOM, "dev", "--clone", "tree", "--port", str(life.ports["tree"])]
    script, migration = life.repository / "serve.py", life.repository / "migrate.py"
    before, migrate = script.read_text(), migration.read_text()
    migration.write_text(migrate + '    connection.execute("ALTER TABLE person ADD COLUMN IF NOT EXISTS shoe int")\n')
    with subprocess.Popen(words, cwd=life.repository, env=env, text=True, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            assert f"http://127.0.0.1:{life.ports['tree']}" in running.stdout.readline()
            shown = people(life, "tree")
            assert shown.splitlines()[1:] == [
                " ".join(row) for row in query(database, "SELECT name, email, note FROM person ORDER BY id")
            ]
            assert query(database, "SELECT count(shoe) FROM person") == [(0,)]
            script.write_text(re.sub(r'"[12]\.0', '"mine', before))
            wait_until(lambda: (life.visit("tree") or "").startswith("mine"), 60)
        finally:
            running.send_signal(signal.SIGINT)
            said = running.stdout.read() if running.stdout else ""
    script.write_text(before)
    migration.write_text(migrate)
    assert running.returncode == 0, said
    assert "changed: serve.py" in said


def test_production_cannot_be_reached_from_staging(life: Life) -> None:
    """Neither's password opens the other's database."""
    ours, theirs = urlsplit(url(life, "staging")), urlsplit(url(life, "production"))
    for host, key in ((theirs, ours), (ours, theirs)):
        wrong = host._replace(netloc=f"app:{key.password}@127.0.0.1:{host.port}").geturl()
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong, connect_timeout=60)


@pytest.mark.needs("root")
def test_nothing_of_production_on_disk_is_reached_from_staging(life: Life) -> None:
    """Staging's users, its application's and its database's, get at no file and no socket of production."""
    home, names = life.home, [p for p in pwd.getpwall() if p.pw_name.startswith(f"gr-{life.project}-staging")]
    secret = [
        home.environments / "production/postgres-18/data",
        home.backups,
        home.private,
        home.datasets,
        *sockets(life),
    ]
    assert names
    for who in names:
        for path in secret:
            words = ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups", "ls", str(path)]
            assert subprocess.run(words, capture_output=True, check=False).returncode != 0, (who.pw_name, path)


@pytest.mark.needs("root")
def test_no_other_user_of_the_machine_reads_what_is_kept(life: Life) -> None:
    """Whatever lies in production's, staging's and the vault's directories, in datasets, backups, private things and
    logs: no other user reads a file of it or lists a directory, also who knows every name. What they may read elsewhere
    shows that the look works."""
    home = life.home
    environments = [home.environments / e for e in ("production", "staging", "vault")]
    rooms = [*environments, home.datasets, home.backups, home.private, home.logs, home.store]
    stand_ins = {home.environments / e / "etc" for e in ("production", "staging")}  # for /etc/passwd, and as public
    kept = [p for p in below(*rooms) if not p.is_symlink()]
    kept = [p for p in kept if p not in stand_ins and p.parent not in stand_ins]
    assert {r.name for r in rooms if not r.exists()} <= {"vault"}  # the vault is there while something is made in it
    assert len(kept) > 1000
    assert [str(p.relative_to(home.root)) for p in readable_by_nobody(kept)] == []
    assert readable_by_nobody([Path("/etc/passwd"), *kept]) == [Path("/etc/passwd")]


def readable_by_nobody(paths: list[Path]) -> list[Path]:
    """Those that an unprivileged user without any group of ours can read."""
    ask = 'for path; do if [ -r "$path" ]; then printf "%s\\0" "$path"; fi; done'
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "xargs", "-0", "sh", "-c", ask, "sh"]
    given = b"\0".join(bytes(p) for p in paths)
    told = subprocess.run(words, input=given, capture_output=True, check=True, cwd="/")
    assert told.stderr == b""
    return [Path(name.decode()) for name in told.stdout.split(b"\0") if name]


def test_an_operator_is_let_in_for_a_while(life: Life) -> None:
    """By the command line, with a reason that everybody reads; when its time is over, also while the control plane was
    away, the session is ended and the role is gone. The password is in no file of the home."""
    opened = done(life, "break-glass", "open", "production", "--reason", "order 4711", "--for", "20s")
    password = str(urlsplit(opened["url"]).password)
    assert query(opened["url"], "SELECT name FROM person WHERE id = 1") == [(PEOPLE[0][0],)]
    assert "order 4711" in life.run("status").stdout
    with psycopg.connect(opened["url"], autocommit=True) as inside:
        life.down(applications=False)
        life.up()
        wait_until(lambda: not opened_now(life), 90)
        with pytest.raises(psycopg.OperationalError):
            inside.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(opened["url"], connect_timeout=5)
    roles = query(url(life, "production"), "SELECT rolname FROM pg_roles WHERE rolname LIKE 'greenroom%%'")
    assert roles == [("greenroom_glass",)]
    assert [g["closed_why"] for g in done(life, "break-glass", "list")] == ["its time is over"]
    assert done(life, "ledger", "verify")["verified"]
    assert [p for p in below(life.home.root) if password.encode() in content(p)] == []


def content(path: Path) -> bytes:
    """Of a file; nothing of what is none, or none any more: databases and the archive go on."""
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    except FileNotFoundError:
        return b""


def opened_now(life: Life) -> list[str]:
    return [g["id"] for g in done(life, "break-glass", "list") if g["open"]]


def sockets(life: Life) -> list[Path]:
    """Where production's database listens."""
    port = (life.home.environments / "production/postgres-18/port").read_text()
    return [life.home.sockets / f"db.{port}"]
