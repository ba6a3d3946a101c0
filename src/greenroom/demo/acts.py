"""The demo's acts: three releases of a published application through all six environments, in front of visitors.

Releases move along the path at the same time where the path lets them: one may enter an environment when it
was in the one before and its predecessor is in.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from greenroom.demo import people
from greenroom.demo.command import Greenroom
from greenroom.demo.data_act import data_act
from greenroom.demo.figures import by_phase, failures, figures, production_traffic
from greenroom.demo.main import Stage, run
from greenroom.demo.people import Household
from greenroom.demo.report import EnvironmentFacts, PromotionFacts, RollbackFacts, TrafficFacts
from greenroom.demo.visitors import Visitors
from greenroom.domain.errors import Errored, GreenroomError, Refused

SEAL = "seal"
BEFORE_PRODUCTION = ("dev", "qa", "packaging", "uat", "staging")
STEADY_SECONDS = 8.0
AT_ONCE = 2
PATIENCE = 240.0


Step = tuple[str, str]
"""A version, and where it gets: `seal` or an environment."""


@dataclass
class Cast:
    """Who does what: the owner releases and promotes, mia (a manager) approves. Nobody approves their own."""

    owner: Greenroom
    manager: Greenroom


def acts(stage: Stage) -> None:
    """All of them, in order; each leaves what it found on `stage`."""
    cast = _come_up(stage)
    with ThreadPoolExecutor(AT_ONCE) as hands:
        journey = Journey(stage, cast, hands)
        first, second, third = stage.commits
        journey.reaches(first, "production")
        journey.reaches(second, "staging")
        production = _url(cast, "production")
        households = _move_in(stage, production)
        _in_front_of_visitors(stage, cast, production, lambda: journey.reaches(third, "staging"), journey.done)
    stage.learn(promotions=tuple(journey.done))
    data_act(stage, cast.owner, {n: _url(cast, n) for n in ("dev", "qa", "staging")}, households)
    stage.learn(changed=tuple(_changed(production, households)))
    _look_around(stage, cast)


def _come_up(stage: Stage) -> Cast:
    stage.progress.act("Greenroom comes up")
    up = stage.greenroom.ask("up")
    stage.progress.say(f"control plane at {up['url']}; {up['isolation']}")
    account = stage.greenroom.ask("account", "add", "mia", "--role", "manager")
    stage.progress.say("mia, a manager, has an account: she will approve what goes to production")
    as_mia = {**stage.greenroom.extra, "GREENROOM_URL": up["url"], "GREENROOM_TOKEN": account["token"]}
    return Cast(stage.greenroom, Greenroom(stage.greenroom.directory, as_mia))


# --- before production -------------------------------------------------------------------------------


class Journey:
    """Seals every commit, takes every release to staging and the first to production, some of it at the same time.

    The last release travels while visitors use production already: that is everyday life on one machine.
    """

    def __init__(self, stage: Stage, cast: Cast, hands: ThreadPoolExecutor) -> None:
        stage.progress.act("Three releases are sealed and travel towards production")
        self._versions = list(stage.commits)
        self._arrived: dict[Step, Future[Any]] = {}
        self.done: list[PromotionFacts] = []
        for step in _in_order(self._versions):
            needs = [self._arrived[n] for n in _needs(step, self._versions) if n in self._arrived]
            self._arrived[step] = _after(hands, needs, stage, cast, step, self.done)

    def reaches(self, version: str, place: str) -> None:
        """Wait until it is there. Raises what kept it."""
        self._arrived[version, place].result()


def _in_order(versions: list[str]) -> list[Step]:
    """In the order in which they become possible, so that a waiting hand never waits for work behind it; the newest
    release comes after the others."""
    places = (SEAL, *BEFORE_PRODUCTION)
    *earlier, newest = versions
    cells = [(v + p, -p, version, place) for v, version in enumerate(earlier) for p, place in enumerate(places)]
    ordered = [(version, place) for _, _, version, place in sorted(cells)]
    ordered.insert(ordered.index((versions[0], BEFORE_PRODUCTION[-1])) + 1, (versions[0], "production"))
    return ordered + [(newest, place) for place in places]


def _needs(step: Step, versions: list[str]) -> list[Step]:
    """What must have happened: the place before, and the release before in this environment."""
    version, place = step
    path = (SEAL, *BEFORE_PRODUCTION, "production")
    found = [(version, path[path.index(place) - 1])] if place != SEAL else []
    number = versions.index(version)
    if number and place != SEAL:
        found.append((versions[number - 1], place))
    return found


def _after(
    hands: ThreadPoolExecutor,
    needs: list[Future[Any]],
    stage: Stage,
    cast: Cast,
    step: Step,
    done: list[PromotionFacts],
) -> Future[Any]:
    """Do it once everything needed is there; a need that failed is this one's failure too."""

    def when_ready() -> None:
        for need in needs:
            need.result()
        version, place = step
        if place == SEAL:
            _seal(stage, cast, version)
        else:
            done.append(_promote(stage, cast, version, place))

    return hands.submit(when_ready)


