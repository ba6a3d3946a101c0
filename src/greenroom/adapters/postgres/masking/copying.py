"""The masked copy, from beginning to end.

Everything that could refuse is asked first: nothing has moved, and the target is untouched, when a rule is missing or a
mask would break a constraint. From then until the very end the target is marked as unfinished. Rows of the source are
only read.

Two kinds of sessions work on it. Those of the superuser read catalogs, carry the schema and large objects. Those of a
role without power (`walls.py`) read, test, write and compare rows: there the application's own functions run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking import verification
from greenroom.adapters.postgres.masking.catalog import read_catalog
from greenroom.adapters.postgres.masking.choices import Choices, Rules, choose_masks
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.large_objects import copy_large_objects
from greenroom.adapters.postgres.masking.model import Catalog, Table
from greenroom.adapters.postgres.masking.plan import Chunk, chunks_of, digest_of_plan
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.adapters.postgres.masking.rebuilding import Archive, cores, dump_schema, finish, make_roles
from greenroom.adapters.postgres.masking.rows import Progress, Report, Rows
from greenroom.adapters.postgres.masking.statements import Question, keyed_view, questions_of
from greenroom.adapters.postgres.masking.subset import keep_rows, kept_conditions, reached_tables, share_views
from greenroom.adapters.postgres.masking.target import Mark, take_over, write_mark
from greenroom.adapters.postgres.masking.verification import Compared
from greenroom.adapters.postgres.masking.walls import Masker, masker
from greenroom.adapters.postgres.masking.workers import Stop, Under, told
from greenroom.adapters.postgres.tools import Tools
from greenroom.domain.data import Link, Subset
from greenroom.domain.errors import Refused
from greenroom.domain.masking import Chosen
from greenroom.domain.secret import Secret


@dataclass(frozen=True)
class Wanted:
    """What is asked of a copy. `key` is hexadecimal; `workers` None: as many as this machine has cores."""

    chosen: Sequence[Chosen]
    rules: Rules
    key: Secret
    links: Sequence[Link] = ()
    subset: Subset | None = None
    large_objects: bool = False
    workers: int | None = None
    verify: bool = True


def copy_masked(
    source: End,
    target: End,
    tools: Tools,
    wanted: Wanted,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    go_on: Callable[[], bool] = lambda: True,
    room: Callable[[int], None] = lambda _: None,
    scratch: Path | None = None,
) -> Report:
    """Copy `source`, masked, into the empty database `target`; `tools` are those of the target's version.

    `room` is told, before anything is written, the bytes of tables and indexes to come, and raises when there is no
    room for them. `scratch` is where the schema lies meanwhile, which may hold passwords of foreign servers; a
    directory of the system's when None. Both ends must be a superuser's, and both databases ours to change: a role
    without power is made in them until the end. Raises BadInput and Refused (`data.…`) before anything moves; Errored
    afterwards, then the target stays marked as unfinished and the next copy begins anew.
    """
    stop = Stop(go_on)
    with (
        masker(source) as here,
        masker(target) as there,
        source.session() as ruling,
        target.session() as writing,
        stop.known(ruling, writing),
        tempfile.TemporaryDirectory(prefix="greenroom-copy-", dir=scratch) as held,
    ):
        here.keep(wanted.key)  # before the snapshot, which would not show it
        snapshot = _open(ruling)
        with told("read the catalog of the source"):
            catalog = read_catalog(ruling)
        choices = choose_masks(catalog, wanted.chosen, wanted.rules, wanted.links)
        refuse_older(catalog, writing)
        size = _size(ruling)
        if wanted.subset is None:
            room(size)
        shares = [*share_views(catalog, wanted.subset)] if wanted.subset else []
        report = Report("", len(choices.masks))
        with report.timed("schema"):  # before the source is changed
            archive = dump_schema(source, target, there.end, tools, Path(held), snapshot=snapshot)
        views = [v for t in catalog.tables.values() if (v := keyed_view(t, choices))]
        here.confine([*views, *shares])
        under = Under(here.end, there.end, snapshot, stop)
        with under.pair(writes=wanted.subset is not None) as (reading, arriving):
            kept, counts = _subset(reading, catalog, choices, wanted)
            if kept:
                room(round(size * _share_of(reading, catalog, counts)))
            chunks = chunks_of(catalog, choices, kept)
            report.plan = digest_of_plan(catalog, choices, chunks)
            report.kept = {catalog.tables[oid].path: n for oid, n in counts.items()}
            report.said += [*choices.said, *_left_out(catalog, wanted, choices)]
            run = _Run(
                under, ruling, writing, reading, arriving, there, catalog, choices, kept, wanted, report, progress
            )
            with report.timed("tests"):
                run.test()
            take_over(writing, report.plan)
            run.rebuild(archive, chunks)
            if wanted.verify:
                with report.timed("verification"):
                    run.verify()
        stop.check()
        there.leave()
        writing.execute("CHECKPOINT")
        write_mark(writing, Mark(report.plan, is_finished=True))
        return report


@dataclass
class _Run:
    """`ruling` and `writing` are the superuser's sessions of source and target, `reading` and `arriving` are without
    power."""

    under: Under
    ruling: Connection
    writing: Connection
    reading: Connection
    arriving: Connection
    there: Masker
    catalog: Catalog
    choices: Choices
    kept: Mapping[int, str]
    wanted: Wanted
    report: Report
    progress: Callable[[Progress], None]

    @property
    def workers(self) -> int:
        return self.wanted.workers or cores()

    def test(self) -> None:
        """Ask the vault what the masks would break. Raises Refused (`data.constraint_broken`) with all of it."""
        broken: list[tuple[Question, int]] = []

        def ask(connection: Connection, test: Question) -> None:
            with told(f"test {test.constraint} on {test.table.path}"):
                rows = connection.execute(test.query.encode()).fetchall()[0][0]
            if rows:
                broken.append((test, rows))

        tests = questions_of(self.catalog, self.choices, dict(self.kept))
        if self.kept:
            for test in tests:
                ask(self.reading, test)
        elif tests:
            self.under.spread(tests, lambda a, _, t: ask(a, t), lambda t: f"test {t.constraint}", self.workers)
        if broken:
            said = sorted(f"{t.constraint} of {t.table.path}: {n} rows" for t, n in broken)
            raise Refused(
                "data.constraint_broken",
                f"masking would break {len(broken)} constraints",
                because="; ".join(said),
                hint="choose rules for their columns whose results the constraints accept",
                facts={"constraints": {f"{t.table.path}.{t.constraint}": n for t, n in broken}},
            )

    def rebuild(self, archive: Archive, chunks: Sequence[Chunk]) -> None:
        timed, check = self.report.timed, self.under.stop.check
        with timed("schema"):
            made = make_roles(self.writing, self.catalog.roles)
            self.report.said += [f"the role {name} was made; it cannot log in" for name in made]
            check()
            archive.before_data()
            self.there.confine(writes=True)
        with timed("rows"):
            self.copy_rows(chunks)
        with timed("indexes and constraints"):
            plan = archive.plan(self.catalog)
            with self.there.owning():
                archive.after_data(plan, check)
            archive.rest(plan)
        with timed("sequences, views, statistics"), self.there.owning():
            self.finish()

    def copy_rows(self, chunks: Sequence[Chunk]) -> None:
        rows = Rows(self.under.stop, self.report, self.progress, sum(max(c.size, 1) for c in chunks))
        for chunk in chunks:
            if chunk.is_subset:
                self.under.stop.check()
                rows.carry(self.reading, self.arriving, chunk)
        free = [c for c in chunks if not c.is_subset]
        if free:
            self.under.spread(free, rows.carry, lambda c: f"copy {c.table.path}", self.workers)

    def finish(self) -> None:
        if self.wanted.large_objects:
            with told("copy the large objects"):
                copied = copy_large_objects(self.ruling, self.writing, lambda _: self.under.stop.check())
            self.report.said.append(f"{copied} large objects were copied as they are")
        with told("finish the copy"):
            finish(self.writing, self.catalog, self.under.stop.check)

    def verify(self) -> None:
        """Compare both sides. Raises Errored (`data.copy_differs`)."""
        tables = [t for t in self.catalog.tables.values() if t.kind == "r"]
        found: list[Compared] = []

        def compare(source: Connection, target: Connection, table: Table) -> None:
            found.append(verification.compare(source, target, self.catalog, self.choices, table, self.kept))

        own = [t for t in tables if self.kept]
        for table in own:
            with told(f"compare {table.path}"):
                compare(self.reading, self.arriving, table)
        if not own and tables:
            largest = sorted(tables, key=lambda t: -t.total_size)
            self.under.spread(largest, compare, lambda t: f"compare {t.path}", self.workers)
        self.report.compared = sorted(found, key=lambda c: c.table)
        verification.refuse_differences(found)
        with told("look at constraints and sequences"):
            verification.check_constraints(verification.invalid_ones(self.ruling), self.writing)
            verification.check_sequences(self.writing, self.catalog)


def _open(connection: Connection) -> str:
    """One snapshot for everything, held until the end; its name."""
    with told("open a snapshot of the source"):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return str(connection.execute("SELECT pg_export_snapshot()").fetchall()[0][0])


def _subset(
    connection: Connection, catalog: Catalog, choices: Choices, wanted: Wanted
) -> tuple[dict[int, str], dict[int, int]]:
    if wanted.subset is None:
        return {}, {}
    with told("choose the rows of the subset"):
        counts = keep_rows(connection, catalog, choices.references, wanted.subset)
    connection.execute("SET TRANSACTION READ ONLY")
    return kept_conditions(reached_tables(catalog, choices.references, wanted.subset)), counts


def _size(connection: Connection) -> int:
    """Bytes of the whole database."""
    with told("measure the source"):
        return int(connection.execute("SELECT pg_database_size(current_database())").fetchall()[0][0])


def _share_of(connection: Connection, catalog: Catalog, counts: Mapping[int, int]) -> float:
    """About how much of the data is kept, 0 to 1: of each table as much as of its rows."""
    whole = kept = 0.0
    for table in catalog.tables.values():
        if table.kind == "r":
            whole += table.total_size
            kept += table.total_size * (_part_of(connection, table, counts[table.oid]) if table.oid in counts else 1.0)
    return kept / whole if whole else 1.0


def _part_of(connection: Connection, table: Table, kept: int) -> float:
    with told(f"count the rows of {table.path}"):
        query = f"SELECT count(*) FROM ONLY {ident(table.schema, table.name)}"
        return kept / max(1, int(connection.execute(query.encode()).fetchall()[0][0]))


def _left_out(catalog: Catalog, wanted: Wanted, choices: Choices) -> Iterable[str]:
    yield from catalog.left_out
    if catalog.large_objects and not wanted.large_objects:
        yield f"{catalog.large_objects} large objects stayed behind: they may hold anything"


def refuse_older(catalog: Catalog, target: Connection) -> None:
    """Raises Refused (`data.target_older`)."""
    here = target.info.server_version
    if here // 10000 < catalog.version // 10000:
        raise Refused(
            "data.target_older",
            f"PostgreSQL {catalog.version // 10000} cannot be copied into PostgreSQL {here // 10000}",
            because="an older server does not understand a newer one's schema",
            hint="use a target of the same or a newer major version",
        )
