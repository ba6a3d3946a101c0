"""Companies: an organisation's own name is not personal, the one that somebody works for is."""

from __future__ import annotations

import re

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import ORGANISATION_NAME, Subject

EMPLOYER = vocabulary(
    """employer employername company companyname workplace arbeitgeber employeur empleador datoredilavoro
    werkgever arbeidsgiver arbejdsgiver arbetsgivare tyonantaja pracodawca zamestnavatel isveren
    empregador firma firmenname organisation organization school schoolname university"""
)
GENERIC = vocabulary("name nom nombre nome naam bezeichnung")
CLUE = Clue("company", "names of companies", alone=0.0)
_SUFFIX = re.compile(
    r".+\b(?:ltd|limited|inc|llc|llp|plc|corp|co|gmbh|ag|kg|ohg|ug|e\.? ?v|sa|sas|sarl|eurl|sl|slu|srl|spa|bv|nv|lda|"
    r"ltda|oy|ab|as|aps|& co|& sons?|& söhne|group|holding)\.?",
    re.IGNORECASE,
)


def looks(text: str) -> bool:
    return len(text) <= 80 and bool(_SUFFIX.fullmatch(text))


def judge(place: Place) -> Finding | None:
    if not place.is_text or place.is_catalogue:
        return None
    if place.about.subject is Subject.ORGANISATION:
        is_name = (
            place.named(ORGANISATION_NAME) or place.named(EMPLOYER) or (place.words and place.words[-1] in GENERIC)
        )
        if not is_name:
            return None
        confidence, reason = weigh(place, 0.8, CLUE)
        return found(
            "company",
            (min(0.6, confidence), f"{reason}; an organisation's"),
            Choice("company"),
            Choice("shuffle"),
            is_personal=False,
        )
    if place.named(EMPLOYER | ORGANISATION_NAME) and not place.facts.refers_to:
        by_name = 0.75 if place.is_person else 0.4
        if not place.is_person and set(place.words) & {"ship", "bill", "shipping", "billing"}:
            by_name = 0.6
        return found("company", weigh(place, by_name, CLUE), Choice("company"), Choice("shuffle"))
    return None


DETECTOR = Detector("company", "companies", judge, {"company": looks})
