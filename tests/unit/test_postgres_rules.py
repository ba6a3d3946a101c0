"""The pure parts of the PostgreSQL adapter: which server, which settings, what was written, who loads what."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.home import Home
from greenroom.adapters.postgres.archive import split
from greenroom.adapters.postgres.census import Census, Tally, changes
from greenroom.adapters.postgres.connect import translate
from greenroom.adapters.postgres.providers import Provider, choose, find_providers
from greenroom.adapters.postgres.record import user_name
from greenroom.adapters.postgres.restoring import LONGEST_NAME, Names
from greenroom.adapters.postgres.settings import hba_text, quoted, settings_text
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.release import Services

EMBEDDED = Provider("embedded", 18, Path("/e"), frozenset({"plpgsql", "vector"}))
HOST_18 = Provider("/host/18", 18, Path("/h18"), frozenset({"plpgsql", "pg_trgm"}))
HOST_15 = Provider("/host/15", 15, Path("/h15"), frozenset({"plpgsql", "pg_trgm", "uuid-ossp"}))
ALL = (EMBEDDED, HOST_18, HOST_15)


def test_the_embedded_server_is_the_default() -> None:
    """Where both have the version, the one that came with Greenroom runs; unless the cluster has another already."""
    assert choose(Services(18), ALL) is EMBEDDED
    assert choose(Services(18), ALL, prefer="/host/18") is HOST_18
    assert choose(Services(18), ALL, prefer="/gone") is EMBEDDED


def test_the_hosts_server_runs_where_it_is_needed() -> None:
    """A version or an extension that the embedded one lacks leads to the host's."""
    assert choose(Services(15), ALL) is HOST_15
    assert choose(Services(18, ("pg_trgm",)), ALL) is HOST_18
    assert choose(Services(18, ("pg_trgm",)), ALL, prefer="embedded") is HOST_18


def test_a_missing_version_names_what_is_here_and_the_package() -> None:
    """The refusal says both ways out."""
    with pytest.raises(Refused) as refused:
        choose(Services(17), ALL)
    assert refused.value.code == "database.version"
    assert "postgresql-17" in refused.value.hint
    assert "15 (/host/15)" in refused.value.because


def test_a_missing_extension_names_the_package_and_the_version_that_has_it() -> None:
    """The refusal says what to install, and which version here would do."""
    with pytest.raises(Refused) as refused:
        choose(Services(18, ("uuid-ossp",)), ALL)
    assert refused.value.code == "database.extension"
    assert "postgresql-18" in refused.value.hint
    assert "services.postgres to 15" in refused.value.hint
    with pytest.raises(Refused) as refused:
        choose(Services(15, ("postgis",)), ALL)
    assert "postgresql-15-postgis-3" in refused.value.hint


@pytest.mark.parametrize("name", ["../x", "a b", "", "A", "x;y", "a" * 80, 'a"b'])
def test_hostile_extension_names_are_bad_input(name: str) -> None:
    """They would become file names and identifiers."""
    with pytest.raises(BadInput):
        choose(Services(18, (name,)), ALL)


def test_the_embedded_server_is_found_without_importing_it() -> None:
    """PostgreSQL 18 with its two extensions comes with Greenroom."""
    found = next(p for p in find_providers(Path("/nowhere")) if p.major == 18)
    assert found.name == "embedded"
    assert found.extensions == {"plpgsql", "vector"}
    assert (found.bin / "pg_dump").exists()


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=60))
def test_quoted_settings_read_back(value: str) -> None:
    """Whatever stands in a path cannot end the setting: undoing the documented escapes gives it back."""
    text = quoted(value)
    assert text[0] == text[-1] == "'"
    inner, out, at = text[1:-1], "", 0
    while at < len(inner):
        assert inner[at] != "'" or inner[at + 1] == "'"
        at += inner[at] in "'\\"
        out += inner[at]
        at += 1
    assert out == value


def test_control_characters_are_refused_in_settings() -> None:
    """A line break in a path would begin a setting of its own."""
    with pytest.raises(BadInput):
        quoted("a\nfsync = off")


def test_only_throw_away_clusters_run_without_fsync() -> None:
    """Data that matters is always flushed; the private socket and loopback are the only ways in."""
    durable = settings_text(port=1, sockets=Path("/s"), hba=Path("/h"), major=18)
    scratch = settings_text(port=1, sockets=Path("/s"), hba=Path("/h"), major=18, durable=False)
    assert "fsync = 'on'" in durable
    assert "fsync = 'off'" in scratch
    assert "summarize_wal" not in settings_text(port=1, sockets=Path("/s"), hba=Path("/h"), major=15)
    for text in (durable, scratch):
        assert "listen_addresses = '127.0.0.1'" in text
    assert "trust" not in hba_text()
    assert all(line.endswith("scram-sha-256") for line in hba_text().splitlines()[1:])


counts = st.integers(0, 1000)
tallies = st.builds(Tally, st.just("t"), counts, counts, counts, counts)


