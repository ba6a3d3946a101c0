"""Records of somebody's health, pay, conduct or achievements: in a table of such, every column tells."""

from __future__ import annotations

from greenroom.discovery._technical import AMOUNTS, BOOKKEEPING, COUNTERS, PROGRAM, SWITCHES
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import find, vocabulary
from greenroom.discovery.place import Place, found
from greenroom.discovery.references import GIVEN, PLAIN, is_person_key
from greenroom.discovery.subjects import Subject
from greenroom.discovery.topics import GRADES, USED, is_told, topic
from greenroom.masking._types import Kind

GIVING = vocabulary(
    """donation donations donor pledge pledges tithe spende spenden don dons donacion donaciones donativo donazione
    donazioni donatie donaties doacao doacoes darowizna darowizny gava gavor donasjon lahjoitus dar dary bagis"""
)
MONEY = vocabulary(
    """amount sum total value betrag summe hoehe montant somme importe monto cantidad importo somma bedrag valor
    quantia kwota belopp belob belop summa castka tutar"""
)
CLINICAL = vocabulary("code unit units flag lab method")
STEPS = vocabulary("level stage step phase status state rank stufe niveau etape nivel livello stadium fase etapa")
"""How far a debt is driven."""

TESTED = vocabulary("test")
"""What a test asked about somebody, where a switch elsewhere says that it is one."""
QUIET = (
    COUNTERS
    | PROGRAM
    | SWITCHES
    | BOOKKEEPING
    | vocabulary(
        """url path file filename hash created createdat date datum fecha data day name nom nombre nome naam code no nr
        number lot device method lab laboratory location room trimestre trimester coef coefficient weighting
        gewichtung dossier case reference ref"""
    )
)
"""Columns that say nothing even there, or that other detectors know better."""


def judge(place: Place) -> Finding | None:
    if place.is_inside or place.is_catalogue or not place.about.people or place.about.subject is Subject.CATALOGUE:
        return None
    facts = place.facts
    if facts.is_key or facts.is_identity or facts.refers_to or is_person_key(place.words):
        return None
    if find(place.table_words, GIVING):
        if place.is_number and place.named(MONEY):
            return found("record", (0.6, "what somebody gave"), Choice("number_noise"), Choice("shuffle"))
        return None
    if place.is_number and place.is_person and place.named(USED):
        return found("record", (0.6, "what somebody's household uses"), Choice("number_noise"), Choice("shuffle"))
    recorded = topic(place)
    if not recorded and place.is_number and find(place.table_words, GRADES):
        recorded = "conduct or achievements"
    words = set(place.words)
    if not recorded or (recorded == "the habits" and not place.is_number):
        return None
    reason = f"the table records {recorded} of people"
    if place.is_date:
        return None if words & BOOKKEEPING else found("record", (0.4, f"when: {reason}"), Choice("date_shift"))
    quiet = QUIET - CLINICAL if recorded == "the health" and len(words) > 1 else QUIET
    if recorded == "the health":
        quiet -= TESTED
    if recorded == "the debts":
        quiet -= STEPS
    if not words or words <= PLAIN or words & quiet or words & GIVEN:
        return None
    if place.kind in (Kind.UUID, Kind.OTHER, Kind.ARRAY):
        return None
    if place.kind in (Kind.JSON, Kind.JSONB, Kind.BYTEA):
        return found("record", (0.55, reason), Choice("null"), Choice("shuffle"))
    is_vague = recorded == "the health" and not is_told(place)
    sure = 0.4 if is_vague and (place.sample.words < 1.2 or words & AMOUNTS or not place.is_text) else 0.6
    long = (Choice("free_text"),) if place.is_text and not place.is_short_list else ()
    noise = (Choice("number_noise"),) if place.is_number and not place.is_short_list else ()
    return found("record", (sure, reason), *long, *noise, Choice("shuffle"), Choice("null"))


DETECTOR = Detector("record", "records of people", judge)
