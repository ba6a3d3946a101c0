"""From one version of the store to the next: one file for each step, found by its name.

`to_0002.py` brings a store of schema 1 to schema 2: a docstring that says why, and `forward(tx)`, which changes tables
on SQLite and PostgreSQL alike. A step is never edited once a Greenroom with it was given out: stores have run it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import Connection

from greenroom.domain.errors import Refused
from greenroom.store.tables import SCHEMA_VERSION

_NAME = re.compile(r"to_(\d{4})")


@dataclass(frozen=True)
class Step:
    """Brings a store from schema `version - 1` to `version`, within one transaction."""

    version: int
    forward: Callable[[Connection], None]


@cache
def steps() -> tuple[Step, ...]:
    """Every step in order. Raises RuntimeError when one is missing or the last does not lead to today's schema."""
    found = sorted(m.name for m in iter_modules(__path__) if _NAME.fullmatch(m.name))
    made = tuple(Step(int(name[3:]), import_module(f"{__name__}.{name}").forward) for name in found)
    if [s.version for s in made] != list(range(2, SCHEMA_VERSION + 1)):
        raise RuntimeError(f"steps lead to {[s.version for s in made]}, today's schema is {SCHEMA_VERSION}")
    return made


def ahead_of(version: int) -> tuple[Step, ...]:
    """What a store of this schema still has to go through; empty for today's.

    Raises Refused (`store.newer`) for the store of a later Greenroom.
    """
    if version > SCHEMA_VERSION:
        raise Refused(
            "store.newer",
            "this store was written by a newer Greenroom",
            because=f"its schema is {version}; this one knows up to {SCHEMA_VERSION}",
            hint="run the newer Greenroom again; nothing was changed",
        )
    return tuple(s for s in steps() if s.version > version)
