"""Bytes from one COPY into another, with flat memory: Python sees them and does not look into them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

from psycopg.abc import Buffer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many
from psycopg.pq import ExecStatus

from greenroom.adapters.postgres.connect import Connection

BATCH = 32 << 10
"""Bytes handed on at once: large enough that small rows cost little, small enough to stay in a processor's cache."""


def relay(
    source: Connection, read: str, target: Connection, write: str, moved: Callable[[int], None]
) -> tuple[int, int]:
    """Carry the rows of one COPY TO STDOUT into one COPY FROM STDIN; rows that left and rows that arrived.

    `moved` is told the bytes of each batch; what it raises ends both sides, and nothing of this COPY stays.
    """
    with source.cursor() as leaving, target.cursor() as arriving:
        with leaving.copy(read.encode()) as out, arriving.copy(write.encode()) as into:
            batch = bytearray()
            data: Buffer
            # Every row passes here while all cores are busy. What libpq has already is taken from it and copied into
            # one buffer, at a third of what the driver's `read` costs; that is asked where there is something to await.
            for length, data in map(source.pgconn.get_copy_data, repeat(1)):  # 1: do not wait
                if length <= 0:
                    data = b"" if length else out.read()
                    if not data:
                        break
                if len(data) >= BATCH:  # not copied once more: it may be all the memory there is
                    _hand_on(into.write, batch, moved)
                    into.write(data)
                    moved(len(data))
                    del data
                    continue
                batch += data
                if len(batch) >= BATCH:
                    _hand_on(into.write, batch, moved)
            left = _ended(source) if length else leaving.rowcount
            _hand_on(into.write, batch, moved)
        return left, arriving.rowcount


def _hand_on(write: Callable[[Buffer], None], batch: bytearray, moved: Callable[[int], None]) -> None:
    if batch:
        write(batch)
        size = len(batch)
        batch.clear()
        moved(size)


def _ended(source: Connection) -> int:
    """The rows of a COPY TO STDOUT whose last row was taken. Raises what the server says instead."""
    result = source.wait(fetch_many(source.pgconn))[-1]
    if result.status != ExecStatus.COMMAND_OK:
        raise error_from_result(result, source.info.encoding)
    return result.command_tuples or 0
