"""Seed files into an empty database: as the application would write them, each in one transaction.

What is wrong is said with its file and line. The rows are of the release, nobody's: PostgreSQL's own words are shown.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import generators, pq, sql

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.datasets.sql_lines import statement_lines
from greenroom.adapters.postgres.tools import disk_full
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.seed import SeedFile, seed_file
from greenroom.ports.databases import Database
from greenroom.ports.datasets import GoOn, Say, Seeded

SQL_BYTES = 256 << 20
"""A file of SQL is sent as one message, which PostgreSQL takes up to 1 GiB of; rows by the million belong in CSV."""

DISK_FULL, SYNTAX = "53100", "42601"
BATCH = 128 << 10
BOM = b"\xef\xbb\xbf"
LINE = re.compile(r"\bline (\d+)")
HINT = "correct it in a commit, and promote its release; the present data stays"

TABLES = """
    SELECT c.oid, n.nspname, c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'f') AND c.relname = %(table)s
      AND CASE WHEN %(schema)s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = %(schema)s END
"""
KNOWN = """
    SELECT n.nspname || '.' || c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT c.relispartition
    ORDER BY 1 LIMIT 20
"""
COLUMNS = """
    SELECT attname FROM pg_catalog.pg_attribute
    WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
SEQUENCES = """
    SELECT s.nspname, c.relname, q.seqincrement, tn.nspname, t.relname, a.attname
    FROM pg_depend d
      JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
      JOIN pg_namespace s ON s.oid = c.relnamespace
      JOIN pg_sequence q ON q.seqrelid = c.oid
      JOIN pg_class t ON t.oid = d.refobjid
      JOIN pg_namespace tn ON tn.oid = t.relnamespace
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
      AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'UPDATE') ELSE false END
      AND has_table_privilege(t.oid, 'SELECT')
    ORDER BY 1, 2
"""


def load(database: Database, root: Path, files: tuple[str, ...], *, say: Say, go_on: GoOn) -> Seeded:
    """Load the files of the release below `root` in their order, then set the sequences of columns behind their rows.

    All are read through before the first is loaded. Raises Refused (`data.seed_…`) with file and line.
    """
    found = [(seed_file(f), _there(root, f)) for f in files]
    for seed, path in found:
        _read_through(seed.path, path)
    run = _Run(database, go_on)
    for seed, path in found:
        run.stop_if_asked()
        say(f"loading {seed.path}")
        if seed.table is None:
            run.statements += run.execute(seed.path, path)
        else:
            run.copy(seed, path)
    set_sequences(database)
    return Seeded(run.rows, run.statements)


@dataclass
class _Run:
    database: Database
    go_on: GoOn
    rows: dict[str, int] = field(default_factory=dict)
    statements: int = 0

    def stop_if_asked(self) -> None:
        if not self.go_on():
            raise Errored("data.stopped", "loading the seed was stopped", hint="greenroom data seed begins it again")

    def execute(self, name: str, path: Path) -> int:
        """The whole file as one message, which is one transaction; how many statements there were."""
        text = path.read_bytes().removeprefix(BOM).decode()
        with _session(self.database) as connection:
            connection.pgconn.send_query(text.encode())
            results = connection.wait(generators.execute(connection.pgconn))  # all of them, and the error among them
            for number, result in enumerate(results):
                if result.status == pq.ExecStatus.FATAL_ERROR:
                    raise _statement_failed(name, text, number, result)
                if result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT):
                    raise _refused_at(
                        name,
                        _line_of(text, number),
                        "COPY from or to a client means nothing in it",
                        "write the rows into a CSV file of their own: TABLE.csv, a header first",
                    )
            return sum(r.status != pq.ExecStatus.EMPTY_QUERY for r in results)

    def copy(self, seed: SeedFile, path: Path) -> None:
        with _session(self.database) as connection, connection.cursor() as cursor:
            schema, table, columns = _place(connection, seed, _header(seed.path, path))
            names = sql.SQL(", ").join(sql.Identifier(c) for c in columns)
            words = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER true)")
            try:
                with cursor.copy(words.format(sql.Identifier(schema, table), names)) as into, path.open("rb") as file:
                    if file.read(len(BOM)) != BOM:
                        file.seek(0)
                    while batch := file.read(BATCH):
                        self.stop_if_asked()
                        into.write(batch)
            except psycopg.Error as error:
                if _broke_off(error.sqlstate):
                    raise
                raise _rows_refused(seed.path, error) from None
            path_of_table = f"{schema}.{table}"
            self.rows[path_of_table] = self.rows.get(path_of_table, 0) + cursor.rowcount


