"""The outgoing network of applications: what they may reach, and what they were refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from greenroom.domain.egress import Account, Reach, Standing


class Egress(Protocol):
    def limit(self, wanted: Sequence[Reach]) -> None:
        """From now on new connections of these environments, their applications and their databases, lead nowhere but
        where their reach says, and to what they listen on themselves; all other environments are not limited.

        Idempotent, at once for all, and without a moment in between. What was refused stays counted. Where the machine
        does not let us, nothing happens, and `standing` says so. Raises Errored (`egress.not_applied`).
        """

    def look(self, running: Mapping[str, Sequence[str]]) -> None:
        """One round of care, to be called every few seconds: addresses of allowed names and what applications listen on
        are taken up, what was taken away from outside is put back, and what was refused is counted for the releases
        that are `running`, by environment. Raises Errored (`egress.not_applied`)."""

    def standing(self) -> Standing:
        """What is in force, as the machine says now."""

    def refused(self, environment: str) -> Account:
        """What it was refused, up to now. Raises BadInput (`name.invalid`)."""

    def lift(self) -> None:
        """Take all of it away. What was counted stays readable."""
