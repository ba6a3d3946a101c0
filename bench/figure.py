"""One figure: what it is, what was measured, what it should not exceed, how it was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    unit: str
    goal: float
    how: str

    @property
    def ok(self) -> bool:
        return self.value <= self.goal

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}
