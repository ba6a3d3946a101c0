"""The route files: their form, their thresholds, and that no reader sees half of one."""

from __future__ import annotations

import os
import re
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.caddy.config import ROUTE
from greenroom.adapters.caddy.pointer import Route, Routes, replace, threshold
from greenroom.ports.edge import Canary, Pointer

releases = st.from_regex(r"sha256:[0-9a-f]{64}|[a-z0-9][a-z0-9.-]{0,30}", fullmatch=True)
dials = st.from_regex(r"unix//[a-z0-9/._-]{1,80}", fullmatch=True) | st.integers(1, 65535).map(
    lambda p: f"127.0.0.1:{p}"
)
shares = st.integers(0, 65536).map(lambda n: n / 65536)
canaries = st.builds(Canary, dials, releases, shares)
pointers = st.builds(Pointer, st.none() | dials, releases, st.integers(0, 2**53))


@given(st.builds(Route, pointers, st.none() | canaries))
def test_a_route_reads_back(route: Route) -> None:
    """What is written is read back as it was, and is what Caddy's expression takes apart."""
    assert Route.parse(route.text()) == route
    assert re.search(ROUTE, route.text())


@given(st.text(max_size=100))
def test_anything_else_is_no_route(text: str) -> None:
    """Text that no route wrote raises ValueError, never anything else."""
    with suppress(ValueError):
        assert Route.parse(text).text().split("\n")[1:3] == text.split("\n")[1:3]


@given(st.floats(0, 1), st.floats(0, 1))
def test_thresholds_are_ordered_as_shares(one: float, other: float) -> None:
    """A greater share never has the smaller threshold; off is off, all is all, and something is never nothing."""
    if one <= other:
        assert threshold(one) <= threshold(other)
    assert (threshold(one) == "0000") == (one == 0)
    assert threshold(1.0) > "ffff" and threshold(0.0) == "0000"


@given(shares)
def test_a_share_is_exact(share: float) -> None:
    """As many of the 65,536 beginnings of a request id sort before the threshold as the share says."""
    text = threshold(share)
    below = sum(f"{n:04x}" < text for n in (0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF))
    assert below == sum(n < share * 65536 for n in (0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF))


def test_readers_never_see_half(tmp_path: Path) -> None:
    """While routes of different length replace each other, every read is one of them, whole."""
    routes = Routes(tmp_path / "routes", tmp_path / "nowhere.sock")
    written = [Route(Pointer("unix//run/" + "x" * n, f"r-{n}", 1)) for n in (1, 90)]
    routes.change("dev", 1, lambda _: written[0])
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add((tmp_path / "routes" / "dev").read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(200):
        routes.change("dev", 1, lambda _, n=n: written[n % 2])
    done.set()
    reader.join()
    assert seen <= {r.text() for r in written}


def test_a_failed_write_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at any moment: the old content stays, and no temporary file."""
    file = tmp_path / "f"
    replace(file, "old", durable=True)
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        replace(file, "new", durable=True)
    assert [p.name for p in tmp_path.iterdir()] == ["f"] and file.read_text() == "old"


def test_a_full_disk_does_not_keep_visitors_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was laid up takes the place of files that cannot be made; with room again it is laid up anew."""
    routes = Routes(tmp_path / "routes", tmp_path / "nowhere.sock")
    routes.change("dev", 1, lambda _: Route(Pointer("127.0.0.1:8001", "r-1", 1)))
    really = os.open

    def full(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_EXCL:
            raise OSError(28, "No space left on device")
        return really(path, flags, mode)

    monkeypatch.setattr(os, "open", full)
    routes.change("dev", 2, lambda _: Route(Pointer(None, "r-1", 2)))
    monkeypatch.setattr(os, "open", really)
    held = routes.read("dev")
    assert held is not None and held.pointer.dial is None
    assert (tmp_path / "routes" / "dev.upstream").read_text() == f"unix/{tmp_path}/nowhere.sock"
    assert not list((tmp_path / "routes").glob(".*"))
    routes.change("dev", 3, lambda _: Route(Pointer("127.0.0.1:8002", "r-2", 3)))
    laid_up = sorted((tmp_path / "routes").glob(".*"))
    assert [(p.name, p.stat().st_size) for p in laid_up] == [(f".spare-{n}", 4096) for n in range(3)]


def test_others_can_read_what_the_proxy_needs(tmp_path: Path) -> None:
    """Under any umask: the proxy may be another user."""
    before = os.umask(0o077)
    try:
        replace(tmp_path / "f", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o644


def test_mend_writes_what_a_crash_lost(tmp_path: Path) -> None:
    """The files beside the route follow it, whatever they said; without a route there is nothing to do."""
    routes = Routes(tmp_path / "routes", tmp_path / "nowhere.sock")
    routes.mend("dev")
    routes.change("dev", 1, lambda _: Route(Pointer("127.0.0.1:8001", "r-1", 1)))
    (tmp_path / "routes" / "dev.upstream").unlink()
    (tmp_path / "routes" / "dev.release").write_text("r-0")
    routes.mend("dev")
    assert (tmp_path / "routes" / "dev.upstream").read_text() == "127.0.0.1:8001"
    assert (tmp_path / "routes" / "dev.release").read_text() == "r-1"
