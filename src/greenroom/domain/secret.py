"""A value that must not be seen: it redacts itself wherever it is printed, logged or formatted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


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


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """`text` with every secret of 6 characters or more replaced by `••••`."""
    for value in sorted((s.reveal() for s in secrets), key=len, reverse=True):
        if len(value) >= 6:
            text = text.replace(value, "••••")
    return text
