"""The processes of this machine that carry out work of one home."""

from __future__ import annotations

from typing import Protocol


class Workers(Protocol):
    def enlist(self, owner: str) -> None:
        """This process works under that name, until it ends or is discharged. Several may, under one name."""

    def discharge(self, owner: str) -> None:
        """It does not any more. One that was never enlisted is fine."""

    def end_if_stopped(self, owner: str) -> bool:
        """End whoever works under that name and is stopped at the moment; False when there is nobody like that here.

        From the return on it does nothing any more, also if it is continued: it may have been stopped between making
        sure of its lease and what it was about to do. One that runs is left alone: it finds out by itself.
        """
