"""Every `Clones` keeps the port's promises: real PostgreSQL (embedded and the host's) and the memory twin."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import pytest

from greenroom.adapters.memory.clones import MemoryClones
from greenroom.adapters.memory.datasets import MemoryVault
from greenroom.adapters.postgres import room
from greenroom.domain.clone import Clone, CloneState, key_of
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.release import Services
from greenroom.ports.clones import Clones
from tests.clone_support import clones_of, dataset, publish, wanted
from tests.postgres_ground import Ground, ground, query, served_in

READY, RESETTING, DROPPED = CloneState.READY, CloneState.RESETTING, CloneState.DROPPED


class Killed(BaseException):
    """The process ends here."""


class Bench(Protocol):
    """Datasets `old` and `new`, and a way to see and change what a clone holds."""

    clones: Clones

    def holds(self, clone: Clone) -> str: ...
    def scribble(self, clone: Clone) -> None: ...
    def killed_at(self, boundary: str) -> Any: ...
    def boundaries(self) -> list[str]: ...
    def runs(self, clone: Clone) -> bool: ...
    def is_left(self, clone: Clone) -> bool: ...
    def crowded(self) -> Any: ...


class MemoryBench:
    def __init__(self) -> None:
        vault = MemoryVault()
        vault._published = {n: dataset(n) for n in ("old", "new")}
        self.memory = MemoryClones(vault)
        self.clones: Clones = self.memory

    def holds(self, clone: Clone) -> str:
        return self.memory.holds[clone.key]

    def scribble(self, clone: Clone) -> None:
        self.memory.holds[clone.key] = "scribbled"

    @contextmanager
    def killed_at(self, boundary: str) -> Iterator[None]:
        self.memory.reached = lambda at: _die(at, boundary)
        with pytest.raises(Killed):
            yield
        self.memory.reached = lambda at: None

    def boundaries(self) -> list[str]:
        return ["copied", "filled"]

    def runs(self, clone: Clone) -> bool:
        return clone.key in self.memory.running

    def is_left(self, clone: Clone) -> bool:
        return clone.key in self.memory.holds

    @contextmanager
    def crowded(self) -> Iterator[None]:
        self.memory.free = 10
        yield
        self.memory.free = 1 << 62


class PostgresBench:
    def __init__(self, made: Ground, services: Services) -> None:
        self.ground, self.services = made, services
        for name in ("old", "new"):
            publish(made, name, lambda url, name=name: self._fill(url, name), services=services)
        self.real = clones_of(made)
        self.clones: Clones = self.real

    def _fill(self, url: str, name: str) -> None:
        query(url, "CREATE TABLE IF NOT EXISTS said (word text)")
        query(url, "DELETE FROM said")
        query(url, "INSERT INTO said VALUES (%s)", name)

    def url(self, clone: Clone) -> str:
        return self.clones.url(clone).reveal()

    def holds(self, clone: Clone) -> str:
        return str(query(self.url(clone), "SELECT word FROM said")[0][0])

    def scribble(self, clone: Clone) -> None:
        query(self.url(clone), "UPDATE said SET word = 'scribbled'")

    @contextmanager
    def killed_at(self, boundary: str) -> Iterator[None]:
        self.clones = clones_of(self.ground, lambda at: _die(at, boundary))
        with pytest.raises(Killed):
            yield
        self.clones = self.real

    def boundaries(self) -> list[str]:
        return ["fill.copied", "fill.started", "fill.settled"]

    def runs(self, clone: Clone) -> bool:
        return any(f"/{clone.key}/" in d for d in served_in(self.ground.home.environments))

    def is_left(self, clone: Clone) -> bool:
        home = self.ground.home
        places = (home.environments / clone.key, home.private / "database" / f"{clone.key}.secrets.json")
        return any(p.exists() for p in places) or self.runs(clone)

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """The disk has hardly any room, and shares no blocks; what a clone takes is given back when it is reset."""
        full = shutil.disk_usage("/")._replace(free=0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(room.shutil, "disk_usage", lambda _: full)
            patch.setattr(room, "shares_blocks", lambda _: False)
            patch.setattr(room, "size_on_disk", lambda _: 10)
            yield


def _die(at: str, boundary: str) -> None:
    if at == boundary:
        raise Killed


@pytest.fixture(
    scope="module", params=["memory", "embedded", pytest.param("host", marks=pytest.mark.needs("postgres15"))]
)
def bench(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryBench()
        return
    with ground() as made:
        yield PostgresBench(made, Services(18 if request.param == "embedded" else 15))


@pytest.fixture(autouse=True)
def _nothing_left(bench: Bench) -> Iterator[None]:
    yield
    for clone in bench.clones.all():
        bench.clones.clear(clone)


def made(bench: Bench, name: str, of: str = "old", owner: str = "ada") -> Clone:
    clone = wanted(name, of, owner)
    bench.clones.note(clone)
    bench.clones.fill(clone)
    ready = replace(clone, state=READY)
    bench.clones.note(ready)
    return ready


def test_a_clone_holds_its_dataset_and_is_its_owners_alone(bench: Bench) -> None:
    """Two of one name belong to two people: what is written into one is not seen in the other, nor in the dataset."""
    mine, theirs = made(bench, "cart"), made(bench, "cart", owner="bob")
    assert bench.clones.all() == [mine, theirs]
    assert bench.clones.url(mine) != bench.clones.url(theirs)
    bench.scribble(mine)
    assert (bench.holds(mine), bench.holds(theirs)) == ("scribbled", "old")
    assert bench.holds(made(bench, "third")) == "old"


def test_the_address_stays_and_is_asked_for_again(bench: Bench) -> None:
    """Asked twice, filled anew: the same address, with what the other dataset holds."""
    clone = made(bench, "cart")
    first = bench.clones.url(clone)
    bench.scribble(clone)
    again = replace(clone, dataset="new", state=RESETTING)
    bench.clones.note(again)
    bench.clones.fill(again)
    assert bench.clones.url(again) == first
    assert bench.holds(again) == "new"


def test_what_there_is_no_room_for_is_refused_before_anything_is_gone(bench: Bench) -> None:
    """With how much is needed and how much there is; what is in the clone stays, and with room it is filled anew."""
    clone = made(bench, "cart")
    again = replace(clone, dataset="new")
    with bench.crowded():
        for ask in (bench.clones.need_room, bench.clones.fill):
            with pytest.raises(Refused) as refused:
                ask(again)
            assert refused.value.code == "home.no_room"
            assert refused.value.facts == {"needed": clone.bytes, "free": 10}
    assert bench.holds(clone) == "old"
    bench.clones.fill(again)
    assert bench.holds(again) == "new"


def test_an_attempt_that_was_killed_is_no_hindrance(bench: Bench) -> None:
    """Wherever it died: the same attempt again gives a whole clone, and its address opens."""
    for boundary in bench.boundaries():
        clone = wanted("cut", "old")
        bench.clones.note(clone)
        with bench.killed_at(boundary):
            bench.clones.fill(clone)
        bench.clones.fill(clone)
        assert bench.holds(clone) == "old", boundary
        bench.clones.clear(clone)


def test_half_made_ones_are_swept_and_whole_ones_stay(bench: Bench) -> None:
    """Also one that was dropped and not cleared; one that was cut off while it was reset is its owner's to fill."""
    whole, reset, dropped = made(bench, "whole"), made(bench, "reset"), made(bench, "dropped")
    bench.clones.note(replace(reset, state=RESETTING))
    bench.clones.note(replace(dropped, state=DROPPED))
    half = wanted("half", "old")
    bench.clones.note(half)
    with bench.killed_at(bench.boundaries()[-1]):
        bench.clones.fill(half)
    assert [c.name for c in bench.clones.all()] == ["half", "reset", "whole"]
    assert bench.clones.sweep() == 2
    assert [c.name for c in bench.clones.all()] == ["reset", "whole"]
    assert not bench.is_left(half)
    assert not bench.is_left(dropped)
    assert bench.holds(whole) == "old"
    assert bench.clones.sweep() == 0


