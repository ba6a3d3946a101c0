"""A masked copy that is cut off: the target says so, the source is as it was, and the next copy is whole."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.rows import Progress
from greenroom.adapters.postgres.masking.target import read_mark
from greenroom.domain.errors import Errored
from tests import masked_copy_apart
from tests.masked_copy_support import Server, copy, harmless_but, rows, run, servers

SCHEMA = """
    CREATE TABLE wide (id int PRIMARY KEY, name text, note text);
    CREATE TABLE other (id int PRIMARY KEY REFERENCES wide);
    INSERT INTO wide SELECT i, 'name ' || i, repeat(md5(i::text), 30) FROM generate_series(1, 60000) i;
    INSERT INTO other SELECT i FROM generate_series(1, 60000) i;
    SELECT lo_from_bytea(0, 'large');
"""
RULED = {"public.wide.name": ("pseudonym", {})}
MEGABYTES_ALLOWED = 300


@pytest.fixture(scope="module")
def ground() -> Iterator[tuple[Server, End]]:
    with servers(18) as found:
        source = found[18].database()
        run(source, SCHEMA)
        yield found[18], source


def state(end: End) -> bool | None:
    with end.session() as connection:
        mark = read_mark(connection)
    return mark.is_finished if mark is not None else None


def assert_begins_anew(server: Server, source: End, target: End) -> None:
    """Unfinished now; whole after another copy into the same target; the source has what it had."""
    assert state(target) is False
    report = copy(source, target, server, harmless_but(source, RULED), large_objects=True)
    assert state(target) is True
    assert report.rows == {"public.wide": 60000, "public.other": 60000}
    assert rows(target, "SELECT count(*), count(DISTINCT name) FROM wide") == [(60000, 60000)]
    assert rows(target, "SELECT convert_from(lo_get(oid), 'UTF8') FROM pg_largeobject_metadata") == [("large",)]
    assert rows(source, "SELECT count(*) FROM wide WHERE name = 'name ' || id") == [(60000,)]


def test_a_stopped_copy_is_unfinished(ground: tuple[Server, End]) -> None:
    """Whoever asks for an end gets it between two batches."""
    server, source = ground
    target = server.database()
    seen: list[Progress] = []
    with pytest.raises(Errored) as caught:
        copy(source, target, server, harmless_but(source, RULED), progress=seen.append, go_on=lambda: len(seen) < 3)
    assert caught.value.code == "data.copy_stopped"
    assert_begins_anew(server, source, target)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_session_that_is_cut_ends_the_copy(ground: tuple[Server, End], side: str) -> None:
    """A worker's connection is lost on one side: an error, no hanging, and nothing is passed off as whole."""
    server, source = ground
    target = server.database()
    name = {"source": source, "target": target}[side].parameters["dbname"]
    cut = threading.Event()

    def kill(_: Progress) -> None:
        if not cut.is_set():
            cut.set()
            statement = f"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                             WHERE datname = '{name}' AND query LIKE 'COPY%'"""
            with End.behind(server.superuser, "postgres").session() as connection:
                connection.execute(statement.encode())

    with pytest.raises(Errored) as caught:
        copy(source, target, server, harmless_but(source, RULED), progress=kill)
    assert caught.value.code.startswith("database.")
    assert_begins_anew(server, source, target)


def test_a_killed_process_leaves_an_unfinished_target(ground: tuple[Server, End]) -> None:
    """kill -9 in the middle of the rows."""
    server, source = ground
    target = server.database()
    process = masked_copy_apart.start(source, target, server.tools, harmless_but(source, RULED))
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "moving\n"
        process.kill()
        process.wait(30)
    assert_begins_anew(server, source, target)


def test_a_value_of_a_hundred_megabytes_passes_in_little_memory(ground: tuple[Server, End]) -> None:
    """Memory stays flat whatever the size of a table or of a value."""
    server, _ = ground
    source, target = server.database(), server.database()
    run(source, "CREATE TABLE huge (id int, body text)")
    run(source, "INSERT INTO huge SELECT 1, string_agg(md5(i::text), '') FROM generate_series(1, 3276800) i")
    run(source, "INSERT INTO huge SELECT i, repeat(md5(i::text), 100) FROM generate_series(2, 30000) i")
    process = masked_copy_apart.start(source, target, server.tools, harmless_but(source))
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read().split()
    assert process.wait(60) == 0
    assert rows(target, "SELECT octet_length(body), md5(body) FROM huge WHERE id = 1") == rows(
        source, "SELECT octet_length(body), md5(body) FROM huge WHERE id = 1"
    )
    assert int(said[-1]) / 1024 < MEGABYTES_ALLOWED


@pytest.fixture
def small_disk(ground: tuple[Server, End], tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB that the server's own user can write to."""
    folder = tmp_path / "small"
    folder.mkdir()
    with End.behind(ground[0].superuser, "postgres").session() as connection:
        data = connection.execute("SHOW data_directory").fetchall()[0][0]
    owner = Path(data).stat()
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and parent.stat().st_mode & 0o011 != 0o011 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", str(folder)], check=True)
    os.chown(folder, owner.st_uid, owner.st_gid)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.needs("root")
def test_a_full_disk_is_told_and_leaves_the_target_unfinished(ground: tuple[Server, End], small_disk: Path) -> None:
    """No space left for the target: the error says so; with space, the same target is made whole."""
    server, source = ground
    target = server.database()
    name = target.parameters["dbname"]
    with End.behind(server.superuser, "postgres").session() as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'".encode())
        connection.execute(f"ALTER DATABASE {name} SET TABLESPACE small".encode())
        try:
            with pytest.raises(Errored) as caught:
                copy(source, target, server, harmless_but(source, RULED))
            assert caught.value.code == "database.disk_full"
        finally:
            connection.execute(f"ALTER DATABASE {name} SET TABLESPACE pg_default".encode())
            connection.execute("DROP TABLESPACE small")
    assert_begins_anew(server, source, target)


def test_the_key_is_in_no_statement(ground: tuple[Server, End]) -> None:
    """Whoever may look at the server's list of activities does not find it."""
    server, source = ground
    target = server.database()
    seen: list[str] = []

    def look(_: Progress) -> None:
        if len(seen) < 20:
            with End.behind(server.superuser, "postgres").session() as connection:
                seen.extend(q for (q,) in connection.execute("SELECT query FROM pg_stat_activity").fetchall())

    copy(source, target, server, harmless_but(source, RULED), progress=look)
    assert any("COPY (SELECT" in q for q in seen)
    assert not any("00112233445566778899" in q for q in seen)
