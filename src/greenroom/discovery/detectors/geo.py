"""Where somebody is or lives: coordinates."""

from __future__ import annotations

from greenroom.discovery.detectors._whose import address_part
from greenroom.discovery.model import Choice, Detector, Finding
from greenroom.discovery.naming import vocabulary
from greenroom.discovery.place import Clue, Place, weigh

NAMES = vocabulary(
    """latitude longitude lat lon lng long latlng latlong coordinates coords geo geom geolocation geopoint gps
    gpslat gpslon location geocode breitengrad laengengrad langengrad breite laenge latitud longitud
    latitudine longitudine breedtegraad lengtegraad koordinaten homelocation"""
)
PLAIN = vocabulary("location breite laenge long geo geom")
TYPES = ("point", "geometry", "geography", "public.geometry", "public.geography")


def judge(place: Place) -> Finding | None:
    is_type = place.facts.column.base.split("(")[0].rpartition(".")[2] in TYPES
    match = place.named(NAMES)
    if not is_type and (match is None or not (place.is_number or place.is_text)):
        return None
    if match is not None and match.phrase in PLAIN and not is_type and not place.is_inside:
        return None
    weighed = (0.75, "its type is that of coordinates") if is_type else weigh(place, 0.85, Clue())
    noise = Choice("number_noise", {"amount": 0.05})
    return address_part(
        "geo", place, weighed, noise, *((Choice("free_text"),) if place.is_text else ()), Choice("shuffle")
    )


DETECTOR = Detector("geo", "coordinates", judge)
