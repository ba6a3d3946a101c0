"""Does anything in the target hold a value of the source? A sample of particular values, in every form, is looked for
in every byte (Aho and Corasick 1975), beside invented values of the same shape that count what chance brings."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

import ahocorasick_rs

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.leak_places import Block
from greenroom.adapters.postgres.masking.leak_reading import sample
from greenroom.adapters.postgres.masking.leak_values import Masked, Nature, Unit, is_date, listed_words
from greenroom.domain import likeness
from greenroom.domain.leaks import Kind, Leak, is_beyond_chance
from greenroom.domain.likeness import Form

MOST_VALUES, MOST_OF_A_COLUMN = 16_000, 2_000
"""Values that are looked for, in all and of one column: some thirty megabytes of automaton."""

MOST_HASHED, MOST_HASHED_OF_A_COLUMN = 4_000, 500
"""Values whose hashes are looked for: each has some twenty-four."""

MOST_PAIRS = 300
"""Rows of a table whose columns are joined in pairs."""

MOST_HITS = 50_000
"""Hits in one relation that are followed up; by then enough is known."""

COMMON = 0.01
"""A value that so great a part of the sampled rows has is nobody's in particular."""


@dataclass(frozen=True)
class Needle:
    """One value, or two joined, of a masked column; `raw` as COPY writes it, empty for a pair."""

    column: str
    raw: bytes
    plain: bytes
    is_strong: bool
    hashed: bool
    forms: tuple[Form, ...]


@dataclass(frozen=True)
class _Target:
    """What a pattern stands for."""

    needle: int
    form: Form
    is_decoy: bool = False


@dataclass
class _Tally:
    found: set[int] = field(default_factory=set)
    decoys: set[int] = field(default_factory=set)


