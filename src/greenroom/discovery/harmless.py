"""Why a column holds nothing of a person, where that can be told. What cannot, a person has to look at."""

from __future__ import annotations

from greenroom.discovery._subject_words import IDENTITY
from greenroom.discovery._technical import AMOUNTS, BOOKKEEPING, COUNTERS, PROGRAM, SWITCHES, TRADE
from greenroom.discovery.naming import find, vocabulary
from greenroom.discovery.place import FEW, Place
from greenroom.discovery.references import is_person_key
from greenroom.discovery.subjects import Subject
from greenroom.discovery.topics import topic
from greenroom.masking._types import Kind

Reasoned = tuple[float, str]

TECHNICAL = vocabulary(
    """slug sku ean isbn issn gtin barcode upc code codigo codice kuerzel currency waehrung devise moneda locale
    language lang sprache langue idioma timezone zone version revision status state etat estado stato type
    typ tipo kind mode level priority severity scope role rolle permission action event method route
    controller path uri mime mimetype contenttype format extension encoding charset checksum etag digest md5
    sha hash color colour farbe theme unit einheit size groesse weightclass icon template migration schema
    queue job worker environment env domain hostname host region bucket model brand marke make series bic
    swift coupon voucher discount campaign channel source medium plan tier rating special specialfeatures
    features fulltext keywords tags category label sort order genre iso"""
)
GENERATED = "generated: the database makes it anew from the masked row"
CODES = vocabulary("code codigo codice kuerzel special features specialfeatures hash label")
"""Words that are a program's own, and in a person's row may be what that person is known by."""

QUIET = COUNTERS | PROGRAM | SWITCHES | AMOUNTS | vocabulary("id ids no nr num number code key ref")
ANYTHING = vocabulary(
    "val value values wert valeur valor valore waarde varde verdi vaerdi hodnota old new before after"
)
"""Columns that hold whatever was said of somebody, or stood there before."""
LANGUAGE = vocabulary("lang language sprache langue idioma lingua taal jezyk kieli dil sprak")
NUMBERED = vocabulary("id ids no nr num number nummer numero code key ref reference uuid guid pk fk index")
SILENT_TYPES = vocabulary(
    """interval money bit tsquery int4range int8range numrange daterange tsrange tstzrange oid regclass ltree
    lquery pg_lsn box circle path lseg line polygon"""
)


def harmless(place: Place) -> Reasoned | None:
    """Confidence and reason, or None where a person should look."""
    if _is_open(place):
        return None
    by_catalog = _by_catalog(place)
    if by_catalog is not None:
        return by_catalog
    if place.is_text:
        return _text(place)
    return _other(place)


def _is_open(place: Place) -> bool:
    """In a row about a person somebody looks at whatever is not known to be a program's own: a number may be a mark, a
    short list a state of health, a yes a religion."""
    facts = place.facts
    if place.is_inside or facts.generated or facts.is_identity or facts.is_key:
        return False
    if place.kind is Kind.UUID or facts.refers_to or is_person_key(place.words):
        return False
    words = set(place.words)
    if not place.is_person and place.about.people and words & ANYTHING and not words & (COUNTERS | BOOKKEEPING):
        return True
    if not place.is_person and topic(place) and not words & (QUIET | BOOKKEEPING | TECHNICAL):
        return True
    if not place.is_person:
        return _is_close(place) and place.is_number and not words & QUIET
    if place.kind is Kind.BOOLEAN:
        return not words & (SWITCHES | PROGRAM)
    if place.is_date:
        return not (words & BOOKKEEPING or place.is_bookkeeping)
    if place.is_number:
        return not (words & (COUNTERS | PROGRAM | SWITCHES) or (place.words[-1:] and place.words[-1] in NUMBERED))
    if place.is_text and words & LANGUAGE and place.has_beside(IDENTITY):
        return True  # which somebody speaks, rather than one to show a page in
    if place.kind is Kind.ENUM or place.is_short_list or place.has_listing_check:
        return not words & (PROGRAM | COUNTERS | TECHNICAL)
    if place.is_text:
        return not words & (PROGRAM | COUNTERS | SWITCHES | (TECHNICAL - CODES))
    return False


def _is_close(place: Place) -> bool:
    """A row of what happened to a person, and not of what that person bought."""
    about = place.about
    if about.subject not in (Subject.EVENT, Subject.UNKNOWN) or not about.is_close or about.is_staff_only:
        return False
    return not find(place.table_words, TRADE)


def _by_catalog(place: Place) -> Reasoned | None:
    kind, facts = place.kind, place.facts
    if facts.generated:
        return 0.95, GENERATED
    if facts.is_identity or (facts.is_key and kind in (Kind.INTEGER, Kind.UUID)):
        return 0.95, "a key that the database gives"
    if kind is Kind.BOOLEAN:
        return 0.9, "yes or no"
    if kind is Kind.ENUM:
        return 0.9, f"one of {len(facts.column.labels)} labels"
    if place.has_listing_check:
        return 0.85, "a check constraint lists its values"
    if kind is Kind.UUID:
        return 0.8, "an identifier without a person's name to it"
    if place.is_number:
        if place.words and place.words[-1] in NUMBERED:
            return 0.8, "a number that counts or refers, not one that a person carries"
        return 0.8, "a number; nothing says that it is about a person's life"
    if place.is_date:
        return _date(place)
    return None


def _date(place: Place) -> Reasoned:
    if place.is_bookkeeping:
        return 0.9, "bookkeeping: tables of all kinds have it"
    if place.about.people:
        return 0.65, "the moment of an event: it tells of a person only together with the row's other columns"
    return 0.85, "a date of nobody's life"


def _text(place: Place) -> Reasoned | None:
    sample = place.sample
    if place.is_short_list and max(sample.share(t) for t in ("first_name", "last_name", "email", "mention")) < 0.5:
        return 0.8, f"a short list: {sample.distinct} different values in {sample.values}"
    if place.is_catalogue:
        if sample.share("mention") >= 0.1 or sample.share("sure_full_name") >= 0.3:
            return None
        return 0.75, "a catalogue's: it describes things, not people"
    if sample.values >= FEW and sample.share("uuid") >= 0.9:
        return 0.75, "an identifier without a person's name to it"
    if sample.values >= FEW and sample.share("code") >= 0.95 and _is_technical(place):
        return (
            0.75,
            f"codes: {sample.traits.get('code', 0)} of {sample.values} values are one word of letters and digits",
        )
    if place.words and place.words[-1] in TECHNICAL and sample.share("sentence") < 0.1:
        return 0.7, "a technical name"
    if place.facts.is_key and sample.share("code") + sample.share("one_word") >= 0.9:
        return 0.7, "a key: short codes"
    if not sample.values and not place.is_of_person:
        return None
    return None


def _is_technical(place: Place) -> bool:
    return bool(place.words) and (place.words[-1] in NUMBERED or any(w in TECHNICAL for w in place.words))


def _other(place: Place) -> Reasoned | None:
    base = place.facts.column.base.split("(")[0]
    bare = base.rpartition(".")[2]
    if bare in SILENT_TYPES or base.startswith(("time ", "interval", "bit")):
        return 0.8, f"the type {base} holds nothing that names anybody"
    if bare == "tsvector" and not place.is_of_person:
        return 0.7, "words of a text that is about nobody"
    if place.is_catalogue and place.kind in (Kind.BYTEA, Kind.OTHER):
        return 0.7, "a catalogue's: it describes things, not people"
    return None
