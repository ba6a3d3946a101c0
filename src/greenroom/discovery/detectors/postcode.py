"""Postcodes."""

from __future__ import annotations

import re

from greenroom.discovery.detectors._whose import STREET, address_part
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, weigh

NAMES = vocabulary(
    """postnummer postnr kodpocztowy psc smerovacicislo postinumero zip zipcode zip4 zipplus postcode postalcode postal
    postcodezip zippostal plz postleitzahl codepostal cp codigopostal codpostal cap cep codicepostale
    codicedavviamento plznr postl pstcd postcd posted zipcd zip5 postcode1 cpost codpost codipostal codigopostal1
    cpostal codecommune cedex cappostale codiceavviamentopostale postkod kodpoczt postakodu posta eircode
    pincodepostal cepresidencial pono"""
)
CLUE = Clue("postcode", "shaped as postcodes")
_SHAPES = re.compile(
    r"\d{3,6}|\d{5}-\d{3,4}|\d{4}-\d{3}|\d{2}-\d{3}|\d{3} \d{2}|\d{4} ?[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|"
    r"[A-Z]{1,2}\d[\dA-Z]? ?\d[A-Z]{2}|[A-Z]{1,2}-\d{4,5}|\d{3}-\d{4}|AD\d{3}|[A-Z]\d{2} ?[A-Z\d]{4}"
)


def looks(text: str) -> bool:
    return bool(_SHAPES.fullmatch(text.upper()))


def judge(place: Place) -> Finding | None:
    is_short = place.words == ("pc",) and place.is_of_person and place.has_beside(STREET)
    if not (place.is_text or place.is_number) or not (place.named(NAMES) or is_short):
        return None
    return address_part("postcode", place, weigh(place, 0.88, CLUE), Choice("postcode"), Choice("shuffle"))


DETECTOR = Detector("postcode", "postcodes", judge, {"postcode": looks})
