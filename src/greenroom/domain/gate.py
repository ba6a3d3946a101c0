"""Gates: pure functions of recorded evidence that say whether a release may enter an environment.

`decide` runs all gates of an environment over one `Case`. The same function answers people, automation,
the API, rollback, `greenroom why`, and is asked again at the moment of execution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from greenroom.domain.evidence import Approval, Evidence, Freeze, Override
from greenroom.domain.kinds import Kind


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
    retrying: bool = False


@dataclass(frozen=True)
class Case:
    """All that is on the table when gates decide: recorded facts only, nothing live."""

    request: Request
    path: tuple[EnvironmentView, ...]
    now: datetime
    evidence: tuple[Evidence, ...] = ()  # of this release, newest first, revoked included
    approvals: tuple[Approval, ...] = ()  # of this release in this environment
    freezes: tuple[Freeze, ...] = ()  # of this environment
    overrides: tuple[Override, ...] = ()
    busy_with: str | None = None  # other work that holds this environment's slot
    shown: str = ""  # digest of what an approver is shown now
    holidays: Mapping[str, str] = field(default_factory=dict)  # ISO date -> name, resolved for the window

    @property
    def target(self) -> EnvironmentView:
        return next(e for e in self.path if e.name == self.request.environment)

    @property
    def before(self) -> EnvironmentView | None:
        """The environment that comes just before the target on the path."""
        at = [e.name for e in self.path].index(self.request.environment)
        return self.path[at - 1] if at else None

    def valid_evidence(self, kind: str, *, name: str | None = None, environment: str | None = None) -> list[Evidence]:
        """Unrevoked evidence of a kind, newest first."""
        return [
            e
            for e in self.evidence
            if e.kind == kind
            and e.revoked_at is None
            and (name is None or e.name == name)
            and (environment is None or e.environment == environment)
        ]


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
    for_rollback: bool

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


def decide(gates: Sequence[tuple[Gate, GateConfig]], case: Case) -> Decision:
    """Ask every gate; a valid override sets a line aside and stays visible."""
    lines = []
    for gate, config in gates:
        if case.request.action == "rollback" and not gate.for_rollback:
            continue
        verdict = gate.judge(config, case)
        override = None
        if not isinstance(verdict, Passed):
            held = [o for o in case.overrides if o.gate == gate.name and o.holds(case.now)]
            override = held[0] if held else None
        lines.append(Line(gate.name, gate.title, verdict, override))
    return Decision(tuple(lines))
