"""E-mail addresses."""

from __future__ import annotations

import re

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """epostadress contactmail contactemail adresemail email emailaddress emailaddr mail mailaddress mailadresse
    emailadresse emailadres courriel adressemail adresseemail correo correoelectronico email1 postaelettronica
    indirizzoemail mailbox eposta enderecoemail workemail privatemail emails mailadres correoe correos courriels
    epost sahkoposti mel adresemel emailprivat"""
)
CONTACT = vocabulary("contactname contactperson ansprechpartner kontaktperson contactpersoon contact")
DESK = vocabulary("support info sales billing help desk office service general orders invoice")
MACHINES = vocabulary("worker host hostname node process queue instance server daemon job")
CLUE = Clue("email", "e-mail addresses", exact=True, alone=0.95)
_ADDRESS = re.compile(r"(?:[^<>@]{0,60}<)?[^\s@<>\"(),:;]+@[^\s@<>.,]+(?:\.[^\s@<>.,]+)+>?")


def looks(text: str) -> bool:
    return len(text) <= 320 and bool(_ADDRESS.fullmatch(text))


def judge(place: Place) -> Finding | None:
    if not place.is_text:
        return None
    if set(place.words) & MACHINES and not place.named(NAMES):
        return None  # `worker@host` is a process
    weighed = weigh(place, 0.93 if place.named(NAMES) else 0.0, CLUE)
    words = set(place.words)
    is_theirs = "contact" in words or (place.has_beside(CONTACT) and not words & DESK)
    is_personal = is_theirs or not place.about.is_of_organisation
    if not is_personal:
        weighed = weighed[0] * 0.6, f"{weighed[1]}; an organisation's"
    return found("email", weighed, Choice("email"), is_personal=is_personal)


DETECTOR = Detector("email", "e-mail addresses", judge, {"email": looks})
