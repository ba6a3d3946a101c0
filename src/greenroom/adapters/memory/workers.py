"""The twin of the workers of a machine: a test says who is stopped."""

from __future__ import annotations


class MemoryWorkers:
    """See `ports.workers.Workers`. `stopped`: names whose processes are stopped; `ended`: those that were ended."""

    def __init__(self) -> None:
        self.enlisted: set[str] = set()
        self.stopped: set[str] = set()
        self.ended: list[str] = []

    def enlist(self, owner: str) -> None:
        self.enlisted.add(owner)

    def discharge(self, owner: str) -> None:
        self.enlisted.discard(owner)

    def end_if_stopped(self, owner: str) -> bool:
        if owner not in self.enlisted & self.stopped:
            return False
        self.discharge(owner)
        self.ended.append(owner)
        return True
