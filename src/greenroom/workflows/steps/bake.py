"""bake: the new release is watched while the old one stays up, idle; worse than before means back by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from greenroom.domain.bake import Limits, Seen, why_worse
from greenroom.domain.errors import Refused
from greenroom.domain.ledger import parse_timestamp
from greenroom.ports.edge import Traffic
from greenroom.workflows.step import Again, Done, Outcomes, StepContext
from greenroom.workflows.steps.ground import deployment, runs, was

POLL = timedelta(seconds=1)
BASELINE = timedelta(minutes=10)


class BakeStep:
    """Rests as a row between looks; no thread waits. Going back from here is a switch and nothing else."""

    name = "bake"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        if not runs(context) or was(context).release is None or context.config.bake.seconds <= 0:
            return Done()
        now = context.world.clock.now()
        since = parse_timestamp(context.fact("switch", "at"))
        worse = worse_since(context, since, seen_of(context.fact("switch", "baseline")))
        if worse:
            raise Refused(
                "bake.worse",
                f"{context.release.version} is worse than what it replaced in {context.environment}",
                because=worse,
                hint="visitors were sent back to the older release; see the logs, mend, release again",
            )
        until = since + timedelta(seconds=context.config.bake.seconds)
        if now >= until or context.work.request.get("end_bake"):
            context.say("baked: no worse than before")
            return Done({"baked_seconds": (now - since).total_seconds()})
        return Again(min(until, now + POLL))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()


def baseline(context: StepContext) -> dict[str, Any]:
    """What the edge saw of the release that is being replaced, lately."""
    release = was(context).release
    if release is None:
        return {"requests": 0, "failed": 0, "p99": 0.0}
    now = context.world.clock.now()
    return _facts(context.world.edge.traffic(context.environment, now - BASELINE, now).of(release))


def worse_since(context: StepContext, since: datetime, before: Seen) -> str | None:
    """Why the release is worse than `before`, judged on its traffic since; None while it is not."""
    now = context.world.clock.now()
    after = seen_of(_facts(context.world.edge.traffic(context.environment, since, now).of(context.release.digest)))
    exits = sum(context.world.runtime.instance(i).exits for i in deployment(context).instance_ids())
    bake = context.config.bake
    return why_worse(Limits(bake.max_failed, bake.max_slower, bake.min_requests), before, after, exits)


def seen_of(facts: Mapping[str, Any] | None) -> Seen:
    """A recorded baseline; an absent one compares with nothing."""
    return Seen(**facts) if facts else Seen(0, 0, 0.0)


def _facts(traffic: Traffic) -> dict[str, Any]:
    return {"requests": traffic.requests, "failed": traffic.failed, "p99": traffic.p99}
