"""Dates of birth and death, years of birth, ages."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """fodselsdato fodelsedatum fodelsedag dataurodzenia datumnarozeni birthdate dateofbirth dob birthday bday born
    bornon birth geburtsdatum gebdatum geburtstag geboren geborenam gebdat datenaissance datedenaissance naissance
    fechanacimiento fechadenacimiento fnacimiento fecnac nacimiento datanascita nascita natoil geboortedatum
    aniversario dataaniversario cumpleanos compleanno verjaardag datanascimento nascimento dtnascimento
    deathdate dateofdeath died deceasedat deceasedon todesdatum sterbedatum
    datedeces fechadefuncion weddingdate marriagedate anniversary geburtdatum geburtsdat geburt gebdt gbdat birthdt
    bdate bornat datebirth dtofbirth geboortedat geboorte geboortedag birthdate1 dtnasc datanasc datnais datenaiss
    datedenaiss fecnacimiento dataurodz urodzony urodziny narozen dogumtarihi dogum fodt fodd fodselsdag syntymaaika
    syntymapaiva dateofdecease deceased deceasedate overlijdensdatum overleden fallecimiento deces datedecesperson
    obito dataobito datamorte decesso smierc datazgonu verstorben verstorbenam trouwdatum hochzeitsdatum
    heiratsdatum heirat duedatebaby dodsdato dodsdag dodsdatum kuolinpaiva datumumrti olumtarihi"""
)
YEAR = vocabulary(
    """birthyear yearofbirth yob geburtsjahr anneenaissance anonacimiento annonascita geboortejaar anonascimento
    birthmonth birthdayofmonth birthmonthday jahrgang jg gebjahr geburtjahr geboortejahr birthyr yearborn
    rokurodzenia roknarozeni dogumyili fodelsear fodselsar anonasc anonac annaissance anneenaiss bouwjaarpersoon
    geburtsmonat"""
)
AGE = vocabulary(
    """age alter edad eta leeftijd idade ageyears agegroup lebensalter agerange ageband agebracket agecategory ageclass
    altersklasse altersgruppe ak classeage trancheage leeftijdsgroep faixaetaria grupoedad fasciaeta wiek vek yas
    alder ika edades idades patientage"""
)
BOUNDS = vocabulary(
    """restriction limit min max minimum maximum from to desde hasta von bis ab de a da van tot od do check rating
    recommended required allowed"""
)
"""An age with such a word is one of a rule, not of a person."""

CLUE = Clue("adult_date", "dates that lie a person's age back", alone=0.0)


def judge(place: Place) -> Finding | None:
    is_age = place.named(AGE) and not set(place.words) & BOUNDS and place.sample.share("date") < 0.3
    if place.named(YEAR) or (is_age and (place.is_of_person or place.is_inside)):
        if not (place.is_number or place.is_text or place.is_date):
            return None
        choices = (Choice("number_noise", {"amount": 3}), Choice("date_shift", {"days": 365}), Choice("shuffle"))
        return found("birth_date", weigh(place, 0.85, Clue()), *choices)
    if not (place.is_date or place.is_text or place.is_number):
        return None
    by_name = 0.93 if place.named(NAMES) and not place.is_catalogue else 0.0
    if by_name and "borne" in place.words:
        by_name = 0.0  # French for a terminal
    shifted = Choice("date_shift", {"days": 365})
    if by_name or place.is_number:
        return found("birth_date", weigh(place, by_name, CLUE), shifted, Choice("number_noise"), Choice("shuffle"))
    holds_dates = place.kind.value == "date" or (place.is_text and place.sample.share("date") >= 0.9)
    if holds_dates and place.is_person and place.sample.values >= 20:
        clue = Clue("adult_date", CLUE.title, alone=0.6 if place.sample.share("adult_date") >= 0.9 else 0.0)
        return found("birth_date", weigh(place, 0.0, clue), shifted)
    return None


DETECTOR = Detector("birth_date", "dates of birth", judge)
