"""A release shows itself for a while before it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field

from greenroom.config.durations import Timeout
from greenroom.domain.gate import Case, EnvironmentView, GateConfig, Passed, Refused, Verdict, Waiting
from greenroom.domain.kinds import Kind
from greenroom.domain.names import short
from greenroom.gates._words import moment, span


class Settings(GateConfig):
    """How long, and where."""

    duration: Timeout = Field(
        alias="for", description="How long the release must have run there without a break, e.g. `2h`."
    )
    place: str | None = Field(
        None,
        alias="in",
        max_length=32,
        description="The environment it must have run in; by default the one before on the path.",
    )


class SoakGate:
    """The release runs in an earlier environment, and has for long enough. Going back there starts the clock anew."""

    name = "soak"
    title = "Ran for long enough"
    Config: type[GateConfig] = Settings
    for_rollback = False
    overridable = True
    codes: Mapping[str, str] = {
        "gate.soak_unknown_environment": "the settings name an environment that does not come before this one",
        "gate.soak_not_running": "the release does not run where it should be soaking",
    }

    def default(self, kind: Kind) -> None:
        return None

    def judge(self, config: Settings, case: Case) -> Verdict:
        if config.place is None and case.before is None:
            return Passed(f"nothing comes before {case.target.name}")
        place = case.before if config.place is None else _named(config.place, case)
        if place is None:
            return Refused(
                f"the settings ask for a soak in {config.place}, which does not come before {case.target.name}",
                f"an administrator names an earlier environment in gates.soak.in of {case.target.name}",
                "gate.soak_unknown_environment",
            )
        release, wanted = short(case.request.release), timedelta(seconds=config.duration)
        if place.current != case.request.release or place.since is None:
            return Refused(
                f"{release} does not run in {place.name}, where it should for {span(wanted)}",
                f"whoever may promote into {place.name} runs: greenroom promote {release} {place.name}",
                "gate.soak_not_running",
            )
        ran = case.now - place.since
        if ran >= wanted:
            return Passed(f"it has run in {place.name} for {span(ran)}, {span(wanted)} wanted")
        until = place.since + wanted
        return Waiting(
            f"it has run in {place.name} for {span(ran)}, {span(wanted)} wanted",
            f"nothing to do: it will have by {moment(until)} if it stays there",
            until,
        )


def _named(name: str, case: Case) -> EnvironmentView | None:
    return next((e for e in case.earlier if e.name == name), None)


GATE = SoakGate()
