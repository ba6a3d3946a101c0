"""Word lists as constants of SQL: which name a digest stands for.

The lists are data of this package, one file for each locale, frozen by `scripts/masking_words.py` from the lists of
Faker (MIT): a newer Faker changes nobody's mask. A constant jsonb array is looked up in the same time at any length.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from greenroom.masking._sql import integer, literal

Lists = dict[str, list[str]]


@cache
def locales() -> tuple[str, ...]:
    """The locales there are, sorted."""
    names = (entry.name for entry in files("greenroom.masking").joinpath("words").iterdir())
    return tuple(sorted(n.removesuffix(".json") for n in names if n.endswith(".json")))


@cache
def lists(locale: str) -> Lists:
    """The lists of a locale. Raises KeyError for one that is not there."""
    if locale not in locales():
        raise KeyError(locale)
    text = files("greenroom.masking").joinpath("words").joinpath(f"{locale}.json").read_text(encoding="utf-8")
    found: Lists = json.loads(text)
    return found


def word(locale: str, kind: str, digest_sql: str, first: int) -> str:
    """The word of a list that a digest stands for, cut from byte `first` on. Lists that run beside each other (a name
    and its spelling in e-mail addresses) agree for the same digest and byte."""
    words = lists(locale)[kind]
    return f"({constant(words)} ->> mod({integer(digest_sql, first)}, {len(words)})::int)"


def longest(locale: str, kind: str) -> int:
    """Characters of the longest word of a list."""
    return max(len(w) for w in lists(locale)[kind])


def constant(words: list[str]) -> str:
    """A jsonb array of texts."""
    return f"({literal(json.dumps(words, ensure_ascii=False))}::jsonb)"
