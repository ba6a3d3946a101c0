"""Dates that belong to a person's life with an organisation: when somebody joined, was hired, left, was last seen."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

STRONG = vocabulary(
    """hiredate hiredon hired datehired dateofhire joindate joineddate joined joinedon joinedat datejoined
    signupdate signupat signedupat registrationdate registeredat registered registeredon dateregistered
    enrollmentdate enrolledat membersince customersince terminationdate leftat lastlogin lastloginat
    lastlogindate lastseen lastseenat lastsignin lastsigninat currentsigninat lastactive lastactiveat
    lastactivity lastvisit lastaccess admissiondate dischargedate visadate retirementdate promotiondate
    eintrittsdatum eingetretenam eintritt austrittsdatum ausgetretenam einstellungsdatum anmeldedatum
    registriertam letzteanmeldung letzterlogin mitgliedseit dateembauche dateentree datesortie
    dateinscription dernierconnexion derniereconnexion fechaalta fechabaja fechaingreso fechacontratacion
    fecharegistro ultimoacceso ultimologin dataassunzione dataiscrizione dataregistrazione ultimoaccesso
    datumindienst inschrijfdatum laatstelogin dataadmissao datacadastro dataregisto ultimoacesso"""
)
CREATED = vocabulary(
    "createdate createddate datecreated created createdon creationdate creationtime accountcreated createtime"
)


def judge(place: Place) -> Finding | None:
    """A mere date of creation counts where it is the person's row, and no other table has a column of that name:
    framework's bookkeeping stands in many (see `discover.py`, which tells)."""
    if not (place.is_date or (place.is_inside and place.is_text)):
        return None
    if place.named(STRONG) and not place.is_catalogue:
        by_name = 0.85 if place.is_person else 0.4 if place.about.people else 0.3
        return found("life_date", weigh(place, by_name, Clue()), Choice("date_shift"))
    if place.is_person and place.named(CREATED) and not place.is_bookkeeping:
        return found("life_date", (0.65, "the day on which the person's row began"), Choice("date_shift"))
    return None


DETECTOR = Detector("life_date", "dates of a membership", judge)
