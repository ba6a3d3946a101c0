"""A value that must not be seen: it redacts itself wherever it is printed, logged or formatted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

HIDDEN = "••••"
SHORTEST = 6
"""Shorter secrets would strike out half of any log."""
_PASSWORD = re.compile(r"://[^/?#]*?:([^/?#]*)@")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


class Secret:
    """Holds text; only `reveal` gives it out. Equality is by value; it is never pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Call it only where the value leaves for the process or the store that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def revealed(values: Mapping[str, str | Secret]) -> dict[str, str]:
    """Plain text of every value, for the one place that hands an environment to a process."""
    return {k: v.reveal() if isinstance(v, Secret) else v for k, v in values.items()}


def parts(secrets: Iterable[Secret]) -> Iterator[Secret]:
    """Each secret, and what of it is secret by itself: every line of a key, the password of a URL (RFC 3986), both as
    it is written and as it is meant."""
    for secret in secrets:
        value = secret.reveal()
        yield secret
        if "\n" in value:
            yield from (Secret(line.strip()) for line in value.splitlines())
        for password in _PASSWORD.findall(value):
            meant = _ESCAPED.sub(lambda m: bytes([int(m[1], 16)]), password.encode(errors="surrogateescape"))
            yield from {Secret(password), Secret(meant.decode(errors="replace"))}


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """`text` with every stretch that secrets of 6 characters or more cover replaced by `••••`.

    Secrets that overlap or touch are one stretch: of none of them a beginning or an end is left.
    """
    kept, at = [], 0
    for start, end in _stretches(text, {s.reveal() for s in secrets}):
        kept += [text[at:start], HIDDEN]
        at = end
    return "".join([*kept, text[at:]])


def _stretches(text: str, values: Iterable[str]) -> list[tuple[int, int]]:
    """Where in the text the values stand, by beginning, those that overlap or touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(hit for value in values if len(value) >= SHORTEST for hit in _hits(text, value)):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _hits(text: str, value: str) -> Iterator[tuple[int, int]]:
    """Every place of the value, also where it overlaps itself."""
    start = text.find(value)
    while start >= 0:
        yield start, start + len(value)
        start = text.find(value, start + 1)
