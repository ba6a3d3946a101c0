"""The plan of a masked copy: catalog and choices in, everything that will be done in its order out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from greenroom.adapters.postgres.masking.choices import Choices
from greenroom.adapters.postgres.masking.model import PAGE, Catalog, Table
from greenroom.adapters.postgres.masking.quote import ident, literal
from greenroom.adapters.postgres.masking.statements import (
    chunk_condition,
    form_of,
    keyed_view,
    read_statement,
    write_statement,
    written_to,
)
from greenroom.domain.canonical import digest_of

CHUNK_PAGES = 4096
"""32 MB of a table's main part: small enough that all workers end at about the same time."""

RANGES_FROM = 140000
"""Since PostgreSQL 14 a range of places is read without reading the whole table."""

LARGE = 16 << 20
"""Bytes from which an index or a constraint is a piece of work of its own."""

ENTRY = re.compile(r"(\d+); (\d+) (\d+) (FK CONSTRAINT|CHECK CONSTRAINT|CONSTRAINT|INDEX ATTACH|INDEX) ")


@dataclass(frozen=True)
class Chunk:
    """Rows that one worker carries in one COPY. `size` is their share of the table's bytes.

    `is_subset`: it reads which rows are kept from temporary tables, which only the session that made them sees.
    """

    table: Table
    read: str
    write: str
    size: int
    is_subset: bool = False


@dataclass(frozen=True)
class Job:
    """Entries of a dump's table of contents that one worker builds; `tables` are those it locks."""

    entries: tuple[str, ...]
    tables: frozenset[int]
    size: int = 0
    shares: bool = False

    def fits(self, running: Iterable[Job]) -> bool:
        """True when it need not wait for any of these. Indexes of one table can be built side by side."""
        return all(not self.tables & other.tables or (self.shares and other.shares) for other in running)


@dataclass(frozen=True)
class Rebuild:
    """What follows the data: `indexes` first, then `attached` (parts of partitioned indexes, in their order), then
    `references`, then `checks` (constraints that are tested on rows as they are added), then `rest` in the archive's
    order."""

    indexes: tuple[Job, ...]
    attached: tuple[str, ...]
    references: tuple[Job, ...]
    checks: tuple[str, ...]
    rest: tuple[str, ...]


def chunks_of(catalog: Catalog, choices: Choices, kept: Mapping[int, str] | None = None) -> tuple[Chunk, ...]:
    """All rows in pieces, the largest tables first. `kept`: tables of which a subset is read, with its condition."""
    found = []
    tables = (t for t in catalog.tables.values() if t.kind == "r")
    for table in sorted(tables, key=lambda t: (-t.total_size, t.oid)):
        into = write_statement(table, written_to(catalog, table, choices))
        if kept is not None and table.oid in kept:
            read = read_statement(table, choices, kept[table.oid])
            found.append(Chunk(table, read, into, table.total_size, is_subset=True))
            continue
        is_whole = any(m.masked.whole_table for (oid, _), m in choices.masks.items() if oid == table.oid)
        ranges = [(0, None)] if is_whole else _ranges(catalog, table)
        for first, until in ranges:
            read = read_statement(table, choices, chunk_condition(first, until))
            found.append(Chunk(table, read, into, table.total_size // len(ranges)))
    return tuple(found)


def _ranges(catalog: Catalog, table: Table) -> list[tuple[int, int | None]]:
    """Ranges of blocks that together hold every row: the last one has no end."""
    pages = table.size // PAGE
    if catalog.version < RANGES_FROM or pages <= CHUNK_PAGES:
        return [(0, None)]
    starts = list(range(0, pages, CHUNK_PAGES))
    return list(zip(starts, [*starts[1:], None], strict=True))


def rebuild_of(catalog: Catalog, listing: str) -> Rebuild:
    """Sort a dump's table of contents (`pg_restore --list`, its part after the data) by what can go side by side.

    An entry begins with `ID; CATALOG OBJECT KIND`. What is no index, key or reference of a table keeps its place.
    """
    large: list[Job] = []
    small: list[tuple[str, tuple[int, ...]]] = []
    attached: list[str] = []
    checks: list[str] = []
    references: list[Job] = []
    rest: list[str] = []
    for line in listing.splitlines():
        entry = ENTRY.match(line)
        known = catalog.built.get((int(entry[2]), int(entry[3]))) if entry else None
        if entry is not None and entry[4] == "INDEX ATTACH":
            attached.append(line)
        elif entry is not None and entry[4] == "CHECK CONSTRAINT":
            checks.append(line)
        elif entry is None or known is None:
            if line and not line.startswith(";"):
                rest.append(line)
        elif entry[4] == "FK CONSTRAINT":
            references.append(Job((line,), _locked(catalog, known[1]), known[0]))
        elif known[0] >= LARGE:
            large.append(Job((line,), frozenset(known[1]), known[0], shares=entry[4] == "INDEX"))
        else:
            small.append((line, known[1]))
    jobs = sorted(large, key=lambda j: -j.size)
    if small:
        jobs.append(Job(tuple(line for line, _ in small), frozenset(t for _, tables in small for t in tables)))
    return Rebuild(
        tuple(jobs), tuple(attached), _few(sorted(references, key=lambda j: -j.size)), tuple(checks), tuple(rest)
    )


def _locked(catalog: Catalog, tables: Iterable[int]) -> frozenset[int]:
    """The tables and, of partitioned ones, all parts."""
    found = set(tables)
    while more := {t.oid for t in catalog.tables.values() if t.is_partition and set(t.parents) & found} - found:
        found |= more
    return frozenset(found)


def _few(jobs: Iterable[Job]) -> tuple[Job, ...]:
    """Small ones in one piece: starting a program costs more than they do."""
    large: list[Job] = []
    small: list[Job] = []
    for job in jobs:
        (large if job.size >= LARGE else small).append(job)
    if small:
        entries = tuple(e for j in small for e in j.entries)
        large.append(Job(entries, frozenset(t for j in small for t in j.tables)))
    return tuple(large)


def sequence_statements(catalog: Catalog) -> tuple[str, ...]:
    """Every sequence stands where it stood; one that counts for a column, never below that column's largest value."""
    found = []
    for s in catalog.sequences:
        name = literal(ident(s.schema, s.name))
        found.append(f"SELECT setval({name}::regclass, {s.value}, {str(s.is_called).lower()})")
        owner = catalog.tables.get(s.owner[0]) if s.owner else None
        if owner is not None and s.owner is not None and owner.kind in "rp" and s.increment > 0:
            column = ident(s.owner[1])
            found.append(
                f"SELECT setval({name}::regclass, m.top) FROM (SELECT max({column}) AS top "
                f"FROM {ident(owner.schema, owner.name)}) m WHERE m.top > {s.value}"
            )
    return tuple(found)


def refresh_statements(catalog: Catalog) -> tuple[str, ...]:
    return tuple(f"REFRESH MATERIALIZED VIEW {ident(*names)}" for names in catalog.matviews)


def digest_of_plan(catalog: Catalog, choices: Choices, chunks: Iterable[Chunk]) -> str:
    """Names the form of the data: what is read and how it is masked, not how it is cut into pieces."""
    read = {
        c.table.path: [keyed_view(c.table, choices), read_statement(c.table, choices), form_of(c.table), c.write]
        for c in chunks
    }
    return digest_of({"tables": read, "matviews": [list(m) for m in catalog.matviews]})
