"""References that no foreign key declares: old databases have none, and none leads into another schema's past.

A column is one where its name is that of another table's key (`member_no` beside `member.member_no`), or says table and
key (`customer_id` beside `customers.id`). Declared ones count for more: where a column has one, its name is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from greenroom.discovery._subject_words import PERSON
from greenroom.discovery._technical import COUNTERS
from greenroom.discovery.model import ColumnFacts, TableFacts
from greenroom.discovery.naming import singular, tokens, vocabulary
from greenroom.masking._types import NUMBERS, TEXTS, Kind, kind_of

GIVEN = vocabulary("id ids fk pk oid uuid guid sk ident rowid ref")
"""Words of keys that the database gives."""

COUNTED = vocabulary(
    """no nr nrs num nro number numbers nummer nummern numero numer num cislo numara nbr code kod codigo codice kode key
    sleutel schluessel schlussel clave cle chiave matricule matricula kennung kennziffer"""
)
"""Words of keys that people read: a customer's number."""

ENDS = ("nummer", "number", "nr", "num", "nro")
"""What numbers written together with whose they are end in: `kundenr`."""

PLAIN = GIVEN | COUNTED


def with_undeclared(tables: Sequence[TableFacts]) -> tuple[TableFacts, ...]:
    """The tables with what their columns refer to by their names, too."""
    targets = _targets(tables)
    return tuple(
        replace(table, columns=tuple(_linked(table, column, targets) for column in table.columns)) for table in tables
    )


def is_person_key(words: tuple[str, ...]) -> bool:
    """A name that says whose key stands here, and nothing else: `patient_id`, `id_cliente`, `author`."""
    rest = [w for w in words if w not in PLAIN]
    if set(words) & COUNTERS:
        return False
    return 0 < len(rest) <= 2 and (is_person(rest) or bool(singular(rest[0], PERSON)))


def is_person(words: Sequence[str]) -> bool:
    """The words are one for people, or end in one: `ordering_customer`."""
    return bool(words) and any(singular(w, PERSON) for w in ("".join(words), words[-1]))


def person_number(words: tuple[str, ...]) -> bool:
    """The name of a number by which an organisation knows a person: `customer_no`, `Mitglied-Nr`, `KLTNR`."""
    if len(words) == 1:
        stem = next((words[0].removesuffix(s) for s in ENDS if words[0].endswith(s)), "")
        return len(stem) > 3 and (is_person([stem]) or is_person([stem.removesuffix("s")]))
    rest = [w for w in words if w not in COUNTED]
    return len(rest) < len(words) and 0 < len(rest) <= 2 and not set(rest) & GIVEN and is_person(rest)


def _targets(tables: Sequence[TableFacts]) -> Mapping[tuple[tuple[str, ...], str], str]:
    """Keys of tables by the names that columns leading to them have, with the sort of their type; those that two
    tables have are left out."""
    found: dict[tuple[tuple[str, ...], str], str] = {}
    twice: set[tuple[tuple[str, ...], str]] = set()
    for table in tables:
        keys = [c for c in table.columns if c.is_key]
        if len(keys) != 1 or keys[0].refers_to:
            continue
        own, column = _singular_words(tokens(table.name)), tokens(keys[0].column.name)
        bare = tuple(w for w in column if w not in PLAIN)
        names = {(*own, *column), (*column, *own)} if not bare else {column}
        if bare and own[-len(bare) :] == bare:
            # Programs of many parts put theirs before: `shop_payment_token.token_id` is `payment_token_id` elsewhere.
            names |= {(*own[i:], *column[len(bare) :]) for i in range(len(own) - len(bare))}
        for name in names:
            place = name, _sort(keys[0])
            if place in found and found[place] != keys[0].column.path:
                twice.add(place)
            found[place] = keys[0].column.path
    return {place: path for place, path in found.items() if place not in twice}


def _linked(table: TableFacts, column: ColumnFacts, targets: Mapping[tuple[tuple[str, ...], str], str]) -> ColumnFacts:
    if column.refers_to or column.generated or column.is_identity:
        return column
    name = tokens(column.column.name)
    target = targets.get((name, _sort(column))) or targets.get((_singular_words(name), _sort(column)))
    if target is None or target == column.column.path or target.startswith(f"{table.path}."):
        return column
    return replace(column, refers_to=(target,))


def _singular_words(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(w[:-3] + "y" if w.endswith("ies") else w.removesuffix("s") if len(w) > 3 else w for w in words)


def _sort(column: ColumnFacts) -> str:
    kind = kind_of(column.column)
    return "number" if kind in NUMBERS else "text" if kind in TEXTS else "uuid" if kind is Kind.UUID else kind.value
