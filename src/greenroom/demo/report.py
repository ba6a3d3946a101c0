"""What the demo found: the report's facts, what must hold of them, and the two forms in which they are given out.

`as_json` has exactly the keys that other programs rely on. `ok` is not a claim of its own: it is computed from
named conditions, and each that does not hold says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.kinds import DEFAULTS, Kind
from greenroom.domain.plan import PLANS, WorkKind

FEWEST_REQUESTS = 200
ROUNDING_SECONDS = 0.05  # sums of rounded parts may pass the whole by so much


@dataclass(frozen=True)
class EnvironmentFacts:
    """Where an environment stands at the end. `release` is a digest; `url` None where nothing runs."""

    name: str
    kind: str
    release: str | None
    version: str | None
    url: str | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "release": self.release,
            "version": self.version,
            "url": self.url,
        }


@dataclass(frozen=True)
class PromotionFacts:
    """A promotion that ended well. `application_seconds` is the part that the application itself took: its
    migration, its boot, and what it still had in flight."""

    environment: str
    release: str
    version: str
    seconds: float
    application_seconds: float
    steps: tuple[tuple[str, float], ...]

    @property
    def baked_seconds(self) -> float:
        """How long it was watched after the switch, as the project asked."""
        return sum(seconds for name, seconds in self.steps if name == "bake")

    @property
    def own_seconds(self) -> float:
        """What Greenroom added."""
        return self.seconds - self.application_seconds - self.baked_seconds

    def as_dict(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "release": self.release,
            "seconds": round(self.seconds, 3),
            "application_seconds": round(self.application_seconds, 3),
            "steps": [{"name": name, "seconds": round(seconds, 3)} for name, seconds in self.steps],
        }


@dataclass(frozen=True)
class TrafficFacts:
    """What production's visitors got. Milliseconds; None where nothing was measured."""

    requests: int = 0
    failed: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    steady_p99_ms: float | None = None
    held_max_ms: float | None = None
    failures: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "failed": self.failed,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "steady_p99_ms": self.steady_p99_ms,
            "held_max_ms": self.held_max_ms,
        }


@dataclass(frozen=True)
class RollbackFacts:
    """The rollback during the bake: how long it took, and how many requests failed meanwhile."""

    seconds: float
    failed: int


@dataclass(frozen=True)
class DataFacts:
    """What became of production's data. `lost` has a sentence for each thing of the people that staging's copy lacks,
    `known` one for each of them who can still be found where data is masked. The clone's seconds are the command's."""

    refreshes: int
    masked_columns: int
    leaks: int
    clone_seconds: float
    rpo_seconds: float
    rto_seconds: float
    lost: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "refreshes": self.refreshes,
            "masked_columns": self.masked_columns,
            "leaks": self.leaks,
            "clone_seconds": round(self.clone_seconds, 3),
            "drill": {"rpo_seconds": self.rpo_seconds, "rto_seconds": self.rto_seconds},
        }


@dataclass(frozen=True)
class Facts:
    """Everything the demo found out; what it did not get to keeps its default, and then does not hold.

    `versions` are the releases in the order they were made. `refusal` is the code with which the last rollback was
    refused. `changed` has a sentence for each thing of the people that is not as they left it, and is None as long
    as nobody looked. `broke_off` is why the demo did not come to its end.
    """

    versions: tuple[str, ...]
    environments: tuple[EnvironmentFacts, ...] = ()
    promotions: tuple[PromotionFacts, ...] = ()
    traffic: TrafficFacts = field(default_factory=TrafficFacts)
    rollback: RollbackFacts | None = None
    ledger_entries: int = 0
    ledger_verified: bool = False
    refusal: str | None = None
    changed: tuple[str, ...] | None = None
    data: DataFacts | None = None
    broke_off: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Condition:
    """Something that must hold; `found` says what was found, the more so when it does not."""

    name: str
    holds: bool
    found: str


def conditions(facts: Facts) -> tuple[Condition, ...]:
    """All of them, always in the same order."""
    return (
        Condition("the demo came to its end", not facts.broke_off, facts.broke_off or "it did"),
        _holds_the_newest(facts),
        _everything_was_promoted(facts),
        _one_digest_per_version(facts),
        _steps_are_the_plans(facts),
        _nobody_noticed(facts),
        _was_rolled_back(facts),
        Condition(
            "the last rollback was refused as forward-only",
            facts.refusal is not None and facts.refusal.endswith("forward_only"),
            facts.refusal or "it was not asked for",
        ),
        _people_kept_everything(facts),
        _data_is_where_it_may_be(facts),
        Condition(
            "the ledger holds together",
            facts.ledger_verified and facts.ledger_entries > 0,
            f"{facts.ledger_entries} entries, {'verified' if facts.ledger_verified else 'not verified'}",
        ),
    )


def is_ok(facts: Facts) -> bool:
    return all(condition.holds for condition in conditions(facts))


