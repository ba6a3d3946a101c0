"""What a detector is shown: a column, the elements of an array, or a path in JSON, with the table around it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from greenroom.discovery._cut_off import cut_off
from greenroom.discovery.model import Choice, ColumnFacts, Finding, Sample
from greenroom.discovery.naming import Match, find, says, tokens
from greenroom.discovery.subjects import About, Subject
from greenroom.masking._types import DATES, NUMBERS, TEXTS, Kind, kind_of

FEW = 5
"""So few values prove nothing that a name denies."""


@dataclass(frozen=True)
class Place:
    """`column` describes the values here; `words` are those of the name, `around` those of the columns beside it (of
    the keys beside it, in JSON), `table_words` and `schema_words` those of the table's and the
    schema's name. `is_bookkeeping`: many tables, not only those
    about people, have a date of this name."""

    facts: ColumnFacts
    about: About
    words: tuple[str, ...]
    around: frozenset[tuple[str, ...]] = frozenset()
    table_words: tuple[str, ...] = ()
    schema_words: tuple[str, ...] = ()
    is_inside: bool = False
    is_bookkeeping: bool = False

    @classmethod
    def of(cls, facts: ColumnFacts, about: About, columns: Iterable[ColumnFacts], *, is_bookkeeping: bool) -> Place:
        around = frozenset(tokens(c.column.name) for c in columns)
        column = facts.column
        table_words = tokens(column.table)
        return cls(
            facts,
            about,
            tokens(column.name),
            around,
            table_words,
            tokens(column.schema),
            is_bookkeeping=is_bookkeeping,
        )

    @property
    def sample(self) -> Sample:
        return self.facts.sample

    @property
    def kind(self) -> Kind:
        return kind_of(self.facts.column)

    @property
    def is_text(self) -> bool:
        return self.kind in TEXTS

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    @property
    def is_date(self) -> bool:
        return self.kind in DATES

    @property
    def is_short_list(self) -> bool:
        """The values are few different words: an enum, yes or no, a list in a check, or so it looks."""
        if self.kind in (Kind.ENUM, Kind.BOOLEAN) or self.has_listing_check:
            return True
        sample = self.sample
        few = sample.values >= 20 and sample.distinct <= max(2, min(30, sample.values // 10))
        return few and sample.share("sentence") < 0.3

    @property
    def has_listing_check(self) -> bool:
        """A check constraint lists the values that are allowed."""
        name = self.facts.column.name.replace('"', '""')
        return any(
            "ANY" in c and ("ARRAY[" in c or "'{" in c) and (name in c or "VALUE" in c) for c in self.facts.checks
        )

    @property
    def is_of_person(self) -> bool:
        """The row is about a person, or leads to one."""
        return self.about.subject in (Subject.PERSON, Subject.ADDRESS) or self.about.people

    @property
    def is_person(self) -> bool:
        return self.about.subject is Subject.PERSON

    @property
    def is_catalogue(self) -> bool:
        return self.about.subject is Subject.CATALOGUE and not self.about.has_names

    def named(self, phrases: Collection[str]) -> Match | None:
        """The name says one of the phrases, and is not about something else (`phone_type`). In a row about people it
        may be cut off (`nacion`)."""
        return says(self.words, phrases) or (cut_off(self.words, phrases) if self.is_person else None)

    def has_beside(self, phrases: Collection[str]) -> bool:
        """Another column of the table (key of the document) is called so."""
        return any(find(words, phrases) for words in self.around if words != self.words)

    def is_in(self, phrases: Collection[str]) -> bool:
        """The table is called so."""
        return bool(find(self.table_words, phrases))

    def counted(self, trait: str, title: str) -> str:
        """`94 of 100 sampled values are e-mail addresses`."""
        return f"{self.sample.traits.get(trait, 0)} of {self.sample.values} sampled values are {title}"

    def at(self, facts: ColumnFacts, about: About, around: frozenset[tuple[str, ...]]) -> Place:
        """A place within this one, of the name that `facts` have."""
        words = tokens(facts.column.name)
        return replace(self, facts=facts, about=about, words=words, around=around, is_inside=True)

    def reworded(self, text: str) -> Place:
        """The same place as if it were called so: for comments."""
        return replace(self, words=tokens(text[:200])[:12])


@dataclass(frozen=True)
class Clue:
    """How a detector weighs name against values.

    `trait` is what its values have and `title` what they are called. `exact`: nearly every such value has the trait, so
    that a name whose values lack it is wrong. `alone` is the confidence when all values have it and the name says
    nothing; 0 when values alone prove nothing.
    """

    trait: str = ""
    title: str = ""
    exact: bool = False
    alone: float = 0.0


def weigh(place: Place, by_name: float, clue: Clue) -> tuple[float, str]:
    """Confidence and reason from the strength of the name (0 … 1) and the values."""
    sample, share = place.sample, place.sample.share(clue.trait)
    counted = place.counted(clue.trait, clue.title) if clue.trait else ""
    if by_name:
        if clue.trait and share >= 0.5:
            return min(0.99, max(by_name, 0.9) + 0.09 * share), f"name, and {counted}"
        if clue.exact and sample.values >= FEW and share < 0.1:
            return by_name * 0.4, f"the name says so, but {counted}"
        if not sample.values:
            return by_name * 0.9, "name; no value was there to look at"
        return by_name * 0.95, f"name; {counted}" if clue.trait else "name"
    if not clue.alone or share < 0.3:
        return 0.0, ""
    sure = min(1.0, share / 0.8) * (1 if sample.values >= FEW else 0.7)
    return clue.alone * sure, counted


def found(detector: str, weighed: tuple[float, str], *choices: Choice, is_personal: bool = True) -> Finding | None:
    """A finding, or None where nothing speaks for it."""
    confidence, reason = weighed
    if confidence <= 0:
        return None
    return Finding(detector, round(confidence, 2), reason, choices, is_personal)
