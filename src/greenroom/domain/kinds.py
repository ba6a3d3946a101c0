"""The kinds of environment, in the order of the path, and the defaults each kind brings.

A project uses the kinds it needs and may tighten a default; it may loosen only what the table's
`loosen` names. Data labels form a lattice: what is labelled higher never enters a lower clearance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """What an environment is for. The order of the members is the order of the path."""

    DEV = "dev"
    QA = "qa"
    PACKAGING = "packaging"
    UAT = "uat"
    STAGING = "staging"
    PRODUCTION = "production"

    @property
    def position(self) -> int:
        return list(Kind).index(self)


class DataLabel(IntEnum):
    """How dangerous data is; a greater label never flows to a lesser clearance."""

    NONE = 0
    SYNTHETIC = 1
    MASKED = 2
    COPY = 3
    LIVE = 4


class ErrorDetail(IntEnum):
    """How much of an application's error its visitor sees; the edge enforces it."""

    FRIENDLY = 0  # a page that says sorry, with an incident id
    MEDIUM = 1  # status, method and incident id; the application's own text is withheld
    FULL = 2  # whatever the application answers passes through


class Audience(StrEnum):
    """Who may reach an environment through the edge."""

    DEVELOPERS = "developers"
    TESTERS = "testers"
    IT = "it"
    CLIENT = "client"
    TEAM = "team"
    STAKEHOLDERS = "stakeholders"
    WORLD = "world"


@dataclass(frozen=True)
class KindDefaults:
    """What an environment of this kind gets unless the project says otherwise."""

    holds: str
    runs: bool
    clearance: DataLabel
    errors: ErrorDetail
    side_effects_caught: bool
    audience: frozenset[Audience]
    bake_seconds: float
    backed_up: bool = False
    loosen: frozenset[str] = frozenset()


DEFAULTS: dict[Kind, KindDefaults] = {
    Kind.DEV: KindDefaults(
        "the newest commit, at once",
        True,
        DataLabel.MASKED,
        ErrorDetail.FULL,
        True,
        frozenset({Audience.DEVELOPERS}),
        0,
    ),
    Kind.QA: KindDefaults(
        "chosen releases",
        True,
        DataLabel.MASKED,
        ErrorDetail.FULL,
        True,
        frozenset({Audience.DEVELOPERS, Audience.TESTERS}),
        0,
    ),
    Kind.PACKAGING: KindDefaults(
        "sealed packages; nothing runs",
        False,
        DataLabel.NONE,
        ErrorDetail.FRIENDLY,
        True,
        frozenset({Audience.IT}),
        0,
    ),
    Kind.UAT: KindDefaults(
        "the candidate for the customer",
        True,
        DataLabel.MASKED,
        ErrorDetail.MEDIUM,
        True,
        frozenset({Audience.CLIENT, Audience.TESTERS, Audience.TEAM}),
        0,
        loosen=frozenset({"clearance"}),
    ),
    Kind.STAGING: KindDefaults(
        "the release candidate after the freeze",
        True,
        DataLabel.COPY,
        ErrorDetail.MEDIUM,
        True,
        frozenset({Audience.TEAM, Audience.STAKEHOLDERS}),
        0,
        loosen=frozenset({"errors"}),
    ),
    Kind.PRODUCTION: KindDefaults(
        "the released version",
        True,
        DataLabel.LIVE,
        ErrorDetail.FRIENDLY,
        False,
        frozenset({Audience.WORLD}),
        600,
        backed_up=True,
    ),
}

TEMPLATES: dict[str, tuple[Kind, ...]] = {
    "small": (Kind.DEV, Kind.STAGING, Kind.PRODUCTION),
    "standard": (Kind.DEV, Kind.QA, Kind.STAGING, Kind.PRODUCTION),
    "full": tuple(Kind),
}
"""The paths that `greenroom init --template` offers."""
