"""What a leak check found, and whether the dataset may be published. No value of anybody is in here: columns, kinds,
counts.

Chance is told from a leak in one of two ways. A *strong* value is so particular that one of it in the wrong place is a
leak. Everything else is counted: how many different values were found, against how many of something that cannot have
leaked (other people's rows, invented values of the same shape) were found in the same place. `is_beyond_chance` is
the judgement, `detection` what a sample of that size is worth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

LIKELY = 1e-9
"""A count whose like chance brings about this seldom, or seldomer, is a leak. Some thousand pairs of columns are judged
in one dataset, so a false alarm is met once in a hundred thousand datasets."""

SHARES = (0.1, 0.01, 0.001)
"""The parts of a column for which a report says how sure it would have found them."""


class Kind(Enum):
    """In which form a source value was found, the plainest first."""

    UNCHANGED = "unchanged"
    EXACT = "exact"
    NORMALISED = "normalised"
    CONCATENATED = "concatenated"
    WORDS = "words"
    REVERSED = "reversed"
    ENCODED = "encoded"
    HASHED = "hashed"


SAID = {
    Kind.UNCHANGED: "is as it was",
    Kind.EXACT: "holds values of it",
    Kind.NORMALISED: "holds values of it, written differently",
    Kind.CONCATENATED: "holds values of it, joined with others of the row",
    Kind.WORDS: "holds the words of its values",
    Kind.REVERSED: "holds values of it, written backwards",
    Kind.ENCODED: "holds values of it in percent, base64 or hexadecimal code",
    Kind.HASHED: "holds unsalted hashes of its values, which anybody can compute",
}


@dataclass(frozen=True)
class Leak:
    """Values of the masked column `column`, before masking, stand in `place` of the target.

    `linked`: they were found in the very row they came from. `found` different values of `tested`; `chance` is how many
    were to be expected by chance. `is_strong`: at least one is too particular to be there by chance.
    """

    column: str
    place: str
    kind: Kind
    linked: bool
    found: int
    tested: int
    chance: float = 0.0
    is_strong: bool = False

    def __str__(self) -> str:
        where = "the row's own, " if self.linked else ""
        subject = self.place if self.kind is not Kind.UNCHANGED or self.place != self.column else self.column
        what = f"{subject} {SAID[self.kind]}" if subject == self.column else f"{subject}, from {self.column}: "
        if subject != self.column:
            what += SAID[self.kind]
        return f"{what} ({where}{self.found} of {self.tested} tested)"

    def as_facts(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "place": self.place,
            "kind": self.kind.value,
            "linked": self.linked,
            "found": self.found,
            "tested": self.tested,
            "chance": round(self.chance, 3),
            "strong": self.is_strong,
        }


@dataclass(frozen=True)
class Anonymity:
    """The groups of rows of a table that agree in its quasi-identifiers: the smallest, and those of fewer than `k`."""

    table: str
    columns: tuple[str, ...]
    k: int
    rows: int
    smallest: int
    groups_below: int
    rows_below: int

    @property
    def is_kept(self) -> bool:
        return self.rows_below == 0

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.rows_below} of {self.rows} rows share ({', '.join(self.columns)}) with fewer than "
            f"{self.k - 1} others; the smallest group has {self.smallest}"
        )

    def as_facts(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "columns": list(self.columns),
            "k": self.k,
            "rows": self.rows,
            "smallest": self.smallest,
            "groups_below": self.groups_below,
            "rows_below": self.rows_below,
        }


@dataclass(frozen=True)
class Coverage:
    """What stood behind the answer for one masked column.

    `values`: different ones that were looked for in the whole target; `hashed`: of these, also as hashes; `rows`: rows
    that were held against their own masks. `why_less` says why a test was left out, empty when none was.
    """

    column: str
    values: int = 0
    hashed: int = 0
    rows: int = 0
    why_less: tuple[str, ...] = ()

    def as_facts(self) -> dict[str, Any]:
        seen = max(self.values, self.rows)
        return {
            "column": self.column,
            "values": self.values,
            "hashed": self.hashed,
            "rows": self.rows,
            "detection": {f"{share:g}": round(detection(share, seen), 4) for share in SHARES},
            "why_less": list(self.why_less),
        }


@dataclass(frozen=True)
class LeakReport:
    """The evidence. `seed` makes the same sample again; `scanned` counts bytes of the target that were read as text."""

    leaks: tuple[Leak, ...] = ()
    anonymity: tuple[Anonymity, ...] = ()
    tested: tuple[Coverage, ...] = ()
    said: tuple[str, ...] = ()
    seed: int = 0
    places: int = 0
    scanned: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_publishable(self) -> bool:
        """No leak, and no row in a group that is too small."""
        return not self.leaks and all(a.is_kept for a in self.anonymity)

    @property
    def complaints(self) -> tuple[str, ...]:
        """Why it may not be published, a sentence each; columns and counts only."""
        return (*(str(x) for x in self.leaks), *(str(a) for a in self.anonymity if not a.is_kept))

    def as_facts(self) -> dict[str, Any]:
        """JSON for evidence, ledger and `--json`."""
        return {
            "publishable": self.is_publishable,
            "leaks": [x.as_facts() for x in self.leaks],
            "anonymity": [a.as_facts() for a in self.anonymity],
            "tested": [t.as_facts() for t in self.tested],
            "said": list(self.said),
            "seed": self.seed,
            "places": self.places,
            "scanned_bytes": self.scanned,
            "seconds": {k: round(v, 3) for k, v in self.seconds.items()},
        }


def detection(share: float, tested: int) -> float:
    """How likely it is that a sample of `tested` values meets at least one of a leak that touches `share` of them."""
    return 1.0 - (1.0 - share) ** tested


def is_beyond_chance(found: int, tested: int, control: int, controls: int) -> bool:
    """Whether `found` of `tested` values are more than chance brings, seen that `control` were found in `controls`
    rounds of as many values that cannot have leaked.

    The expectation is (control + 1) / controls, so that no control found never means that chance is nothing (the rule
    of succession); found counts as Poisson distributed, and must be twice the expectation as well: a control is only
    nearly like what it stands for.
    """
    expected = (control + 1) / controls
    if found >= 3 and control == 0 and 2 * found >= tested:
        return True  # most of a small table, and nothing of its control
    return found >= 2 * expected and poisson_tail(found, expected) < LIKELY


def poisson_tail(least: int, expected: float) -> float:
    """P(X ≥ least) of a Poisson distribution with this mean; the terms are added from the largest down."""
    if least <= 0:
        return 1.0
    if least <= expected:
        return 1.0  # the judgement asks for far less
    term = math.exp(least * math.log(expected) - expected - math.lgamma(least + 1))
    total, n = 0.0, least
    while term > total * 1e-16:
        total += term
        n += 1
        term *= expected / n
        if total == 0.0 and term == 0.0:
            break
    return min(total, 1.0)


def plainest(leaks: Iterable[Leak]) -> tuple[Leak, ...]:
    """One leak for each column and place: the plainest form, the row's own before the rest; ordered by name."""
    order = {kind: n for n, kind in enumerate(Kind)}
    best: dict[tuple[str, str], Leak] = {}
    for leak in sorted(leaks, key=lambda x: (order[x.kind], not x.linked, -x.found)):
        best.setdefault((leak.column, leak.place), leak)
    return tuple(best[key] for key in sorted(best))
