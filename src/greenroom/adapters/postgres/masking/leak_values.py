"""Which values of the source a leak check looks for: the personal ones, out of columns, arrays and documents. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from greenroom.adapters.postgres.masking.choices import Choices, Mask
from greenroom.adapters.postgres.masking.model import Catalog, Table, TableColumn
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.domain.likeness import words
from greenroom.masking._paths import ELEMENTS, Node, tree
from greenroom.masking._words import lists, locales

MOST_CHARACTERS = 1 << 16
"""Of a longer value the beginning is looked at when values are chosen; in the target every byte is read."""

MOST_ABOVE = 4
"""References of a table that are followed, one step."""

_SHUFFLE, _JSON, _ARRAY, _CONSTANT = "shuffle", "json", "array", "constant"
_TEXTS = frozenset(
    {"text", "character varying", "character", "bpchar", "name", "uuid", "inet", "cidr", "macaddr", "xml"}
)
_QUANTITIES = re.compile(
    r"(smallint|integer|bigint|numeric|real|double precision|money|boolean|oid|date|interval|time\b.*|timestamp\b.*)$"
)
_STRINGS = re.compile(r'"([^"\\]{3,})"')
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?!\d).*", re.DOTALL)


class Nature(Enum):
    """How values are got out of a column."""

    TEXT = "text"
    QUANTITY = "quantity"
    DOCUMENT = "document"
    BYTES = "bytes"


@dataclass(frozen=True)
class Masked:
    """A masked column of the source: how it is read (`sql`, text), and what its mask means for the tests.

    `is_shuffled`: its values stay in the target by decision, in other rows.
    """

    column: TableColumn
    mask: Mask
    nature: Nature
    sql: str

    @property
    def path(self) -> str:
        return self.column.column.path

    @property
    def is_shuffled(self) -> bool:
        return self.mask.rule == _SHUFFLE

    def values(self, text: str | None) -> Iterator[str]:
        """The personal values of one field of a row, read with `sql`."""
        if text is None:
            return
        if self.nature is not Nature.DOCUMENT:
            if text.strip() and not self._is_constant(text):
                yield text
            return
        try:
            document = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):  # cut, or deeper than Python goes
            yield from _STRINGS.findall(text)
            return
        yield from (v for v in self._leaves(document) if v.strip())

    def _leaves(self, document: Any) -> Iterator[str]:
        settings = self.mask.settings
        if self.mask.rule == _JSON:
            ruled = tree((path, str(inner.get("rule", ""))) for path, inner in settings.paths.items())
            yield from _ruled(ruled, document, is_personal=settings.others != "keep")
        elif self.mask.rule != _ARRAY or settings.element.get("rule") != "harmless":
            yield from _every(document)

    def _is_constant(self, text: str) -> bool:
        return self.mask.rule == _CONSTANT and text == str(getattr(self.mask.settings, "value", ""))


@dataclass(frozen=True)
class Unit:
    """A table whose rows are sampled, with its partitions; `key` are unmasked columns that tell its rows apart, none
    where there are none. `above` are the masked columns of the rows that its rows refer to, which `joins` bring in:
    an order may name its customer."""

    table: Table
    masked: tuple[Masked, ...]
    key: tuple[TableColumn, ...]
    above: tuple[Masked, ...] = ()
    joins: str = ""

    @property
    def sought(self) -> tuple[Masked, ...]:
        """What a row is held against: its own columns first."""
        return (*self.masked, *self.above)

    @property
    def sql(self) -> str:
        only = "ONLY " if self.table.kind == "r" else ""
        return only + ident(self.table.schema, self.table.name)


def units_of(catalog: Catalog, choices: Choices) -> tuple[Unit, ...]:
    """Every table with a masked column, or a reference to one; a partitioned one as a whole."""
    found = []
    for table in catalog.tables.values():
        if table.kind == "f" or table.is_partition:
            continue
        masked = _masked_of(table, choices)
        above, joins = _above(catalog, choices, table)
        if masked or above:
            found.append(Unit(table, masked, _key(table, choices), above, joins))
    return tuple(sorted(found, key=lambda u: u.table.path))


def _masked_of(table: Table, choices: Choices, alias: str = "t") -> tuple[Masked, ...]:
    masks = ((c, choices.mask(table, c.name)) for c in table.moved)
    return tuple(_masked(c, m, alias) for c, m in masks if m is not None)


def _above(catalog: Catalog, choices: Choices, table: Table) -> tuple[tuple[Masked, ...], str]:
    """Texts of the rows that a table's rows refer to, and the joins that reach them."""
    found: list[Masked] = []
    joins: list[str] = []
    for reference in choices.references:
        target = catalog.tables[reference.target]
        if reference.table != table.oid or target.kind == "f" or len(joins) >= MOST_ABOVE:
            continue
        alias = f"above{len(joins)}"
        masked = [m for m in _masked_of(target, choices, alias) if m.nature is not Nature.QUANTITY]
        if not masked:
            continue
        pairs = zip(reference.columns, reference.target_columns, strict=True)
        condition = " AND ".join(f"{alias}.{ident(b)} = t.{ident(a)}" for a, b in pairs)
        joins.append(f" LEFT JOIN {ident(target.schema, target.name)} {alias} ON {condition}")
        found += masked
    return tuple(found), "".join(joins)