@given(tallies, st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_changes_are_exact_when_counters_are(then: Tally, inserted: int, updated: int, deleted: int) -> None:
    """With every write handed in and none rolled back, exactly the writes are told."""
    rows = (then.rows or 0) + inserted - deleted
    now = Tally("t", rows, then.inserted + inserted, then.updated + updated, then.deleted + deleted)
    told = changes(Census("e", {1: then}), Census("e", {1: now}))
    assert told == ({"t": (inserted, updated, deleted)} if inserted + updated + deleted else {})


@given(tallies, tallies, st.booleans())
def test_changes_never_tell_less_than_the_rows_prove(then: Tally, now: Tally, is_same_epoch: bool) -> None:
    """Whatever the counters say: nothing negative, and inserts less deletes are never below the growth."""
    told = changes(Census("e", {1: then}), Census("e" if is_same_epoch else "f", {1: now}))
    inserted, updated, deleted = told.get("t", (0, 0, 0))
    net = (now.rows or 0) - (then.rows or 0)
    assert min(inserted, updated, deleted) >= 0
    assert inserted >= net
    assert deleted >= -net


def test_a_renamed_table_stays_itself_and_a_dropped_one_is_told() -> None:
    """Within an epoch tables are matched by identity."""
    then = Census("e", {1: Tally("old", 5, 5, 0, 0), 2: Tally("gone", 3, 3, 0, 0)})
    now = Census("e", {1: Tally("new", 6, 6, 0, 0), 3: Tally("fresh", 2, 2, 0, 0)})
    assert changes(then, now) == {"new": (1, 0, 0), "gone": (0, 0, 3), "fresh": (2, 0, 0)}


@given(st.dictionaries(st.integers(1, 9), tallies))
def test_a_census_survives_its_record(tables: dict[int, Tally]) -> None:
    """`from_facts` reads what `as_facts` wrote."""
    census = Census("e", tables)
    assert Census.from_facts(census.as_facts()) == census


def test_the_superuser_loads_only_ground() -> None:
    """Everything that can hold code of the application is loaded by the application's own role."""
    listing = """;
; Archive created at 2026-11-23
215; 2615 16390 SCHEMA - ext app
2; 3079 16385 EXTENSION - vector\x20
3400; 0 0 COMMENT - EXTENSION vector\x20
216; 1259 16391 TABLE public EXTENSION - postgres app
217; 1255 16392 FUNCTION public f() app
3300; 0 16400 TABLE DATA public spatial postgres
3301; 0 16391 TABLE DATA public t app
3302; 0 0 BLOBS - BLOBS\x20
3303; 0 0 ACL - SCHEMA public pg_database_owner
218; 1255 16393 FUNCTION public g(integer) pg_database_owner
219; 1259 16394 TABLE public x pg_database_owner
3304; 0 16394 TABLE DATA public x pg_database_owner
"""
    superusers, applications, scheduler = split(listing)
    assert scheduler == []
    assert [e.split(";")[0] for e in superusers] == ["215", "2", "3400", "3300", "3303"]
    assert [e.split(";")[0] for e in applications] == ["216", "217", "3301", "3302", "218", "219", "3304"]


def test_the_schedulers_entries_are_the_schedulers() -> None:
    """Nothing that the application can make is taken for a part of pg_cron, whatever it is called; and without pg_cron
    a schema of that name is like any other."""
    of_cron = """3; 3079 16385 EXTENSION - pg_cron\x20
3401; 0 0 COMMENT - EXTENSION pg_cron\x20
3310; 0 0 ACL - SCHEMA cron postgres
3311; 0 0 ACL cron FUNCTION alter_job(bigint) postgres
3312; 0 16388 TABLE DATA cron job postgres
3313; 0 0 SEQUENCE SET cron jobid_seq postgres
"""
    others = """220; 1259 16401 TABLE DATA cron job app
221; 1259 16402 TABLE DATA cron job postgres app
222; 1259 16403 TABLE public EXTENSION - pg_cron app
"""
    superusers, applications, scheduler = split(of_cron + others)
    assert (superusers, scheduler) == ([], of_cron.splitlines())
    assert applications == others.splitlines()
    without = "3310; 0 0 ACL - SCHEMA cron app\n" + others
    assert split(without) == (without.splitlines()[:1], others.splitlines(), [])


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", fullmatch=True))
def test_names_of_databases_fit_and_differ(aside: str) -> None:
    """Whatever the work is called, its databases have distinct names of at most 63 bytes."""
    names = Names.of(aside)
    each = {names.loading, names.ready, names.aside, names.undone}
    assert len(each) == 4
    assert all(len(n) <= LONGEST_NAME for n in each)
    assert Names.of(aside) == names


@given(
    st.from_regex(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True),
)
def test_users_of_servers_are_valid_and_no_applications(project: str, environment: str) -> None:
    """At most 31 bytes, and told apart by project and environment."""
    home = Home(Path("/h"), Path("/r"))
    name = user_name(home, project, environment)
    assert len(name) <= 31
    assert name.endswith("-db")
    assert name != user_name(home, project, environment + "x")
    assert name != user_name(Home(Path("/i"), Path("/r")), project, environment)


def every_error() -> list[type[psycopg.Error]]:
    found: list[type[psycopg.Error]] = [psycopg.Error]
    for kind in found:
        found.extend(c for c in kind.__subclasses__() if c not in found)
    return found


@pytest.mark.parametrize("kind", every_error(), ids=lambda k: k.__name__)
def test_every_error_of_the_driver_is_translated(kind: type[psycopg.Error]) -> None:
    """No class of the driver is missed, and each gets a code of ours."""
    error = translate(kind("some text"), "ask")
    assert isinstance(error, Errored)
    assert error.code.startswith("database.")
    assert "some text" in error.because
