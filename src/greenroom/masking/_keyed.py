"""What the keyed rules of texts share: which digest a mask is made of, and what happens to empty and long values."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from greenroom.domain.masking import UNIQUE_DIGITS, Column, Digest, Masked, RuleConfig
from greenroom.masking._sql import content, digest, ident, keyed, value
from greenroom.masking._types import Kind, limit_of
from greenroom.masking._words import locales

# Where in a digest each part of a person begins, so that rules on different columns mean the same person.
FIRST_NAME, LAST_NAME, OTHER = 0, 6, 12


class Keyed(RuleConfig):
    """Settings of every keyed rule."""

    domain: str = Field(
        "",
        max_length=32,
        description="Columns masked by one rule agree on equal values, unless their `domain` differs.",
    )

    def use(self, rule: str) -> str:
        """What the key is used for: the rule and the domain."""
        return f"{rule}/{self.domain}" if self.domain else rule


class ByPerson(Keyed):
    """Settings of rules that may follow a person rather than the value."""

    by: str | None = Field(
        None,
        min_length=1,
        max_length=63,
        description="Column of the same table that says which person the row is about (such as `customer_id`). Names, "
        "e-mail and address of one person then fit together. By default a mask follows from the value alone.",
    )


class Local(ByPerson):
    """Settings of rules with word lists."""

    locale: str = Field(
        "en_US",
        max_length=8,
        description=f"Language and country of the words: {', '.join(f'`{x}`' for x in locales())}.",
    )


def locale_problem(config: Local) -> str | None:
    """The complaint about a locale that has no lists, or None."""
    if config.locale in locales():
        return None
    return f"there are no word lists for {config.locale!r}; there are {', '.join(locales())}"


def chosen(config: ByPerson, column: Column, use: str) -> tuple[str, tuple[Digest, ...]]:
    """The digest a mask is made of, as SQL over `s`, and what must be computed for it.

    With `by` it is the person's, which every rule shares; a row without a person falls back to its value.
    """
    own = keyed(config.use(use), content(column))
    if config.by is None:
        return f"s.{own.name}", (own,)
    who = f"t.{ident(config.by)}"
    person = keyed(config.use("person"), f"convert_to({who}::text, 'UTF8')")
    fallback = digest(f"CASE WHEN {who} IS NULL THEN {own.sql} END")
    return f"coalesce(s.{person.name}, s.{fallback.name})", (person, fallback)


def text_mask(column: Column, sql: str, digests: Iterable[Digest], longest: int | None = None) -> Masked:
    """A mask of a text column: NULL and empty text stay, what may be longer than the column is cut.

    `longest` is the most characters `sql` can have; None when they cannot be more than the value has.
    """
    v, limit = value(column), limit_of(column)
    if limit is not None and longest is not None and longest > limit:
        sql = f"left({sql}, {limit})"
    return Masked(f"(CASE WHEN {v} <> '' THEN {sql} ELSE {v}::text END)::{column.type}", tuple(digests))


def room(column: Column) -> int:
    """Characters that a mask may have; a very large number without a limit."""
    limit = limit_of(column)
    return 1 << 30 if limit is None else limit


def room_problem(column: Column, needed: int) -> str | None:
    """The complaint about a unique column too short for masks that never fall together, or None."""
    if not column.unique or room(column) >= needed:
        return None
    return (
        f"{column.path} is unique and has {room(column)} characters; {needed} are needed for masks that never fall "
        f"together ({UNIQUE_DIGITS} of a digest): use shuffle, or national_id with `unique: true`"
    )


TEXT_KINDS = (Kind.TEXT, Kind.CITEXT)
