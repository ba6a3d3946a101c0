"""Secrets: encrypted at rest, one set per environment, never copied between environments."""

from __future__ import annotations

from typing import Protocol

from greenroom.domain.secret import Secret


class Secrets(Protocol):
    def values(self, environment: str) -> dict[str, Secret]:
        """All of an environment's secrets. Raises Errored (`secrets.unreadable`) when the key does not fit."""

    def put(self, environment: str, name: str, value: Secret) -> None: ...

    def remove(self, environment: str, name: str) -> bool:
        """True if there was one."""

    def digest(self, value: Secret) -> str:
        """A keyed digest: equal for equal values of one home, and nothing without its key. For comparing what stands in
        two environments without either being shown."""

    def names(self, environment: str) -> list[str]:
        """What is set; never the values."""
