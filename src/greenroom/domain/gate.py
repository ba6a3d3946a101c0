"""Gates: pure functions of recorded evidence that say whether a release may enter an environment.

`decide` runs all gates of an environment over one `Case`. The same function answers people, automation,
the API, rollback, `greenroom why`, and is asked again at the moment of execution.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from greenroom.domain.evidence import Approval, Evidence, Freeze, Outcome, Override
from greenroom.domain.kinds import Kind
from greenroom.domain.roles import Action, Role, may


@dataclass(frozen=True)
class Passed:
    """Yes. `because` is what the checklist shows."""

    because: str


@dataclass(frozen=True)
class Refused:
    """No, and time alone does not change it. `next` says who or what can."""

    because: str
    next: str
    code: str = "gate.refused"


@dataclass(frozen=True)
class Waiting:
    """Not yet. `until` is when time alone satisfies it; None when somebody must do something."""

    because: str
    next: str
    until: datetime | None = None


Verdict = Passed | Refused | Waiting


@dataclass(frozen=True)
class EnvironmentView:
    """What a gate may know of one environment on the path, in path order."""

    name: str
    kind: Kind
    current: str | None = None
    since: datetime | None = None
    previous: str | None = None
    check_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    action: str  # "promotion" | "rollback"
    release: str
    environment: str
    requested_by: str
    made_by: str
    work: str | None = None  # the row, once there is one
    not_before: datetime | None = None


@dataclass(frozen=True)
class Case:
    """All that is on the table when gates decide: recorded facts only, nothing live. Every instant is aware.

    Raises ValueError when the target is not on the path, a name stands on it twice, or `now` has no time zone,
    so that a gate may rely on it.
    """

    request: Request
    path: tuple[EnvironmentView, ...]
    now: datetime
    evidence: tuple[Evidence, ...] = ()  # of this release, in any order, revoked included
    approvals: tuple[Approval, ...] = ()  # of this release in this environment
    freezes: tuple[Freeze, ...] = ()  # of this environment
    overrides: tuple[Override, ...] = ()
    accounts: Mapping[str, frozenset[str]] = field(default_factory=dict)  # roles held now; whoever is disabled: absent
    busy_with: str | None = None  # other work that holds this environment's slot
    shown: str = ""  # digest of what an approver is shown now; empty: nothing was shown, so no approval stands

    def __post_init__(self) -> None:
        names = [e.name for e in self.path]
        if self.request.environment not in names or len(set(names)) != len(names):
            raise ValueError(f"{self.request.environment!r} should be once on the path {names}")
        if self.now.tzinfo is None:
            raise ValueError("now should have a time zone")

    @property
    def target(self) -> EnvironmentView:
        return next(e for e in self.path if e.name == self.request.environment)

    @property
    def earlier(self) -> tuple[EnvironmentView, ...]:
        """Every environment before the target, in path order."""
        return self.path[: [e.name for e in self.path].index(self.request.environment)]

    @property
    def before(self) -> EnvironmentView | None:
        """The environment that comes just before the target on the path."""
        return self.earlier[-1] if self.earlier else None

    def newest(self, kind: str, *, name: str | None = None, environment: str | None = None) -> Evidence | None:
        """The finding that counts: the newest of its kind about this release, revoked or not.

        Revoked ones count as newest too, so that withdrawing a bad result never brings an older good one back to
        life: it takes a new result. Of findings of the same instant the worst counts, whatever their order.
        """
        if name is not None and environment is not None:
            return self._newest.get((kind, name, environment))
        found = (
            e
            for (of_kind, named, where), e in self._newest.items()
            if of_kind == kind and (name is None or named == name) and (environment is None or where == environment)
        )
        return max(found, key=_counts, default=None)

    @cached_property
    def _newest(self) -> dict[tuple[str, str, str | None], Evidence]:
        """The finding that counts, by kind, name and environment: looked for once, however many checks ask."""
        found: dict[tuple[str, str, str | None], Evidence] = {}
        for e in self.evidence:
            key = (e.kind, e.name, e.environment)
            if e.release == self.request.release and (key not in found or _counts(e) > _counts(found[key])):
                found[key] = e
        return found


def _counts(e: Evidence) -> tuple[datetime, bool, int, str]:
    """Greater for what counts more."""
    return (e.at, e.revoked_at is not None, _BADNESS[e.outcome], e.id)


_BADNESS = {Outcome.PASSED: 0, Outcome.ERRORED: 1, Outcome.FAILED: 2}


class GateConfig(BaseModel):
    """A gate's settings in `greenroom.yaml`. Unknown keys are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Gate(Protocol):
    """One file in `gates/`: its name, its settings' model, when it applies by default, and its verdict.

    `judge` is pure and total: same case, same verdict; it raises nothing for any case.
    """

    name: str
    title: str
    Config: type[GateConfig]
    for_rollback: bool  # asked for a rollback too
    overridable: bool  # a person with the role may set it aside, with a reason and an expiry
    codes: Mapping[str, str]  # every code it refuses with, `gate.<name>_<reason>`, and what it means

    def default(self, kind: Kind) -> GateConfig | None:
        """The settings an environment of `kind` gets when the project says nothing; None: does not apply."""

    def judge(self, config: Any, case: Case) -> Verdict: ...


