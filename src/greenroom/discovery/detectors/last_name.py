"""Family names."""

from __future__ import annotations

from greenroom.discovery.detectors._lists import is_last, person_words
from greenroom.discovery.detectors._name_parts import weighed
from greenroom.discovery.model import Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Place
from greenroom.discovery.subjects import FAMILY_NAME, GIVEN_NAME

OTHERS = vocabulary(
    """maidenname birthname geburtsname ledigname nomdenaissance nomjeunefille meisjesnaam tussenvoegsel
    segundoapellido mothersmaidenname nommere nompere nomusage namenszusatz namesuffix nameprefix patronymic
    birthlastname birthsurname nameatbirth formername previousname formersurname oldname exname aliasname2
    geburtname frueherername familiennamevorher namezusatz adelstitel nomdejeunefille nomdusage nommarital nomepouse
    particule apellidosoltera apellidocasada apellidomaterno apellidopaterno cognomenubile cognomeconiuge
    geboortenaam gebnaam meisjesnm partnerachternaam voorvoegsel voorvoegsels tussenvoegsels tussenv nomesolteira
    sobrenomesolteira nazwiskorodowe nazwiskopanienskie flicknamn pigenavn pikenavn tyttonimi rodneprijmeni
    kizliksoyadi patronymicname ocestvo otchestvo gebname nazwrod rodowe"""
)
GENERIC = vocabulary("name nom naam")
"""`Name` in languages that call the family name so where a given name stands beside it."""

PLURAL = "family names"


def looks(text: str) -> bool:
    words = person_words(text)
    return 1 <= len(words) <= 3 and is_last(words[-1])


def judge(place: Place) -> Finding | None:
    if not place.is_text:
        return None
    by_name = 0.93 if place.named(FAMILY_NAME) else 0.88 if place.named(OTHERS) else 0.0
    if not by_name and len(place.words) == 1 and place.words[0] in GENERIC and place.has_beside(GIVEN_NAME):
        by_name = 0.9
    if place.words == ("last",) and ("first",) in place.around:
        by_name = 0.9
    return weighed(place, "last_name", "first_name", PLURAL, by_name)


DETECTOR = Detector("last_name", PLURAL, judge, {"last_name": looks})
