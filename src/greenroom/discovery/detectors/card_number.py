"""Payment cards: numbers, security codes, expiry."""

from __future__ import annotations

import re

from greenroom.discovery.detectors import _check_digits as check
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """cardnumber cardno cardnum creditcard creditcardnumber creditcardno ccnumber ccnum ccno debitcard debitcardnumber
    kartennummer kreditkarte kreditkartennummer numerocarte cartebancaire numerotarjeta tarjeta tarjetacredito
    numerocarta cartadicredito kaartnummer creditcardnummer numerocartao cartaocredito pan cclast cardlast last4
    cardlastfour lastfour cclast4 cardlast4digits cardnumberlast4 lastdigits last4digits cardlastdigits cardmask
    maskedcard maskedpan cardpan numerokarty kortnummer kartnummer kartno kaartnr creditcardnr numerodotcartao
    numeromascarado numcb numcbmasque cbmasque carteblue"""
)
CODES = vocabulary("cvv cvc cvv2 cvc2 csc securitycode cardcode kartenpruefnummer prufziffer")
EXPIRY = vocabulary(
    """expmonth expyear expirymonth expiryyear expirationmonth expirationyear cardexpiry cardexpiration ccexpiry
    ccexp expirydate expirationdate expdate gueltigbis ablaufdatum"""
)
CLUE = Clue("card_number", "card numbers with the right check digit", alone=0.95)
_GROUPED = re.compile(r"[2-6]\d{3}([ -]?)\d{4}\1\d{4}\1(?:\d{4}|\d{7})|3[47]\d\d([ -]?)\d{6}\2\d{5}")
"""Sixteen digits, nineteen, or fifteen of American Express. Numbers of devices (IMEI) have fifteen that begin with
others, those of goods (EAN) thirteen: both may have the same check digit."""

OTHERS = vocabulary("imei barcode ean gtin upc serial sn iccid sku order ref reference tracking parcel invoice")


def looks(text: str) -> bool:
    return bool(_GROUPED.fullmatch(text)) and check.luhn(re.sub(r"\D", "", text))


def judge(place: Place) -> Finding | None:
    if not (place.is_text or place.is_number or place.is_date):
        return None
    if place.named(CODES):
        choices = (Choice("national_id"), Choice("shuffle"))
        return found("card_number", weigh(place, 0.88, Clue()), *choices)
    if "".join(place.words) in EXPIRY or place.named(EXPIRY - {"expirydate", "expirationdate", "expdate"}):
        if not place.has_beside(NAMES | CODES | {"cardholder", "card", "creditcardid"}):
            return None
        return found("card_number", weigh(place, 0.8, Clue()), Choice("shuffle"))
    if place.is_date:
        return None
    by_name = 0.9 if place.named(NAMES) and not place.is_catalogue else 0.0
    is_other = bool(set(place.words) & OTHERS)
    clue = CLUE if place.sample.share("card_number") >= 0.7 and not is_other else Clue("card_number", CLUE.title)
    return found(
        "card_number", weigh(place, by_name, clue), Choice("card_number"), Choice("national_id"), Choice("shuffle")
    )


DETECTOR = Detector("card_number", "card numbers", judge, {"card_number": looks})
