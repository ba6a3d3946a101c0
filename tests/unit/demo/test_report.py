"""The report: its keys, and a verdict that is computed."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from greenroom.demo.report import (
    DataFacts,
    EnvironmentFacts,
    Facts,
    PromotionFacts,
    RollbackFacts,
    TrafficFacts,
    as_json,
    conditions,
    is_ok,
    unmet,
)
from greenroom.demo.show import show
from greenroom.domain.kinds import DEFAULTS, Kind
from greenroom.domain.plan import PLANS, WorkKind

VERSIONS = ("6.1.5", "7.0.1", "7.2.1")
DIGESTS = {v: "sha256:" + str(n) * 64 for n, v in enumerate(VERSIONS)}
STEPS = tuple((name, 0.01) for name in PLANS[WorkKind.PROMOTION].steps)


def environment(kind: Kind) -> EnvironmentFacts:
    url = f"http://127.0.0.1:{8481 + kind.position}" if DEFAULTS[kind].runs else None
    return EnvironmentFacts(kind.value, kind.value, DIGESTS["7.2.1"], "7.2.1", url)


GOOD = Facts(
    versions=VERSIONS,
    environments=tuple(environment(k) for k in Kind),
    promotions=tuple(PromotionFacts(k.value, DIGESTS[v], v, 3.2, 3.0, STEPS) for v in VERSIONS for k in Kind),
    traffic=TrafficFacts(2500, 0, 6.5, 40.0, 38.0),
    rollback=RollbackFacts(0.2, 0),
    ledger_entries=120,
    ledger_verified=True,
    refusal="rollback.forward_only",
    changed=(),
    data=DataFacts(3, 12, 0, 0.6, 0.0, 1.4),
    seconds=101.0,
)
DATA = "staging holds production's people, qa and dev hold nobody"
FIRST = GOOD.promotions[0]


def with_environment(number: int, **changes: object) -> Facts:
    places = list(GOOD.environments)
    places[number] = replace(places[number], **changes)
    return replace(GOOD, environments=tuple(places))


def with_promotion(**changes: object) -> Facts:
    return replace(GOOD, promotions=(replace(FIRST, **changes), *GOOD.promotions[1:]))


def test_when_everything_holds_it_is_ok() -> None:
    """No condition is unmet, and `ok` says so."""
    assert list(unmet(GOOD)) == [] and as_json(GOOD)["ok"] is True


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("the demo came to its end", replace(GOOD, broke_off="errored: the edge did not come up")),
        (
            "every environment of the path holds the newest release",
            with_environment(5, version="7.0.1", release=DIGESTS["7.0.1"]),
        ),
        ("every environment of the path holds the newest release", with_environment(1, url=None)),
        ("every environment of the path holds the newest release", with_environment(1, kind="other")),
        (
            "every environment of the path holds the newest release",
            replace(GOOD, environments=(GOOD.environments[1], GOOD.environments[0], *GOOD.environments[2:])),
        ),
        ("every release was promoted into every environment", replace(GOOD, promotions=GOOD.promotions[1:])),
        ("the same bytes went all the way", with_promotion(release="sha256:" + "f" * 64)),
        ("every promotion took the plan's steps", with_promotion(steps=STEPS[1:])),
        ("every promotion took the plan's steps", with_promotion(application_seconds=4.0)),
        ("no visitor of production noticed a switch", replace(GOOD, traffic=replace(GOOD.traffic, failed=1))),
        ("no visitor of production noticed a switch", replace(GOOD, traffic=replace(GOOD.traffic, requests=10))),
        ("no visitor of production noticed a switch", replace(GOOD, traffic=replace(GOOD.traffic, steady_p99_ms=None))),
        ("production was rolled back during the bake", replace(GOOD, rollback=None)),
        ("production was rolled back during the bake", replace(GOOD, rollback=RollbackFacts(0.1, 2))),
        ("the last rollback was refused as forward-only", replace(GOOD, refusal=None)),
        ("the last rollback was refused as forward-only", replace(GOOD, refusal="role.missing")),
        ("people found everything as they left it", replace(GOOD, changed=("a bill is gone",))),
        ("people found everything as they left it", replace(GOOD, changed=None)),
        (DATA, replace(GOOD, data=None)),
        (DATA, replace(GOOD, data=DataFacts(3, 12, 1, 0.6, 0.0, 1.4))),
        (DATA, replace(GOOD, data=DataFacts(3, 0, 0, 0.6, 0.0, 1.4))),
        (DATA, replace(GOOD, data=DataFacts(3, 12, 0, 0.6, 0.0, 1.4, lost=("a bill is not there",)))),
        (DATA, replace(GOOD, data=DataFacts(3, 12, 0, 0.6, 0.0, 1.4, known=("household-1 opens in qa",)))),
        ("the ledger holds together", replace(GOOD, ledger_verified=False)),
        ("the ledger holds together", replace(GOOD, ledger_entries=0)),
    ],
)
def test_each_thing_that_goes_wrong_is_named_and_nothing_else(name: str, facts: Facts) -> None:
    """One wrong fact breaks one condition, and `ok` is false."""
    assert [c.name for c in unmet(facts)] == [name]
    assert as_json(facts)["ok"] is False


def test_a_demo_that_did_nothing_is_not_ok() -> None:
    """Nothing found out is nothing that holds: every condition but the end of the demo is unmet."""
    empty = Facts(VERSIONS)
    assert len(list(unmet(empty))) == len(conditions(empty)) - 1
    assert not is_ok(empty)


@pytest.mark.parametrize("facts", [GOOD, Facts(VERSIONS), replace(GOOD, rollback=None)])
def test_the_keys_are_those_that_were_promised(facts: Facts) -> None:
    """Exactly these keys, also when the demo broke off; and it is JSON without NaN."""
    report = json.loads(json.dumps(as_json(facts), allow_nan=False))
    assert list(report) == ["ok", "environments", "promotions", "production_traffic", "rollback", "data", "ledger"]
    latencies = {"p50_ms", "p99_ms", "steady_p99_ms", "held_max_ms"}
    assert set(report["production_traffic"]) == {"requests", "failed"} | latencies
    assert set(report["rollback"]) == {"seconds", "failed"}
    if facts.data:
        assert set(report["data"]) == {"refreshes", "masked_columns", "leaks", "clone_seconds", "drill"}
        assert set(report["data"]["drill"]) == {"rpo_seconds", "rto_seconds"}
    assert set(report["ledger"]) == {"entries", "verified"}
    for e in report["environments"]:
        assert set(e) == {"name", "kind", "release", "version", "url"}
    for p in report["promotions"]:
        assert set(p) == {"environment", "release", "seconds", "application_seconds", "steps"}
        assert all(set(step) == {"name", "seconds"} for step in p["steps"])


@pytest.mark.parametrize("facts", [GOOD, Facts(VERSIONS, broke_off="[bold]odd[/] words")])
def test_a_person_reads_every_condition_and_the_verdict(facts: Facts) -> None:
    """Each condition is printed with what was found, as it is, and the last line is the verdict."""
    shown = io.StringIO()
    show(facts, Console(file=shown, width=200))
    for condition in conditions(facts):
        assert f"{condition.name}: {condition.found}" in shown.getvalue()
    verdict = "All of it holds." if is_ok(facts) else "Not all of it holds."
    assert shown.getvalue().strip().splitlines()[-1].startswith(verdict)
