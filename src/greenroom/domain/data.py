"""What data an environment holds, where it came from, and where it may go.

A *holding* is what an environment's database was filled with. A *dataset* is a copy of production's data that was
masked, checked for leaks, and kept under a name; environments and clones are filled from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import Refused
from greenroom.domain.kinds import DataLabel, Kind
from greenroom.domain.ledger import timestamp
from greenroom.domain.masking import Chosen


@dataclass(frozen=True)
class Link:
    """A reference that the database does not know, as the configuration names it: `schema.table` and columns."""

    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True)
class Root:
    """`schema.table`, an SQL condition over its columns, and the share of its rows (0 to 1)."""

    table: str
    where: str = ""
    share: float | None = None


@dataclass(frozen=True)
class Subset:
    """The rows a smaller dataset begins with; `children`: rows that refer to a kept row are kept as well."""

    roots: tuple[Root, ...]
    children: bool = True


@dataclass(frozen=True)
class MaskingPlan:
    """How a dataset is made, as the configuration says it.

    `quasi` names, by table, the columns that together could point at a person; `k` rows must share each combination.
    """

    chosen: tuple[Chosen, ...] = ()
    links: tuple[Link, ...] = ()
    subset: Subset | None = None
    quasi: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    k: int = 5
    large_objects: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON values; equal plans give equal ones, whatever the order of their rules."""
        return {
            "rules": {c.column: {"rule": c.rule, **c.settings} for c in sorted(self.chosen, key=lambda c: c.column)},
            "references": [asdict(link) for link in self.links],
            "subset": asdict(self.subset) if self.subset else None,
            "quasi_identifiers": {t: list(c) for t, c in sorted(self.quasi.items())},
            "k": self.k,
            "large_objects": self.large_objects,
        }

    @property
    def digest(self) -> str:
        return digest_of(self.as_dict())


@dataclass(frozen=True)
class Holding:
    """What an environment's database holds.

    `source` is the environment it came from (itself, for what was made there), `as_of` the instant of the last change
    in it, `backup`, `server` (host, port and database) and `dataset` what it was brought from, `rules` the digest of
    the masking plan, `seed` the version of the release whose seed it is.
    """

    label: DataLabel
    source: str
    at: datetime
    as_of: datetime | None = None
    backup: str | None = None
    dataset: str | None = None
    rules: str | None = None
    seed: str | None = None
    server: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "label": self.label.name.lower(),
            "source": self.source,
            "at": timestamp(self.at),
            "as_of": timestamp(self.as_of) if self.as_of else None,
            "backup": self.backup,
            "dataset": self.dataset,
            "rules": self.rules,
            "seed": self.seed,
            "server": self.server,
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Holding:
        as_of = told.get("as_of")
        return cls(
            DataLabel[str(told["label"]).upper()],
            str(told["source"]),
            datetime.fromisoformat(str(told["at"])),
            datetime.fromisoformat(str(as_of)) if as_of else None,
            told.get("backup"),
            told.get("dataset"),
            told.get("rules"),
            told.get("seed"),
            told.get("server"),
        )


@dataclass(frozen=True)
class Dataset:
    """A masked copy that was published: its report is part of it. `bytes` is what it takes on disk. It was made of
    `backup`, or of `server` (host, port and database)."""

    name: str
    source: str
    label: DataLabel
    made_at: datetime
    as_of: datetime | None
    backup: str
    rules: str
    version: str  # PostgreSQL's
    extensions: tuple[str, ...]
    bytes: int
    rows: int
    masked_columns: int
    report: Mapping[str, Any] = field(default_factory=dict)
    server: str = ""


def own_holding(kind: Kind, environment: str, at: datetime) -> Holding:
    """What an environment holds that was never filled from elsewhere: what was made there."""
    label = DataLabel.LIVE if kind is Kind.PRODUCTION else DataLabel.SYNTHETIC
    return Holding(label, environment, at)


def require_clearance(label: DataLabel, clearance: DataLabel, kind: Kind, target: str, source: str) -> None:
    """The one rule of where data may go: never up the lattice, and never into production. Raises Refused
    (`data.clearance`, `data.flows_back`) for whoever asks."""
    if kind is Kind.PRODUCTION:
        raise Refused(
            "data.flows_back",
            f"nothing is brought into {target}",
            because="production holds what its visitors made; copies flow from it, not into it",
            hint="greenroom backup restore brings a state of its own back",
        )
    if label <= clearance:
        return
    raise Refused(
        "data.clearance",
        f"data labelled {label.name.lower()} may not enter {target}",
        because=f"{target} is cleared for {clearance.name.lower()} at most, and this comes from {source}",
        hint="a masked dataset may go there: greenroom data make"
        if clearance >= DataLabel.MASKED
        else "nothing that came from production may go there",
        facts={"label": label.name.lower(), "clearance": clearance.name.lower(), "target": target},
    )


def newest(datasets: Sequence[Dataset]) -> Dataset | None:
    return max(datasets, key=lambda d: (d.made_at, d.name), default=None)