def choose_needles(source: Connection, units: Sequence[Unit], rows: int, seed: int) -> list[Needle]:
    """A sample of each masked column's particular values. Equal seeds choose equal ones."""
    columns = sum(len(u.masked) for u in units) or 1
    most = min(MOST_OF_A_COLUMN, MOST_VALUES // columns)
    hashed = min(MOST_HASHED_OF_A_COLUMN, max(20, MOST_HASHED // columns))
    return [needle for unit in units for needle in _of_unit(source, unit, rows, seed, most, hashed)]


def _of_unit(source: Connection, unit: Unit, rows: int, seed: int, most: int, hashed: int) -> Iterator[Needle]:
    chosen = [n for n, m in enumerate(unit.masked) if not m.is_shuffled and not m.column.column.labels]
    sought = [unit.masked[n] for n in chosen]
    if not sought:
        return
    values: dict[str, Counter[str]] = {m.path: Counter() for m in sought}
    pairs: dict[str, str] = {}
    seen = 0
    for batch in sample(source, unit, rows, seed):
        for row in batch:
            seen += 1
            fields = {unit.masked[n].path: list(unit.masked[n].values(row[n])) for n in chosen}
            for path, found in fields.items():
                if len(values[path]) < 4 * rows:
                    values[path].update(found[:20])
            if seen <= MOST_PAIRS:
                pairs.update(_pairs(sought, fields))
    for masked in sought:
        yield from _of_column(masked, values[masked.path], seen, most, hashed)
    for joined, path in pairs.items():
        if likeness.is_particular(joined) and not likeness.is_listed(joined, listed_words()):
            first, _, second = joined.partition(" ")
            a, b = likeness.folded(first), likeness.folded(second)
            patterns = (Form(Kind.CONCATENATED, x) for x in dict.fromkeys((a + b, a + b"|" + b)))
            yield Needle(path, b"", a + b, False, False, tuple(patterns))


def _pairs(sought: Sequence[Masked], fields: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Single words of two columns of a row, joined in either order, as names are; with the column of the first."""
    texts = [(m.path, fields[m.path][0]) for m in sought if m.nature is Nature.TEXT and fields.get(m.path)]
    short = [(path, v) for path, v in texts if v.isalpha() and 2 <= len(v) <= 30][:3]
    for (path, a), (_, b) in permutations(short, 2):
        yield f"{a} {b}", path


def _of_column(masked: Masked, values: Counter[str], rows: int, most: int, hashed: int) -> Iterator[Needle]:
    found: dict[bytes, Needle] = {}
    shared: Counter[bytes] = Counter()
    for value, times in values.items():
        if times > max(3, COMMON * rows) or not _is_sought(masked, value):
            continue
        forms = tuple(likeness.forms(value))
        plain, raw = forms[0].pattern, likeness.as_copied(value)
        shared[plain] += 1
        if plain in found or len(found) >= most:
            continue
        is_hashed = len(found) < hashed and len(raw) <= 200
        forms += tuple(likeness.hashes(value)) if is_hashed else ()
        found[plain] = Needle(masked.path, raw, plain, _is_strong(value, plain), is_hashed, forms)
    # The middle of a long text that several texts have is a phrase, and nobody's.
    yield from (needle for plain, needle in found.items() if shared[plain] <= 2)


def _is_strong(value: str, plain: bytes) -> bool:
    """Far from its row, letters alone are strong only where they are many: names are met in texts."""
    others = any(chr(b).isdigit() or b == ord("|") for b in plain if b < 128)
    return likeness.is_strong(value) and (others or len(plain) >= likeness.LONGEST)


def _is_sought(masked: Masked, value: str) -> bool:
    if is_date(value) or not likeness.is_particular(value):
        return False
    if masked.nature is Nature.QUANTITY:
        return value.isdigit()  # telephone and account numbers as numbers; no amounts, no dates
    return not likeness.is_listed(value, listed_words())


class Scan:
    """The automaton and what it found so far."""

    def __init__(self, needles: Sequence[Needle], seed: int) -> None:
        self.needles = needles
        self.scanned = 0
        self.is_cut = False
        self._targets: dict[bytes, list[_Target]] = defaultdict(list)
        self._tallies: dict[tuple[str, str, Kind], _Tally] = defaultdict(_Tally)
        self._tested = Counter(n.column for n in needles)
        for number, needle in enumerate(needles):
            for form in needle.forms:
                self._targets[form.pattern].append(_Target(number, form))
        self._add_decoys(seed)
        self._patterns = list(self._targets)
        self._automaton = (
            ahocorasick_rs.BytesAhoCorasick(self._patterns, implementation=ahocorasick_rs.Implementation.ContiguousNFA)
            if self._patterns
            else None
        )

    def _add_decoys(self, seed: int) -> None:
        real = set(self._targets)
        numbers = random.Random(f"{seed}/decoys")  # noqa: S311  a sample, no secret
        digits = iter(lambda: numbers.randrange(10), None)
        by_column: dict[str, list[int]] = defaultdict(list)
        for number, needle in enumerate(self.needles):
            by_column[needle.column].append(number)
        for members in by_column.values():
            for at, number in enumerate(members):
                other = self.needles[members[at - 1]].plain
                # A number without its country code is shorter, and met by chance more often: it has a decoy of its own.
                shapes = [Form(Kind.NORMALISED, self.needles[number].plain)]
                shapes += [f for f in self.needles[number].forms if f.is_open]
                for shape in shapes:
                    made = likeness.decoy(shape.pattern, other, digits)
                    if made and made not in real:
                        form = Form(Kind.NORMALISED, made, is_open=shape.is_open)
                        self._targets[made].append(_Target(number, form, is_decoy=True))

    def look(self, blocks: Iterable[Block]) -> None:
        """Look through the blocks of one relation, or of anything else that has places."""
        hits = 0
        for raw, places in blocks:
            self.scanned += len(raw)
            if self._automaton is None or hits > MOST_HITS:
                self.is_cut = self.is_cut or hits > MOST_HITS
                continue
            block = likeness.fold(raw)
            lines: list[bytes] | None = None
            for pattern, start, _ in self._automaton.find_matches_as_indexes(block, overlapping=True):
                hits += 1
                targets = self._targets[self._patterns[pattern]]
                begin = block.rfind(b"\n", 0, start) + 1
                column = block.count(b"\t", begin, start)
                lines = lines if lines is not None else raw.split(b"\n")
                line = lines[block.count(b"\n", 0, begin)]
                for target in targets:
                    self._count(target, places[column], block, start, line.split(b"\t")[column])

    def _count(self, target: _Target, place: str, block: bytes, start: int, cell: bytes) -> None:
        if not likeness.is_apart(target.form, block, start):
            return
        needle = self.needles[target.needle]
        if target.is_decoy:
            for kind in (Kind.EXACT, Kind.NORMALISED, Kind.CONCATENATED):
                self._tallies[needle.column, place, kind].decoys.add(target.needle)
            return
        kind = target.form.kind
        if kind is Kind.NORMALISED and needle.raw and needle.raw in cell:
            kind = Kind.EXACT
        self._tallies[needle.column, place, kind].found.add(target.needle)

    def leaks(self) -> Iterator[Leak]:
        for (column, place, kind), tally in self._tallies.items():
            tested = self._tested[column]
            if kind is Kind.HASHED:
                tested = sum(n.hashed for n in self.needles if n.column == column)
            strong = sum(self.needles[n].is_strong for n in tally.found)
            strong_decoys = sum(self.needles[n].is_strong for n in tally.decoys)
            is_strong = (strong > 0 and strong_decoys == 0) or (kind is Kind.HASHED and bool(tally.found))
            if tally.found and (is_strong or is_beyond_chance(len(tally.found), tested, len(tally.decoys), 1)):
                yield Leak(column, place, kind, False, len(tally.found), tested, float(len(tally.decoys)), is_strong)
