"""Family names."""

from __future__ import annotations

from greenroom.discovery.detectors._lists import is_last, person_words
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import FAMILY_NAME, GIVEN_NAME

OTHERS = vocabulary(
    """maidenname birthname geburtsname ledigname nomdenaissance nomjeunefille meisjesnaam tussenvoegsel
    segundoapellido mothersmaidenname nommere nompere nomusage namenszusatz namesuffix nameprefix patronymic"""
)
GENERIC = vocabulary("name nom naam")
"""`Name` in languages that call the family name so where a given name stands beside it."""

CLUE = Clue("last_name", "family names", alone=0.75)


def looks(text: str) -> bool:
    words = person_words(text)
    return 1 <= len(words) <= 3 and is_last(words[-1])


def judge(place: Place) -> Finding | None:
    if not place.is_text:
        return None
    by_name = 0.93 if place.named(FAMILY_NAME) else 0.88 if place.named(OTHERS) else 0.0
    if not by_name and len(place.words) == 1 and place.words[0] in GENERIC and place.has_beside(GIVEN_NAME):
        by_name = 0.9
    clue = CLUE if not place.is_catalogue else Clue("last_name", "family names")
    if not by_name and place.sample.share("first_name") > place.sample.share("last_name"):
        return None
    return found("last_name", weigh(place, by_name, clue), Choice("last_name"))


DETECTOR = Detector("last_name", "family names", judge, {"last_name": looks})
