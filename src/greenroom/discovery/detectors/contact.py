"""Ways to reach somebody of more than one kind in one column: e-mail addresses and telephone numbers, as they came."""

from __future__ import annotations

import re

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import FEW, Place, found

NAMES = vocabulary(
    """contact contacts contactinfo contactdetails contactinformation kontakt kontaktdaten erreichbar erreichbarkeit
    contacto contactos datoscontacto contatto recapito recapiti contato contatos contactgegevens bereikbaar
    coordonnees joindre target recipient destination to receiver reachable reply replyto sendto addressee handle
    identifier login kontaktinfo yhteystiedot spojeni iletisim danekontaktowe"""
)
_ADDRESS = re.compile(r"[^\s@<>()\"';,=&?:/\\]+@[^\s@<>()\"';,=&?/\\]+\.[a-zA-Z]{2,}")
SURE = 0.1
"""The share of e-mail addresses from which on a column holds people's, whatever its name."""


def has_address(text: str) -> bool:
    """Whether an e-mail address stands somewhere in a text, also written into a path or a document."""
    return bool(_ADDRESS.search(text.replace("%40", "@")))


def judge(place: Place) -> Finding | None:
    if not place.is_text or place.sample.values < FEW:
        return None
    sample = place.sample
    emails, phones = sample.share("email"), sample.share("phone")
    choices = (Choice("keyed_hash"), Choice("free_text"), Choice("shuffle"))
    is_personal = not place.about.is_of_organisation or bool(place.named(NAMES))
    counted = f"{place.counted('email', 'e-mail addresses')}, {sample.traits.get('phone', 0)} telephone numbers"
    if emails >= 0.5 or not (emails >= SURE or (place.named(NAMES) and emails + phones >= 0.3)):
        return None
    return found("contact", (0.75 if emails + phones >= 0.3 else 0.6, counted), *choices, is_personal=is_personal)


DETECTOR = Detector("contact", "ways to reach somebody", judge, {"address_within": has_address})
