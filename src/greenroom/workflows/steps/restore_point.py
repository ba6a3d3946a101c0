"""restore-point: a state of the database that can be brought back, taken before anything changes."""

from __future__ import annotations

from greenroom.domain.evidence import Outcome
from greenroom.domain.plan import WorkKind
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.ground import holds_traffic, runs, was


class RestorePointStep:
    """Records what stood here, and dumps its database where the environment keeps restore points.

    When the older release cannot live on the schema to come, visitors are held first, so that not one
    write happens between the restore point and the switch: an automatic return then loses nothing.
    """

    name = "restore-point"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        before = was(context)
        facts: dict[str, object] = {"was": before.as_dict()}
        if before.release is None or not runs(context):
            return Done(facts)
        if holds_traffic(context):
            context.say("new requests wait at the edge; those in flight finish")
            facts["application_seconds"] = traffic.hold(context, before)
            facts["held"] = True
        services = context.release.descriptor.services
        if context.config.restore_points > 0 and services.postgres is not None:
            context.guard()
            point = context.world.databases.make_restore_point(context.environment, context.work.id)
            context.say(f"restore point {point.name}, {point.bytes / 1e6:.1f} MB")
            facts["name"] = point.name
        return Done(facts)

    def undo(self, context: StepContext) -> Outcomes:
        before = was(context)
        if holds_traffic(context):
            traffic.send_to(context, before.dial, before.release or "")
        if context.work.kind is not WorkKind.PROMOTION:
            return Done()
        facts = {"work": context.work.id, "error": dict(context.work.error or {})}
        return Done(evidence=(NewEvidence("promotion", context.environment, Outcome.FAILED, facts),))