def test_one_that_is_being_made_is_not_swept(bench: Bench) -> None:
    """Whoever sweeps waits for the one who holds it, and then finds it whole."""
    clone, swept = wanted("slow", "old"), list[int]()
    sweeper = threading.Thread(target=lambda: swept.append(bench.clones.sweep()))
    with bench.clones.held(clone.key):
        bench.clones.note(clone)
        sweeper.start()
        bench.clones.fill(clone)
        bench.clones.note(replace(clone, state=READY))
    sweeper.join(240)
    assert swept == [0]
    assert bench.holds(clone) == "old"


def test_nobody_waits_longer_for_a_turn_than_they_said(bench: Bench) -> None:
    """Refused with when to ask again; another clone is free meanwhile, and this one afterwards."""
    clone, other = wanted("cart", "old"), wanted("other", "old")
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with bench.clones.held(clone.key):
            held.set()
            let_go.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        for seconds in (0.0, 0.2):
            with pytest.raises(Refused) as refused, bench.clones.held(clone.key, seconds=seconds):
                raise AssertionError("two have it")
            assert (refused.value.code, refused.value.facts["retry_after"]) == ("clone.busy", 5)
        with bench.clones.held(other.key, seconds=0):
            pass
    finally:
        let_go.set()
        holder.join()
    with bench.clones.held(clone.key, seconds=0):
        pass


def test_cleared_is_gone_and_can_be_repeated(bench: Bench) -> None:
    """No server, no file, no password; the next of this name has another address."""
    clone = made(bench, "cart")
    address = bench.clones.url(clone)
    bench.clones.clear(clone)
    bench.clones.clear(clone)
    assert not bench.is_left(clone)
    assert bench.clones.all() == []
    with pytest.raises(Errored) as errored:
        bench.clones.url(clone)
    assert errored.value.code == "clone.absent"
    made(bench, "cart")
    assert bench.clones.url(clone) != address


def test_of_a_dataset_that_is_gone_there_is_no_clone(bench: Bench) -> None:
    """The error names it."""
    clone = wanted("cart", "never")
    bench.clones.note(clone)
    with pytest.raises(Errored) as errored:
        bench.clones.fill(clone)
    assert errored.value.code == "data.dataset_gone"


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "Q", "'; DROP", "x" * 400, "\n", "ümläut", "a\0b"])
def test_no_name_leads_elsewhere(bench: Bench, name: str) -> None:
    """Whatever somebody is called, the key is a valid name, and nobody else's."""
    clone = made(bench, name, owner=name) if name == "../../etc" else wanted(name, "old", owner=name)
    assert clone.key.startswith("clone-")
    assert len({key_of(name, name), key_of(f"{name}x", name), key_of(name, f"{name}x")}) == 3
    with bench.clones.held(clone.key):
        bench.clones.clear(clone)
