"""What a table is about: people, organisations, addresses, events, or things of a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from greenroom.discovery._subject_words import (
    ADDRESS,
    CATALOGUE,
    CONTACT,
    EVENT,
    IDENTITY,
    KINDS_OF_THINGS,
    ORGANISATION,
    PATIENT,
    PERSON,
    PERSON_NUMBERS,
    STAFF,
)
from greenroom.discovery.model import ColumnFacts, TableFacts
from greenroom.discovery.naming import find, says, singular, tokens, vocabulary
from greenroom.discovery.references import is_person, is_person_key, person_number
from greenroom.masking._types import NUMBERS, TEXTS, Kind, kind_of


class Subject(StrEnum):
    """Whom or what one row describes."""

    PERSON = "a person"
    ORGANISATION = "an organisation"
    ADDRESS = "an address"
    EVENT = "an event"
    CATALOGUE = "a thing of a catalogue"
    UNKNOWN = "something unknown"


GIVEN_NAME = vocabulary(
    """fornamn fornavn imie jmeno imiona givennames etunimi firstname fname givenname forename vorname prenom voornaam
    rufname primernombre prenome christianname voornamen vornamen prenoms nomes primeironome nomeproprio
    krestnijmeno fornavne isim adi ad etunimet givennm voornm prenom1 nombrepila nombredepila namefirst firstnm
    vornm firstnames forenames fnam vnam voorletters initials initialen iniciales roepnaam forname"""
)
FAMILY_NAME = vocabulary(
    """efternamn efternavn etternavn nazwisko prijmeni sukunimi lastname lname surname familyname nachname familienname
    nomdefamille apellido primerapellido cognome achternaam sobrenome apelido ultimonome familynm lastnm surnm
    nachnm namelast secondname2 segundoapellido apellidos apellidouno apellidodos apellidopaterno apellidomaterno
    cognomi achternamen familienaam geslachtsnaam nomfamille nomusage nomnaissance nompatronymique patronyme
    sobrenomes apelidos nazwiska soyad soyadi slaegtsnavn familienavn familjenamn lastname1 lastname2
    ultimosobrenome famname famnaam"""
)
ORGANISATION_NAME = vocabulary(
    """companyname legalname businessname organisationname organizationname tradename firmenname firma raisonsociale
    razonsocial ragionesociale bedrijfsnaam razaosocial suppliername vendorname shippername storename corporatename
    organisationsname vereinsname nomefantasia denominacion denominazione denominacionsocial denominationsociale
    nazwafirmy firmanavn foretagsnamn nazevfirmy sirketadi unvan bedrijfsnm handelsnaam nombrecomercial
    nomcommercial shopname depotname"""
)
EMAIL = vocabulary(
    """email emailaddress mail correo courriel emailadres mailadresse emailaddr emails mailaddress mailadres correoe
    correoelectronico correos courriels adressemail epost eposta epostadress sahkoposti adresemail enderecoemail mel
    adresemel emailadresse emailprivat"""
)
SECRET = vocabulary(
    """password passwd pwd passwordhash passworddigest kennwort passwort username login anmeldename motdepasse
    contrasena clave wachtwoord senha haslo heslo sifre parola losenord adgangskode passord salasana passhash
    kennworthash"""
)
_BY_WORD = (
    (Subject.ADDRESS, ADDRESS),
    (Subject.PERSON, PERSON),
    (Subject.ORGANISATION, ORGANISATION),
    (Subject.EVENT, EVENT),
    (Subject.CATALOGUE, CATALOGUE),
)


@dataclass(frozen=True)
class About:
    """What a table is about. `people`, `organisations`: rows lead to such a row by foreign keys, or are one.

    `is_staff_only`: the people are the organisation's own, such as an order's clerk. `has_names`: given and family
    name stand in columns of their own. `of_patients`: the people come to be cured.
    `is_close`: a row says itself whose it is, without a way over other rows.
    """

    subject: Subject
    people: bool = False
    organisations: bool = False
    is_staff_only: bool = False
    is_close: bool = False
    has_names: bool = False
    of_patients: bool = False

    @property
    def is_of_organisation(self) -> bool:
        """Addresses in such a table are an organisation's."""
        if self.subject is Subject.ORGANISATION:
            return True
        return self.subject is not Subject.PERSON and self.organisations and (not self.people or self.is_staff_only)


