"""Names that become host names, directories, database names and operating-system users."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from greenroom.domain.errors import BadInput

NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?")
"""A DNS label of at most 32 characters (RFC 1123), starting with a letter: safe as host, path and identifier."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
"""An environment variable's name (POSIX.1-2017, 8.1)."""

VAULT = "vault"
"""What the vault is called wherever an environment's name stands. No environment may have it."""

RESERVED = frozenset({"greenroom", "localhost", "preview", "www"})


def checked_name(value: str, what: str) -> str:
    """`value` if it is a valid, unreserved name; raises `BadInput` (code `name.invalid`)."""
    if not NAME.fullmatch(value) or value in RESERVED or value.startswith("xn--"):  # punycode shows another name
        raise BadInput(
            "name.invalid",
            f"{what} {value[:80]!r} is not a valid name",
            because="it becomes a host name, a directory and a database name",
            hint="use lower-case letters, digits and inner hyphens, at most 32, starting with a letter",
        )
    return value


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was probably meant to be; None when none is near."""
    found = difflib.get_close_matches(word[:100], list(known), n=1, cutoff=0.7)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: the name that was probably meant, then `otherwise`; that alone when none is near."""
    meant = closest(word, known)
    return f"did you mean {meant}? {otherwise[:1].upper()}{otherwise[1:]}" if meant else otherwise


def short(digest: str) -> str:
    """The form of a digest that people read: its first 12 hexadecimal characters."""
    return digest.removeprefix("sha256:")[:12]
