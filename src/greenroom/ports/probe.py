"""Asking a process whether it is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """What came back. `status` None: nobody answered, and `problem` says how."""

    status: int | None
    seconds: float
    problem: str = ""


class Probe(Protocol):
    def get(self, dial: str, path: str, *, seconds: float) -> Answer:
        """One GET to `unix//PATH` or `HOST:PORT`, no redirect followed; never raises for what the other side does."""
