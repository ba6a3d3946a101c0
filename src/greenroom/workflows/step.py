"""What a step of a plan is, and what it may use.

A step happens at least once, so each is idempotent under the key work + step. It records what it found in
`facts`; the engine writes them in the same transaction that moves the cursor. `guard()` is called directly
before every effect on the outside: a worker whose lease ran out stops there and touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection

from greenroom.config.project import EnvironmentConfig
from greenroom.domain.errors import GreenroomError
from greenroom.domain.evidence import Outcome
from greenroom.domain.release import Release
from greenroom.domain.work import Work
from greenroom.ports.runtime import Fence

if TYPE_CHECKING:
    from greenroom.workflows.world import World


@dataclass(frozen=True)
class NewEvidence:
    """Evidence that a step found; the engine records it with the transition, also when the step fails."""

    kind: str
    name: str
    outcome: Outcome
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """The step happened. `record` runs in the transition's transaction, for facts of other tables."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[NewEvidence, ...] = ()
    record: Callable[[Connection], None] | None = None


@dataclass(frozen=True)
class Again:
    """Nothing wrong, not finished: call again at `at`. No thread waits meanwhile."""

    at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


Outcomes = Done | Again


def told_of(error: Exception) -> dict[str, str]:
    """What evidence says of a failure. Many may read evidence, and a program's own words may quote a row: they stand
    under `because`, which becomes a digest on the ledger (`domain/discretion.py`)."""
    if isinstance(error, GreenroomError):
        return {"error": error.message, "because": error.because[:500], "code": error.code}
    return {"error": type(error).__name__, "because": str(error)[:500]}


class StepFailed(Exception):
    """Wraps the error of a step that also found evidence worth keeping."""

    def __init__(self, error: Exception, evidence: tuple[NewEvidence, ...]) -> None:
        super().__init__(str(error))
        self.error = error
        self.evidence = evidence


@dataclass(frozen=True)
class StepContext:
    """Everything a step may look at and use.

    `guard()` raises LeaseLost when the work is no longer ours; `crash(name)` is where tests pull the plug;
    `say(text)` shows progress; `cancelled()` tells long steps that somebody wants to stop.
    """

    work: Work
    world: World
    guard: Callable[[], None]
    crash: Callable[[str], None]
    say: Callable[[str], None]
    cancelled: Callable[[], bool]

    @property
    def environment(self) -> str:
        if self.work.about is None:
            raise LookupError(f"{self.work.kind} work has no environment")
        return self.work.about

    @property
    def fence(self) -> Fence:
        """With which claim this work acts on its environment. Work that holds none has no such claim: LookupError."""
        if self.work.environment is None:
            raise LookupError(f"{self.work.kind} work holds no environment")
        return Fence(self.work.environment, self.work.token)

    @property
    def config(self) -> EnvironmentConfig:
        """The environment's applied configuration."""
        return self.world.project().environment(self.environment)

    @property
    def release(self) -> Release:
        return self.world.release(self.work.release or "")

    def with_request(self, **more: Any) -> StepContext:
        """The same, asked with something else."""
        return replace(self, work=replace(self.work, request={**self.work.request, **more}))

    def fact(self, step: str, name: str, default: Any = None) -> Any:
        """What an earlier step (or this one, earlier) recorded."""
        return (self.work.facts.get(step) or {}).get(name, default)


class Step(Protocol):
    """One step: what it does, how it is undone.

    `returns` is False from the point where going back is no longer a matter of undoing (the older release was
    stopped): such a step is tried again and never undone.
    """

    name: str
    returns: bool

    def do(self, context: StepContext) -> Outcomes:
        """Make it so; return at once when it is so already."""

    def undo(self, context: StepContext) -> Outcomes:
        """Bring back what was before `do`, also when `do` came only half way."""
