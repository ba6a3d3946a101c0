"""The application's own functions run where its data is masked: they get neither the key nor power."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.home import Home
from greenroom.adapters.postgres.connect import MASKER
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.initdb import make_data
from greenroom.adapters.postgres.masking.copying import Wanted, copy_masked
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.leaks import examine
from greenroom.adapters.postgres.masking.walls import masker
from greenroom.adapters.postgres.schema import fingerprint_of
from greenroom.adapters.postgres.serving import Server as Serving
from greenroom.adapters.postgres.serving import served, sockets_of
from greenroom.domain.errors import Errored
from greenroom.domain.secret import Secret
from greenroom.registry import all_rules
from tests.masked_copy_support import KEY, Server, copy, harmless_but, rows, run, servers
from tests.postgres_ground import ground

TRIES = ("power", "key", "view", "setting", "become", "program", "file", "definer", "untrusted", "granted", "write")

HOSTILE = """
    CREATE FUNCTION ruler() RETURNS text LANGUAGE sql SECURITY DEFINER AS
        $$ SELECT rolname FROM pg_roles WHERE rolname = current_user AND rolsuper $$;
    CREATE FUNCTION reader(text) RETURNS text LANGUAGE internal STRICT AS 'pg_read_file_all';
    GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC;
    CREATE FUNCTION tries(what text) RETURNS boolean LANGUAGE plpgsql AS $body$
    DECLARE got text;
    BEGIN
        IF to_regnamespace('pg_greenroom') IS NULL THEN RETURN true; END IF;  -- nobody masks
        BEGIN
            CASE what
                WHEN 'power' THEN
                    SELECT rolname INTO got FROM pg_roles WHERE rolsuper AND rolname IN (current_user, session_user);
                WHEN 'key' THEN EXECUTE 'SELECT key::text FROM pg_greenroom.key' INTO got;
                WHEN 'view' THEN
                    SELECT a.attname INTO got FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                     WHERE c.relnamespace = 'pg_greenroom'::regnamespace AND c.relkind = 'v' AND a.attname = 'key';
                WHEN 'setting' THEN
                    SELECT setting INTO got FROM pg_settings WHERE name LIKE 'greenroom%' OR setting LIKE '%{KEY}%';
                WHEN 'become' THEN EXECUTE 'SET ROLE postgres'; got := current_user;
                WHEN 'program' THEN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {MARK}'''; got := 'ran';
                WHEN 'file' THEN EXECUTE 'COPY (SELECT 1) TO ''{MARK}'''; got := 'written';
                WHEN 'definer' THEN got := public.ruler();
                WHEN 'untrusted' THEN got := public.reader('PG_VERSION');
                WHEN 'granted' THEN got := pg_read_file('PG_VERSION');
                WHEN 'write' THEN EXECUTE 'ALTER ROLE ' || quote_ident(current_user) || ' SUPERUSER'; got := 'raised';
                WHEN 'network' THEN EXECUTE 'SELECT public.dblink_connect(''{DIAL}'')' INTO got;
            END CASE;
        EXCEPTION WHEN insufficient_privilege OR undefined_table OR read_only_sql_transaction THEN RETURN true;
        END;
        RETURN got IS NULL;
    END $body$;
    CREATE FUNCTION plain(v text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $body$
    BEGIN
        IF to_regnamespace('pg_greenroom') IS NOT NULL
           AND EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper) THEN
            RAISE EXCEPTION 'with power' USING ERRCODE = '42000';
        END IF;
        RETURN lower(v);
    END $body$;
"""

SCHEMA = """
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE FUNCTION mood_text(mood) RETURNS text STABLE LANGUAGE sql AS
        $$ SELECT public.plain(CASE $1 WHEN 'good' THEN 'Good' ELSE 'Bad' END) $$;
    CREATE CAST (mood AS text) WITH FUNCTION mood_text(mood);
    CREATE DOMAIN tag AS text CHECK (plain(VALUE) <> 'never');
    CREATE TABLE person (id int PRIMARY KEY, email text, name text, nick text, tag tag, mood mood,
                         small text GENERATED ALWAYS AS (plain(name)) STORED);
    INSERT INTO person SELECT i, 'Person' || i || '@x.org', 'Person ' || md5(i::text), 'Nick ' || i, 'Tag' || i, 'good'
        FROM generate_series(1, 200) i;
    CREATE UNIQUE INDEX person_plain ON person (plain(email));
    CREATE INDEX person_word ON person (plain(tag)) WHERE plain(name) <> 'x';
    CREATE FUNCTION whole(person) RETURNS boolean LANGUAGE sql AS $$ SELECT public.plain($1.name) IS NOT NULL $$;
    ALTER TABLE person ADD CONSTRAINT whole CHECK (whole(person));
    CREATE MATERIALIZED VIEW plainly AS SELECT id, plain(email) AS email FROM person;