def _seal(stage: Stage, cast: Cast, version: str) -> None:
    work = cast.owner.ask("release", stage.commits[version], "--wait", seconds=PATIENCE)
    stage.progress.say(f"{version} is sealed in {work['seconds']:.1f} s: {work['short']}")


def _promote(stage: Stage, cast: Cast, version: str, environment: str) -> PromotionFacts:
    """Ask, have it approved where that is asked for, wait for the end."""
    work = cast.owner.ask("promote", version, environment, "--no-wait")["work"]
    if environment == "production":
        cast.manager.ask("approve", version, environment, "--yes")
    facts = _promotion(_ended(cast, work["id"]))
    stage.progress.say(f"{version} is in {environment} after {facts.seconds:.1f} s")
    return facts


def _ended(cast: Cast, work_id: str) -> dict[str, Any]:
    """The work once it is done. Raises what it failed with."""
    work = _until(cast, work_id, lambda w: w["state"] not in ("waiting", "queued", "active"))
    if work["state"] != "done":
        error = work.get("error") or {}
        raise Refused(
            error.get("code", "demo.not_done"),
            f"{work['kind']} of {work['version']} into {work['environment']} ended {work['state']}",
            because=error.get("because", "") or error.get("message", ""),
        )
    return work


def _until(cast: Cast, work_id: str, holds: Any) -> dict[str, Any]:
    began = time.monotonic()
    while True:
        work: dict[str, Any] = cast.owner.ask("work", "show", work_id)
        if holds(work):
            return work
        if time.monotonic() - began > PATIENCE:
            raise Errored("demo.too_long", f"{work_id} is still {work['state']} at {work['step']}")
        time.sleep(0.2)


def _promotion(work: dict[str, Any]) -> PromotionFacts:
    return PromotionFacts(
        environment=work["environment"],
        release=work["release"],
        version=work["version"],
        seconds=work["seconds"],
        application_seconds=work["application_seconds"],
        steps=tuple((s["name"], s["seconds"]) for s in work["steps"]),
    )


# --- production ----------------------------------------------------------------------------------------


def _move_in(stage: Stage, url: str) -> list[Household]:
    stage.progress.act("People come to production")
    chance = random.Random(7)  # noqa: S311 - not for secrets: the same households each time
    households = [people.move_in(url, people.plan(n, chance)) for n in (1, 2)]
    bills = sum(len(h.bills) for h in households)
    stage.progress.say(f"{len(households)} households keep {bills} bills, written through the application's pages")
    return households


