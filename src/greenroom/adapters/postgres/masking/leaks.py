"""The leak check: what left is compared with what was there. It stands between a masked copy and its publication.

leaks.py         the whole examination              leak_values.py   pure: which values are personal
leak_reading.py  samples, sessions, errors          leak_places.py   everything in the target that holds text
leak_rows.py     a row against what it was          leak_scan.py     values anywhere in the target
domain/likeness.py  when two texts are the same     domain/leaks.py  chance, judgement, report
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking import leak_places as places
from greenroom.adapters.postgres.masking.catalog import read_catalog
from greenroom.adapters.postgres.masking.choices import choose_masks
from greenroom.adapters.postgres.masking.copying import Wanted
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.leak_reading import Guard, looking, rows_of
from greenroom.adapters.postgres.masking.leak_rows import Linked, compare_rows
from greenroom.adapters.postgres.masking.leak_scan import Needle, Scan, choose_needles
from greenroom.adapters.postgres.masking.leak_values import Masked, Unit, units_of
from greenroom.adapters.postgres.masking.model import Catalog
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.adapters.postgres.masking.walls import Masker, masker
from greenroom.domain.errors import BadInput
from greenroom.domain.leaks import Anonymity, Coverage, Leak, LeakReport, plainest

ROWS = 2000
"""Rows of each table that are compared with what they were, and from which values are taken that are looked for
everywhere: a leak that touches one row in a hundred is met with all but certainty, one in a thousand in seven cases of
eight."""

Quasi = Mapping[str, Sequence[str]]
"""The quasi-identifiers of tables: `schema.table` and columns."""


def examine(
    source: End,
    target: End,
    wanted: Wanted,
    *,
    quasi: Quasi | None = None,
    k: int = 5,
    rows: int = ROWS,
    seed: int | None = None,
    go_on: Callable[[], bool] = lambda: True,
    say: Callable[[str], None] = lambda _: None,
) -> LeakReport:
    """Compare the masked dataset `target` with the `source` it was copied from under `wanted`.

    Both are only read, each at one moment. `seed` decides the samples; by default it follows from the masking key, so
    that nobody can foresee it and a second examination tells the same. Raises BadInput (`data.quasi_unknown`, and what
    `choose_masks` raises), Errored (`data.leak_check_stopped`, `data.leak_check_failed`). No value of either side is in
    the report, in what is said, or in an error.
    """
    guard = Guard(go_on, say)
    chosen = seed if seed is not None else _seed(wanted)
    with (
        masker(source) as here,
        masker(target) as there,
        _confined(guard, here, there),
        looking(here.end, guard, "source") as reading,
        looking(there.end, guard, "target") as masked,
        looking(target, guard, "target") as ruling,
    ):
        with guard.doing("read the catalog of the source"):
            catalog = read_catalog(reading)
        choices = choose_masks(catalog, wanted.chosen, wanted.rules, wanted.links)
        units = units_of(catalog, choices)
        run = _Run(reading, masked, ruling, catalog, units, guard, rows, chosen)
        with run.timed("groups"):
            run.groups(quasi or {}, k)
        with run.timed("rows"):
            run.rows_linked()
        with run.timed("scan"):
            run.scan()
        return run.report()


def _seed(wanted: Wanted) -> int:
    digest = hashlib.sha256(b"leak check of Greenroom" + wanted.key.reveal().encode()).digest()
    return int.from_bytes(digest[:6], "big")


@contextmanager
def _confined(guard: Guard, *maskers: Masker) -> Iterator[None]:
    """Values are read as text by casts, which may be the application's."""
    for one in maskers:
        guard.check()
        one.confine()
    yield


