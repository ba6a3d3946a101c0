"""A twin of the mailboxes: letters are put into them by tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from greenroom.domain.errors import BadInput
from greenroom.domain.names import checked_name
from greenroom.ports.mail import Address, Caught, Letter


@dataclass
class MemoryMail:
    """Keeps the promises of `ports.mail.Mailboxes` without a network."""

    boxes: dict[str, list[Letter]] = field(default_factory=dict)
    listening: bool = True

    def address(self, environment: str) -> Address:
        self.boxes.setdefault(checked_name(environment, "environment"), [])
        return Address("127.0.0.1", 20_025 + list(self.boxes).index(environment))

    def given(self, environment: str) -> Address | None:
        return self.address(environment) if checked_name(environment, "environment") in self.boxes else None

    def caught(self, environment: str, limit: int = 100) -> list[Caught]:
        return [letter.caught for letter in reversed(self._box(environment))][:limit]

    def letter(self, environment: str, message: str) -> Letter:
        for letter in self._box(environment):
            if letter.caught.id == message:
                return letter
        raise BadInput("mail.unknown", f"{environment} has no message {message[:80]!r}")

    def clear(self, environment: str) -> int:
        found = self._box(environment)
        self.boxes[environment] = []
        return len(found)

    def alive(self) -> bool:
        return self.listening

    def _box(self, environment: str) -> list[Letter]:
        return self.boxes.get(checked_name(environment, "environment"), [])
