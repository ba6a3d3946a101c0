"""Only sealed bytes move: built in the clean room, started with what they declare, and signed."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.domain.evidence import Outcome
from greenroom.domain.gate import Case, GateConfig, Passed, Refused, Verdict
from greenroom.domain.kinds import Kind
from greenroom.domain.names import short


class Settings(GateConfig):
    """Nothing to set: nothing unsealed runs anywhere."""


class SealedGate:
    """The newest seal of the release passed and stands. Asked for a rollback too: broken bytes are no way back."""

    name = "sealed"
    title = "Sealed"
    Config: type[GateConfig] = Settings
    for_rollback = True
    overridable = False
    codes: Mapping[str, str] = {
        "gate.sealed_missing": "no seal of the release is recorded",
        "gate.sealed_broken": "sealing failed, or could not tell",
        "gate.sealed_revoked": "the seal was withdrawn",
    }

    def default(self, kind: Kind) -> Settings:
        return Settings()

    def judge(self, config: Settings, case: Case) -> Verdict:
        release = short(case.request.release)
        again = "an engineer or developer makes a new release of the commit: greenroom release"
        if case.request.action == "rollback":
            again = "roll back to another release, or " + again
        seal = case.newest("seal")
        if seal is None:
            return Refused(f"{release} was never sealed", again, "gate.sealed_missing")
        if seal.revoked_at is not None:
            why = f": {seal.revoked_why}" if seal.revoked_why else ""
            because = f"the seal of {release} was revoked on {seal.revoked_at:%Y-%m-%d}{why}"
            return Refused(because, again, "gate.sealed_revoked")
        if seal.outcome is not Outcome.PASSED:
            return Refused(f"sealing {release} {seal.outcome.value} on {seal.at:%Y-%m-%d}", again, "gate.sealed_broken")
        return Passed(f"sealed on {seal.at:%Y-%m-%d} by {seal.by}")


GATE = SealedGate()
