"""What discovery is told of a database, and what it answers. Nothing here holds a value of the database's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from greenroom.domain.dotted import dotted
from greenroom.domain.masking import Column

if TYPE_CHECKING:
    from greenroom.discovery.place import Place


@dataclass(frozen=True)
class Sample:
    """How the sampled values of a column look, as counts. It holds no value.

    `rows` were looked at; `values` of them are neither NULL nor empty, `distinct` of these differ. `traits` counts the
    values that have each trait (`email`, `iban`, …; `measure.py` and the detectors say which there are). `words` is
    the mean number of words, `longest` the most characters. `paths` are the places inside JSON documents by path,
    `elements` the elements of arrays; `odd_keys` counts the keys that may be data
    themselves, as of a document with a key for each person.
    """

    rows: int = 0
    values: int = 0
    distinct: int = 0
    traits: Mapping[str, int] = field(default_factory=dict)
    words: float = 0.0
    longest: int = 0
    paths: Mapping[str, Sample] = field(default_factory=dict)
    elements: Sample | None = None
    odd_keys: int = 0

    def share(self, trait: str) -> float:
        """The share of the values that have a trait, 0 … 1; 0 without values."""
        return self.traits.get(trait, 0) / self.values if self.values else 0.0


@dataclass(frozen=True)
class ColumnFacts:
    """One column: what the catalog says of it, and its sample.

    `refers_to` are the paths of the columns that foreign keys of it lead to. `checks` are the expressions of the check
    constraints on it and on its domain. `distinct` is the planner's estimate of different values, None without one.
    """

    column: Column
    comment: str = ""
    is_key: bool = False
    is_identity: bool = False
    generated: bool = False
    refers_to: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    distinct: float | None = None
    sample: Sample = field(default_factory=Sample)


@dataclass(frozen=True)
class TableFacts:
    """One table that holds an application's rows; a partitioned one stands for its partitions. `rows` is an estimate,
    None where the planner has none."""

    schema: str
    name: str
    columns: tuple[ColumnFacts, ...]
    comment: str = ""
    rows: int | None = None

    @property
    def path(self) -> str:
        return dotted(self.schema, self.name)


@dataclass(frozen=True)
class Choice:
    """A rule by name, with its settings."""

    rule: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What one detector thinks of a place: how sure it is (0 … 1), why, and which rules would do, the best first.

    `is_personal` is False for what belongs to an organisation: it is shown to a person, and not proposed.
    """

    detector: str
    confidence: float
    reason: str
    choices: tuple[Choice, ...]
    is_personal: bool = True


@dataclass(frozen=True)
class Proposal:
    """This rule for this column. `reason` speaks of names, counts and shapes, never of values. `follows` is the column
    that it refers to and shares the verdict of, in this and the other verdicts."""

    column: str
    rule: str
    settings: Mapping[str, Any]
    confidence: float
    reason: str
    is_personal: bool = True
    detector: str = ""
    follows: str = ""


@dataclass(frozen=True)
class Harmless:
    """Nothing of a person in this column, and why."""

    column: str
    confidence: float
    reason: str
    follows: str = ""


@dataclass(frozen=True)
class Undecided:
    """A person has to look at this column. `suggested` is a rule that would fit, if it turns out personal."""

    column: str
    reason: str
    suggested: Choice | None = None
    confidence: float = 0.0
    follows: str = ""


Verdict = Proposal | Harmless | Undecided

Traits = Mapping[str, Callable[[str], bool]]


@dataclass(frozen=True)
class Detector:
    """One kind of personal data: one file of `greenroom.discovery.detectors`.

    `title` is what its values are called, in the plural. `judge` looks at a place (a column, the elements of an array,
    a path in JSON) and says what it finds. `traits` recognise single values; `judge` sees only how many have each.
    Neither raises, whatever the name or the text.
    """

    name: str
    title: str
    judge: Callable[[Place], Finding | None]
    traits: Traits = field(default_factory=dict)