def as_json(facts: Facts) -> dict[str, Any]:
    """The contents of `demo-report.json`."""
    rollback = facts.rollback
    return {
        "ok": is_ok(facts),
        "environments": [e.as_dict() for e in facts.environments],
        "promotions": [p.as_dict() for p in facts.promotions],
        "production_traffic": facts.traffic.as_dict(),
        "rollback": {
            "seconds": round(rollback.seconds, 3) if rollback else None,
            "failed": rollback.failed if rollback else None,
        },
        "data": facts.data.as_dict() if facts.data else None,
        "ledger": {"entries": facts.ledger_entries, "verified": facts.ledger_verified},
    }


def _holds_the_newest(facts: Facts) -> Condition:
    """Six environments in the order of the path, every one with the newest release, all that run with an address."""
    wrong = []
    if [e.kind for e in facts.environments] != [k.value for k in Kind]:
        wrong.append(f"the path is {' → '.join(e.kind for e in facts.environments) or 'empty'}")
    for e in facts.environments:
        if e.version != facts.versions[-1] or not e.release:
            wrong.append(f"{e.name} holds {e.version or 'nothing'}")
        runs = DEFAULTS[Kind(e.kind)].runs if e.kind in list(Kind) else True
        if runs and not e.url:
            wrong.append(f"{e.name} has no address")
    said = "; ".join(wrong) or f"all {len(facts.environments)} hold {facts.versions[-1]}"
    return Condition("every environment of the path holds the newest release", not wrong, said)


def _everything_was_promoted(facts: Facts) -> Condition:
    done = {(p.version, p.environment) for p in facts.promotions}
    missing = [f"{v} into {e.name}" for v in facts.versions for e in facts.environments if (v, e.name) not in done]
    said = ", ".join(missing) or f"{len(facts.promotions)} promotions"
    holds = bool(facts.environments) and not missing
    return Condition("every release was promoted into every environment", holds, said)


def _one_digest_per_version(facts: Facts) -> Condition:
    seen: dict[str, set[str]] = {}
    placed = [(p.version, p.release) for p in facts.promotions]
    placed += [(e.version, e.release) for e in facts.environments if e.version and e.release]
    for version, release in placed:
        seen.setdefault(version, set()).add(release)
    several = [f"{version} has {len(digests)} digests" for version, digests in seen.items() if len(digests) > 1]
    digests = {d for found in seen.values() for d in found}
    if len(digests) < len(seen):
        several.append("different versions have the same digest")
    said = "; ".join(several) or f"{len(digests)} digests for {len(seen)} versions"
    return Condition("the same bytes went all the way", bool(seen) and not several, said)


def _steps_are_the_plans(facts: Facts) -> Condition:
    plan = PLANS[WorkKind.PROMOTION].steps
    wrong = [
        f"{p.version} into {p.environment}: {', '.join(name for name, _ in p.steps) or 'no steps'}"
        for p in facts.promotions
        if tuple(name for name, _ in p.steps) != plan or any(seconds < 0 for _, seconds in p.steps)
    ]
    wrong += [
        f"{p.version} into {p.environment}: {p.seconds:.2f} s in all, {p.application_seconds:.2f} s of the application"
        for p in facts.promotions
        if p.application_seconds < 0 or p.own_seconds < -ROUNDING_SECONDS
    ]
    said = "; ".join(wrong) or (f"{len(plan)} steps each, all timed" if facts.promotions else "there was none")
    return Condition("every promotion took the plan's steps", bool(facts.promotions) and not wrong, said)


def _nobody_noticed(facts: Facts) -> Condition:
    t = facts.traffic
    measured = None not in (t.p50_ms, t.p99_ms, t.steady_p99_ms)
    said = f"{t.failed} of {t.requests} failed" + ("" if measured else ", not all latencies were measured")
    if t.requests < FEWEST_REQUESTS:
        said += f"; at least {FEWEST_REQUESTS} are needed to say anything"
    holds = t.failed == 0 and t.requests >= FEWEST_REQUESTS and measured
    return Condition("no visitor of production noticed a switch", holds, "; ".join((said, *t.failures)))


def _was_rolled_back(facts: Facts) -> Condition:
    r = facts.rollback
    said = f"{r.seconds:.2f} s, {r.failed} requests failed" if r else "it was not"
    return Condition("production was rolled back during the bake", r is not None and r.failed == 0, said)


def _people_kept_everything(facts: Facts) -> Condition:
    said = "nobody looked" if facts.changed is None else "; ".join(facts.changed) or "byte for byte"
    return Condition("people found everything as they left it", facts.changed == (), said)


def _data_is_where_it_may_be(facts: Facts) -> Condition:
    d = facts.data
    if d is None:
        return Condition("staging holds production's people, qa and dev hold nobody", False, "nobody looked")
    wrong = [*d.lost, *d.known, *([f"{d.leaks} leaks"] if d.leaks else [])]
    said = "; ".join(wrong) or f"{d.masked_columns} columns masked, brought back in {d.rto_seconds} s for practice"
    holds = not wrong and d.masked_columns > 0
    return Condition("staging holds production's people, qa and dev hold nobody", holds, said)


def unmet(facts: Facts) -> Iterator[Condition]:
    """The conditions that do not hold."""
    return (c for c in conditions(facts) if not c.holds)
