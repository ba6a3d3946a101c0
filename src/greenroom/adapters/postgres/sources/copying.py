"""The logical copy of a source, from beginning to end: nothing masked, everything the application's.

The snapshot is held while rows and large objects are read, and let go before indexes are built: a snapshot keeps a
primary's vacuum, or a replica's replay, waiting. What left each table is counted against what arrived; the source is
not read a second time for that.

The schema and large objects are laid out by a superuser. Rows are written, and indexes, checks and views built, by a
role without power (`masking/walls.py`): there the application's own functions run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg import sql

from greenroom.adapters.postgres.connect import APP, SUPERUSER, Connection
from greenroom.adapters.postgres.masking import verification
from greenroom.adapters.postgres.masking.catalog import read_catalog
from greenroom.adapters.postgres.masking.choices import nothing_masked
from greenroom.adapters.postgres.masking.copying import refuse_older
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.large_objects import copy_large_objects
from greenroom.adapters.postgres.masking.model import Catalog
from greenroom.adapters.postgres.masking.plan import Chunk, chunks_of, digest_of_plan
from greenroom.adapters.postgres.masking.rebuilding import Archive, cores, dump_schema, finish, make_roles
from greenroom.adapters.postgres.masking.rows import Progress, Report, Rows
from greenroom.adapters.postgres.masking.target import Mark, take_over, write_mark
from greenroom.adapters.postgres.masking.walls import POWERFUL, Masker, masker
from greenroom.adapters.postgres.masking.workers import Stop, told
from greenroom.adapters.postgres.neutralise import event_triggers_rest
from greenroom.adapters.postgres.sources.reading import Standing, look, of_the_source, refuse_unreadable
from greenroom.adapters.postgres.sources.sessions import WAITS, Snapshot, SourceSessions, held_snapshot
from greenroom.adapters.postgres.sources.tunnel import for_programs, refuse_binding
from greenroom.adapters.postgres.tools import Tools
from greenroom.domain.errors import Errored

LAYER = "greenroom_source"
"""Lays out the copy in a server of its own, and is gone at the end: what it made is then the application's."""

RESTORING = ("--no-owner", "--no-privileges")
SUPERUSERS_OWN = """
    SELECT 'EVENT TRIGGER', evtname FROM pg_event_trigger WHERE evtowner = %(layer)s::regrole
    UNION ALL SELECT 'FOREIGN DATA WRAPPER', fdwname FROM pg_foreign_data_wrapper WHERE fdwowner = %(layer)s::regrole
"""
GAINED = """
    SELECT rolname FROM pg_roles r WHERE oid >= 16384 AND (
           rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR EXISTS (
           SELECT FROM pg_roles power WHERE power.rolname = ANY (%s) AND pg_has_role(r.oid, power.oid, 'MEMBER')))
     ORDER BY 1
"""
"""Roles with power over the server. Of a copy only its own superuser has any."""


@dataclass(frozen=True)
class Reading:
    """What is read and how: `workers` sessions beside the one that holds the snapshot; `place` and `secret` name it in
    errors, without its password. `waits`: as in `sessions.py`."""

    source: End
    place: str
    secret: str | None = None
    workers: int | None = None
    waits: tuple[float, ...] = WAITS


def standing_of(reading: Reading) -> Standing:
    """What the source is; also that it can be read completely. Raises Refused, BadInput
    and Errored (`data.source_…`)."""
    known = of_the_source(reading.place, reading.source.password, reading.secret)
    with known, reading.source.session() as connection:
        refuse_binding(reading.source, connection)
        found = look(connection)
        refuse_unreadable(connection, found, reading.place)
        return found


