"""Streets, house numbers and address lines."""

from __future__ import annotations

import re

from greenroom.discovery.detectors._whose import address_part
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import fold, vocabulary
from greenroom.discovery.place import Clue, Place, weigh
from greenroom.discovery.subjects import Subject

NAMES = vocabulary(
    """gatuadress gata gateadresse vejnavn adresselinje ulica ulice nrdomu katuosoite address addressline addr addrline
    address1 street streetname streetaddress streetno streetnumber line1 line2 housenumber houseno housename
    apartment apt unitnumber suite flat pobox strasse strassenname str hausnummer hausnr hnr anschrift adresse
    adresszusatz adresszeile postadresse postanschrift wohnadresse zusatz rue numerorue numvoie voie
    complementadresse adressepostale direccion calle domicilio numeroexterior numerointerior piso indirizzo via
    numerocivico civico adres straat straatnaam huisnummer huisnr toevoeging endereco rua logradouro morada
    complemento homeaddress mailingaddress shippingaddress billingaddress deliveryaddress lieferadresse
    rechnungsadresse shipstreet addressline1 addressline2 addressblock fulladdress adressblock adressezeile1
    homestreet mailingstreet residentialaddress billingstreet shippingstreet deliverystreet postaddress
    permanentaddress currentaddress strassehausnummer strassenr hausnummerzusatz wohnung stockwerk etage stiege tuer
    postfach adresszeile1 lieferanschrift rechnungsanschrift wohnanschrift adressecomplete adresseligne
    adressepostale1 numerovoie nomvoie typevoie libellevoie batiment escalier appartement residence boitepostale
    lieudit adresseligne1 tipovia nombrevia numvia nomvia portal escalera planta puerta pisopuerta numeroportal
    direccioncompleta direccionenvio direccionfacturacion refcatastral referenciacatastral codigovia colonia manzana
    lote numext numint referenciadomicilio viaresidenza indirizzoresidenza indirizzodomicilio interno scala
    civicoresidenza straatnr straatenhuisnummer huisnrtoev huisnummertoevoeging huisletter toev adres1 adresregel
    adresregel1 postbus woonadres bezorgadres factuuradres enderecoentrega enderecocobranca nomerua numerocasa
    numeroendereco tipologradouro quadra complementoendereco apto bloco andar pontoreferencia referenciaendereco
    pontodereferencia adreszamieszkania adreskorespondencyjny numerdomu nrmieszkania numermieszkania nrlokalu lokal
    mieszkanie gateadr gatenavn husnummer husnr vejnr etagedor postboks gatunamn bostadsadress lagenhetsnummer
    adressrad postitusosoite cislopopisne cisloorientacni ulicecislo bydliste trvalebydliste sokak mahalle caddesi
    kapino daireno binano acikadres road roadname lane uprn bagid bagvboid
    verblijfsobject nummeraanduiding huisnummertoevoeging cadastralreference parcelnumber landregistry katuos"""
)
LINE = vocabulary("line addressline")
NUMBER = vocabulary("num no nr number numero nummer nro numer numara cislo")
NET = vocabulary("test map ip mac web email mail url host server wallet bitcoin remote client network memory")
CLUE = Clue("street", "shaped as streets with a number", alone=0.8)
_WORDS = (
    r"street|st|road|rd|avenue|ave|av|lane|ln|drive|dr|court|ct|boulevard|blvd|way|place|pl|square|terrace|close|"
    r"crescent|highway|hwy|parkway|circle|strasse|str|weg|allee|gasse|platz|ring|ufer|damm|chaussee|rue|chemin|quai|"
    r"impasse|calle|avda|avenida|plaza|paseo|carrera|via|viale|piazza|corso|vicolo|straat|laan|plein|gracht|kade|rua|"
    r"travessa|largo|praca|alameda|ulica|ul|gade|vej|gata|vagen"
)
_NUMBERED = re.compile(
    rf"\d{{1,5}}\s?[a-z]?,?\s+(?:\w[\w.'’-]*\s+){{0,4}}(?:{_WORDS})\b.*|"
    rf"(?:[\w.'’-]+\s+){{0,3}}[\w.'’-]*(?:{_WORDS})\.?,?\s+\d{{1,4}}\s?[a-z]?\b.*|"
    rf"(?:{_WORDS})\.?\s+[\w.'’ -]+?,?\s*(?:n[o°º.]*\s*)?\d{{1,4}}\b.*|\d{{1,4}},?\s+(?:{_WORDS})\s+.*"
)


def looks(text: str) -> bool:
    return 5 <= len(text) <= 120 and bool(_NUMBERED.fullmatch(fold(text)))


def judge(place: Place) -> Finding | None:
    if not (place.is_text or (place.is_number and place.named(NAMES))):
        return None
    words = set(place.words)
    by_name = 0.9 if place.named(NAMES) and not words & NET else 0.0
    if not by_name and place.words and set(place.words) <= NUMBER and _is_house(place):
        by_name = 0.8
    if not by_name and place.named(LINE) and place.about.people:
        by_name = 0.85
    return address_part("street", place, weigh(place, by_name, CLUE), Choice("street"), Choice("shuffle"))


def _is_house(place: Place) -> bool:
    """The number beside a street is that of a house."""
    if place.facts.is_key or place.facts.refers_to:
        return False
    return place.about.subject is Subject.ADDRESS or (place.is_text and place.is_of_person and place.has_beside(NAMES))


DETECTOR = Detector("street", "streets", judge, {"street": looks})
