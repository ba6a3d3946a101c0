"""Where somebody is or lives: coordinates."""

from __future__ import annotations

import re

from greenroom.discovery.detectors._whose import address_part
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, found, weigh

NAMES = vocabulary(
    """latitude longitude lat lon lng long latlng latlong coordinates coords geo geom geolocation geopoint gps gpslat
    gpslon location geocode breitengrad laengengrad langengrad breite laenge latitud longitud latitudine longitudine
    breedtegraad lengtegraad koordinaten homelocation enlem boylam konumenlem konumboylam szerokosc dlugosc
    breddgrad lengdegrad zemepisnasirka"""
)
PLAIN = vocabulary("location breite laenge long geo geom")
GRID = frozenset(
    {"xrd", "yrd", "rdx", "rdy", "easting", "northing", "rechtswert", "hochwert", "gkx", "gky", "utmx", "utmy"}
)
"""Names of coordinates of a country's grid."""
PAIRS = (("la", "lo"), ("y", "x"), ("posx", "posy"), ("ypos", "xpos"), ("n", "e"))
MOVEMENT = vocabulary(
    """speed heading course velocity bearing altitude geschwindigkeit vitesse velocidad velocita snelheid velocidade
    predkosc hastighet nopeus rychlost hiz"""
)
CHOICES = (Choice("number_noise", {"amount": 0.05}), Choice("shuffle"))
_COORDINATE = re.compile(r"-?\d{1,3}\.\d{3,15}")
POSITION = vocabulary("position standort ubicacion posizione positie posicao posicion pozycja")
TYPES = ("point", "geometry", "geography", "public.geometry", "public.geography")


def judge(place: Place) -> Finding | None:
    if place.is_number and place.about.people and place.named(MOVEMENT) and has_position(place):
        return found("geo", (0.6, "how somebody moved, beside where"), Choice("number_noise"), Choice("shuffle"))
    if place.is_number and "".join(place.words) in GRID:
        return address_part("geo", place, (0.8, "the name of a coordinate"), *CHOICES)
    is_type = place.facts.column.base.split("(")[0].rpartition(".")[2] in TYPES
    match = place.named(NAMES)
    if match is None and place.is_number and _is_half(place):
        return address_part("geo", place, (0.7, place.counted("coordinate", "shaped as coordinates")), *CHOICES)
    if not is_type and (match is None or not (place.is_number or place.is_text)):
        return None
    if match is not None and match.phrase in PLAIN and not is_type and not place.is_inside:
        return None
    weighed = (0.75, "its type is that of coordinates") if is_type else weigh(place, 0.85, Clue())
    noise, *others = CHOICES
    return address_part("geo", place, weighed, noise, *((Choice("free_text"),) if place.is_text else ()), *others)


def looks(text: str) -> bool:
    return bool(_COORDINATE.fullmatch(text)) and abs(float(text)) <= 180


def _is_half(place: Place) -> bool:
    """Half of a pair of columns whose values are shaped as coordinates."""
    name = "".join(place.words)
    others = [b if name == a else a for a, b in PAIRS if name in (a, b)]
    return place.sample.share("coordinate") >= 0.8 and any((other,) in place.around for other in others)


def has_position(place: Place) -> bool:
    """Another column of the row says where something was."""
    return (
        place.has_beside(NAMES)
        or any((word,) in place.around for word in POSITION)
        or any({(a,), (b,)} <= place.around for a, b in PAIRS)
    )


DETECTOR = Detector("geo", "coordinates", judge, {"coordinate": looks})
