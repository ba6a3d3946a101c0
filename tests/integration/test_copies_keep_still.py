"""A copy of production, running: it is recovered, counted, read, masked, and nothing in it acts by itself."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.backup import rebuilding
from greenroom.adapters.postgres.backup.backups import PostgresBackups
from greenroom.adapters.postgres.connect import APP, MAINTENANCE, SUPERUSER, Connection, Door, session
from greenroom.adapters.postgres.neutralise import QUIET, neutralise
from greenroom.adapters.postgres.providers import choose as provider_of
from greenroom.adapters.postgres.scratch import any_port
from greenroom.adapters.postgres.serving import Server, served, sockets_of
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.domain.backup import Target, choose
from greenroom.domain.release import Services
from greenroom.ports.backups import Rebuilt, Storage
from tests.life_support import wait_until
from tests.postgres_ground import Ground, ground, query

HOST15 = pytest.param(15, marks=pytest.mark.needs("postgres15", "pg_cron"))
ITS_OWN = {
    "autovacuum launcher", "background writer", "checkpointer", "client backend", "io worker", "startup",
    "walsummarizer", "walwriter",
}  # fmt: skip
"""Processes that every server has. None of them runs anybody's code or calls anybody."""
AT_WORK = "SELECT DISTINCT backend_type FROM pg_stat_activity"
PASSPHRASE = "opens-the-key"
GRACE_SECONDS = 1.5
"""What acts by itself does so within a second of the server's start."""


@dataclass
class Production:
    """Shut down, and in the archive: it subscribes to `publisher`, has a job each minute, and ships its own log."""

    ground: Ground
    backups: PostgresBackups
    major: int
    publisher: Publisher
    traces: Path

    def traced(self) -> set[str]:
        return {f.name for f in self.traces.iterdir()}

    def rebuilt(self, name: str) -> Rebuilt:
        route = choose(self.backups.archive("production"), Target())
        return self.backups.rebuild(route, "production", name, into="staging", census=True, say=str)

    @contextmanager
    def opened(self, name: str, *, over_tcp: bool = False) -> Iterator[tuple[Door, Connection]]:
        """Served once more, as production's superuser, who comes along."""
        clusters = self.backups._clusters
        folder = self.ground.home.environments / "staging" / "rebuilt" / name
        account, provider = clusters.account("staging"), provider_of(Services(self.major), clusters.providers())
        tools = clusters.tools(provider, account)
        server = Server(folder, sockets_of(self.ground.home, folder, account), account, tools, provider, any_port())
        own = server.superuser(clusters.password("production", SUPERUSER))
        with (
            served(server, SystemClock(), own, what="it", over_tcp=over_tcp) as door,
            session(door, APP, settings=QUIET) as connection,
        ):
            yield door, connection


