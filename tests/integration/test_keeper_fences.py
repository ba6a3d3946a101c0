"""The keeper remembers with which claim somebody came, and does nothing for who comes with an older one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from greenroom.keeper.client import KeeperClient, ensure_keeper
from greenroom.keeper.spec import Fence, KeeperRefused, StaleFence
from tests.integration.test_keeper_life import kill_keeper, shell, sleeper
from tests.runtime_support import eventually, processes_with


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "k"
    KeeperClient(tmp_path / "k").shutdown(stop_children=True)


def test_an_older_claim_is_refused_also_by_the_next_keeper(directory: Path) -> None:
    """What was remembered outlives kill -9, before anything was started under the new claim, too."""
    client = ensure_keeper(directory)
    client.start(sleeper(directory), fence=Fence("production", 4))
    client.stop("unknown", fence=Fence("production", 5))
    kill_keeper(client)
    client = ensure_keeper(directory)
    assert client.fences() == {"production": 5}
    with pytest.raises(StaleFence, match="token 4 for production is older than 5"):
        client.start(sleeper(directory, "two"), fence=Fence("production", 4))
    with pytest.raises(StaleFence):
        client.stop("one", fence=Fence("production", 4))
    assert client.status("one").state == "running"
    assert processes_with(f"{directory}:two") == []
    client.stop("one", fence=Fence("dev", 1))
    client.start(sleeper(directory, "unfenced"))


def test_who_waited_is_looked_at_again(directory: Path) -> None:
    """A start that waits for the end of the one before is overtaken meanwhile, and starts nothing."""
    client = ensure_keeper(directory)
    slow = shell(directory, "trap '' TERM; echo up; while :; do sleep 0.1; done", stop_seconds=3)
    client.start(slow, fence=Fence("production", 1))
    eventually(lambda: "up" in Path(slow.log).read_text())
    with ThreadPoolExecutor(2) as pool:
        stop = pool.submit(client.stop, "one", fence=Fence("production", 1))
        eventually(lambda: client.status("one").state == "stopping")
        start = pool.submit(client.start, sleeper(directory), fence=Fence("production", 1))
        eventually(lambda: waits(client, start))
        client.stop("other", fence=Fence("production", 2))
        stop.result()
        with pytest.raises(StaleFence):
            start.result()
    assert client.status("one").state == "unknown"
    assert processes_with(f"{directory}:one") == []


def waits(client: KeeperClient, start: object) -> bool:
    """The start was received: the keeper answers in the order in which it is asked."""
    client.ping()
    return not start.done()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "said",
    [7, {"scope": "dev"}, {"scope": "", "token": 1}, {"scope": "dev", "token": -1}, {"scope": "dev", "token": True}],
)
def test_what_is_no_claim_is_refused(directory: Path, said: object) -> None:
    """A request whose claim cannot be understood does nothing, rather than go unfenced."""
    client = ensure_keeper(directory)
    client.start(sleeper(directory))
    with pytest.raises(KeeperRefused, match="malformed"):
        client._ask({"op": "stop", "name": "one", "fence": said})
    assert client.status("one").state == "running"


def test_claims_that_cannot_be_read_do_not_keep_the_keeper_down(directory: Path) -> None:
    """It begins anew and says so: processes matter more."""
    client = ensure_keeper(directory)
    client.start(sleeper(directory), fence=Fence("production", 4))
    kill_keeper(client)
    (directory / "fences.json").write_text("{")
    client = ensure_keeper(directory)
    assert client.status("one").state == "running"
    assert client.fences() == {}
    assert "begun anew" in (directory / "keeper.log").read_text()
