"""One figure: what it is, what was measured, what it should not exceed or fall below, how it was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`is_floor`: more is better, and `goal` is the least that is asked; otherwise it is the most that is allowed."""

    name: str
    value: float
    unit: str
    goal: float
    how: str
    is_floor: bool = False

    @property
    def ok(self) -> bool:
        return self.value >= self.goal if self.is_floor else self.value <= self.goal

    @property
    def aim(self) -> str:
        """The goal as people read it."""
        return f"{'≥' if self.is_floor else '≤'} {self.goal:g}"

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}