def subject_of(table: TableFacts) -> Subject:
    """By the names of its columns where they tell, else by its own."""
    columns = [tokens(c.column.name) for c in table.columns]
    words = tokens(table.name)
    if (_any(columns, GIVEN_NAME) and _any(columns, FAMILY_NAME)) or {("first",), ("last",)} <= set(columns):
        return Subject.PERSON
    if _any(columns, ORGANISATION_NAME):
        return Subject.ORGANISATION
    by_name = _by_name(words)
    if by_name in (Subject.UNKNOWN, Subject.EVENT) and _any(columns, EMAIL) and _any(columns, SECRET):
        return Subject.PERSON
    if by_name is Subject.UNKNOWN and (_holds_people(table) or _describes_people(columns)):
        return Subject.PERSON
    if by_name is Subject.ORGANISATION and _is_somebodys(table):
        return Subject.EVENT
    return by_name


def _is_somebodys(table: TableFacts) -> bool:
    """Called like an organisation, but of a person: the bank of a customer, whose number is the key or stands alone
    for whose row it is, without a name of the bank's."""
    words = [tokens(c.column.name) for c in table.columns]
    if any(w[-1:] and w[-1] in BARE_NAMES for w in words):
        return False
    return any(says(w, PERSON_NUMBERS) or person_number(w) for w in words)


BARE_NAMES = vocabulary("name nom nombre nome naam navn namn nazwa bezeichnung nazev ad label")


def _describes_people(columns: Sequence[tuple[str, ...]]) -> bool:
    """By its columns: two of those that only people have, or one beside a name or two ways to reach somebody."""
    told = sum(bool(find(c, IDENTITY)) for c in columns)
    reached = sum(bool(says(c, CONTACT)) for c in columns)
    named = _any(columns, GIVEN_NAME) or _any(columns, FAMILY_NAME)
    return told >= 2 or (told == 1 and (named or reached >= 2))


def _holds_people(table: TableFacts) -> bool:
    """By its values: names of people in one column, and a way to reach them in another."""

    def has(limit: float, *traits: str) -> bool:
        samples = [c.sample for c in table.columns if c.sample.values >= 10]
        return any(s.share(trait) >= limit for s in samples for trait in traits)

    if has(0.5, "first_name") and has(0.35, "last_name"):
        return True
    return has(0.2, "sure_full_name") and has(0.5, "email", "international_phone", "street")


def _by_name(words: tuple[str, ...]) -> Subject:
    """English, German and Dutch have the noun last; where the first word is a kind of thing, it is the noun."""
    if any(w in KINDS_OF_THINGS or w.endswith(("type", "status", "category")) for w in words[:1] + words[-1:]):
        return Subject.CATALOGUE
    joined = singular("".join(words), ADDRESS)
    if joined:
        return Subject.ADDRESS
    for word in reversed(words):
        for subject, known in _BY_WORD:
            if word in known:
                return subject
        for subject, known in _BY_WORD:
            if singular(word, known):
                return subject
    for subject, known in _BY_WORD:
        if find(words, known):
            return subject
    return Subject.UNKNOWN


def _any(columns: Iterable[tuple[str, ...]], phrases: frozenset[str]) -> bool:
    return any(find(c, phrases) for c in columns)


