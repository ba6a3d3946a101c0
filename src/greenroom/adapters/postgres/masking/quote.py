"""Names and texts as SQL reads them. Nothing else in this room puts a name into a statement."""

from __future__ import annotations


def ident(*names: str) -> str:
    """`"schema"."table"`: quoted whatever is in them (documentation, 4.1.1)."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A text constant that reads the same whatever `standard_conforming_strings` says."""
    quoted = text.replace("'", "''")
    return f" E'{quoted.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{quoted}'"
