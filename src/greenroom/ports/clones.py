"""Clones: databases of one developer's own, each a copy of a dataset's cluster that runs by itself."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from greenroom.domain.clone import Clone
from greenroom.domain.secret import Secret


class Clones(Protocol):
    """Where clones are. Each has a server, roles, passwords and an address of its own; nothing of one is seen in
    another, nor in an environment.

    Who asks holds the clone (`held`) while it changes, and `deciding` while it is found out whether one may begin.
    """

    def deciding(self) -> AbstractContextManager[None]:
        """One at a time, for a moment; within `held`, never around it."""

    def held(self, key: str, *, seconds: float | None = None) -> AbstractContextManager[None]:
        """One at a time for each clone, across processes; `key` as in `Clone.key`. Not to be nested.

        Raises Refused (`clone.busy`) when it is still another's turn after `seconds`."""

    def all(self) -> list[Clone]:
        """Those there are, also unfinished ones; not the dropped. By name and owner."""

    def note(self, clone: Clone) -> None:
        """From now on it is known so. The first time takes its place; DROPPED hides it at once."""

    def need_room(self, clone: Clone) -> None:
        """Raises Refused (`home.no_room`) when its dataset would not fit, with what is in it now given back."""

    def fill(self, clone: Clone) -> None:
        """It holds what its dataset holds, runs, and lets nobody in but the application's role with a password that
        only `url` gives. What was in it is gone; address and password stay. What an attempt that was cut off left is
        no hindrance. Raises Errored (`data.dataset_gone`) and what `need_room` raises, before anything is gone."""

    def url(self, clone: Clone) -> Secret:
        """Where it is, with its password; it runs, and is started if it does not. Raises Errored (`clone.absent`)."""

    def clear(self, clone: Clone) -> None:
        """Stop it and remove all that it takes. Idempotent."""

    def sweep(self) -> int:
        """Clear what was being made, or dropped, by processes that died; how many."""
