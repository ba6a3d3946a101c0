"""The application's own functions run where a managed source is copied, too: there they have no power."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from greenroom.domain.errors import Errored
from tests import source_support
from tests.managed import Managed, managed
from tests.source_support import Place

HOST15 = pytest.param(15, marks=pytest.mark.needs("postgres15"))

TRIES = """
    CREATE FUNCTION tries(place text) RETURNS boolean LANGUAGE plpgsql AS $body$
    BEGIN
        IF to_regrole('app') IS NULL THEN RETURN true; END IF;  -- at home: nobody copies
        BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'cat > was-here-' || place);
        EXCEPTION WHEN insufficient_privilege THEN NULL; END;
        BEGIN
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = 'app') THEN ALTER ROLE app SUPERUSER; END IF;
        EXCEPTION WHEN insufficient_privilege THEN NULL; END;
        RETURN true;
    END $body$;
    CREATE FUNCTION quietly(place text, v text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $body$
    BEGIN PERFORM public.tries(place); RETURN v; END $body$;
"""
HOSTILE = f"""{TRIES}
    CREATE FUNCTION definer(place text) RETURNS boolean SECURITY DEFINER LANGUAGE sql AS 'SELECT public.tries(place)';
    CREATE FUNCTION fires() RETURNS event_trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM public.tries(''event-trigger''); END';
    CREATE DOMAIN word AS text CHECK (quietly('domain', VALUE) IS NOT NULL);
    CREATE TABLE person (id int PRIMARY KEY, name word,
        copied text GENERATED ALWAYS AS (quietly('generated', id::text)) STORED,
        CHECK (tries('check')), CHECK (definer('definer')));
    CREATE FUNCTION whole(person) RETURNS boolean LANGUAGE sql AS $$ SELECT public.tries('check-afterwards') $$;
    ALTER TABLE person ADD CONSTRAINT whole CHECK (whole(person));
    INSERT INTO person (id, name) SELECT i, 'person ' || i FROM generate_series(1, 50) i;
    CREATE UNIQUE INDEX ON person (quietly('index', name));
    CREATE STATISTICS known (ndistinct) ON (quietly('statistics', name)), id FROM person;
    CREATE MATERIALIZED VIEW people AS SELECT id, quietly('view', name) AS name FROM person;
    CREATE TABLE kept AS SELECT lo_from_bytea(0, 'large') AS body;
    DO $$ BEGIN EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO reader', (SELECT body FROM kept)); END $$;
    CREATE EVENT TRIGGER firing ON ddl_command_start EXECUTE FUNCTION fires();
    ALTER EVENT TRIGGER firing ENABLE ALWAYS
"""
POWERFUL = "SELECT rolname FROM pg_roles WHERE rolsuper AND rolname <> 'postgres'"


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with source_support.place() as made:
        yield made


@pytest.fixture(scope="module", params=[18, HOST15])
def source(request: pytest.FixtureRequest, place: Place) -> Iterator[Managed]:
    with managed(place.clusters, request.param, place.root / f"managed-{request.param}") as made:
        yield made


def test_what_the_source_wrote_has_no_power_where_it_is_copied(place: Place, source: Managed) -> None:
    """Checks, a domain, a generated column, an index, statistics, a view, an event trigger and a function that runs
    with its owner's rights try to run a program and to make the application's role a superuser: all in vain. Afterwards
    everything is there and the application's, as on the source."""
    source.run(HOSTILE)
    made = place.copy(source.at(), f"walls-{source.major}")
    ran = {f.name.removeprefix("was-here-") for f in place.root.rglob(f"walls-{source.major}/data/was-here-*")}
    with place.opened(f"walls-{source.major}", made) as ask:
        assert (ran, ask(POWERFUL)) == (set(), [])
        assert ask("SELECT count(*), count(copied) FROM public.person") == [(50, 50)]
        assert ask("SELECT count(DISTINCT name) FROM public.people") == [(50,)]
        assert ask("SELECT length(lo_get(body)) FROM public.kept") == [(5,)]
        owners = """SELECT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION
                    SELECT lomowner::regrole::text FROM pg_largeobject_metadata UNION
                    SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"""
        assert ask(owners) == [("app",)]
        assert ask("SELECT proname FROM pg_proc WHERE prosecdef AND oid >= 16384") == [("definer",)]
        assert ask("SELECT evtname, evtenabled, evtowner::regrole::text FROM pg_event_trigger") == [
            ("firing", "A", "postgres")
        ]
        assert ask("SELECT rolname FROM pg_roles WHERE rolname LIKE 'greenroom%'") == []
        assert ask("SELECT nspname FROM pg_namespace WHERE nspname = 'pg_greenroom'") == []
        assert ask("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == [(0,)]


def test_power_that_was_gained_ends_the_copy(place: Place, source: Managed) -> None:
    """A role of the copy that is a superuser at its end, however it became one: there is no copy, and it is named."""
    source.run("CREATE DATABASE other", "postgres")
    source.run(
        f"""{TRIES}
        CREATE DOMAIN word AS text CHECK (quietly('before', VALUE) IS NOT NULL);
        CREATE FUNCTION joined(word, text) RETURNS word LANGUAGE sql AS 'SELECT $1';
        CREATE AGGREGATE all_of (text) (SFUNC = joined, STYPE = word, INITCOND = 'begun');
        CREATE TABLE parted (name word, n int) PARTITION BY LIST (name);
        CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a')
    """,
        "other",
    )
    server = source.at()
    with pytest.raises(Errored) as caught:
        place.copy(replace(server, url=server.url.replace("/shop", "/other")), f"gained-{source.major}")

    assert caught.value.code == "data.power_gained"
    assert caught.value.facts["roles"] == ["app"]
