"""A release takes one environment after the other; none is skipped."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.domain.evidence import Outcome
from greenroom.domain.gate import Case, GateConfig, Passed, Refused, Verdict
from greenroom.domain.kinds import Kind
from greenroom.domain.names import short


class Settings(GateConfig):
    """Nothing to set: the order of the environments in `greenroom.yaml` is the path."""


class PathGate:
    """The release is, or was, in the environment before the target.

    *Was* means that its newest promotion into that environment ended well and nobody revoked it.
    """

    name = "path"
    title = "Comes along the path"
    Config: type[GateConfig] = Settings
    for_rollback = False
    overridable = False
    codes: Mapping[str, str] = {
        "gate.path_already_there": "the release is what the environment runs now",
        "gate.path_skipped": "the release was not in the environment before this one",
    }

    def default(self, kind: Kind) -> Settings:
        return Settings()

    def judge(self, config: Settings, case: Case) -> Verdict:
        release, target, before = case.request.release, case.target, case.before
        if target.current == release:
            return Refused(
                f"{short(release)} is what {target.name} runs already",
                "nothing is left to do; another release brings changed settings and secrets into effect too",
                "gate.path_already_there",
            )
        if before is None:
            return Passed(f"{target.name} is where the path begins")
        if before.current == release:
            return Passed(f"{before.name} runs it")
        entered = case.newest("promotion", name=before.name, environment=before.name)
        if entered and entered.outcome is Outcome.PASSED and entered.revoked_at is None:
            return Passed(f"it was promoted into {before.name} on {entered.at:%Y-%m-%d}")
        return Refused(
            f"{short(release)} {_story(entered is not None, before.name)}",
            f"whoever may promote into {before.name} runs: greenroom promote {short(release)} {before.name}",
            "gate.path_skipped",
        )


def _story(tried: bool, environment: str) -> str:
    if tried:
        return f"is not in {environment}: its newest promotion there did not succeed, or was revoked"
    return f"was never in {environment}, which comes before"


GATE = PathGate()
