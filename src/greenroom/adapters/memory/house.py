"""The twin of the house: what a test says is open, and how much room it says is left."""

from __future__ import annotations

from greenroom.ports.damage import Damage


class MemoryHouse:
    """See `ports.house.House`."""

    def __init__(self) -> None:
        self.open: list[Damage] = []
        self.free = 1 << 40

    def exposed(self) -> list[Damage]:
        return list(self.open)

    def free_bytes(self) -> int:
        return self.free

    def where(self) -> str:
        return "memory"