"""
RULED = {
    "public.person.email": ("email", {}),
    "public.person.name": ("full_name", {}),
    "public.person.nick": ("sql", {"expression": "public.plain('Somebody')"}),
    "public.person.tag": ("keyed_hash", {}),
}
ROLES = f"""SELECT rolname FROM pg_roles
            WHERE rolname = '{MASKER}_' || (SELECT oid FROM pg_database WHERE datname = current_database())"""
FUNCTIONS = """SELECT proname, prosecdef, coalesce(proacl, acldefault('f', proowner))::text FROM pg_proc
                WHERE oid >= 16384 OR proname = 'pg_read_file' ORDER BY 1, 3"""
OWNERS = "SELECT relname, relowner::regrole FROM pg_class WHERE oid >= 16384 AND relnamespace = 'public'::regnamespace"


@pytest.fixture(scope="module")
def both() -> Iterator[dict[int, Server]]:
    with servers(18, 15) as found:
        yield found


def hostile(mark: Path, port: int = 1) -> str:
    dial = f"host=127.0.0.1 port={port} user=a password=b connect_timeout=2"
    return HOSTILE.replace("{MARK}", str(mark)).replace("{DIAL}", dial).replace("{KEY}", KEY.reveal()[:20])


def wanted(source: End) -> Wanted:
    return Wanted(harmless_but(source, RULED), all_rules(), KEY, workers=2)


@pytest.mark.parametrize("major", [18, 15])
@pytest.mark.needs("postgres15")
def test_what_the_application_wrote_has_no_power_and_no_key(
    both: dict[int, Server], major: int, tmp_path: Path
) -> None:
    """Checks, generated columns, indexes, domains, casts, views and rules' own SQL try to read the key, to become a
    superuser, to run a program and to write a file: all in vain, in the copy, in the target and in the leak check."""
    server = both[major]
    source, target = server.database(), server.database()
    mark = tmp_path / "was-here"
    run(source, hostile(mark))
    run(source, SCHEMA)
    for one in TRIES:
        run(source, f"ALTER TABLE person ADD CONSTRAINT tries_{one} CHECK (tries('{one}'))")
    before = [rows(source, q) for q in (FUNCTIONS, OWNERS)]
    asked = wanted(source)
    report = copy_masked(source, target, server.tools, asked)
    assert report.rows == {"public.person": 200}
    assert rows(target, "SELECT count(*), count(DISTINCT email) FROM plainly") == [(200, 200)]
    assert examine(source, target, asked).complaints == ()
    assert not mark.exists()
    for end in (source, target):
        assert rows(end, ROLES) == []
        assert rows(end, "SELECT nspname FROM pg_namespace WHERE nspname = 'pg_greenroom'") == []
    assert [rows(source, q) for q in (FUNCTIONS, OWNERS)] == before
    with source.session() as a, target.session() as b:
        assert fingerprint_of(a) == fingerprint_of(b)
    assert rows(target, "SELECT prosecdef FROM pg_proc WHERE proname = 'ruler'") == [(True,)]
    assert rows(target, OWNERS) and {o for _, o in rows(target, OWNERS)} == {"postgres"}


@pytest.mark.needs("postgres15")
def test_a_function_opens_no_connection(both: dict[int, Server], tmp_path: Path) -> None:
    """dblink is there, and nobody may call it while data is masked; afterwards as before."""
    server = both[15]
    source, target = server.database(), server.database()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        run(source, "CREATE EXTENSION dblink SCHEMA public")
        run(source, hostile(tmp_path / "mark", listening.getsockname()[1]))
        run(source, SCHEMA)
        run(source, "ALTER TABLE person ADD CONSTRAINT network CHECK (tries('network'))")
        copy_masked(source, target, server.tools, wanted(source))
        with pytest.raises(TimeoutError):
            listening.accept()
    dialled = "SELECT has_function_privilege('public', 'public.dblink_connect(text)', 'EXECUTE')"
    assert rows(source, dialled) == rows(target, dialled) == [(True,)]


def test_what_a_killed_copy_left_is_put_right(both: dict[int, Server]) -> None:
    """Functions, owners and rights are as they were, and the key is gone, once the next copy is done."""
    server = both[18]
    source, target = server.database(), server.database()
    run(source, hostile(Path("/nonexistent")))
    run(source, SCHEMA)
    before = [rows(source, q) for q in (FUNCTIONS, OWNERS)]
    left = masker(source)
    role = left.__enter__()
    role.keep(KEY)
    role.confine(writes=True)
    owning = role.owning()
    owning.__enter__()
    assert [rows(source, q) for q in (FUNCTIONS, OWNERS)] != before
    assert rows(source, ROLES) != []
    copy_masked(source, target, server.tools, wanted(source))
    assert [rows(source, q) for q in (FUNCTIONS, OWNERS)] == before
    assert rows(source, ROLES) == []
    assert rows(target, "SELECT proname FROM pg_proc WHERE proname = 'ruler' AND prosecdef") == [("ruler",)]
    del left, owning


def test_a_function_that_cannot_be_confined_stops_the_copy_by_name(both: dict[int, Server]) -> None:
    """A check that calls a function of nobody knows whose library is refused, and the function is named."""
    server = both[18]
    source, target = server.database(), server.database()
    run(source, "CREATE FUNCTION same(text, text) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'texteq'")
    run(source, "CREATE TABLE t (v text CHECK (same(v, v))); INSERT INTO t VALUES ('a')")
    with pytest.raises(Errored) as caught:
        copy(source, target, server, harmless_but(source, {"public.t.v": ("pseudonym", {})}))
    assert (caught.value.code, caught.value.because) == ("data.not_allowed", "permission denied for function same")
    assert rows(source, ROLES) == rows(target, ROLES) == []


def test_a_value_that_a_function_calls_a_place_is_told_to_nobody(both: dict[int, Server]) -> None:
    """`RAISE` may name any text as table, column or constraint: of a function's errors the state alone is told."""
    source, server = both[18].database(), both[18]
    run(
        source,
        """
        CREATE FUNCTION shout(v text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
            IF to_regnamespace('pg_greenroom') IS NULL THEN RETURN true; END IF;  -- nobody masks
            RAISE check_violation USING MESSAGE = v, CONSTRAINT = v, TABLE = v, COLUMN = v, DATATYPE = v, SCHEMA = v;
        END $$;
        CREATE TABLE person (id int PRIMARY KEY, mail text CHECK (shout(mail)));
        INSERT INTO person VALUES (1, 'kim@home.example');
        """,
    )
    with pytest.raises(Errored) as caught:
        copy(source, server.database(), server, harmless_but(source))
    assert "kim@home" not in repr(caught.value.as_dict())
    assert (caught.value.code, caught.value.facts) == ("data.row_refused", {"sqlstate": "23514"})


def test_a_served_cluster_reaches_no_network() -> None:
    """Whatever runs in the vault's servers, even a program, finds nothing but a loopback that is down."""
    with ground() as made:
        databases = made.databases()
        clusters, home = databases._clusters, Home.at(made.home.root)
        account, provider = clusters.account("v"), clusters.providers()[0]
        folder = own_directory(home.environments / "v", 0o711)
        server = Serving(
            folder, sockets_of(home, folder, account), account, clusters.tools(provider, account), provider
        )
        password = Secret("a-password")
        make_data(server.data, server.tools, account, password, "--no-sync")
        with served(server, SystemClock(), server.superuser(password), what="a test") as door:
            end = End.behind(door, "postgres")
            run(end, "CREATE TABLE said (line text)")
            run(
                end,
                "COPY said FROM PROGRAM 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d '' '''",
            )
            said = [line for (line,) in rows(end, "SELECT line FROM said")]
    assert said == ["lo"]
