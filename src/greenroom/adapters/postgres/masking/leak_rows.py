"""Does a row hold, anywhere, what it held before it was masked? Judged against rows of others, which hold what chance
brings: names that many bear, masks that draw the same word, values of few digits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.leak_reading import Guard, linked
from greenroom.adapters.postgres.masking.leak_values import Masked, Nature, Unit, is_date, listed_words
from greenroom.domain import likeness
from greenroom.domain.leaks import Kind, Leak, is_beyond_chance
from greenroom.domain.likeness import Form

STRANGERS = 4
"""Rows of others that each row is compared with."""

SHORTEST, SHORTEST_WORD = 3, 3
MOST_HASHED = 500
"""Rows whose values are looked for as hashes as well: making them takes longer than all else."""

MOST_VALUES = 20
"""Values of one field that are looked for: arrays and documents hold many."""


@dataclass
class Tally:
    """What was found of one column in one place, in one form: different values, by their hash."""

    own: set[int] = field(default_factory=set)
    strong: int = 0
    strangers: list[set[int]] = field(default_factory=lambda: [set() for _ in range(STRANGERS)])
    strong_strangers: int = 0

    def add(self, value: int, round_: int, *, is_strong: bool) -> None:
        """Round 0 is the row's own."""
        if round_ == 0:
            self.own.add(value)
            self.strong += is_strong
        else:
            self.strangers[round_ - 1].add(value)
            self.strong_strangers += is_strong


@dataclass(frozen=True)
class Sought:
    """One value of a row, in every form."""

    key: int
    text: str
    is_strong: bool
    forms: tuple[Form, ...]
    hashes: tuple[Form, ...]
    words: tuple[bytes, ...]


@dataclass
class Cells:
    """The cells of a masked row: as they are, folded each and together, and their words."""

    raw: tuple[str, ...]
    folded: tuple[bytes, ...]
    whole: bytes
    words: list[frozenset[bytes] | None]

    @classmethod
    def of(cls, row: tuple[str | None, ...]) -> Cells:
        raw = tuple(x or "" for x in row)
        folded = tuple(likeness.folded(x) for x in raw)
        return cls(raw, folded, b"\n".join(folded), [None] * len(raw))

    def words_of(self, n: int) -> frozenset[bytes]:
        found = self.words[n]
        if found is None:
            found = self.words[n] = frozenset(likeness.words(self.raw[n]))
        return found


@dataclass(frozen=True)
class Layout:
    """For each sought column its own place among the cells, None for one of another table, and the places in which it
    is looked for; `indexes` are those of search indexes (tsvector)."""

    own: tuple[int | None, ...]
    open: tuple[frozenset[int], ...]
    indexes: frozenset[int]

    @classmethod
    def of(cls, unit: Unit) -> Layout:
        """A masked number or date equals another masked one of its row often enough: the mask of one order's day is the
        day of its delivery. That says nothing, so these are looked for in columns that are not masked."""
        names = [c.name for c in unit.table.columns]
        own = tuple(names.index(m.column.name) for m in unit.masked)
        everywhere = frozenset(range(len(names)))
        others = everywhere - set(own)
        places = [
            others | {at} if m.nature is Nature.QUANTITY else everywhere for at, m in zip(own, unit.masked, strict=True)
        ]
        return cls(
            (*own, *(None for _ in unit.above)),
            (*places, *(everywhere for _ in unit.above)),
            frozenset(n for n, c in enumerate(unit.table.columns) if c.bare == "tsvector"),
        )


@dataclass
class Linked:
    """The answer for one table: leaks, rows compared, and different values of each masked column."""

    leaks: list[Leak] = field(default_factory=list)
    rows: int = 0
    values: dict[str, int] = field(default_factory=dict)


