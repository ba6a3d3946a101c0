"""Names and towns of all locales as sets of folded words, from the lists that masks are made of."""

from __future__ import annotations

from functools import cache

from greenroom.discovery.naming import fold, vocabulary
from greenroom.masking._words import lists, locales

PARTICLES = vocabulary("van von der den de di da do dos del della la le du af av ter ten zu el al bin o mac st")
TITLES = vocabulary("mr mrs ms miss dr prof herr frau sr sra mme mlle sig sig.ra dhr mevr dott dipl ing med")


@cache
def first_names() -> frozenset[str]:
    return _all("first_name")


@cache
def last_names() -> frozenset[str]:
    return _all("last_name")


@cache
def towns() -> frozenset[str]:
    return _all("city")


def _all(kind: str) -> frozenset[str]:
    return frozenset(fold(w) for locale in locales() for w in lists(locale).get(kind, ()))


def is_first(word: str) -> bool:
    """Whether a word is a given name of some list, or is made of two of them."""
    folded = fold(word).strip(".,;:")
    return folded in first_names() or ("-" in folded and any(p in first_names() for p in folded.split("-")))


def is_last(word: str) -> bool:
    """Whether a word is a family name of some list, or is made of two of them."""
    folded = fold(word).strip(".,;:").replace("’", "'")
    return folded in last_names() or ("-" in folded and any(p in last_names() for p in folded.split("-")))


def person_words(text: str) -> list[str]:
    """The words of a name without titles and particles; nothing for what is too long or no name by its characters."""
    if not 2 <= len(text) <= 60 or any(c.isdigit() or c in "@/_<>{}=" for c in text):
        return []
    words = [w.strip(".,") for w in text.replace(",", " ").split()]
    return [w for w in words if w and fold(w) not in PARTICLES | TITLES]
