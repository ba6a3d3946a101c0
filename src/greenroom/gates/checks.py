"""Nothing goes on untested: what the earlier environments check has passed there, and not too long ago."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from greenroom.config.durations import Timeout
from greenroom.domain.evidence import Evidence, Outcome
from greenroom.domain.gate import Case, GateConfig, Passed, Refused, Verdict, Waiting
from greenroom.domain.kinds import Kind
from greenroom.domain.names import short
from greenroom.domain.roles import Action, Role, may
from greenroom.gates._words import listed, sentences, span

CheckAt = Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[a-z][a-z0-9-]{0,31}$", examples=["journey@qa"])]


class Settings(GateConfig):
    """Which findings are asked for, and how old they may be."""

    max_age: Timeout = Field(14 * 86_400.0, description="How old the newest result of a check may be.")
    require: tuple[CheckAt, ...] = Field(
        (),
        description="Checks asked for in any case, as `NAME@ENVIRONMENT`, even if a release no longer declares them.",
    )
    none_needed: str | None = Field(
        None,
        min_length=10,
        max_length=200,
        description="Why this project needs no check at all before this environment. It is shown on every checklist;"
        " checks that are declared count all the same.",
    )


@dataclass(frozen=True)
class Lack:
    """One check that does not speak for the release: how it stands, where, and whether the answer is no."""

    said: str
    environment: str
    failed: bool = False


class ChecksGate:
    """The newest result of every check of every earlier environment passed and is fresh.

    A failed check refuses; one that is missing, old, revoked or could not tell is waited for. Into uat, staging and
    production nothing goes without any check: the project declares one, or says why it needs none.
    """

    name = "checks"
    title = "Checks passed"
    Config: type[GateConfig] = Settings
    for_rollback = False
    overridable = True
    codes: Mapping[str, str] = {
        "gate.checks_failed": "a check failed for this release",
        "gate.checks_none_declared": "no check is declared for any earlier environment",
        "gate.checks_unknown_environment": "the settings require a check in an environment that does not come before",
    }

    def default(self, kind: Kind) -> Settings:
        return Settings()

    def judge(self, config: Settings, case: Case) -> Verdict:
        wanted = _wanted(config, case)
        strange = sorted({place for _, place in wanted} - {e.name for e in case.earlier})
        if strange:
            return Refused(
                f"the settings require checks in {listed(strange)}, not before {case.target.name} on the path",
                f"an administrator corrects gates.checks.require of {case.target.name}",
                "gate.checks_unknown_environment",
            )
        if not wanted:
            return _without_any(config, case)
        lacks = [lack for name, place in wanted if (lack := _lack(config, case, name, place))]
        if not lacks:
            return Passed(f"passed: {sentences(f'{name} in {place}' for name, place in wanted)}")
        return _answer(case, sorted(lacks, key=lambda x: not x.failed))


def _wanted(config: Settings, case: Case) -> list[tuple[str, str]]:
    declared = [(name, e.name) for e in case.earlier for name in e.check_names]
    required = [(name, place) for name, _, place in (text.partition("@") for text in config.require)]
    return list(dict.fromkeys(declared + required))


def _without_any(config: Settings, case: Case) -> Verdict:
    target = case.target
    if not case.earlier:
        return Passed(f"nothing comes before {target.name}")
    if config.none_needed is not None:
        return Passed(f"no check is declared, and none is needed: {config.none_needed}")
    places = listed((e.name for e in case.earlier), "or")
    if target.kind.position < Kind.UAT.position:
        return Passed(f"no check is declared for {places}")
    return Refused(
        f"nothing enters {target.name} without quality tests, and no check is declared for {places}",
        f"declare a check that runs in {places} under `checks` in greenroom.yaml and make a new release;"
        f" or say in gates.checks.none_needed of {target.name} why none is needed",
        "gate.checks_none_declared",
    )


def _lack(config: Settings, case: Case, name: str, place: str) -> Lack | None:
    found = case.newest("check", name=name, environment=place)
    if found is None:
        return Lack(f"{name} has not run in {place}", place)
    if found.revoked_at is not None:
        why = f" ({found.revoked_why})" if found.revoked_why else ""
        return Lack(f"the newest result of {name} in {place} was revoked{why}", place)
    if found.outcome is Outcome.FAILED:
        return Lack(f"{name} failed in {place} on {found.at:%Y-%m-%d}", place, failed=True)
    if found.outcome is Outcome.ERRORED:
        return Lack(f"{name} in {place} could not tell on {found.at:%Y-%m-%d}", place)
    return _staleness(config, case, found, place)


def _staleness(config: Settings, case: Case, found: Evidence, place: str) -> Lack | None:
    limit = timedelta(seconds=config.max_age)
    if found.is_fresh(case.now, limit):
        return None
    if found.at > case.now:
        return Lack(f"the newest passed {found.name} in {place} is dated {found.at.isoformat()}, in the future", place)
    return Lack(
        f"the newest passed {found.name} in {place} is {span(case.now - found.at)} old, limit {span(limit)}", place
    )


def _answer(case: Case, lacks: list[Lack]) -> Verdict:
    release, because = short(case.request.release), sentences(x.said for x in lacks)
    places = list(dict.fromkeys(x.environment for x in lacks))
    kinds = {e.name: e.kind for e in case.earlier}
    able = listed((r.value for r in Role if all(may([r], Action.CHECK, kinds[p]) for p in places)), "or")
    runs = f"{able or 'those who may'} runs: {sentences(f'greenroom check run {release} {p}' for p in places)}"
    if lacks[0].failed:
        return Refused(
            because, f"make a release that passes; or, if the check was at fault, {runs}", "gate.checks_failed"
        )
    return Waiting(because, runs)


GATE = ChecksGate()
