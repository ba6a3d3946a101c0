"""While an environment is frozen, nothing ordinary enters it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from greenroom.domain.evidence import Freeze
from greenroom.domain.gate import Case, GateConfig, Passed, Refused, Verdict, Waiting
from greenroom.domain.kinds import Kind
from greenroom.gates._words import by_override, listed, moment


class Settings(GateConfig):
    """Nothing to set: `greenroom freeze` declares a freeze, with a reason and, if it is known, an end."""


class FreezeGate:
    """No freeze holds. One with an end is waited for; an open-ended one refuses until somebody lifts it."""

    name = "freeze"
    title = "Not frozen"
    Config: type[GateConfig] = Settings
    for_rollback = False
    overridable = True
    codes: Mapping[str, str] = {"gate.freeze_open_ended": "a freeze without an end holds the environment"}

    def default(self, kind: Kind) -> Settings:
        return Settings()

    def judge(self, config: Settings, case: Case) -> Verdict:
        holding, until = _holding(case)
        if not holding:
            return Passed(f"no freeze holds {case.target.name}")
        because = f"{case.target.name} is frozen {listed(_said(f) for f in holding)}"
        override = by_override(self.name, case)
        if until is None:
            return Refused(because, f"{_lifters(holding)}; or {override}", "gate.freeze_open_ended")
        return Waiting(because, f"it ends by itself at {moment(until)}; or {override}", until)


def _holding(case: Case) -> tuple[list[Freeze], datetime | None]:
    """The freezes that hold, by their beginning, and when the last has ended (None: not by itself)."""
    found = [f for f in case.freezes if f.environment == case.target.name and f.holds(case.now)]
    ends = [f.until for f in found if f.until is not None]
    return sorted(found, key=lambda f: (f.at, f.id)), max(ends) if len(ends) == len(found) and ends else None


def _said(freeze: Freeze) -> str:
    end = f"until {moment(freeze.until)}" if freeze.until else "until it is lifted"
    return f"by {freeze.by} {end}: {freeze.reason}"


def _lifters(holding: list[Freeze]) -> str:
    names = listed(sorted({f.by for f in holding if f.until is None}), "or")
    return f"{names}, or another who may freeze, lifts it: greenroom thaw {holding[0].environment}"


GATE = FreezeGate()
