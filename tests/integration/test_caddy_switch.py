"""Switching, holding and sharing with a real Caddy: nobody notices."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from greenroom.adapters.caddy.edge import CaddyEdge
from greenroom.adapters.home import Home
from greenroom.domain.kinds import ErrorDetail, Kind
from greenroom.ports.edge import Pointer, Site
from tests.caddy_support import Apps, RealClock, ThreadKeeper, apps, free_ports
from tests.load import Load

HOST = "production.shop.localhost"


@dataclass
class Stage:
    edge: CaddyEdge
    keeper: ThreadKeeper
    apps: Apps
    home: Home
    site: Site
    edge_port: int

    def dial(self, name: str) -> str:
        return f"unix/{self.home.sockets}/{name}.sock"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = Home.at(tmp_path_factory.mktemp("edge"))
    keeper = ThreadKeeper()
    edge_port, port, preview_port = free_ports(3)
    edge = CaddyEdge(home, keeper, "shop", edge_port=edge_port, clock=RealClock(), run_as=None, hold_seconds=8)
    site = Site("production", "shop", Kind.PRODUCTION, ErrorDetail.FRIENDLY, port, preview_port)
    with apps() as running:
        try:
            edge.configure([site])
            yield Stage(edge, keeper, running, home, site, edge_port)
        finally:
            edge.stop()
            _remove(home.run)


def _remove(run: Path) -> None:
    import shutil

    shutil.rmtree(run)


def test_fifty_flips_lose_nothing(stage: Stage) -> None:
    """Under load, kept and closed connections, GET and POST, between a unix socket and a port: no request is lost."""
    unix = stage.apps.start("unix", stage.dial("unix"))
    tcp = stage.apps.start("tcp", f"127.0.0.1:{free_ports(1)[0]}")
    stage.edge.point("production", Pointer(unix, "r-unix", 1))
    with Load(stage.site.port) as load:
        load.wait_for(300)
        for n in range(50):
            dial, release = ((tcp, "r-tcp"), (unix, "r-unix"))[n % 2]
            stage.edge.point("production", Pointer(dial, release, 2 + n))
            load.wait_for(300 + 60 * (n + 1))
    assert load.result.lost == []
    assert load.result.requests > 3000
    assert set(load.result.bodies) == {b"unix", b"tcp"}


def test_a_held_request_waits(stage: Stage) -> None:
    """While held, requests (POST bodies included) wait; the next pointer lets every one of them through."""
    old = stage.apps.start("old", stage.dial("old"))
    new = stage.apps.start("new", stage.dial("new"))
    stage.edge.point("production", Pointer(old, "r-old", 100))
    with Load(stage.site.port, workers=8) as load:
        load.wait_for(200)
        stage.edge.point("production", Pointer(None, "r-old", 101))
        time.sleep(1.0)
        during = load.result.requests
        time.sleep(0.5)
        assert load.result.requests == during
        stage.edge.point("production", Pointer(new, "r-new", 102))
        load.wait_for(during + 200)
    assert load.result.lost == []
    assert set(load.result.bodies) == {b"old", b"new"}