@dataclass
class _Run:
    """Rows are read by sessions without power; `ruling` reads the target's schema and its large objects, for which
    nothing of the application's runs."""

    source: Connection
    target: Connection
    ruling: Connection
    catalog: Catalog
    units: tuple[Unit, ...]
    guard: Guard
    most: int
    seed: int
    leaks: list[Leak] = field(default_factory=list)
    anonymity: list[Anonymity] = field(default_factory=list)
    linked: dict[str, Linked] = field(default_factory=dict)
    needles: Sequence[Needle] = ()
    said: list[str] = field(default_factory=list)
    places: int = 0
    scanned: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[part] = time.perf_counter() - began

    def groups(self, quasi: Quasi, k: int) -> None:
        """The smallest groups that agree in what the configuration names."""
        for path, columns in quasi.items():
            table = self.catalog.named(path)
            missing = [c for c in columns if table is None or table.column(c) is None]
            if table is None or missing or not columns or k < 1:
                raise BadInput(
                    "data.quasi_unknown",
                    f"the quasi-identifiers of {path} cannot be looked at",
                    because=f"it has no column {', '.join(missing)}"
                    if table and missing
                    else f"there is no table {path}"
                    if table is None
                    else "no column is named, or the group is smaller than 1",
                    hint="name schema.table and columns as they are in the database, and groups of 1 or more",
                )
            names = ", ".join(ident(c) for c in columns)
            self.guard.say(f"counting rows of {path} that agree in its quasi-identifiers")
            with self.guard.doing(f"count the groups of {path}"):
                total, smallest, groups, below = rows_of(
                    self.target,
                    f"SELECT coalesce(sum(n), 0)::int8, coalesce(min(n), 0), count(*) FILTER (WHERE n < {int(k)}), "
                    f"coalesce(sum(n) FILTER (WHERE n < {int(k)}), 0)::int8 FROM "
                    f"(SELECT count(*) AS n FROM {ident(table.schema, table.name)} GROUP BY {names}) g",
                )[0]
            self.anonymity.append(Anonymity(path, tuple(columns), k, total, smallest, groups, below))

    def rows_linked(self) -> None:
        for unit in self.units:
            path = unit.table.path
            if not unit.key:
                if not unit.masked:
                    continue
                self.said.append(f"{path} has no key that stays as it is: its rows were not compared one by one")
                continue
            self.guard.say(f"comparing rows of {path} with what they were")
            with self.guard.doing(f"compare rows of {path}"):
                found = compare_rows(self.source, self.target, unit, self.most, self.seed, self.guard)
            self.linked[path] = found
            self.leaks += found.leaks

    def scan(self) -> None:
        self.guard.say("choosing the values to look for")
        with self.guard.doing("choose the values to look for"):
            self.needles = choose_needles(self.source, self.units, self.most, self.seed)
        scan = Scan(self.needles, self.seed)
        with self.guard.doing("list what the target holds"):
            relations = places.relations(self.target)
        for relation in relations:
            self.guard.say(f"looking through {relation.name}")
            with self.guard.doing(f"look through {relation.name}"):
                scan.look(places.rows(self.target, relation, self.guard))
        self.guard.say("looking through the schema and the large objects")
        with self.guard.doing("look through the schema"):
            scan.look(places.schema_texts(self.ruling))
        with self.guard.doing("look through the large objects"):
            scan.look(places.large_objects(self.ruling, self.guard))
        self.leaks += scan.leaks()
        self.places = sum(len(r.fields) for r in relations)
        self.scanned = scan.scanned
        if scan.is_cut:
            self.said.append("so much was found in one table that its rest was not looked through")

    def report(self) -> LeakReport:
        tested = tuple(self._tested(u, m) for u in self.units for m in u.masked)
        return LeakReport(
            plainest(self.leaks),
            tuple(self.anonymity),
            tested,
            tuple(self.said),
            self.seed,
            self.places,
            self.scanned,
            self.seconds,
        )

    def _tested(self, unit: Unit, masked: Masked) -> Coverage:
        own = [n for n in self.needles if n.column == masked.path]
        linked = self.linked.get(unit.table.path)
        why = []
        if masked.is_shuffled:
            why.append("shuffled values stay in the dataset by decision: only rows were compared")
        elif not own:
            why.append("it has no value particular enough to be looked for far from its row")
        if linked is None:
            why.append("its table has no key that stays as it is")
        elif linked.values.get(masked.path, 0) < 3:
            why.append("it has too few different values to tell a leak from chance")
        return Coverage(masked.path, len(own), sum(n.hashed for n in own), linked.rows if linked else 0, tuple(why))