class Publisher:
    """Takes connections on 127.0.0.1, and counts them."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.came = 0
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self._listening.accept()[0].close()
            except OSError:
                return
            self.came += 1

    def close(self) -> None:
        self._listening.close()


@pytest.fixture(scope="module", params=[18, HOST15])
def production(request: pytest.FixtureRequest) -> Iterator[Production]:
    major: int = request.param
    with ground() as made:
        databases, publisher = made.databases(), Publisher()
        traces = made.home.root / "traces"
        traces.mkdir()
        traces.chmod(0o1777)
        backups = PostgresBackups(
            made.home, made.keeper, "shop", SystemClock(),
            storage=lambda environment: Storage(), ensure_user=made.ensure_user, adopt=adopt,
        )  # fmt: skip
        url = databases.ensure("production", Services(major)).url.reveal()
        door = databases._superuser("production")
        _have_a_key(databases._clusters.need("production").data)
        _set(door, _acting(major, traces))
        databases.stop("production")
        url = databases.ensure("production", Services(major)).url.reveal()
        query(url, "CREATE TABLE t AS SELECT 1 AS n")
        with session(door, APP) as connection:
            conninfo = f"host=127.0.0.1 port={publisher.port} user=x dbname=x"
            _run(connection, f"CREATE SUBSCRIPTION s CONNECTION '{conninfo}' PUBLICATION p WITH (connect = false)")
            _run(connection, "ALTER SUBSCRIPTION s ENABLE")
            if major == 15:
                _run(connection, "CREATE EXTENSION pg_cron")
                _run(connection, "SELECT cron.schedule('each minute', '* * * * *', 'CREATE TABLE ran ()')")
        assert backups.protect("production").problem == ""
        backups.take("production", "b1", full=True, say=str)
        wait_until(lambda: backups.stream("production").behind == 0)
        databases.stop("production")
        for trace in traces.iterdir():
            trace.unlink()
        publisher.came = 0
        yield Production(made, backups, major, publisher, traces)
        publisher.close()


def _acting(major: int, traces: Path) -> dict[str, str]:
    """What an administrator of production set once; all of it lies in `postgresql.auto.conf`."""
    found = {
        "archive_mode": "on",
        "archive_command": f"touch {traces}/archived",
        "recovery_end_command": f"touch {traces}/recovered",
        "max_worker_processes": "8",
        "max_logical_replication_workers": "4",
        "listen_addresses": "*",
        "external_pid_file": f"{traces}/pid",
        "logging_collector": "on",
        "log_directory": str(traces),
        "restore_command": "false",
        "hot_standby": "on",
        "work_mem": "5MB",
    }
    if major == 15:
        found |= {"shared_preload_libraries": "pg_cron", "cron.database_name": APP}
        # The programs that come along with Greenroom know no TLS.
        found |= {"ssl": "on", "ssl_passphrase_command": f"touch {traces}/asked; echo {PASSPHRASE}"}
    return found


def _have_a_key(data: Path) -> None:
    """A certificate whose key only opens with a passphrase, where a server looks for them."""
    key, now = ec.generate_private_key(ec.SECP256R1()), SystemClock().now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, shut = serialization.Encoding.PEM, serialization.BestAvailableEncryption(PASSPHRASE.encode())
    for file, content in (
        (data / "server.key", key.private_bytes(pem, serialization.PrivateFormat.PKCS8, shut)),
        (data / "server.crt", certificate.public_bytes(pem)),
    ):
        file.write_bytes(content)
        file.chmod(0o600)
        shutil.chown(file, data.owner(), data.group())


def _set(door: Door, settings: dict[str, str]) -> None:
    with session(door, MAINTENANCE) as connection:
        for name, value in settings.items():
            if "." in name:
                _run(connection, f"SET {name} = '{value}'")  # unknown to ALTER SYSTEM until its library is loaded
            _run(connection, f"ALTER SYSTEM SET {name} = '{value}'")


def _run(connection: Connection, statement: str) -> None:
    connection.execute(statement.encode())


def _others(connection: Connection) -> set[str]:
    """Whoever works in the server beside what every server has, after a time in which it would have come."""
    found: set[str] = set()
    deadline = time.monotonic() + GRACE_SECONDS
    while not found and time.monotonic() < deadline:
        found = {str(kind) for (kind,) in connection.execute(AT_WORK).fetchall()} - ITS_OWN
        time.sleep(0.02)
    return found


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


@dataclass
class Seen:
    """What was found in the server while it ran."""

    others: set[str]
    network: str
    settings: dict[str, str]


def _seen(connection: Connection) -> Seen:
    others = _others(connection)
    network = os.readlink(f"/proc/{connection.info.backend_pid}/ns/net")
    wanted = ("listen_addresses", "archive_mode", "work_mem", "shared_preload_libraries", "recovery_end_command")
    return Seen(others, network, {name: _setting(connection, name) for name in wanted})


def _is_still(production: Production, seen: Seen) -> None:
    assert seen.others == set()
    assert (production.traced(), production.publisher.came) == (set(), 0)
    assert seen.settings["archive_mode"] == "off" and seen.settings["recovery_end_command"] == ""
    assert seen.settings["work_mem"] == "5MB", "what does nothing by itself comes along"
    loaded = "pg_cron" if production.major == 15 else ""
    assert seen.settings["shared_preload_libraries"] == loaded, "the server's own word wins, its workers rest"


@pytest.mark.needs("root", "namespaces")
def test_a_copy_that_is_recovered_does_nothing_by_itself(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the moment it is promoted: no subscription, no job, no program of its settings, no network."""
    seen: list[Seen] = []
    real = rebuilding.count

    def spied(connection: Connection, clock: Any) -> dict[str, object]:
        seen.append(_seen(connection))
        return real(connection, clock)

    monkeypatch.setattr(rebuilding, "count", spied)
    found = production.rebuilt("watched")
    assert found.census["tables"]["public.t"]["rows"] == 1  # type: ignore[index]
    _is_still(production, seen[0])
    assert seen[0].settings["listen_addresses"] == ""
    assert seen[0].network != os.readlink("/proc/self/ns/net")


def test_a_copy_that_is_opened_again_does_nothing_by_itself(production: Production) -> None:
    """Also while applications come over TCP, before anything in it was made harmless; afterwards it loads nothing that
    its own settings name."""
    production.rebuilt("opened")
    for over_tcp in (False, True):
        with production.opened("opened", over_tcp=over_tcp) as (_, connection):
            _is_still(production, _seen(connection))
    with production.opened("opened") as (door, _):
        done = neutralise(door).did
    if production.major == 15:
        assert any("jobs of pg_cron set inactive: each minute" in line for line in done)
        assert any("settings of the server forgotten" in line and "shared_preload_libraries" in line for line in done)
    with production.opened("opened") as (door, connection):
        assert _setting(connection, "shared_preload_libraries") == ""
        again = neutralise(door).did
        assert again == [], "done without the library, too"