def about_all(tables: Iterable[TableFacts]) -> Mapping[str, About]:
    """What every table is about, by its path. People and organisations are found along foreign keys; from a catalogue
    nothing leads on."""
    by_path = {t.path: t for t in tables}
    subjects = {path: subject_of(t) for path, t in by_path.items()}
    owners = {c.column.path: path for path, t in by_path.items() for c in t.columns}
    targets = {path: _targets(t.columns, owners) - {path} for path, t in by_path.items()}
    names = {path: [tokens(c.column.name) for c in t.columns if _names_a_person(c)] for path, t in by_path.items()}
    found = {}
    for path, table in by_path.items():
        reached = _reached(path, targets, subjects)
        people = {p for p in reached if subjects[p] is Subject.PERSON}
        named = names[path]
        onward = [
            p
            for p in reached - {path}
            if subjects[p] in (Subject.EVENT, Subject.UNKNOWN) and any(not set(w) & MAKERS for w in names[p])
        ]
        organisations = any(subjects[p] is Subject.ORGANISATION for p in reached)
        columns = [tokens(c.column.name) for c in table.columns]
        found[path] = About(
            subjects[path],
            people=bool(people or named or onward or _bears_a_name(table, subjects[path]))
            or (subjects[path] is Subject.ADDRESS and not organisations),
            organisations=organisations,
            is_staff_only=bool(people or named)
            and all(_is_staff(by_path[p].name) for p in people)
            and all(any(singular(w, STAFF) for w in words) for words in named),
            is_close=bool(named) or any(subjects[p] is Subject.PERSON for p in targets[path]),
            of_patients=any(w in PATIENT for p in people for w in tokens(by_path[p].name))
            or any(w in PATIENT for words in named for w in words),
            has_names=_any(columns, GIVEN_NAME) or _any(columns, FAMILY_NAME) or ("last",) in columns,
        )
    return found


MAKERS = vocabulary("author authors editor creator publisher writer autor auteur autore redacteur by")
"""Who made a thing: what refers to the thing is not about them."""


def _bears_a_name(table: TableFacts, subject: Subject) -> bool:
    """Its rows are not a person's, but bear one's name: a result with its runner, a delivery with who signed for it."""
    if subject not in (Subject.EVENT, Subject.UNKNOWN):
        return False
    texts = [c for c in table.columns if kind_of(c.column) in TEXTS]
    if subject is Subject.EVENT and any(says(tokens(c.column.name), EMAIL) for c in texts):
        return True
    if any(c.sample.values >= 10 and c.sample.share("email") >= 0.9 for c in texts):
        return True
    if any(len(words) == 1 and is_person(words) for words in (tokens(c.column.name) for c in texts)):
        return True
    samples = [c.sample for c in texts if c.sample.values >= 10]
    return any(s.share("sure_full_name") >= 0.3 and s.share("sentence") < 0.3 for s in samples)


CLINICAL = vocabulary(
    "lab labresult clinical observation specimen admission encounter diagnosis prescription vital medication"
)
"""Where a `pid` is a patient's, and no process's."""


def _names_a_person(facts: ColumnFacts) -> bool:
    """A key whose name says that it is a person's, whatever the database knows of it."""
    words = tokens(facts.column.name)
    if says(words, PERSON_NUMBERS) or person_number(words):
        return True
    if words == ("pid",) and kind_of(facts.column) in TEXTS:
        return bool(find(tokens(facts.column.table), CLINICAL))
    if len(words) == 1 and words[0].endswith("s") and words[0].removesuffix("s") in PERSON:
        return False  # so many `patients`
    is_key = kind_of(facts.column) in NUMBERS | {Kind.UUID} and not facts.is_identity
    return is_key and is_person_key(words)


def _targets(columns: Iterable[ColumnFacts], owners: Mapping[str, str]) -> set[str]:
    return {owners[path] for c in columns for path in c.refers_to if path in owners}


def _reached(start: str, targets: Mapping[str, set[str]], subjects: Mapping[str, Subject]) -> set[str]:
    reached, todo = {start}, [start]
    while todo:
        here = todo.pop()
        if here != start and subjects[here] in (Subject.CATALOGUE, Subject.PERSON, Subject.ORGANISATION):
            continue
        for target in targets[here] - reached:
            reached.add(target)
            todo.append(target)
    return reached


def _is_staff(name: str) -> bool:
    return any(singular(w, STAFF) for w in tokens(name))
