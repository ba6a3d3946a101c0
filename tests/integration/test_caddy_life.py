"""Starting, reconfiguring, killing and ending a real Caddy; the user it runs as; who is connected."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from greenroom.adapters.caddy import config as caddy_config
from greenroom.adapters.caddy import drain, program
from greenroom.adapters.caddy.admin import Admin
from greenroom.adapters.caddy.edge import CaddyEdge
from greenroom.adapters.caddy.program import RunAs
from greenroom.adapters.home import Home
from greenroom.domain.errors import BadInput, Errored
from greenroom.keeper.spec import KeeperUnavailable, Status
from greenroom.ports.edge import Canary, Pointer
from tests.caddy_support import RealClock, Stage, ThreadKeeper, eventually, free_ports, stage
from tests.load import ask
from tests.sockets import exactly


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as running:
        dial = running.apps.start("app", running.dial("app"))
        running.edge.point("production", Pointer(dial, "r-1", 1))
        yield running


def again(edge: Stage) -> CaddyEdge:
    """The edge as another process of ours sees it."""
    return CaddyEdge(edge.home, edge.keeper, "shop", edge_port=edge.edge_port, clock=RealClock(), run_as=None)


def test_killed_it_comes_back_as_it_was(tmp_path: Path) -> None:
    """kill -9: the real keeper starts it again, with the same sites, pointers and canaries."""
    with stage(tmp_path, real_keeper=True) as edge:
        old, candidate = edge.apps.start("app", edge.dial("app")), edge.apps.start("candidate", edge.dial("candidate"))
        edge.edge.point("production", Pointer(old, "r-1", 1))
        edge.edge.canary("production", Canary(candidate, "r-2", 1.0), token=1)
        before = Admin(edge.home.run / "edge" / "admin.sock").config()
        killed, life = edge.keeper.status("edge").pid, edge.edge.life()
        assert edge.edge.life() == life
        edge.keeper.signal("edge", "SIGKILL")
        eventually(lambda: edge.keeper.status("edge").pid not in (killed, None) and edge.edge.alive(), "it is back")
        assert Admin(edge.home.run / "edge" / "admin.sock").config() == before
        assert ask(edge.port("production")).body == b"candidate"
        edge.edge.configure(list(edge.sites.values()))
        assert edge.keeper.status("edge").exits == 1
        assert edge.edge.life() != life


def test_configured_while_it_is_down(tmp_path: Path) -> None:
    """Configured just after a kill, its own ports are not taken for somebody else's; it ends up as configured."""
    with stage(tmp_path, real_keeper=True) as edge:
        edge.keeper.signal("edge", "SIGKILL")
        fewer = [edge.sites["production"], edge.sites["dev"]]
        edge.edge.configure(fewer)
        assert ask(edge.port("dev")).status == 503
        assert ask(edge.edge_port, host="staging.shop.localhost").status == 421


def test_configuring_again_changes_nothing(edge: Stage) -> None:
    """The same sites: no reload, from whichever process; a connection kept open lives on."""
    with socket.create_connection(("127.0.0.1", edge.port("production"))) as client:
        written = (edge.home.root / "edge" / "caddy.json").stat().st_mtime_ns
        for one in (edge.edge, again(edge)):
            one.configure(list(edge.sites.values()))
        assert (edge.home.root / "edge" / "caddy.json").stat().st_mtime_ns == written
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert exactly(client, 15) == b"HTTP/1.1 200 OK"


def test_sites_come_and_go(edge: Stage) -> None:
    """What is no longer configured is no longer served, its ports are free; the rest goes on; it may come back."""
    fewer = [edge.sites["production"]]
    edge.edge.configure(fewer)
    assert ask(edge.port("production")).body == b"app"
    assert ask(edge.edge_port, host="staging.shop.localhost").status == 421
    with pytest.raises(OSError):
        ask(edge.port("staging"))
    with pytest.raises(BadInput):
        edge.edge.url("staging")
    edge.edge.configure(list(edge.sites.values()))
    assert ask(edge.port("staging")).status == 503


def test_a_taken_port_names_who_has_it(edge: Stage) -> None:
    """The error says which port and which process; nothing was written or reloaded."""
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        written = (edge.home.root / "edge" / "caddy.json").read_bytes()
        with pytest.raises(BadInput) as bad:
            edge.edge.configure([replace(edge.sites["production"], port=port)])
        assert str(port) in bad.value.message and f"pid {os.getpid()}" in bad.value.because
        assert (edge.home.root / "edge" / "caddy.json").read_bytes() == written


