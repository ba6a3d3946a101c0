"""Special categories (GDPR, article 9) and convictions (article 10): health, religion, origin, politics, sexuality."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh
from greenroom.discovery.subjects import Subject
from greenroom.masking._types import Kind

ALWAYS = vocabulary(
    """religion religious religiousbelief konfession confession religione godsdienst religiao creed ethnicity
    ethnic ethnicgroup race ethnie etnia ethnicorigin sexualorientation orientationsexuelle
    sexuelleorientierung politicalparty politicalopinion unionmember tradeunion gewerkschaft syndicat
    sindicato criminalrecord conviction convictions vorstrafen disability disabilities behinderung
    schwerbehindert handicap discapacidad minusvalia disabilita deficiencia hivstatus hiv pregnant pregnancy
    schwanger embarazada smoker smoking raucher fumeur fumador fumatore bloodtype bloodgroup blutgruppe
    groupesanguin gruposanguineo allergy allergies allergie allergien alergias allergia allergieen
    bloodpressure blutdruck tensionarterielle medicalhistory medicalcondition medicalconditions anamnese
    vorerkrankungen antecedents healthstatus gesundheit krankheit bmi weightkg heightcm bodyweight bodyheight
    gewichtkg groessecm koerpergroesse cholesterol glucose bloodsugar laborwerte labresult labresults
    testresult vaccinated vaccination impfstatus symptoms symptome medications genotype biometric
    faceembedding voiceprint sicknessdays sickleave krankentage dietaryrequirements dietary diet addiction
    psychological"""
)
IN_PEOPLE = vocabulary(
    """weight height gewicht groesse grosse poids taille peso altura estatura diagnosis diagnose diagnostic
    diagnostico diagnosi befund condition treatment medication pulse heartrate temperature"""
)
CLINICAL = vocabulary(
    "diagnosis diagnose diagnostic diagnostico diagnosi diagnosecode befund befundtext medication treatment symptoms"
)


def judge(place: Place) -> Finding | None:
    if place.is_catalogue or place.is_date or place.kind is Kind.BYTEA:
        return None
    by_name = 0.88 if place.named(ALWAYS) else 0.0
    if not by_name and place.named(IN_PEOPLE) and (place.is_person or _is_clinical(place)):
        by_name = 0.8
    long = place.is_text and not place.is_short_list
    first = (Choice("free_text"),) if long else ()
    numbers = (Choice("number_noise"),) if place.is_number and not place.is_short_list else ()
    choices = (
        *first,
        *numbers,
        *(() if place.kind in (Kind.JSON, Kind.JSONB) else (Choice("shuffle"),)),
        Choice("null"),
    )
    return found("special", weigh(place, by_name, Clue()), *choices)


def _is_clinical(place: Place) -> bool:
    """An event of a person, with words of medicine in its name."""
    return place.about.subject is Subject.EVENT and place.about.people and bool(place.named(CLINICAL))


DETECTOR = Detector("special", "special categories", judge)
