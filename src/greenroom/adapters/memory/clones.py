"""Clones for development and tests: what one holds is a word, and may be written to."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from greenroom.adapters.memory.datasets import MemoryVault
from greenroom.domain.clone import Clone, CloneState, busy
from greenroom.domain.disk import require_room
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.secret import Secret


class MemoryClones:
    """Fulfils `ports.clones.Clones`. `reached` may raise where a process could die."""

    def __init__(self, vault: MemoryVault, reached: Callable[[str], None] = lambda boundary: None) -> None:
        self._vault, self.reached = vault, reached
        self._known: dict[str, Clone] = {}
        self._turn = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._words = itertools.count()
        self._addresses: dict[str, str] = {}
        self.holds: dict[str, str] = {}
        """By key: what is in it."""
        self.running: set[str] = set()
        self.free = 1 << 62
        """Bytes there are room for."""

    @contextmanager
    def deciding(self) -> Iterator[None]:
        with self._turn:
            yield

    @contextmanager
    def held(self, key: str, *, seconds: float | None = None) -> Iterator[None]:
        if not self._locks[key].acquire(timeout=-1 if seconds is None else seconds):
            raise busy()
        try:
            yield
        finally:
            self._locks[key].release()

    def all(self) -> list[Clone]:
        there = (c for c in list(self._known.values()) if c.state is not CloneState.DROPPED)
        return sorted(there, key=lambda c: (c.name, c.owner))

    def note(self, clone: Clone) -> None:
        self._known[clone.key] = clone

    def need_room(self, clone: Clone) -> None:
        require_room(f"the clone {clone.name}", "memory", clone.bytes, self.free)

    def fill(self, clone: Clone) -> None:
        if clone.dataset not in {d.name for d in self._vault.datasets()}:
            raise Errored("data.dataset_gone", f"the dataset {clone.dataset} is not there")
        self.need_room(clone)
        self.holds.pop(clone.key, None)
        self.reached("copied")
        self.holds[clone.key] = clone.dataset
        if clone.key not in self._addresses:
            self._addresses[clone.key] = f"postgresql://app:word-{next(self._words)}@{clone.key}/app"
        self.running.add(clone.key)
        self.reached("filled")

    def url(self, clone: Clone) -> Secret:
        if clone.key not in self.holds:
            raise Errored("clone.absent", f"the clone {clone.name} is not there")
        self.running.add(clone.key)
        return Secret(self._addresses[clone.key])

    def clear(self, clone: Clone) -> None:
        for held in (self._known, self._addresses, self.holds):
            held.pop(clone.key, None)
        self.running.discard(clone.key)

    def sweep(self) -> int:
        swept = 0
        for clone in list(self._known.values()):
            with suppress(Refused), self.held(clone.key, seconds=0):
                now = self._known.get(clone.key)
                if now is not None and now.state in (CloneState.MAKING, CloneState.DROPPED):
                    self.clear(now)
                    swept += 1
        return swept