def set_sequences(database: Database) -> None:
    """The next value of each sequence that belongs to a column lies behind all values of it; none goes back."""
    with _session(database, search_path="pg_catalog") as connection:
        for schema, name, step, table_schema, table, column in connection.execute(SEQUENCES).fetchall():
            sequence, here = sql.Identifier(schema, name), sql.Identifier(table_schema, table)
            far = sql.SQL("SELECT {}({}) FROM {}").format(
                sql.SQL("max" if step > 0 else "min"), sql.Identifier(column), here
            )
            (value,) = connection.execute(far).fetchall()[0]
            now = sql.SQL("SELECT last_value, is_called FROM {}").format(sequence)
            last, is_called = connection.execute(now).fetchall()[0]
            following = last + step if is_called else last
            if value is None or (value < following if step > 0 else value > following):
                continue
            try:
                connection.execute("SELECT setval(%s::regclass, %s)", [sequence.as_string(connection), int(value)])
            except psycopg.Error as error:
                if _broke_off(error.sqlstate):
                    raise
                raise Refused(
                    "data.seed_failed",
                    f"{schema}.{name} cannot go on behind {value}, the last value of {table_schema}.{table}.{column}",
                    because=error.diag.message_primary or "",
                    hint=HINT,
                ) from None


# --- files -----------------------------------------------------------------------------------------


def _there(root: Path, name: str) -> Path:
    """The file, which lies in the release: a link that leads out of it would bring in what nobody sealed."""
    within = root.resolve()
    path = (within / name).resolve()
    if not path.is_relative_to(within) or not path.is_file():
        raise Refused(
            "data.seed_missing",
            f"{name} is no file of the release",
            because="data/seed of its greenroom.yaml names it",
            hint=HINT,
            facts={"file": name},
        )
    return path


def _read_through(name: str, path: Path) -> None:
    """It is text in UTF-8 without zero bytes. Raises Refused (`data.seed_encoding`, `data.seed_too_large`)."""
    if path.suffix == ".sql" and path.stat().st_size > SQL_BYTES:
        raise Refused(
            "data.seed_too_large",
            f"{name} has {path.stat().st_size} bytes, and a file of SQL may have {SQL_BYTES}",
            because="it is sent to PostgreSQL as one message",
            hint="split it, or write the rows as CSV, which has no limit",
        )
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            wrong = "a zero byte" if b"\0" in line else _undecoded(line)
            if wrong:
                raise Refused(
                    "data.seed_encoding",
                    f"{name}, line {number}: {wrong}",
                    because="seed files are text in UTF-8",
                    hint=f"convert it (iconv -f LATIN1 -t UTF-8); {HINT}",
                    facts={"file": name, "line": number},
                )


def _undecoded(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} is 0x{line[error.start]:02x}, which is no UTF-8"
    return ""


