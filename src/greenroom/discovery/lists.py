"""References to lists that describe people: a nationality, a language, a class, a drug that somebody takes.

The list is nobody's, and its entries stay. Which of them stands in a person's row is that person's.
"""

from __future__ import annotations

from greenroom.discovery._subject_words import IDENTITY
from greenroom.discovery.naming import find, tokens, vocabulary
from greenroom.discovery.place import Place
from greenroom.discovery.references import PLAIN
from greenroom.discovery.topics import HEALTH, is_health

OF_PEOPLE = (
    IDENTITY
    | HEALTH
    | vocabulary(
        """nationality citizenship language languages mothertongue religion denomination confession ethnicity
        ethnic race
        profession occupation job jobtitle position discipline subject class classe klasse klas clase turma grade
        yeargroup schoolclass course allergy allergen disability diet drug medication medicine disease diagnosis
        condition treatment maritalstatus gender salutation education degree union party salaryband payband paygrade
        nationalitaet nationalitat staatsangehoerigkeit sprache muttersprache konfession beruf schulklasse fach
        familienstand anrede medikament krankheit entgeltgruppe nationalite langue profession csp metier matiere
        medicament maladie nacionalidad idioma profesion oficio asignatura curso enfermedad medicamento nazionalita
        lingua professione materia farmaco malattia nationaliteit taal beroep vak leerjaar medicijn ziekte
        nacionalidade profissao disciplina medicamento doenca narodowosc jezyk zawod klasa choroba lek nationalitet
        sprak yrke uddannelse"""
    )
)


def tells_by_list(place: Place, table: str) -> bool:
    """A column of a person's row, or of a row of somebody's health, that names an entry of a `table`
    of such a list."""
    if not (place.is_person or is_health(place)):
        return False
    own = tuple(w for w in place.words if w not in PLAIN)
    return bool(find(own, OF_PEOPLE) or find(tokens(table), OF_PEOPLE))
