"""Tables and columns in one text: `public.customer.email`.

A name stands as the database keeps it. One that has a dot in it, or begins with a double quote, stands in double
quotes, those within doubled, as in SQL: `public."orders.v2".email` (documentation of PostgreSQL, 4.1.1). Control
characters have no place in it.
"""

from __future__ import annotations

import re

_PLAIN = r'[^."\x00-\x1f\x7f][^.\x00-\x1f\x7f]{0,62}'
_QUOTED = r'"(?:[^"\x00-\x1f\x7f]|""){1,126}"'
_NAME = rf"(?:{_PLAIN}|{_QUOTED})"
_EACH = re.compile(rf"({_PLAIN}|{_QUOTED})(?:\.|\Z)")
TABLE = re.compile(rf"{_NAME}\.{_NAME}")
COLUMN = re.compile(rf"{_NAME}\.{_NAME}\.{_NAME}")


def dotted(*names: str) -> str:
    """One text for these names; `parts` tells them again. Equal names give equal texts."""
    return ".".join(_shown(name) for name in names)


def parts(text: str) -> tuple[str, ...]:
    """The names in a text. Raises ValueError when it is no such text."""
    found = _EACH.findall(text)
    if not found or ".".join(found) != text:
        raise ValueError(f"{text!r} is not a row of names with dots between them")
    return tuple(_bare(name) for name in found)


def table_of(column: str) -> str:
    """The table that a column is of."""
    return dotted(*parts(column)[:-1])


def _shown(name: str) -> str:
    if "." in name or name.startswith('"'):
        return '"' + name.replace('"', '""') + '"'
    return name


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
