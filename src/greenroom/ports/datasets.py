"""Copies of production's data: the vault where they are masked, the datasets that leave it, and the clusters that are
made ready beside an environment's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from greenroom.discovery.model import Verdict
from greenroom.domain.data import Dataset, MaskingPlan
from greenroom.domain.release import Services
from greenroom.ports.databases import Database

Say = Callable[[str], None]
GoOn = Callable[[], bool]


@dataclass(frozen=True)
class Copied:
    """What a masked copy brought: rows by table, and what was decided without being asked for, in words."""

    masked_columns: int
    rows: Mapping[str, int] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Seeded:
    """What a release's seed brought: rows by table from its CSV files, and how many statements its SQL files had."""

    rows: Mapping[str, int] = field(default_factory=dict)
    statements: int = 0


@dataclass(frozen=True)
class Examined:
    """What the leak check found, as facts without a personal value in them. `problem` is empty when it may leave."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


class Vault(Protocol):
    """Where copies are masked. Nobody logs in; what leaves is masked already.

    `rebuilt` names what `Backups.rebuild(…, into=VAULT)` brought; `name` the dataset in the making. Nothing of it can
    be had before `publish`.
    """

    def discover(self, rebuilt: str, source: str, services: Services, *, say: Say) -> tuple[Verdict, ...]:
        """A verdict for every column of the copy, without a value of it."""

    def mask(
        self, rebuilt: str, source: str, name: str, services: Services, plan: MaskingPlan, *, say: Say, go_on: GoOn
    ) -> Copied:
        """Copy it, masked, into a cluster of its own. What an earlier attempt left is thrown away.

        Raises BadInput and Refused (`data.…`, `home.no_room`) before anything moves: rules that cannot be, columns
        without one, masks that would break a constraint, no room; Errored when it broke off.
        """

    def examine(
        self, rebuilt: str, source: str, name: str, services: Services, plan: MaskingPlan, *, say: Say, go_on: GoOn
    ) -> Examined:
        """Compare what would leave with what was there."""

    def publish(self, name: str, dataset: Dataset) -> Dataset:
        """It may leave from now on; with its size. Idempotent."""

    def datasets(self) -> list[Dataset]:
        """Those published and still there, oldest first."""

    def drop(self, name: str) -> None:
        """Remove a dataset, published or in the making. Idempotent."""

    def sweep(self, keep: Collection[str]) -> int:
        """Remove what work that ended left in the vault, or half removed; `keep` names the work that has not ended. How
        many. Called when a control plane starts."""


class Candidates(Protocol):
    """Clusters that are made ready beside an environment's own and take its place when they are proven.

    `name` is the work that makes them: idempotent under it.
    """

    def place(self, dataset: str, environment: str, name: str, *, say: Say) -> int:
        """A copy of the dataset's cluster, sharing blocks where the file system can; its bytes. Raises Refused
        (`home.no_room`) before it begins."""

    def begin(self, environment: str, name: str, services: Services, *, say: Say) -> None:
        """An empty cluster of the environment's PostgreSQL. What an earlier attempt left is thrown away, for it may be
        half filled. Raises Refused (`database.version`) as `serving` does."""

    def seed(self, database: Database, root: Path, files: tuple[str, ...], *, say: Say, go_on: GoOn) -> Seeded:
        """Load the seed files of the release below `root` as the application's role, one transaction for each, then
        move sequences behind the rows. Raises Refused (`data.seed_…`), with file and line."""

    def serving(
        self, environment: str, name: str, services: Services, *, origin: str, say: Say
    ) -> AbstractContextManager[Database]:
        """It runs for the length of the block, with the environment's own passwords, and its side effects neutralised.
        `origin` is whose passwords it had: an environment, or the vault.

        Raises Refused (`database.version`) when the environment has a database of another major version.
        """

    def edit(self, environment: str, name: str, database: Database, statements: tuple[str, ...]) -> None:
        """Run them as the application's role, all in one transaction. Idempotent under `name`, also when whoever ran
        them was killed as it was committed. Raises Refused (`data.edit_failed`) without a value of the data."""

    def exchange(self, environment: str, name: str) -> None:
        """It becomes the environment's cluster, running; the present one is kept aside under `name`. Idempotent."""

    def put_back(self, environment: str, name: str) -> None:
        """Undo of `exchange`: the cluster that was kept aside runs again. Idempotent."""

    def asides(self, environment: str) -> Mapping[str, datetime]:
        """Clusters that were put aside, by name, with the instant."""

    def drop_aside(self, environment: str, name: str) -> None:
        """Idempotent."""

    def discard(self, environment: str, name: str) -> None:
        """Remove what was made ready and did not take the place. Idempotent."""

    def sweep(self, keep: Collection[str]) -> int:
        """Remove what work that ended left beside databases; `keep` names the work that has not ended. What was put
        aside whole stays. How many. Called when a control plane starts, before it works."""
