"""Large objects, where the configuration asks for them: no rule can stand on them."""

from __future__ import annotations

from collections.abc import Callable

from greenroom.adapters.postgres.connect import Connection

SLICE = 1 << 20


def copy_large_objects(source: Connection, target: Connection, moved: Callable[[int], None]) -> int:
    """All of them under their numbers, slice by slice; how many. Those that are there already are whole."""
    every = "SELECT oid::int8 FROM pg_largeobject_metadata ORDER BY 1"
    numbers = [oid for (oid,) in source.execute(every).fetchall()]
    there = {oid for (oid,) in target.execute(every).fetchall()}
    for oid in numbers:
        if oid in there:
            continue
        at = 0
        with target.transaction():
            target.execute("SELECT lo_create(%s::oid)", [oid])
            while data := source.execute("SELECT lo_get(%s::oid, %s, %s)", [oid, at, SLICE], binary=True).fetchall()[0][
                0
            ]:
                target.execute("SELECT lo_put(%s::oid, %s, %b)", [oid, at, data])
                at += len(data)
                moved(len(data))
    return len(numbers)
