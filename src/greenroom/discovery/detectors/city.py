"""Towns, districts, regions and countries where somebody lives or was born."""

from __future__ import annotations

from greenroom.discovery.detectors._lists import towns
from greenroom.discovery.detectors._whose import address_part
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import fold, vocabulary
from greenroom.discovery.place import Clue, Place, weigh

TOWN = vocabulary(
    """postort poststed stad miasto miejscowosc mesto obec kaupunki city town cityname locality village suburb
    municipality placeofbirth birthplace birthcity hometown ort ortsname stadt wohnort gemeinde ortsteil geburtsort
    ville commune localite lieunaissance villenaissance ciudad poblacion localidad municipio lugarnacimiento citta
    comune luogonascita localita woonplaats plaats gemeente geboorteplaats cidade naturalidade localnascimento
    posttown wohnsitz wohngemeinde wohnortname ortschaft heimatort geburtsstadt placename placeofresidence
    residenceplace residencecity birthtown currentcity hometowncity towncity civilparish villeresidence
    lieudenaissance lieuresidence communenaissance communeresidence ciudadresidencia ciudadnacimiento
    municipionacimiento lugarresidencia lugardenacimiento pueblo comuneresidenza comunenascita cittaresidenza
    luogodinascita luogoresidenza frazione woonstad stadnaam gebplaats geboortestad plaatsnaam cidadenascimento
    naturaldelugar localidade freguesia miejsceurodzenia miejscezamieszkania gmina bostadsort fodelseort hemort
    fodested bopael bopel bosted syntymapaikka kotikunta mistonarozeni dogumyeri ilce semt birthplacecity
    geburtplaats geburtort taufort trauort ptp postitoimipaikka"""
)
REGION = vocabulary(
    """region state province county district stateprovince stateorprovince provincestate administrativearea departement
    bundesland kreis landkreis bezirk stadtteil provincia estado distrito bairro barrio regione provincie concelho
    canton kanton prefecture parish neighborhood neighbourhood uf wojewodztwo powiat kraj lan fylke maakunta il
    departementname regiao unidadefederativa estadouf siglauf kommune kommun departamento comunidadautonoma
    comunidad ccaa zona gewest gouw"""
)
COUNTRY = vocabulary(
    """country countryname countrycode land nation pays pais paese herkunftsland countryofbirth countryofresidence
    residencecountry countryofcitizenship countryiso homeland heimatland wohnland geburtsland geburtland herkunft
    birthcountry paysnaissance paysresidence paisnacimiento paisresidencia paeseresidenza statonascita geboorteland
    landcode herkomst paisnascimento panstwo krajzamieszkania zeme ulke uyruk landkod herkomstland"""
)
STATES = vocabulary("status workflow machine order payment ticket job task")
CLUE = Clue("town", "towns")


def looks(text: str) -> bool:
    return len(text) <= 60 and fold(text) in towns()


def judge(place: Place) -> Finding | None:
    if not place.is_text and place.kind.value != "enum":
        return None
    if town := place.named(TOWN):
        return address_part("city", place, weigh(place, 0.88, CLUE), Choice("city") if town else Choice("shuffle"))
    if place.named(REGION) and not set(place.words) & STATES:
        by_name = 0.82
        is_state = set(place.words) & {"state", "estado", "stato"}
        if is_state and (not _is_address(place) or place.kind.value == "enum"):
            by_name = 0.3  # the state of a matter rather than of a country
        return address_part("city", place, weigh(place, by_name, Clue()), Choice("shuffle"))
    if place.named(COUNTRY) and (_is_address(place) or place.is_person):
        return address_part("city", place, weigh(place, 0.75, Clue()), Choice("shuffle"))
    return None


def _is_address(place: Place) -> bool:
    """Other parts of an address stand beside it."""
    return place.has_beside(TOWN) or place.has_beside(vocabulary("zip zipcode postcode postalcode plz address street"))


DETECTOR = Detector("city", "towns", judge, {"town": looks})
