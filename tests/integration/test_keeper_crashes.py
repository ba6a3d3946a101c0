"""The keeper dies at every named point; the next one finishes what was begun, and nothing ever runs twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from greenroom.keeper.client import KeeperClient, ensure_keeper
from greenroom.keeper.crash import POINTS
from greenroom.keeper.spec import KeeperUnavailable, Spec
from tests.runtime_support import eventually, processes_with


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "k"
    KeeperClient(tmp_path / "k").shutdown(stop_children=True)


def spec(directory: Path) -> Spec:
    return Spec("one", ("/bin/sleep", "300"), "/", str(directory.parent / "one.log"), {"MARK": f"{directory}:one"})


def crashing(directory: Path, point: str, monkeypatch: pytest.MonkeyPatch) -> KeeperClient:
    """A client of a keeper that will die at the point, and that nobody revives."""
    with monkeypatch.context() as patch:
        patch.setenv("GREENROOM_CRASH_AT", point)
        ensure_keeper(directory)
    return KeeperClient(directory)


def one_process(directory: Path) -> int:
    """The pid of the only process, once there is exactly one and the keeper agrees."""
    client = ensure_keeper(directory)
    eventually(lambda: client.status("one").state == "running")
    found = processes_with(f"{directory}:one")
    assert found == [client.status("one").pid]
    return found[0]


STARTING = [p for p in POINTS if p.startswith(("start.", "spawn.", "child."))]
STOPPING = [p for p in POINTS if p.startswith("stop.")]


def test_every_point_is_tested() -> None:
    """No crash point is without its test."""
    assert {*STARTING, *STOPPING, "exit.seen"} == set(POINTS)


@pytest.mark.parametrize("point", STARTING)
def test_a_start_that_is_cut_short_runs_once(directory: Path, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was done already: asked again or not, afterwards exactly one process runs."""
    dying = crashing(directory, point, monkeypatch)
    with pytest.raises(KeeperUnavailable):
        dying.start(spec(directory))
    first = one_process(directory)
    assert ensure_keeper(directory).start(spec(directory)).pid == first
    assert one_process(directory) == first


@pytest.mark.parametrize("point", STOPPING)
def test_a_stop_that_is_cut_short_is_finished(directory: Path, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wish was on disk first: the next keeper carries it out without being asked, and forgets."""
    ensure_keeper(directory).start(spec(directory))
    KeeperClient(directory).shutdown(stop_children=False)
    dying = crashing(directory, point, monkeypatch)
    with pytest.raises(KeeperUnavailable):
        dying.stop("one")
    client = ensure_keeper(directory)
    eventually(lambda: client.status("one").state == "unknown")
    assert processes_with(f"{directory}:one") == []
    assert client.start(spec(directory)).state == "running"


def test_an_end_that_was_not_noted_is_noticed(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child ended, the keeper died before it wrote that down: the next one starts it again, once."""
    ensure_keeper(directory).start(spec(directory))
    KeeperClient(directory).shutdown(stop_children=False)
    dying = crashing(directory, "exit.seen", monkeypatch)
    pid = dying.status("one").pid or 0
    keeper = int(dying.ping()["pid"])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not processes_with(f"keeper\0{directory}") and keeper)
    assert one_process(directory) != pid
    assert ensure_keeper(directory).status("one").exits == 1


def test_dying_again_and_again_during_recovery(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keeper that dies while it recovers, three times over, still leaves one process."""
    dying = crashing(directory, "spawn.locked", monkeypatch)
    with pytest.raises(KeeperUnavailable):
        dying.start(spec(directory))
    for point in ("child.unborn", "child.born", "spawn.forked"):
        with monkeypatch.context() as patch:
            patch.setenv("GREENROOM_CRASH_AT", point)
            with suppress(KeeperUnavailable):
                ensure_keeper(directory)
    one_process(directory)
