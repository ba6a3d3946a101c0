"""The directories in which Greenroom keeps a project: who may read them, and how much room is left."""

from __future__ import annotations

from typing import Protocol

from greenroom.ports.damage import Damage


class House(Protocol):
    def exposed(self) -> list[Damage]:
        """Whatever holds secrets, keys or tokens and that another user of this machine could read or change."""

    def free_bytes(self) -> int:
        """Room that is left where things are kept durably."""

    def where(self) -> str:
        """The place, for people."""
