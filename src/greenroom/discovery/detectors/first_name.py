"""Given names."""

from __future__ import annotations

from greenroom.discovery.detectors._lists import is_first, person_words
from greenroom.discovery.detectors._name_parts import weighed
from greenroom.discovery.model import Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Place
from greenroom.discovery.subjects import FAMILY_NAME, GIVEN_NAME

MIDDLE = vocabulary(
    """middlename mname secondname zweitername middleinitial segundonombre nickname spitzname surnom apodo roepnaam
    preferredname nombredepila midname middlenm middle secondgivenname secondfirstname otherforenames othernames
    preferredfirstname knownas callname callingname goesby firstnameinitial givennameinitial vorname2 zweitvorname
    weiterevornamen rufnamen deuxiemeprenom autresprenoms prenom2 nombre2 segundonome secondonome tweedevoornaam
    drugieimie imie2 mellomnavn mellemnavn mellannamn tilltalsnamn kutsumanimi druhejmeno ikinciad"""
)
GENERIC = vocabulary("nombre nome nombres nomes")
"""`Name` in languages that call the given name so where a family name stands beside it."""

PLURAL = "given names"


def looks(text: str) -> bool:
    words = person_words(text)
    return 1 <= len(words) <= 2 and is_first(words[0])


def judge(place: Place) -> Finding | None:
    if not place.is_text:
        return None
    is_middle = place.named(MIDDLE) or (place.is_person and "mi" in place.words)
    by_name = 0.93 if place.named(GIVEN_NAME) else 0.85 if is_middle and not place.is_catalogue else 0.0
    if not by_name and set(place.words) & GENERIC and len(place.words) == 1 and place.has_beside(FAMILY_NAME):
        by_name = 0.9
    if place.words == ("first",) and ("last",) in place.around:
        by_name = 0.9
    return weighed(place, "first_name", "last_name", PLURAL, by_name)


DETECTOR = Detector("first_name", PLURAL, judge, {"first_name": looks})
