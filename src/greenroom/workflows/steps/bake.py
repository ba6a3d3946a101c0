"""bake: the new release is watched while the old one stays up, idle; worse than before means back by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from greenroom.domain.bake import SLOW_LOOKS, WARM_UP_SECONDS, Limits, Seen, why_failing, why_slower
from greenroom.domain.errors import Refused
from greenroom.domain.ledger import parse_timestamp, timestamp
from greenroom.workflows.step import Again, Done, Outcomes, StepContext
from greenroom.workflows.steps.ground import deployment, runs, was

POLL = timedelta(seconds=1)
WINDOW = timedelta(seconds=60)
"""How far back latencies are looked at; reading more of a busy edge's log would cost more than it tells."""


class BakeStep:
    """Rests as a row between looks; no thread waits. Going back from here is a switch and nothing else."""

    name = "bake"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        if not runs(context) or was(context).release is None or context.config.bake.seconds <= 0:
            return Done()
        now = context.world.clock.now()
        since = parse_timestamp(context.fact("switch", "at"))
        if context.work.request.get("end_bake"):
            context.say("the bake was ended")
            return Done({"baked_seconds": max((now - since).total_seconds(), 0.0)})
        watch = Watch.of(context, self.name, since)
        worse = watch.why_worse(context)
        context.crash("looked")
        if worse:
            raise Refused(
                "bake.worse",
                f"{context.release.version} is worse than what it replaced in {context.environment}",
                because=worse,
                hint="visitors were sent back to the older release; see the logs, mend, release again",
            )
        left = timedelta(seconds=context.config.bake.seconds - watch.seconds)
        if left <= timedelta():
            context.say("baked: no worse than before")
            return Done({"baked_seconds": watch.seconds})
        return Again(now + min(left, POLL), {**watch.as_facts(), "ends_at": _told_end(context, self.name, now + left)})

    def undo(self, context: StepContext) -> Outcomes:
        return Done()


@dataclass(frozen=True)
class Watch:
    """What was seen of the release so far: requests and failures are added up look by look, latencies are those of
    the last minute, and `slow` counts the looks in a row at which they were too long.

    `seconds` is how long it has been watched: the sum of the times between looks, so that a clock that is set back
    neither prolongs the bake nor blinds it.
    """

    failures: Seen
    latencies: Seen
    looked_at: datetime
    slow: int
    seconds: float

    @classmethod
    def of(cls, context: StepContext, step: str, since: datetime) -> Watch:
        """What earlier looks of this step recorded, and what happened since the last of them."""
        last = context.fact(step, "watch") or {"requests": 0, "failed": 0, "looked_at": timestamp(since), "slow": 0}
        now, looked_at = context.world.clock.now(), parse_timestamp(last["looked_at"])
        before = last.get("seconds", (looked_at - since).total_seconds())  # rows of an older Greenroom have none
        seconds = max(before, 0.0) + max((now - looked_at).total_seconds(), 0.0)
        new = _seen(context, min(now, looked_at), now)
        failures = Seen(last["requests"] + new.requests, last["failed"] + new.failed)
        warm = max(now - timedelta(seconds=seconds - WARM_UP_SECONDS), now - WINDOW)
        latencies = _seen(context, warm, now) if warm < now else Seen(0, 0)
        is_slow = why_slower(_limits(context), _before(context), latencies) is not None
        return cls(failures, latencies, now, last["slow"] + 1 if is_slow else 0, seconds)

    def as_facts(self) -> dict[str, Any]:
        seen = {
            "requests": self.failures.requests,
            "failed": self.failures.failed,
            "slow": self.slow,
            "seconds": self.seconds,
        }
        return {"watch": {**seen, "looked_at": timestamp(self.looked_at)}}

    def why_worse(self, context: StepContext) -> str | None:
        """Why it is worse than what it replaces; None while it is not."""
        limits, before = _limits(context), _before(context)
        exits = exits_of(context) - int(context.fact("switch", "exits", 0))
        failing = why_failing(limits, before, self.failures, exits)
        if failing or self.slow < SLOW_LOOKS:
            return failing
        return why_slower(limits, before, self.latencies)


def _told_end(context: StepContext, step: str, end: datetime) -> str:
    """When it ends, as it was told; told anew where a look says otherwise by more than a second: the clock jumped."""
    told = context.fact(step, "ends_at")
    is_so = told is not None and abs(parse_timestamp(told) - end) <= timedelta(seconds=1)
    return str(told) if is_so else timestamp(end)


def exits_of(context: StepContext) -> int:
    """How often this deployment's processes ended by themselves so far."""
    return sum(context.world.runtime.instance(i).exits for i in deployment(context).instance_ids())


def _seen(context: StepContext, since: datetime, until: datetime) -> Seen:
    """What the edge saw of this work's release in that time."""
    found = context.world.edge.traffic(context.environment, since, until).of(context.release.digest)
    return Seen(found.requests, found.failed, found.p50, found.p99)


def _before(context: StepContext) -> Seen:
    """What `start` recorded of the release that is replaced."""
    return Seen(**(context.fact("start", "baseline") or {"requests": 0, "failed": 0}))


def _limits(context: StepContext) -> Limits:
    policy = context.config.bake
    return Limits(policy.max_failed, policy.max_slower, policy.min_requests)


def baseline(context: StepContext) -> dict[str, Any]:
    """What the edge saw lately of the release that is to be replaced."""
    release, now = was(context).release, context.world.clock.now()
    if release is None:
        return {"requests": 0, "failed": 0}
    seen = context.world.edge.traffic(context.environment, now - WINDOW, now).of(release)
    return {"requests": seen.requests, "failed": seen.failed, "p50": seen.p50, "p99": seen.p99}
