"""switch: visitors reach the new release; the old one stays up, idle, until the bake ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import Connection

from greenroom.config.project import CanaryPolicy
from greenroom.domain.errors import Refused
from greenroom.domain.ledger import parse_timestamp, timestamp
from greenroom.ports.edge import Canary
from greenroom.workflows.step import Again, Done, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.bake import Watch, exits_of
from greenroom.workflows.steps.ground import deployment, has_switched, holds_traffic, runs, was

CANARY_POLL = timedelta(seconds=1)


class SwitchStep:
    """A canary share first, where asked for; then one atomic change of the edge's pointer, no reload.

    The environment's row changes in the same transaction as the cursor, so what is shown is what is pointed to.
    """

    name = "switch"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        new = deployment(context)
        now = timestamp(context.world.clock.now())
        if not runs(context):
            return Done({"at": now}, record=_arrive(context, ""))
        dial = new.dial(context.world.runtime.prepare(context.environment))
        canary = context.config.canary if was(context).release and not holds_traffic(context) else None
        if canary:
            rest = self._canary(context, dial, canary)
            if rest:
                return rest
        context.crash("before-point")
        traffic.send_to(context, dial, new.release.digest)
        context.crash("after-point")
        if canary or context.fact("switch", "stage") is not None:
            context.world.edge.canary(context.environment, None, token=context.work.token)
        context.say(f"visitors reach {new.release.version}")
        return Done({"at": now, "exits": exits_of(context)}, record=_arrive(context, dial))

    def _canary(self, context: StepContext, dial: str, canary: CanaryPolicy) -> Again | None:
        """One share after the other, each for the configured time; None when the last one held."""
        now = context.world.clock.now()
        stage = int(context.fact("switch", "stage", -1))
        if stage >= 0:
            since = parse_timestamp(context.fact("switch", "stage_since"))
            watch = Watch.of(context, self.name, since)
            worse = watch.why_worse(context)
            if worse:
                raise Refused(
                    "canary.worse",
                    f"{context.release.version} is worse than what it replaces in {context.environment}",
                    because=f"at a share of {canary.shares[stage]:.0%}: {worse}",
                    hint="visitors were sent back to the older release; see the logs, mend, release again",
                )
            if watch.seconds < canary.hold_seconds:
                return Again(now + CANARY_POLL, watch.as_facts())
        stage += 1
        if stage == len(canary.shares):
            return None
        context.guard()
        share = Canary(dial, context.release.digest, canary.shares[stage])
        context.world.edge.canary(context.environment, share, token=context.work.token)
        context.say(f"{share.share:.0%} of the visitors reach {context.release.version}")
        return Again(now + CANARY_POLL, {"stage": stage, "stage_since": timestamp(now), "watch": None})

    def undo(self, context: StepContext) -> Outcomes:
        if not runs(context):
            return Done(record=_depart(context))
        if holds_traffic(context):
            if has_switched(context):
                raise traffic.cannot_return(context)
            return Done()
        before = was(context)
        if before.release is None:  # a first deployment: nobody to return to; `start` ends what was started
            return Done(record=_depart(context))
        context.guard()
        context.world.edge.canary(context.environment, None, token=context.work.token)
        context.crash("undo.before-point")
        traffic.send_to(context, before.dial, before.release or "")
        context.crash("undo.after-point")
        return Done(record=_depart(context))


def _arrive(context: StepContext, dial: str) -> Callable[[Connection], None]:
    """The environment's row, as it is once visitors reach the new release."""
    before = was(context)
    row = {
        "id": context.environment,
        "current": context.release.digest,
        "current_work": context.work.id,
        "dial": dial,
        "previous": before.release if context.work.kind == "promotion" else None,
        "since": context.world.clock.now(),
    }
    return _recorded(context, "traffic.switched", row)


def _depart(context: StepContext) -> Callable[[Connection], None]:
    """The row as it was."""
    before = was(context)
    row = {
        "id": context.environment,
        "current": before.release,
        "current_work": before.work,
        "dial": before.dial,
        "previous": before.previous,
        "since": parse_timestamp(before.since) if before.since else None,
    }
    return _recorded(context, "traffic.returned", row)


def _recorded(context: StepContext, event: str, row: Mapping[str, object]) -> Callable[[Connection], None]:
    recorder, work = context.world.store.recorder, context.work

    def record(tx: Connection) -> None:
        recorder.record(tx, work.requested_by, event, {"work": work.id}, environment=row)

    return record
