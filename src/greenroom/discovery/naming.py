"""Names of columns and tables as words, whatever their style: `custFName`, `CUST_F_NAME` and `cust_fname` are alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from greenroom.discovery._abbreviations import spelled_out
from greenroom.discovery._compounds import pieces
from greenroom.discovery._skeletons import with_vowels

_PARTS = re.compile(r"[^\W\d_]+|\d+")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})
"""Letters that no decomposition makes plain."""

_PLURALS = ("s", "es", "n", "en", "e", "x")
_ENDINGS = (
    ("ies", ("y",)),
    ("i", ("o", "e", "a", "")),
    ("y", ("",)),
    ("oes", ("ao",)),
    ("ns", ("m",)),
    ("ais", ("al",)),
    ("eis", ("el",)),
    ("aux", ("al",)),
    ("ler", ("",)),
    ("lar", ("",)),
    ("or", ("a",)),
    ("er", ("", "e")),
    ("ar", ("", "e")),
    ("at", ("",)),
    ("t", ("",)),
)
"""Ends of words for many in other languages, each with the ends of words for one: Italian `clienti`, Turkish
`hastalar`, Swedish `elever`, Polish `klienci` (written out where it changes more)."""

SHORTEST_TAIL = 5
"""Characters from which on a word may be the end of a longer one (`kundenadresse`)."""


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


NOT_ITSELF = vocabulary(
    """type typ types kind tipo art status count counts anzahl flag verified unverified confirmed confirmation valid
    validated validity enabled disabled required optional format template vorlage pattern regex length size provider
    label policy attempts tries expires expiry expired expiration sent changed updated preference preferences
    consent optin optout opt notification notifications subscribed bounced blocked allowed visible visibility
    privacy index position rank sort sequence id ids uuid guid fk pk ref key version enum class category kategorie
    setting settings column field table host server total sum percent ratio score prefix digits method threshold
    schwelle kennzeichnung"""
)
"""Words that make a column one about something: `email_verified` is no address, `phone_type` no number."""


@dataclass(frozen=True)
class Match:
    """The words from `start` to `end` (exclusive) say `phrase`; `whole` when no word was left over."""

    phrase: str
    start: int
    end: int
    whole: bool


def fold(text: str) -> str:
    """Small letters without accents: `Straße` is `strasse`, `prénom` is `prenom`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).translate(_LETTERS)


@lru_cache(maxsize=8192)
def tokens(name: str) -> tuple[str, ...]:
    """The words of a name, folded and spelled out; numbers are left out."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = [hump for part in _PARTS.findall(plain) for hump in _HUMPS.split(part)]
    spelled = (spelled_out(fold(w)) for w in words if not w.isdigit())
    return tuple(with_vowels(piece) for word in spelled for piece in pieces(word))


def singular(word: str, known: Collection[str]) -> str | None:
    """The word as `known` has it, in the plural or not; None when it is not there."""
    if word in known:
        return word
    for ending in _PLURALS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2 and stem in known:
            return stem
    for ending, others in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > (3 if ending == "t" else 2):
            found = next((f"{stem}{other}" for other in others if f"{stem}{other}" in known), None)
            if found is not None:
                return found
    return None


def find(words: tuple[str, ...], phrases: Collection[str]) -> Match | None:
    """The longest of the phrases (words written together: `firstname`) that these words contain."""
    best: tuple[int, Match] | None = None
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + 5) + 1):
            joined = "".join(words[start:end])
            phrase = singular(joined, phrases)
            if phrase is None and end == start + 1:
                tails = (p for p in phrases if len(p) >= SHORTEST_TAIL and joined.endswith(p))
                phrase = max(tails, key=len, default=None)
            if phrase is not None and (best is None or len(phrase) > best[0]):
                best = len(phrase), Match(phrase, start, end, end - start == len(words))
    return best[1] if best else None


def is_of_something(words: tuple[str, ...]) -> bool:
    """The name is one of a kind, a count or a state of something: `card_type`, `cardtype`."""
    return any(w in NOT_ITSELF or w.endswith(("type", "status", "count", "frequency")) for w in words)


def says(words: tuple[str, ...], phrases: Collection[str]) -> Match | None:
    """As `find`, and nothing around the phrase makes the column one about something else."""
    match = find(words, phrases)
    if match is None:
        return None
    around = words[: match.start] + words[match.end :]
    return None if any(w in NOT_ITSELF for w in around) else match