def test_a_refused_configuration_leaves_the_old_one(edge: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caddy says no: what was served still is, and would be after a restart."""
    written = json.loads((edge.home.root / "edge" / "caddy.json").read_text())
    real = caddy_config.config

    def broken(*args: object, **kwargs: object) -> dict[str, object]:
        return {**real(*args, **kwargs), "apps": {"http": {"servers": {"x": {"listen": [":0"], "routes": 7}}}}}

    monkeypatch.setattr(caddy_config, "config", broken)
    with pytest.raises(Errored) as errored:
        edge.edge.configure(list(edge.sites.values()))
    assert errored.value.code == "edge.config_refused"
    assert json.loads((edge.home.root / "edge" / "caddy.json").read_text()) == written
    assert ask(edge.port("production")).body == b"app"


def test_the_admin_socket_is_ours_alone(edge: Stage) -> None:
    """Who can reach the admin API can do anything: 0600, in a directory of 0700."""
    admin = edge.home.run / "edge" / "admin.sock"
    assert admin.stat().st_mode & 0o777 == 0o600
    assert admin.parent.stat().st_mode & 0o777 == 0o700


def test_a_damaged_route_is_an_error_not_a_guess(edge: Stage) -> None:
    """A route file that we did not write: visitors get the page, the pointer an error, the next `point` mends it."""
    (edge.home.root / "edge" / "routes" / "production").write_text("garbage")
    assert ask(edge.port("production")).status == 503
    with pytest.raises(Errored) as errored:
        edge.edge.pointer("production")
    assert errored.value.code == "edge.route_unreadable"


def test_no_keeper(tmp_path: Path) -> None:
    """Without a keeper the edge is unavailable, and says so."""

    class NoKeeper(ThreadKeeper):
        def status(self, name: str) -> Status:
            raise KeeperUnavailable("nobody listens")

    home = Home.at(tmp_path)
    try:
        edge = CaddyEdge(home, NoKeeper(), "shop", edge_port=free_ports(1)[0], clock=RealClock(), run_as=None)
        with pytest.raises(Errored) as errored:
            edge.configure([])
        assert errored.value.code == "edge.unavailable"
        assert not edge.alive()
    finally:
        shutil.rmtree(home.run)


@pytest.mark.needs("root")
def test_as_a_user_of_its_own(request: pytest.FixtureRequest) -> None:
    """As root, Caddy runs as its own user: it serves, logs and answers us; a home it cannot reach is refused."""
    run_as = RunAs(64123, 64123)
    reachable = Path(tempfile.mkdtemp(dir="/var/tmp"))
    request.addfinalizer(lambda: shutil.rmtree(reachable))
    reachable.chmod(0o711)
    with stage(reachable / "home", run_as=run_as) as running:
        dial = running.apps.start("app", running.dial("app"))
        running.edge.point("production", Pointer(dial, "r-1", 1))
        assert ask(running.port("production")).body == b"app"
        pid = running.keeper.status("edge").pid
        assert Path(f"/proc/{pid}").stat().st_uid == 64123
        log = running.home.root / "edge" / "log" / "access.json"
        eventually(log.exists, "it logs")
        assert (log.stat().st_uid, log.stat().st_mode & 0o777) == (64123, 0o600)
        assert "caddy_" in running.edge.metrics()


@pytest.mark.needs("root")
def test_a_home_that_user_cannot_reach(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A home below a closed directory is refused with the way out, and nothing is left trying to start."""
    tmp_path.chmod(0o700)
    home = Home.at(tmp_path / "home")
    request.addfinalizer(lambda: shutil.rmtree(home.run))
    run_as, keeper = RunAs(64123, 64123), ThreadKeeper()
    edge = CaddyEdge(home, keeper, "shop", edge_port=free_ports(1)[0], clock=RealClock(), run_as=run_as)
    with pytest.raises(Errored) as errored:
        edge.configure([])
    assert errored.value.code == "edge.home_unreachable"
    assert keeper.all() == []


@pytest.mark.needs("root")
def test_a_program_others_cannot_read_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caddy inside a closed directory: its user gets a copy, once per version; our own user needs none."""
    hidden, toolchains = tmp_path / "hidden", tmp_path / "toolchains"
    hidden.mkdir(mode=0o700)
    toolchains.mkdir()
    (hidden / "caddy").write_bytes(b"one")
    monkeypatch.setattr(program, "_find", lambda: hidden / "caddy")
    assert program.caddy(toolchains, None) == hidden / "caddy"
    copy = program.caddy(toolchains, RunAs(64123, 64123))
    assert copy.read_bytes() == b"one" and copy.stat().st_mode & 0o777 == 0o755
    assert program.caddy(toolchains, RunAs(64123, 64123)) == copy
    (hidden / "caddy").write_bytes(b"another")
    assert program.caddy(toolchains, RunAs(64123, 64123)).read_bytes() == b"another"


def test_connections_count_the_accepted_and_the_waiting(tmp_path: Path) -> None:
    """Accepted connections count, and those in the backlog, which will be served, too; closed ones do not."""
    unix = str(tmp_path / "s.sock")
    for family, address, dial in (
        (socket.AF_UNIX, unix, f"unix/{unix}"),
        (socket.AF_INET, ("127.0.0.1", free_ports(1)[0]), None),
    ):
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen(10)
        dial = dial or f"127.0.0.1:{address[1]}"
        assert drain.connections(dial) == 0
        clients = [socket.socket(family) for _ in range(3)]
        for client in clients:
            client.connect(address)
        accepted, _ = listener.accept()
        assert drain.connections(dial) == 3
        accepted.close()
        clients[0].close()
        eventually(lambda: drain.connections(dial) == 2, "one is gone")
        for s in (*clients, listener):
            s.close()
        eventually(lambda: drain.connections(dial) == 0, "all are gone")