def compare_rows(source: Connection, target: Connection, unit: Unit, most: int, seed: int, guard: Guard) -> Linked:
    """Every masked column of a table against all columns of the same row."""
    numbers = random.Random(f"{seed}/{unit.table.path}")  # noqa: S311  a sample, no secret
    tallies: dict[tuple[int, int, Kind], Tally] = {}
    tested: list[set[int]] = [set() for _ in unit.sought]
    found = Linked()
    layout = Layout.of(unit)
    for batch in linked(source, target, unit, most, seed):
        guard.check()
        with_hashes = found.rows < MOST_HASHED
        found.rows += len(batch)
        cells = [Cells.of(now) for _, now in batch]
        for at, (was, _) in enumerate(batch):
            others = [n for n in range(len(batch)) if n != at]
            rounds = [at, *numbers.sample(others, min(STRANGERS, len(others)))]
            for n, masked in enumerate(unit.sought):
                for sought in _sought(masked, was[n], with_hashes=with_hashes):
                    tested[n].add(sought.key)
                    for round_, row in enumerate(rounds):
                        if row != at and batch[row][0][n] == was[n]:
                            continue  # whoever has the same value is no stranger to it
                        for place, kind in _finds(layout, n, sought, cells[row], is_own=row == at):
                            strong = sought.is_strong or kind is Kind.HASHED
                            tally = tallies.setdefault((n, place, kind), Tally())
                            tally.add(sought.key, round_, is_strong=strong)
    found.values = {m.path: len(t) for m, t in zip(unit.masked, tested, strict=False)}  # its own come first
    found.leaks = list(_judged(unit, tallies, tested))
    return found


def _sought(masked: Masked, text: str | None, *, with_hashes: bool) -> Iterator[Sought]:
    for n, value in enumerate(masked.values(text)):
        if n >= MOST_VALUES:
            return
        plain = likeness.folded(value)
        if not plain:
            continue
        may_be_strong = len(plain) >= 10 and masked.nature is not Nature.QUANTITY and not masked.is_shuffled
        is_strong = may_be_strong and likeness.is_strong(value) and not is_date(value)
        is_strong = is_strong and not likeness.is_listed(value, listed_words())
        forms = tuple(likeness.forms(value)) if len(plain) >= SHORTEST else ()
        is_hashed = with_hashes and (masked.nature is not Nature.QUANTITY or len(plain) > 4)
        hashes = tuple(likeness.hashes(value)) if is_hashed else ()
        parts = tuple(dict.fromkeys(w for w in likeness.words(value) if len(w) >= SHORTEST_WORD))
        yield Sought(hash(plain), value, is_strong, forms, hashes, parts[:8])


def _finds(layout: Layout, n: int, sought: Sought, cells: Cells, *, is_own: bool) -> Iterator[tuple[int, Kind]]:
    """In which cells of a row a value stands, and how; the plainest form for each cell."""
    own = layout.own[n]
    done: set[int] = set()
    if own is not None and cells.raw[own] == sought.text:
        done.add(own)
        yield own, Kind.UNCHANGED
    # No stranger holds a hash by chance: sixty bits agree once in a million million million comparisons.
    for form in (*sought.forms, *sought.hashes) if is_own else sought.forms:
        if form.pattern not in cells.whole:
            continue
        for place, cell in enumerate(cells.folded):
            if place not in done and place in layout.open[n] and likeness.stands_in(form, cell):
                done.add(place)
                yield place, Kind.EXACT if _is_exact(form, sought, cells.raw[place]) else form.kind
    if not sought.words or not all(w[:4] in cells.whole for w in sought.words):
        return
    for place in layout.open[n] - done:
        enough = len(sought.words) > 1 or (place in layout.indexes and len(sought.words[0]) >= 4)
        if enough and likeness.has_words(sought.words, cells.words_of(place)):
            yield place, Kind.WORDS


def _is_exact(form: Form, sought: Sought, cell: str) -> bool:
    return form.kind is Kind.NORMALISED and sought.text in cell


def _judged(unit: Unit, tallies: dict[tuple[int, int, Kind], Tally], tested: list[set[int]]) -> Iterator[Leak]:
    for (n, place, kind), tally in tallies.items():
        control = sum(len(s) for s in tally.strangers)
        is_strong = tally.strong > 0 and tally.strong_strangers == 0
        if is_strong or is_beyond_chance(len(tally.own), len(tested[n]), control, STRANGERS):
            yield Leak(
                unit.sought[n].path,
                unit.table.columns[place].column.path,
                kind,
                linked=True,
                found=len(tally.own),
                tested=len(tested[n]),
                chance=control / STRANGERS,
                is_strong=is_strong,
            )
