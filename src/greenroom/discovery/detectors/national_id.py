"""Numbers that a state, an insurance or a profession gives a person, and those that an organisation gives one."""

from __future__ import annotations

import re

from greenroom.discovery.detectors import _check_digits as check
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """ssn ssnlast socialsecurity socialsecuritynumber socialsecurityno nationalid nationalidnumber nationalidno
    nationalinsurance nationalinsurancenumber nino ninumber personalid personalnumber personnummer idnumber
    idcard idcardnumber identitynumber identitycard identitydocument documentnumber passport passportnumber
    passportno passportnum taxid taxnumber taxidentificationnumber tin itin driverslicense driverlicense
    drivinglicence driverslicence driverlicensenumber licensenumber licencenumber licenseplate licenceplate
    numberplate platenumber nhsnumber healthid medicalrecordnumber mrn insurancenumber insuranceno
    policyholdernumber visanumber alienid voterid steuernummer steuerid steueridentifikationsnummer
    sozialversicherungsnummer svnr svnummer rentenversicherungsnummer versichertennr versichertennummer
    krankenversicherungsnummer personalausweis personalausweisnummer ausweisnummer reisepass reisepassnummer
    fuehrerschein fuhrerscheinnummer kennzeichen ahvnummer ahv lanr kvnr nir nss numsecu numerosecu
    numerosecuritesociale numsecuritesociale securitesociale numfiscal carteidentite passeport dni nie nif
    curp rfc cedula seguridadsocial numseguridadsocial pasaporte documentoidentidad numdocumento
    matriculacoche codicefiscale codfiscale cf tesserasanitaria cartaidentita passaporto patente bsn
    burgerservicenummer sofinummer rijbewijs paspoortnummer paspoort rijksregisternummer cpf rg cnh nis pis
    numerobi cartaocidadao niss pesel egn jmbg oib cnp cpr fodselsnummer henkilotunnus aadhaar aadhar sin
    hukou"""
)
OWN_NUMBERS = vocabulary(
    """customernumber customerno customernum custno clientnumber membernumber memberno membershipnumber
    membershipno patientnumber patientno employeenumber employeeno empnumber staffnumber studentnumber
    studentno rollnumber badgenumber badgeno loyaltynumber loyaltycard cardmembernumber frequentflyernumber
    frequentflyer payrollnumber policynumber policyno contractnumber contractno vertragsnummer
    versicherungsnummer policennummer numeropoliza numerocontrato kundennummer kundennr mitgliedsnummer
    mitgliedsnr patientennummer patientennr personalnummer personalnr matrikelnummer matrikelnr
    mandantennummer numclient numeroclient numadherent matricule numeroetudiant numcliente numerocliente
    numempleado numeroempleado numsocio numeroexpediente expediente matricola codicecliente klantnummer
    lidnummer personeelsnummer studentnummer numeroaluno matricula"""
)
VEHICLE = vocabulary("vin vehicleidentificationnumber chassisnumber fahrgestellnummer bastidor telaio")
CLUE = Clue("national_id", "numbers with the check digit or the form of a national id", alone=0.9)

_FORMS = (
    re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}"),  # United States, with hyphens
    re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]"),  # United Kingdom
    re.compile(r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]"),  # Italy
    re.compile(r"\d{3}\.\d{3}\.\d{3}-\d\d"),  # Brazil
    re.compile(r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d"),  # Mexico
    re.compile(r"756\.\d{4}\.\d{4}\.\d\d"),  # Switzerland
)


def looks(text: str) -> bool:
    if not 8 <= len(text) <= 20:
        return False
    return any(form.fullmatch(text) for form in _FORMS) or check.spain(text) or check.france(text)


def judge(place: Place) -> Finding | None:
    if not (place.is_text or place.is_number):
        return None
    by_name = 0.92 if place.named(NAMES) and not place.is_catalogue else 0.0
    if by_name and place.about.is_of_organisation and not place.about.has_names:
        confidence, reason = weigh(place, by_name, Clue())
        return found(
            "national_id", (confidence * 0.6, f"{reason}; an organisation's"), Choice("national_id"), is_personal=False
        )
    if not by_name and place.named(VEHICLE) and place.is_of_person:
        by_name = 0.75
    if not by_name and place.named(OWN_NUMBERS) and not (place.is_number and place.facts.is_key):
        by_name = 0.82 if place.is_of_person else 0.6
    return found("national_id", weigh(place, by_name, CLUE), Choice("national_id"), Choice("shuffle"))


DETECTOR = Detector("national_id", "identity numbers", judge, {"national_id": looks})