def copy_everything(
    reading: Reading,
    target: End,
    tools: Tools,
    *,
    leave: frozenset[str],
    scratch: Path,
    said: Callable[[str], None],
    progress: Callable[[Progress], None] = lambda _: None,
    go_on: Callable[[], bool] = lambda: True,
) -> tuple[Report, Standing]:
    """Copy the source into the empty database `target`, whose sessions act as LAYER, a superuser. `leave` are
    extensions that stay behind; `scratch` is where the schema lies meanwhile. What the source was at the snapshot comes
    with it.

    Raises Refused (`data.source_…`, `data.target_older`) before anything moves; Errored afterwards, `data.power_gained`
    when a role of the copy has power over the server.
    """
    stop = Stop(go_on)
    with (
        tempfile.TemporaryDirectory(prefix="greenroom-source-", dir=scratch) as held,
        masker(target) as there,
        target.session() as writing,
        stop.known(writing),
    ):
        with held_snapshot(reading.source, stop, reading.place, said) as snapshot:
            with of_the_source(reading.place, reading.source.password, reading.secret), told("look at the source"):
                standing = look(snapshot.holding)
                refuse_unreadable(snapshot.holding, standing, reading.place)
                catalog, invalid = read_catalog(snapshot.holding), verification.invalid_ones(snapshot.holding)
            refuse_older(catalog, writing)
            choices = nothing_masked(catalog)
            chunks = chunks_of(catalog, choices)
            report = Report(digest_of_plan(catalog, choices, chunks), 0)
            report.said += catalog.left_out
            take_over(writing, report.plan)
            with report.timed("schema"):
                archive = _lay_out_schema(snapshot, catalog, writing, there, tools, Path(held), leave, report)
            stop.check()
            there.confine(writes=True)
            under = SourceSessions(snapshot.end, there.end, snapshot.name, stop, reading.place, said, reading.waits)
            _read_rows(under, target, catalog, chunks, report, progress, reading.workers or cores())
        said(f"everything is here; the snapshot of {reading.place} is let go")
        with report.timed("indexes and constraints"):
            plan = archive.plan(catalog)
            with there.owning():
                archive.after_data(plan, stop.check)
            archive.rest(plan)
        with report.timed("sequences, views, statistics"):
            with there.owning(), told("finish the copy"):
                finish(writing, catalog, stop.check)
            verification.check_constraints(invalid, writing)
            verification.check_sequences(writing, catalog)
        there.leave()
        give_to_the_application(writing, catalog)
        refuse_power(writing)
        stop.check()
        writing.execute("CHECKPOINT")
        write_mark(writing, Mark(report.plan, is_finished=True))
        return report, standing


def _lay_out_schema(
    snapshot: Snapshot,
    catalog: Catalog,
    writing: Connection,
    there: Masker,
    tools: Tools,
    folder: Path,
    leave: frozenset[str],
    report: Report,
) -> Archive:
    made = make_roles(writing, catalog.roles)
    report.said += [f"the role {name} was made; it cannot log in" for name in made]
    with for_programs(snapshot.end, snapshot.holding) as end:
        archive = dump_schema(end, there.ruler, there.end, tools, folder, snapshot=snapshot.name, restoring=RESTORING)
    archive.before_data(without=leave)
    return archive


def _read_rows(
    under: SourceSessions,
    ruled: End,
    catalog: Catalog,
    chunks: Sequence[Chunk],
    report: Report,
    progress: Callable[[Progress], None],
    workers: int,
) -> None:
    """Large objects, which belong to whoever makes them, then rows: all that has to be seen under the snapshot."""

    def carry(source: Connection, target: Connection, _: str) -> None:
        copy_large_objects(source, target, lambda _: under.stop.check())

    if catalog.large_objects:
        with report.timed("large objects"):
            replace(under, target=ruled).spread(["large objects"], carry, lambda what: f"copy the {what}", 1)
    rows = Rows(under.stop, report, progress, sum(max(c.size, 1) for c in chunks))
    if chunks:
        with report.timed("rows"):
            under.spread(chunks, rows.carry, lambda c: f"copy {c.table.path}", workers)


def give_to_the_application(connection: Connection, catalog: Catalog) -> None:
    """What LAYER made belongs to the application's role, as everything does that its migrations make; what only a
    superuser may own belongs to the server's own. Policies for other roles are for the application's, too."""
    layer, app = sql.Identifier(LAYER), sql.Identifier(APP)
    connection.execute("SET ROLE NONE")
    with (
        told("give the copy to the application's role"),
        connection.transaction(),
        event_triggers_rest(connection),
    ):
        for kind, name in connection.execute(SUPERUSERS_OWN.encode(), {"layer": LAYER}).fetchall():
            change = sql.SQL("ALTER {} {} OWNER TO {}")
            connection.execute(change.format(sql.SQL(kind), sql.Identifier(name), sql.Identifier(SUPERUSER)))
        connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(layer, app))
        connection.execute(sql.SQL("DROP OWNED BY {}").format(layer))
        connection.execute(sql.SQL("DROP ROLE {}").format(layer))
        for role in catalog.roles:
            if role not in (APP, SUPERUSER, LAYER):
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), app))


def refuse_power(connection: Connection) -> None:
    """Raises Errored (`data.power_gained`): what the source's own functions did while they were confined, or before."""
    with told("look at the roles of the copy"):
        found = [str(name) for (name,) in connection.execute(GAINED.encode(), [[*POWERFUL]]).fetchall()]
    if found:
        raise Errored(
            "data.power_gained",
            f"{len(found)} roles of the copy have power over its server: {', '.join(found)}",
            because="no copy gives any: a function of the source's took it while the copy was made",
            hint="the copy is not used; look on the source at functions that alter roles (ALTER ROLE, GRANT)",
            facts={"roles": found},
        )
