"""Telephone and fax numbers, and extensions."""

from __future__ import annotations

import re

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import Subject

NAMES = vocabulary(
    """telefonni mobilnummer tlfnr komorka numertelefonu phone phonenumber phoneno phonenum telephone telephonenumber
    tel telno telnr telefon telefonnummer telefonnr telefono numerotelefono telefoon telefoonnummer telefone mobile
    mobilephone mobilenumber mobileno cell cellphone cellular mobil mobiltelefon handy handynummer rufnummer
    durchwahl portable gsm movil tlf tlfmovil celular cellulare mobiel mobieltje telemovel fax faxnumber faxnr
    telefax landline homephone workphone dayphone eveningphone whatsapp msisdn festnetz fono ddi phoneextension ph
    contactnumber rufnummern telprivat telefonprivat telefonmobil telefonfestnetz privatnummer mobilnr mobilnummern
    notruf notfallnummer rueckrufnummer anrufer callerid ani cli callingnumber callednumber calledparty callingparty
    fromnumber tonumber subscribernumber phonehome phonework phonemobile phone1 mobilephonenumber cellnumber cellno
    contactno contactphone emergencyphone alternatephone sms smsnumber viber signalnumber telegramnumber telthuis
    telefoonthuis telefoonwerk telefoonmobiel telmob telwerk telprive mobielnummer mobnr telefoonnr gsmnummer
    telfijo tlffijo tlfcontacto telcontacto celularcontacto movil1 numerocelular numtelefono nrotelefono nrocelular
    telefonofijo telefonomovil telfixe telportable teldomicile numerodetelephone numtel telmaison fixe
    cellulareprivato telefonocasa telefonofisso numerocellulare recapitotelefonico celular1 fonecelular fonefixo
    telcelular telefonecelular telefonefixo telresidencial telcomercial whats zap zapzap dddtelefone numerotelefone
    contato telefonkomorkowy telefonstacjonarny nrtelefonu nrtel numerkomorkowy komorkowy mobiltel
    mobiltelefonnummer tlfprivat mobiltlf puhelin puhelinnumero matkapuhelin telefonnicislo mobilnitelefon tel1
    ceptelefonu telefonnumarasi gsmno evtelefonu anummer bnummer anumber bnumber calling called puh telth
   """
)
EXTENSION = vocabulary(
    """extension ext phoneext anexo nebenstelle durchwahlnummer extensioninterna interno ramal toestel toestelnummer
    poste lokalnummer anknytning wewnetrzny linka dahili"""
)
DIRECTIONS = vocabulary(
    "destination dest origem destino origen origin origine herkunft ziel bestemming herkomst provenance"
)
"""From whom and to whom, of a call or a message; where to, of anything else."""
CLUE = Clue("phone", "shaped as telephone numbers")
ALONE = Clue("international_phone", "telephone numbers with a country code", alone=0.85)
_SHAPE = re.compile(r"\(?\+?[\d(][\d\s()./\-–]{4,22}\d(?:\s?(?:x|ext\.?)\s?\d{1,6})?")
_NOT = re.compile(r"\d{4}-\d\d-\d\d|\d+\.\d+|\d{1,3}(?:\.\d{1,3}){3}")


def looks(text: str) -> bool:
    if not _SHAPE.fullmatch(text) or _NOT.match(text):
        return False
    return 6 <= sum(c.isdigit() for c in text) <= 17


def looks_international(text: str) -> bool:
    is_written = text.startswith(("+", "(+")) or (text.startswith("00") and not text.isdecimal())
    return is_written and looks(text) and sum(c.isdigit() for c in text) >= 8


def judge(place: Place) -> Finding | None:
    if not (place.is_text or place.is_number):
        return None
    by_name = 0.92 if place.named(NAMES) else 0.0
    if not by_name and place.named(DIRECTIONS) and place.sample.share("phone") >= 0.3:
        by_name = 0.85
    match = place.named(EXTENSION)
    if not by_name and match is not None and match.whole and place.is_of_person:
        by_name = 0.8
    if by_name and place.is_catalogue:
        by_name = 0.45  # a country's prefix, a hotline
    weighed = weigh(place, by_name, CLUE) if by_name else weigh(place, 0.0, ALONE)
    is_mixed = place.sample.share("phone") >= 0.9 and place.sample.share("international_phone") >= 0.2
    if not by_name and is_mixed and weighed[0] < 0.75:
        weighed = 0.75, place.counted(CLUE.trait, CLUE.title)
    is_personal = not (place.about.is_of_organisation and not _has_contact(place))
    if not is_personal:
        weighed = weighed[0] * 0.6, f"{weighed[1]}; an organisation's"
    return found("phone", weighed, Choice("phone"), is_personal=is_personal)


def _has_contact(place: Place) -> bool:
    """A person stands beside the number: then it is theirs, and only the fax the organisation's."""
    if place.about.subject is not Subject.ORGANISATION or place.named(
        frozenset(("fax", "telefax", "faxnumber", "faxnr"))
    ):
        return False
    return place.has_beside(CONTACT)


CONTACT = vocabulary(
    """contactname contactperson contactfirstname contactlastname ansprechpartner kontaktperson contactpersoon
    personadecontacto firstname lastname vorname nachname"""
)

DETECTOR = Detector("phone", "telephone numbers", judge, {"phone": looks, "international_phone": looks_international})
