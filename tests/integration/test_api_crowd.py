"""Many ask for what takes long: everybody gets an answer, and whoever asks for something else gets theirs at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from greenroom.adapters.memory.clones import MemoryClones
from greenroom.adapters.memory.datasets import MemoryVault
from greenroom.api.lane import AT_ONCE
from greenroom.domain.clone import Clone
from greenroom.domain.roles import Role
from greenroom.services import clones as service
from tests.clone_support import dataset
from tests.plane import Plane, running_plane

CROWD = 100
EACH = 3
"""How many clones one owner may have."""
ASKED_BESIDE = 20


class Slow:
    """Filling a clone takes until it is let."""

    def __init__(self, clones: MemoryClones) -> None:
        self.may_end = threading.Event()
        self.begun = 0
        self._fill = clones.fill

    def fill(self, clone: Clone) -> None:
        self.begun += 1
        assert self.may_end.wait(60)
        self._fill(clone)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running_plane(tmp_path_factory.mktemp("crowd")) as found:
        assert isinstance(found.world.vault, MemoryVault)
        found.world.vault._published["new"] = dataset("new")
        yield found


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0)) as made:
        yield made


def authorized(plane: Plane, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {plane.as_role(Role.DEVELOPER, name=name)['GREENROOM_TOKEN']}"}


def asked_beside(client: httpx.Client, plane: Plane, headers: dict[str, str]) -> list[float]:
    """Seconds that the status took, time after time."""
    taken = []
    for _ in range(ASKED_BESIDE):
        began = time.monotonic()
        assert client.get(f"{plane.url}/api/v1/status", headers=headers).status_code == 200
        taken.append(time.monotonic() - began)
    return taken


@pytest.mark.parametrize("names", [1, CROWD], ids=["one clone", "a clone each"])
def test_a_crowd_that_asks_for_clones_keeps_nobody_from_the_status(
    plane: Plane, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, names: int
) -> None:
    """Of a hundred at once some are carried out, all others are told at once, or after their turn did not come, when to
    ask again. The status answers meanwhile; none of it has to do with how long a copy takes."""
    clones = plane.world.clones
    assert isinstance(clones, MemoryClones)
    slow = Slow(clones)
    monkeypatch.setattr(clones, "fill", slow.fill)
    monkeypatch.setattr(service, "TURN_SECONDS", 5.0)
    owners = [authorized(plane, f"dev{names}-{n}") for n in range(-(-names // EACH))]
    headers = owners[0]

    def ask(number: int) -> httpx.Response:
        which = number % names
        return client.put(f"{plane.url}/api/v1/clones/c{which % EACH}", json={}, headers=owners[which // EACH])

    with ThreadPoolExecutor(CROWD) as crowd:
        asked = [crowd.submit(ask, n) for n in range(CROWD)]
        try:
            deadline = time.monotonic() + 30
            while sum(a.done() for a in asked) < CROWD - AT_ONCE:  # they are told at once
                assert time.monotonic() < deadline, sum(a.done() for a in asked)
                time.sleep(0.01)
            assert slow.begun >= 1
            assert max(asked_beside(client, plane, headers)) < 30  # it does not wait for the copies, which nobody ends
            assert slow.begun <= AT_ONCE
        finally:
            slow.may_end.set()
        answers = [a.result() for a in asked]
    told = Counter((a.status_code, a.json().get("code", "")) for a in answers)
    assert set(told) <= {(200, ""), (409, "clone.busy"), (409, "clone.limit"), (429, "api.crowded")}, told
    assert told[(200, "")] >= 1
    assert told[(429, "api.crowded")] > 0, told
    for answer in answers:
        assert (answer.headers.get("Retry-After") == "5") == ("retry_after" in answer.json().get("facts", {}))


def test_whose_turn_does_not_come_is_told(plane: Plane, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else has the clone: refused after a while, with when to ask again; then it is granted."""
    monkeypatch.setattr(service, "TURN_SECONDS", 0.2)
    headers = authorized(plane, "ada")
    url = f"{plane.url}/api/v1/clones/cart"
    first = client.put(url, json={}, headers=headers).json()
    key = next(c.key for c in plane.world.clones.all() if c.owner == "ada")
    with plane.world.clones.held(key):
        for ask in (
            lambda: client.put(url, json={}, headers=headers),
            lambda: client.post(f"{url}/reset", json={}, headers=headers),
            lambda: client.delete(url, headers=headers),
        ):
            told = ask()
            assert (told.status_code, told.json()["code"], told.headers["Retry-After"]) == (409, "clone.busy", "5")
    assert client.put(url, json={}, headers=headers).json()["url"] == first["url"]
