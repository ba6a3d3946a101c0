"""conclude: what the restore gave is evidence, with its recovery point and time; what it worked with goes."""

from __future__ import annotations

from greenroom.domain.evidence import Outcome
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext


class ConcludeStep:
    """From here on visitors write to the restored data: going back is another restore, not an undo."""

    name = "conclude"
    returns = False

    def do(self, context: StepContext) -> Outcomes:
        context.guard()
        context.world.backups.discard(context.environment, context.work.id)
        context.world.backups.ship(context.environment)
        began = context.work.started_at or context.work.requested_at
        facts = {
            **(context.work.facts.get("rebuild") or {}),
            "rto_seconds": round((context.world.clock.now() - began).total_seconds(), 3),
            "reason": context.work.request.get("reason", ""),
        }
        return Done(facts, (NewEvidence("restore", context.environment, Outcome.PASSED, facts),))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