def _masked(column: TableColumn, mask: Mask, alias: str) -> Masked:
    name, bare = f"{alias}.{ident(column.name)}", column.bare.split("(")[0].strip()
    if column.column.array or column.bare.endswith("]"):
        nature, sql = Nature.DOCUMENT, f"to_jsonb({name})::text"
    elif bare in ("json", "jsonb"):
        nature, sql = Nature.DOCUMENT, f"{name}::text"
    elif bare == "bytea":
        return Masked(column, mask, Nature.BYTES, f"encode(substr({name}, 1, {MOST_CHARACTERS}), 'escape')")
    elif _QUANTITIES.match(bare):
        nature, sql = Nature.QUANTITY, f"{name}::text"
    elif bare in _TEXTS or bare.endswith(".citext") or column.column.labels:
        nature, sql = Nature.TEXT, f"{name}::text"
    else:  # composites, ranges, types of extensions
        nature, sql = Nature.DOCUMENT, f"to_jsonb({name})::text"
    return Masked(column, mask, nature, f"left({sql}, {MOST_CHARACTERS})")


def _key(table: Table, choices: Choices) -> tuple[TableColumn, ...]:
    """The primary key, or a plain unique index without NULLs, whose columns leave as they are."""
    masked = choices.masked(table)
    plain = [u for u in table.uniques if u.is_plain]
    candidates = [table.key, *(tuple(sorted(u.columns)) for u in sorted(plain, key=lambda u: u.name))]
    for names in candidates:
        columns = tuple(c for n in names if (c := table.column(n)) is not None)
        is_key = names == table.key or not any(c.column.nullable for c in columns)
        if columns and is_key and not masked & set(names) and not any(c.generated for c in columns):
            return columns
    return ()


def _every(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for value in document.values():
            yield from _every(value)
    elif isinstance(document, list):
        for value in document:
            yield from _every(value)
    elif isinstance(document, str):
        yield document


def _ruled(node: Node[str], document: Any, *, is_personal: bool) -> Iterator[str]:
    """What stands at a path with a rule, and, where `is_personal`, what no path names: it was to be removed."""
    if node.leaf is not None:
        if node.leaf != "harmless":
            yield from _every(document)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key in node.children:
                yield from _ruled(node.children[key], value, is_personal=is_personal)
            elif is_personal:
                yield from _every(value)
    elif isinstance(document, list) and ELEMENTS in node.children:
        for value in document:
            yield from _ruled(node.children[ELEMENTS], value, is_personal=is_personal)
    elif is_personal or isinstance(document, str):
        yield from _every(document)


def is_date(text: str) -> bool:
    """Texts that begin with a date are told apart by nothing but the day."""
    return _DATE.fullmatch(text) is not None


@cache
def listed_words() -> frozenset[bytes]:
    """Every word of the lists that masks draw from, folded: what a mask may come to by chance."""
    found: set[bytes] = set()
    for locale in locales():
        for kind in lists(locale).values():
            for entry in kind:
                found.update(words(entry))
                found.add(b"".join(words(entry)))
    return frozenset(found)
