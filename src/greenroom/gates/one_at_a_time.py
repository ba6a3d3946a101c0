"""An environment changes by one piece of work at a time."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.domain.gate import Case, GateConfig, Passed, Verdict, Waiting
from greenroom.domain.kinds import Kind


class Settings(GateConfig):
    """Nothing to set: two changes of one environment at once are never right."""


class OneAtATimeGate:
    """No other work holds the environment. What waits here goes on by itself when that work ends."""

    name = "one_at_a_time"
    title = "One at a time"
    Config: type[GateConfig] = Settings
    for_rollback = True
    overridable = False
    codes: Mapping[str, str] = {}

    def default(self, kind: Kind) -> Settings:
        return Settings()

    def judge(self, config: Settings, case: Case) -> Verdict:
        busy = case.busy_with
        if busy is None or busy == case.request.work:
            return Passed(f"nothing else changes {case.target.name}")
        return Waiting(
            f"{busy} is changing {case.target.name}",
            f"this goes on by itself when {busy} ends; to end it sooner: greenroom cancel {busy}",
        )


GATE = OneAtATimeGate()
