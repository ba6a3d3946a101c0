"""What describes a person among others: sex, title, profession, marital status, nationality. Alone harmless, together
with others enough to find somebody."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.masking._types import Kind

ALWAYS = vocabulary(
    """gender sex geschlecht sexe sexo sesso geslacht genero titleofcourtesy salutation courtesytitle nametitle
    honorific anrede civilite tratamiento aanhef maritalstatus familienstand familystatus etatcivil
    situationfamiliale estadocivil statocivile burgerlijkestaat jobtitle contacttitle profession occupation
    beruf berufsbezeichnung metier profesion ocupacion professione beroep profissao nationality nationalitaet
    nationalitat staatsangehorigkeit staatsangehoerigkeit citizenship nationalite nacionalidad nazionalita
    nationaliteit nacionalidade mothertongue nativelanguage muttersprache pronouns education educationlevel
    schooling numberofchildren numchildren childrencount householdsize anzahlkinder akademischertitel
    academictitle namensprefix academicdegree"""
)
IN_PEOPLE = vocabulary(
    """title titel titulo titre titolo prefix suffix position funktion fonction cargo puesto functie qualifica
    rang rank degree designation gradoacademico children kinder enfants hijos figli"""
)


def judge(place: Place) -> Finding | None:
    if place.kind not in (Kind.TEXT, Kind.CITEXT, Kind.ENUM, Kind.BOOLEAN, Kind.INTEGER) or place.is_catalogue:
        return None
    by_name = 0.85 if place.named(ALWAYS) else 0.0
    match = place.named(IN_PEOPLE)
    is_whole = match is not None and match.whole
    if not by_name and is_whole and place.is_person and place.is_text and place.about.has_names:
        by_name = 0.78
    if not by_name and is_whole and place.about.people and not place.is_person and "title" in place.words:
        by_name = 0.4
    return found("attribute", weigh(place, by_name, Clue()), Choice("shuffle"), Choice("free_text"), Choice("null"))


DETECTOR = Detector("attribute", "attributes of people", judge)
