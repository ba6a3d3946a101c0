"""Words that were cut off: older databases give a name eight or ten letters, and `nationality` becomes `nation`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from functools import lru_cache

from greenroom.discovery import _subject_words as subjects
from greenroom.discovery import _technical as technical
from greenroom.discovery.naming import NOT_ITSELF, Match, vocabulary

SHORTEST, LONGEST = 5, 12
"""Letters of a word that may be cut off."""

LEFT = 0.5
"""The share of a word's letters that is left, at least."""

COMMON = vocabulary(
    """name names code date data datum text info mail home work line lines note card bank last first next main full
    free time year month area zone plan file path page site link list item unit part side test team club game task
    step rate cost sale fund loan rent desc detail details value values image images body base birth social family
    health medical personal person street phone email user login pass post number street town village value start
    begin content reference service product result report request response serial general special standard public
    private point points local global total final initial internal external national international primary secondary
    parent fecha fechas stars weight place tracking sala datos dato modif operation oper tipo gast gasto prem refer
    referencia numero order track stat cond form news perm role kind mode rows"""
)
"""Words of their own that others begin with."""

KNOWN = (
    COMMON
    | NOT_ITSELF
    | subjects.PERSON
    | subjects.ORGANISATION
    | subjects.ADDRESS
    | subjects.EVENT
    | subjects.CATALOGUE
    | technical.PROGRAM
    | technical.COUNTERS
    | technical.SWITCHES
    | technical.BOOKKEEPING
)


def cut_off(words: tuple[str, ...], phrases: Collection[str]) -> Match | None:
    """The phrase that one of the words begins, where that word is none of its own; None where the words around make it
    one about something else."""
    if any(w in NOT_ITSELF for w in words):
        return None
    for position, word in enumerate(words):
        if SHORTEST <= len(word) <= LONGEST and word not in KNOWN:
            phrase = _begun(word, _sorted(frozenset(phrases)))
            if phrase is not None:
                return Match(phrase, position, position + 1, len(words) == 1)
    return None


@lru_cache(maxsize=256)
def _sorted(phrases: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(phrases))


def _begun(word: str, phrases: tuple[str, ...]) -> str | None:
    """The shortest phrase that begins with the word and is at least two letters longer."""
    found = None
    for phrase in phrases[bisect_left(phrases, word) :]:
        if not phrase.startswith(word):
            break
        is_near = len(word) >= LEFT * len(phrase) and len(phrase) >= len(word) + 2
        if is_near and (found is None or len(phrase) < len(found)):
            found = phrase
    return found
