"""record: the promotion becomes evidence, and old restore points go."""

from __future__ import annotations

from greenroom.domain.evidence import Outcome
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext
from greenroom.workflows.steps.ground import runs, was


class RecordStep:
    """What the next environment's gates ask for."""

    name = "record"
    returns = False

    def do(self, context: StepContext) -> Outcomes:
        keep = context.config.restore_points
        if runs(context) and context.release.descriptor.services.postgres is not None:
            context.world.databases.drop_restore_points(context.environment, keep)
            context.crash("dropped")
        facts = {"work": context.work.id, "replaced": was(context).release}
        found = NewEvidence(context.work.kind.value, context.environment, Outcome.PASSED, facts)
        context.say(f"{context.release.version} is in {context.environment}")
        return Done(evidence=(found,))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