def _header(name: str, path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            columns = next(csv.reader(file, strict=True), [])
        except csv.Error as error:
            raise _refused_at(name, 1, f"the header cannot be read: {error}") from None
    if not columns:
        raise _refused_at(name, 1, "there is no header", "its first line names the columns, separated by commas")
    return columns


# --- the database ----------------------------------------------------------------------------------


@contextmanager
def _session(database: Database, **settings: str) -> Iterator[Connection]:
    """A session of the application's role, as the application's own are. What breaks off is Errored."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    try:
        with psycopg.connect(
            database.url.reveal(),
            application_name="greenroom",
            connect_timeout=10,
            client_encoding="UTF8",
            options=options,
            autocommit=True,
        ) as connection:
            yield connection
    except psycopg.Error as error:
        said = str(error).strip().split("\n")[0]
        raise (disk_full(said) if error.sqlstate == DISK_FULL else _interrupted(said)) from error


def _place(connection: Connection, seed: SeedFile, header: list[str]) -> tuple[str, str, list[str]]:
    """Schema, table and columns the rows go into. Raises Refused (`data.seed_unknown`)."""
    schema, table = seed.table or (None, "")
    rows = connection.execute(TABLES, {"schema": schema, "table": table}).fetchall()
    if not rows:
        known = ", ".join(str(r[0]) for r in connection.execute(KNOWN).fetchall())
        raise Refused(
            "data.seed_unknown",
            f"{seed.path}: there is no table {f'{schema}.{table}' if schema else table}",
            because=f"the release's migrations made {known or 'none'}",
            hint=f"the file's name is the table's, as the database keeps it; {HINT}",
            facts={"file": seed.path},
        )
    oid, schema, table = rows[0]
    columns = [str(r[0]) for r in connection.execute(COLUMNS, [oid]).fetchall()]
    wrong = [c for c in header if c not in columns] or [c for n, c in enumerate(header) if c in header[:n]]
    if wrong:
        how = "has no column" if wrong[0] not in columns else "is given twice the column"
        raise Refused(
            "data.seed_unknown",
            f"{seed.path}, line 1: {schema}.{table} {how} {', '.join(repr(c[:63]) for c in wrong[:5])}",
            because=f"its columns are {', '.join(columns)}",
            hint=f"the header names columns as the database keeps them, separated by commas; {HINT}",
            facts={"file": seed.path, "line": 1},
        )
    return str(schema), str(table), header


def _statement_failed(name: str, text: str, number: int, result: pq.abc.PGresult) -> Refused | Errored:
    def said(what: pq.DiagnosticField) -> str:
        return (result.error_field(what) or b"").decode(errors="replace")

    message = said(pq.DiagnosticField.MESSAGE_PRIMARY)
    state = said(pq.DiagnosticField.SQLSTATE)
    if state == DISK_FULL:
        return disk_full(message)
    if _broke_off(state):
        return _interrupted(message)
    position = said(pq.DiagnosticField.STATEMENT_POSITION)
    line = text.count("\n", 0, int(position) - 1) + 1 if position else _line_of(text, number)
    because = ". ".join(x for x in (message, said(pq.DiagnosticField.MESSAGE_DETAIL)) if x)
    if "\\" in message and state == SYNTAX:
        return _refused_at(name, line, because, "commands of psql, which begin with a backslash, are no SQL")
    return _refused_at(name, line, because)


def _line_of(text: str, number: int) -> int | None:
    lines = statement_lines(text)
    return lines[number] if number < len(lines) else None


def _rows_refused(name: str, error: psycopg.Error) -> Refused:
    where = LINE.search(error.diag.context or "")
    column = re.search(r"column (\S+?):", error.diag.context or "")
    said = [f"column {column.group(1)}" if column else "", error.diag.message_primary or "", error.diag.message_detail]
    return _refused_at(name, int(where.group(1)) if where else None, ": ".join(s for s in said if s))


def _broke_off(state: str | None) -> bool:
    """It says nothing about the file: no state at all, or one of a class that is about server and connection."""
    return not state or state[:2] in ("08", "53", "57", "58", "XX")


def _interrupted(said: str) -> Errored:
    return Errored(
        "data.seed_broke_off", "loading the seed broke off", because=said, hint="greenroom data seed begins it again"
    )


def _refused_at(name: str, line: int | None, because: str, hint: str = "") -> Refused:
    return Refused(
        "data.seed_failed",
        f"{name}, line {line} cannot be loaded" if line else f"{name} cannot be loaded",
        because=because[:1000],
        hint=f"{hint}; {HINT}" if hint else HINT,
        facts={"file": name, "line": line},
    )
