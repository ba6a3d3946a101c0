"""Mailboxes in place of the world: what an environment's application sends is caught and can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Address:
    """Where an application hands its mail over: SMTP without TLS, on this machine only; any login is let in."""

    host: str
    port: int


@dataclass(frozen=True)
class Caught:
    """One message, as a list shows it. `sender` and `to` are those of the envelope: who would have got it."""

    id: str
    at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    bytes: int


@dataclass(frozen=True)
class Letter:
    """One message, to read. `text` and `html` are None where there is no such part; `attached` are file names."""

    caught: Caught
    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attached: tuple[str, ...]


class Mailboxes(Protocol):
    def address(self, environment: str) -> Address:
        """The environment's own address, with somebody listening. Idempotent; the address stays the same.

        Raises Errored (`mail.unavailable`).
        """

    def given(self, environment: str) -> Address | None:
        """The address it was given before; None when it was given none. Starts nothing."""

    def caught(self, environment: str, limit: int = 100) -> Sequence[Caught]:
        """Newest first."""

    def letter(self, environment: str, message: str) -> Letter:
        """Raises BadInput (`mail.unknown`)."""

    def clear(self, environment: str) -> int:
        """Throw everything away; how many there were."""

    def alive(self) -> bool:
        """True when nobody was asked to listen yet, or somebody does."""
