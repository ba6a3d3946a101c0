"""Bytes from one COPY into another, with flat memory: Python sees them and does not look into them."""

from __future__ import annotations

from collections.abc import Callable

from psycopg.abc import Buffer

from greenroom.adapters.postgres.connect import Connection

BATCH = 128 << 10
"""Bytes handed on at once: large enough that small rows cost little, small enough to stay in a processor's cache."""


def relay(
    source: Connection, read: str, target: Connection, write: str, moved: Callable[[int], None]
) -> tuple[int, int]:
    """Carry the rows of one COPY TO STDOUT into one COPY FROM STDIN; rows that left and rows that arrived.

    `moved` is told the bytes of each batch; what it raises ends both sides, and nothing of this COPY stays.
    """
    with source.cursor() as leaving, target.cursor() as arriving:
        with leaving.copy(read.encode()) as out, arriving.copy(write.encode()) as into:
            batch: list[Buffer] = []
            size = 0
            while data := out.read():
                batch.append(data)
                size += len(data)
                if size >= BATCH:
                    into.write(b"".join(batch) if len(batch) > 1 else data)
                    batch.clear()
                    del data
                    moved(size)
                    size = 0
            if batch:
                into.write(b"".join(batch))
                moved(size)
        return leaving.rowcount, arriving.rowcount
