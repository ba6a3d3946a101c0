"""Seeds on real PostgreSQL: what is loaded, and that anything wrong is named with its file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.adapters.postgres.datasets.seeding import load
from greenroom.adapters.postgres.masking.ends import End
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.secret import Secret
from greenroom.ports.databases import Database
from greenroom.ports.datasets import Seeded
from tests.masked_copy_support import Server, servers
from tests.postgres_ground import query

SCHEMA = """
    CREATE SCHEMA shop;
    CREATE TYPE shop.size AS ENUM ('s', 'l');
    CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL, born date, size shop.size, note text DEFAULT 'new');
    CREATE TABLE shop."Visit log" (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person int REFERENCES person, twice int
            GENERATED ALWAYS AS (person * 2) STORED);
    CREATE TABLE down (id int PRIMARY KEY);
    CREATE SEQUENCE falling INCREMENT -2 MAXVALUE 0 MINVALUE -1000 START 0 OWNED BY down.id;
    CREATE TABLE part (id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE part_26 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
"""
FILES = {
    "seed/a.sql": "-- ünïcode\r\nINSERT INTO person (id, name) VALUES (7, 'semi;colon'), (3, '🦊');\n\nSELECT 1;",
    "seed/person.csv": '\ufeff"name",id,born,size\r\n"Doe, ""J""\nx",40,0044-03-15 BC,l\r\nRay,41,,\r\n',
    "seed/shop.Visit log.csv": "person,id\n40,9\n",
    "seed/down.csv": "id\n-6\n-9\n",
    "seed/part.csv": "id,at\n1,2026-05-01\n",
    "seed/empty.sql": "",
}


@pytest.fixture(scope="module")
def both() -> Iterator[dict[int, Server]]:
    with servers(18, 15) as found:
        yield found


def database(server: Server) -> Database:
    """One that the migrations have just gone over."""
    end: End = server.database()
    at = end.parameters
    url = f"postgresql://{at['user']}:{end.password.reveal()}@/{at['dbname']}?host={at['host']}&port={at['port']}"
    query(url, SCHEMA)
    return Database("dev", Secret(url), "18", "test")


def seeded(database: Database, root: Path, files: dict[str, str | bytes]) -> Seeded:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(database, root, tuple(files), say=lambda _: None, go_on=lambda: True)


@pytest.mark.parametrize("major", [18, pytest.param(15, marks=pytest.mark.needs("postgres15"))])
def test_everything_is_loaded_and_sequences_go_on(both: dict[int, Server], major: int, tmp_path: Path) -> None:
    """SQL and CSV, quotes and line breaks in them, NULLs, defaults, partitions; what the application adds next collides
    with nothing."""
    target = database(both[major])
    found = seeded(target, tmp_path, dict(FILES))
    assert found.statements == 2
    assert found.rows == {"public.person": 2, "shop.Visit log": 1, "public.down": 2, "public.part": 1}
    url = target.url.reveal()
    assert query(url, "SELECT id, name, born::text, size::text, note FROM person ORDER BY id") == [
        (3, "🦊", None, None, "new"),
        (7, "semi;colon", None, None, "new"),
        (40, 'Doe, "J"\nx', "0044-03-15 BC", "l", "new"),
        (41, "Ray", None, None, "new"),
    ]
    assert query(url, 'SELECT * FROM shop."Visit log"') == [(9, 40, 80)]
    assert query(url, "INSERT INTO person (name) VALUES ('next') RETURNING id") == [(42,)]
    assert query(url, 'INSERT INTO shop."Visit log" (person) VALUES (3) RETURNING id') == [(10,)]
    assert query(url, "SELECT nextval('falling')") == [(-11,)]


WRONG: dict[str, tuple[dict[str, str | bytes], str, str]] = {
    "an unknown table": ({"nobody.csv": "id\n1\n"}, "data.seed_unknown", "nobody.csv: there is no table nobody"),
    "a table of another schema": ({"visit.csv": "id\n1\n"}, "data.seed_unknown", "no table visit"),
    "an unknown column": ({"person.csv": "id,nme\n1,x\n"}, "data.seed_unknown", "person.csv, line 1: .* 'nme'"),
    "a column twice": ({"person.csv": "id,name,id\n1,x,1\n"}, "data.seed_unknown", "twice the column 'id'"),
    "a wrong type": ({"person.csv": "id,name\n1,x\ntwo,y\n"}, "data.seed_failed", "person.csv, line 3"),
    "a wrong enum": ({"person.csv": "name,size\nx,xl\n"}, "data.seed_failed", "person.csv, line 2"),
    "a wrong type after a line break": ({"person.csv": 'name,id\n"a\nb",1\nc,x\n'}, "data.seed_failed", "line 4"),
    "too few values": ({"person.csv": "id,name\n1,x\n2\n"}, "data.seed_failed", "person.csv, line 3"),
    "a NULL that may not be": ({"person.csv": "id,name\n1,\n"}, "data.seed_failed", "person.csv, line 2"),
    "the same key": ({"person.csv": "id,name\n1,x\n1,y\n"}, "data.seed_failed", "person.csv, line 3"),
    "nobody to refer to": ({"shop.Visit log.csv": "person\n5\n"}, "data.seed_failed", "Visit log.csv cannot"),
    "a generated column": ({"shop.Visit log.csv": "twice\n5\n"}, "data.seed_failed", "Visit log.csv cannot"),
    "an empty file": ({"person.csv": ""}, "data.seed_failed", "person.csv, line 1"),
    "an open quote": ({"person.csv": 'id,"name\n1,x\n'}, "data.seed_failed", "person.csv, line 1"),
    "another encoding": (
        {"person.csv": b"id,name\n1,x\n2,Ren\xe9\n"},
        "data.seed_encoding",
        "person.csv, line 3: byte 6",
    ),
    "SQL in another encoding": ({"a.sql": b"SELECT 1;\n-- Ren\xe9\n"}, "data.seed_encoding", "a.sql, line 2"),
    "a zero byte": ({"a.sql": b"SELECT 1;\0DROP TABLE person"}, "data.seed_encoding", "a.sql, line 1: a zero byte"),
    "a statement that fails": (
        {"a.sql": "SELECT ';';\n\nINSERT INTO person (name)\nVALUES (NULL);\nSELECT 1"},
        "data.seed_failed",
        "a.sql, line 3",
    ),
    "an unknown table in SQL": ({"a.sql": "SELECT 1;\nSELECT 2 FROM\n nobody"}, "data.seed_failed", "a.sql, line 3"),
    "a mistake in SQL": ({"a.sql": "SELECT 1;\n\nSELEC 2;"}, "data.seed_failed", "a.sql, line 3"),
    "rows for psql": ({"a.sql": "COPY person FROM STDIN;\n1\tx\n\\.\n"}, "data.seed_failed", "a.sql, line"),
    "rows from the client": ({"a.sql": "SELECT 1;\nCOPY person FROM STDIN;"}, "data.seed_failed", "a.sql, line 2"),
    "a command of psql": ({"a.sql": "SELECT 1;\n\\! touch x\n"}, "data.seed_failed", "a.sql, line 2"),
    "a sequence at its end": (
        {"down.csv": "id\n-2000\n"},
        "data.seed_failed",
        "public.falling cannot go on behind -2000",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named(both: dict[int, Server], wrong: str, tmp_path: Path) -> None:
    """The file, the line where there is one, and what to do; never an error of another kind."""
    files, code, said = WRONG[wrong]
    with pytest.raises(Refused, match=said) as refused:
        seeded(database(both[18]), tmp_path, files)
    assert refused.value.code == code
    assert "stays" in (refused.value.hint or "")


def test_one_file_is_one_transaction(both: dict[int, Server], tmp_path: Path) -> None:
    """Nothing of a file that fails stays; and where a later file is no text, not even the first is loaded."""
    target = database(both[18])
    with pytest.raises(Refused):
        seeded(target, tmp_path, {"a.sql": "INSERT INTO person (name) VALUES ('x'); SELECT 1/0;"})
    with pytest.raises(Refused):
        seeded(target, tmp_path, {"b.sql": "INSERT INTO person (name) VALUES ('x')", "person.csv": b"\xff"})
    assert query(target.url.reveal(), "SELECT count(*) FROM person") == [(0,)]


def test_nothing_is_read_outside_the_release(both: dict[int, Server], tmp_path: Path) -> None:
    """A link that leads out of it is no file of it, nor is one that is not there."""
    release, outside = tmp_path / "release", tmp_path / "outside.sql"
    release.mkdir()
    outside.write_text("SELECT 1")
    (release / "link.sql").symlink_to(outside)
    for name in ("link.sql", "absent.csv"):
        with pytest.raises(Refused) as refused:
            load(database(both[18]), release, (name,), say=lambda _: None, go_on=lambda: True)
        assert refused.value.code == "data.seed_missing"


def test_it_can_be_stopped(both: dict[int, Server], tmp_path: Path) -> None:
    """In the middle of a file, too: nothing of it stays."""
    target = database(both[18])
    (tmp_path / "down.csv").write_text("id\n" + "\n".join(str(-n) for n in range(1, 100_000)))
    asked = iter([True, True, True])
    with pytest.raises(Errored) as stopped:
        load(target, tmp_path, ("down.csv",), say=lambda _: None, go_on=lambda: next(asked, False))
    assert stopped.value.code == "data.stopped"
    assert query(target.url.reveal(), "SELECT count(*) FROM down") == [(0,)]