@dataclass(frozen=True)
class Line:
    """One line of the checklist."""

    gate: str
    title: str
    verdict: Verdict
    overridden_by: Override | None = None

    def as_dict(self) -> dict[str, Any]:
        v = self.verdict
        until = v.until if isinstance(v, Waiting) else None
        return {
            "gate": self.gate,
            "title": self.title,
            "verdict": type(v).__name__.lower(),
            "because": v.because,
            "next": "" if isinstance(v, Passed) else v.next,
            "until": until.isoformat() if until else None,
            "code": v.code if isinstance(v, Refused) else None,
            "overridden_by": self.overridden_by.by if self.overridden_by else None,
        }


@dataclass(frozen=True)
class Decision:
    """All lines, in the order of the gates. Overridden lines count as passed."""

    lines: tuple[Line, ...]

    @property
    def open_lines(self) -> tuple[Line, ...]:
        return tuple(x for x in self.lines if not isinstance(x.verdict, Passed) and x.overridden_by is None)

    @property
    def refused(self) -> tuple[Line, ...]:
        return tuple(x for x in self.open_lines if isinstance(x.verdict, Refused))

    @property
    def passed(self) -> bool:
        return not self.open_lines

    @property
    def wake_at(self) -> datetime | None:
        """When time alone may change the answer: the earliest moment any waiting line names."""
        times = [x.verdict.until for x in self.open_lines if isinstance(x.verdict, Waiting) and x.verdict.until]
        return min(times) if times else None

    def as_dict(self) -> dict[str, Any]:
        verdict = "refused" if self.refused else "passed" if self.passed else "waiting"
        return {"verdict": verdict, "lines": [x.as_dict() for x in self.lines]}


OVERRIDE_LIMIT = timedelta(days=7)
"""No override is given for longer; one that is needed again is asked for again."""


def override_flaw(gate: Gate, override: Override, request: Request, kind: Kind) -> Refused | None:
    """Why `override` cannot set `gate` aside for `request`; None: it can, while it holds.

    Asked when somebody wants to record an override, so that they read why not, and again by every decision.
    """
    if not gate.overridable:
        because = f"no one may set the gate {gate.name} aside"
        return Refused(because, "do what the gate asks for", "override.not_overridable")
    if (override.gate, override.release, override.environment) != (gate.name, request.release, request.environment):
        because = f"it is for {override.gate} of {override.release} in {override.environment}"
        return Refused(because, "ask for an override of this very case", "override.elsewhere")
    if not any(may([r], Action.OVERRIDE, kind) for r in Role if r.value == override.role):
        because = f"{override.by} acts as {override.role or 'nobody'}, who may override nothing in {kind.value}"
        return Refused(because, f"ask {who_may_override(kind)}", "override.role")
    if override.by in (request.made_by, request.requested_by):
        because = f"{override.by} made the release or asked for this promotion"
        return Refused(because, f"ask another person: {who_may_override(kind)}", "override.own")
    if not override.reason.strip():
        return Refused("it gives no reason", "say why", "override.no_reason")
    if not timedelta() < override.expires_at - override.at <= OVERRIDE_LIMIT:
        because = f"it would hold from {override.at.isoformat()} to {override.expires_at.isoformat()}"
        return Refused(because, f"let it expire within {OVERRIDE_LIMIT.days} days", "override.expiry")
    return None


def who_may_override(kind: Kind) -> str:
    """The roles that may override a gate in an environment of this kind, for people: `manager`."""
    return " or ".join(sorted(r.value for r in Role if may([r], Action.OVERRIDE, kind)))


def decide(gates: Sequence[tuple[Gate, GateConfig]], case: Case) -> Decision:
    """Ask every gate; a valid override sets a line aside and stays visible."""
    asked = [(g, config) for g, config in gates if case.request.action != "rollback" or g.for_rollback]
    lines = []
    for gate, config in asked:
        verdict = gate.judge(config, case)
        override = None if isinstance(verdict, Passed) else _override_of(gate, case)
        lines.append(Line(gate.name, gate.title, verdict, override))
    return Decision(tuple(lines))


def _override_of(gate: Gate, case: Case) -> Override | None:
    held: Iterable[Override] = (
        o
        for o in case.overrides
        if o.holds(case.now)
        and o.role in case.accounts.get(o.by, frozenset())  # a word ends with the role, or the account, it was given in
        and override_flaw(gate, o, case.request, case.target.kind) is None
    )
    return max(held, key=lambda o: (o.expires_at, o.id), default=None)
