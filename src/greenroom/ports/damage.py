"""What an outside thing says is wrong with itself, for `greenroom doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Damage:
    """`said` names the thing and what is wrong with it; `next` is the way out, as a person would follow it."""

    said: str
    next: str