def _in_front_of_visitors(
    stage: Stage, cast: Cast, url: str, third_is_staged: Callable[[], None], done: list[PromotionFacts]
) -> None:
    """Forward, back during the bake, forward again, and a release that destroys a column: under constant traffic."""
    first, second, third = stage.commits
    with Visitors(url, stage.ground.traffic) as visitors:
        visitors.mark("steady")
        stage.progress.act(f"Visitors use {first} in production")
        time.sleep(STEADY_SECONDS)
        stage.progress.act(f"{second}: its migration only adds, so going back is a switch")
        back = _there_and_back(stage, cast, visitors, second)
        visitors.mark("promotion")
        done.append(_promote(stage, cast, second, "production"))
        visitors.mark("between")
        third_is_staged()
        stage.progress.act(f"{third}: its migration destroys a column; visitors are held while it runs")
        visitors.mark("contraction")
        done.append(_promote(stage, cast, third, "production"))
        visitors.mark("refused rollback")
        refusal = _refused_rollback(stage, cast)
        log = visitors.stop()
    rollback_failed = figures(by_phase(log).get("rollback", ())).failed
    told = production_traffic(log)
    stage.learn(
        traffic=TrafficFacts(**told, failures=tuple(failures(log))),
        rollback=RollbackFacts(back, rollback_failed),
        refusal=refusal,
    )
    stage.progress.say(f"{told['requests']} requests, {told['failed']} failed")


def _there_and_back(stage: Stage, cast: Cast, visitors: Visitors, version: str) -> float:
    """Promote, and roll back while it bakes; seconds from asking until visitors were back."""
    visitors.mark("promotion")
    work = cast.owner.ask("promote", version, "production", "--no-wait")["work"]
    cast.manager.ask("approve", version, "production", "--yes")
    _until(cast, work["id"], lambda w: w["step"] == "bake" or w["state"] not in ("waiting", "queued", "active"))
    stage.progress.say(f"{version} serves and bakes; rolling back")
    visitors.mark("rollback")
    began = time.monotonic()
    cast.owner.ask("rollback", "production", "--yes", "--reason", "the demo shows the way back", "--no-wait")
    while _current(cast, "production") == version:
        time.sleep(0.02)
    seconds = time.monotonic() - began
    _until(cast, work["id"], lambda w: w["state"] == "rolled_back")
    stage.progress.say(f"visitors were back after {seconds:.1f} s")
    return seconds


def _refused_rollback(stage: Stage, cast: Cast) -> str | None:
    """The code with which going back past the contraction is refused; None when it was not."""
    try:
        work = cast.owner.ask("rollback", "production", "--yes", "--no-wait")["work"]
        _ended(cast, work["id"])
    except GreenroomError as e:
        stage.progress.say(f"going back is refused: {e.code}")
        for line in str(e).splitlines():
            stage.progress.say(f"    {line[:160]}")
        return e.code
    return None


def _changed(url: str, households: list[Household]) -> list[str]:
    return [what for household in households for what in people.differences(url, household)]


# --- the end -------------------------------------------------------------------------------------------


def _look_around(stage: Stage, cast: Cast) -> None:
    stage.progress.act("What is where")
    status = cast.owner.ask("status")
    stage.learn(environments=tuple(_environment(e) for e in status["environments"]))
    ledger = cast.owner.ask("ledger", "verify")
    stage.learn(ledger_entries=ledger["entries"], ledger_verified=ledger["verified"])
    stage.progress.say(f"{ledger['entries']} ledger entries, head {str(ledger['head'])[7:19]}")


def _environment(shown: dict[str, Any]) -> EnvironmentFacts:
    release = shown["release"] or {}
    return EnvironmentFacts(shown["name"], shown["kind"], release.get("digest"), release.get("version"), shown["url"])


def _current(cast: Cast, environment: str) -> str | None:
    for shown in cast.owner.ask("status")["environments"]:
        if shown["name"] == environment:
            return (shown["release"] or {}).get("version")
    return None


def _url(cast: Cast, environment: str) -> str:
    return next(str(e["url"]) for e in cast.owner.ask("status")["environments"] if e["name"] == environment)


def main() -> int:
    """`greenroom-demo start | stop`."""
    return run(sys.argv[1:], acts)


if __name__ == "__main__":
    sys.exit(main())
