"""Whose an address is: a person's, an organisation's, or nobody's."""

from __future__ import annotations

from greenroom.discovery._subject_words import PERSON
from greenroom.discovery.model import Choice, Finding
from greenroom.discovery.naming import singular, vocabulary
from greenroom.discovery.place import Place, found
from greenroom.discovery.subjects import Subject

DELIVERY = vocabulary(
    "ship shipping shipto bill billing billto delivery liefer rechnungs envio facturation livraison home"
)

STREET = vocabulary(
    """street address addressline line strasse rue calle via straat rua adresse direccion indirizzo endereco adr
    adres adr1"""
)


def address_part(detector: str, place: Place, weighed: tuple[float, str], *choices: Choice) -> Finding | None:
    """A finding about a part of an address, as far as it is a person's.

    In a catalogue (a list of towns) it is nobody's; an organisation's is shown and not proposed; of a table that leads
    to no person it takes a name that says whose it is.
    """
    confidence, reason = weighed
    if place.is_catalogue or confidence <= 0:
        return None
    if place.about.is_of_organisation:
        return found(detector, (confidence * 0.6, f"{reason}; an organisation's"), *choices, is_personal=False)
    is_theirs = place.is_of_person or any(w in DELIVERY or singular(w, PERSON) for w in place.words)
    if not is_theirs:
        of_event = (detector != "geo" and place.about.subject is Subject.EVENT) or place.has_beside(STREET)
        confidence, reason = confidence * (0.65 if of_event else 0.5), f"{reason}; whose it is, the table does not tell"
    return found(detector, (confidence, reason), *choices)
