"""How a leak check reads both sides: samples of rows, sessions, guarded errors. Nothing is written.

No word of the driver's leaves this file's guard: errors of PostgreSQL may quote values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.leak_values import Unit
from greenroom.adapters.postgres.masking.model import TableColumn
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.domain.errors import Errored

AT_ONCE = 50
"""Rows held at once when rows are compared: their cells may be long."""

CELL = 1 << 14
"""Characters of a cell that are compared with its own row; the scan of the whole target reads all of them."""

LARGE = 1 << 20
"""Bytes of a value beyond which it is read in slices."""

SLICE = 4 << 20
"""Characters or bytes of a slice. Each one costs the server the whole value, so they are not small."""

OVERLAP = 256
"""Characters by which slices overlap: more than anything that is looked for."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Guard:
    """Asked between batches; turns errors into ours without a word that could be somebody's."""

    go_on: Callable[[], bool]
    say: Callable[[str], None]

    def check(self) -> None:
        """Raises Errored (`data.leak_check_stopped`)."""
        if not self.go_on():
            raise Errored(
                "data.leak_check_stopped",
                "the leak check was stopped",
                hint="the dataset is not published; check again",
            )

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        self.check()
        try:
            yield
        except psycopg.Error as error:
            raise _errored(what, error) from None


def _errored(what: str, error: psycopg.Error) -> Errored:
    state = error.sqlstate or ""
    return Errored(
        "data.leak_check_failed",
        f"the leak check could not {what}",
        because=f"{type(error).__name__}{f' ({state})' if state else ''}",
        hint="look at the database's log; PostgreSQL's own words are withheld, as they may quote values. "
        "The dataset is not published: check again",
        facts={"sqlstate": state},
    )


@contextmanager
def looking(end: End, guard: Guard, side: str) -> Iterator[Connection]:
    """A session that sees one moment and can change nothing."""
    with guard.doing(f"work in the {side}"), end.session() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection


def rows_of(connection: Connection, query: str, parameters: Sequence[object] = ()) -> list[Row]:
    return connection.execute(query.encode(), list(parameters) or None).fetchall()


_cursors = count()


def streamed(connection: Connection, query: str) -> Iterator[list[Row]]:
    """The rows of a query, AT_ONCE at a time, however many there are."""
    with connection.cursor(name=f"greenroom_{next(_cursors)}") as cursor:
        cursor.execute(query.encode())
        while batch := cursor.fetchmany(AT_ONCE):
            yield batch


def _sampled(unit: Unit, rows: int, most: int, seed: int) -> str:
    """The table, or about `most` rows of it, each as likely as any other."""
    if rows <= most:
        return f"{unit.sql} t"
    return f"{unit.sql} t TABLESAMPLE BERNOULLI ({min(100.0, 100.0 * most / rows):.9f}) REPEATABLE ({seed % 10**6})"


def sample(connection: Connection, unit: Unit, most: int, seed: int) -> Iterator[list[Row]]:
    """About `most` rows of the source: the masked columns as their `sql` reads them."""
    rows = rows_of(connection, f"SELECT count(*) FROM {unit.sql}")[0][0]
    columns = ", ".join(m.sql for m in unit.masked)
    return streamed(connection, f"SELECT {columns} FROM {_sampled(unit, rows, most, seed)}")


def cell(column: TableColumn, limit: int = CELL) -> str:
    """A column as the text in which values are looked for."""
    name = f"t.{ident(column.name)}"
    if column.bare == "bytea":
        part = f"substr({name}, 1, {limit})"
        return f"encode({part}, 'escape') || ' ' || encode({part}, 'hex')"
    if column.bare == "tsvector":
        name = f"array_to_string(tsvector_to_array({name}), ' ')"
    return f"left({name}::text, {limit})"


def linked(source: Connection, target: Connection, unit: Unit, most: int, seed: int) -> Iterator[list[tuple[Row, Row]]]:
    """About `most` rows of the target with the source's row of the same key: (masked columns before, all cells now).

    A row that the source has no more is left out.
    """
    keys, columns = len(unit.key), unit.table.columns
    names = [f"t.{ident(c.name)}" for c in unit.key]
    chosen = ", ".join([*(f"{n}::text" for n in names), *(cell(c) for c in columns)])
    rows = rows_of(target, f"SELECT count(*) FROM {unit.sql}")[0][0]
    given = ", ".join("%s::text[]::" + _doubled(c.column.type) + "[]" for c in unit.key)
    aliases = ", ".join(f"k{n}" for n in range(keys))
    joined = " AND ".join(f"{name} = k.k{n}" for n, name in enumerate(names))
    before = ", ".join(["k.n", *(m.sql for m in unit.sought)])
    known = f"unnest({given}) WITH ORDINALITY k({aliases}, n)"
    query = f"SELECT {_doubled(before)} FROM {known} JOIN {_doubled(unit.sql)} t ON {_doubled(joined)}"
    query += _doubled(unit.joins)
    for batch in streamed(target, f"SELECT {chosen} FROM {_sampled(unit, rows, most, seed)}"):
        found = rows_of(source, query, [[row[n] for row in batch] for n in range(keys)])
        was = {row[0]: row[1:] for row in found}
        yield [(was[n], row[keys:]) for n, row in enumerate(batch, 1) if n in was]


def _doubled(sql: str) -> str:
    """For a statement with parameters: a percent sign in a name is none of them."""
    return sql.replace("%", "%%")
