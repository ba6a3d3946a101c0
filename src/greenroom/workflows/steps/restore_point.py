"""restore-point: a state of the database that can be brought back, taken before anything changes."""

from __future__ import annotations

from greenroom.domain.disk import disk_full
from greenroom.domain.errors import GreenroomError, Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.plan import WorkKind
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.ground import Was, holds_traffic, runs, was

LEAST_BYTES = 32 << 20
"""What must be free on the disk of the home: the store, logs and the edge's files are written throughout."""


class RestorePointStep:
    """Records what stood here, release and schema, and dumps its database where the environment keeps restore points.

    When the older release cannot live on the schema to come, visitors are held first, so that not one
    write happens between the restore point and the switch: an automatic return then loses nothing.
    """

    name = "restore-point"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        self._refuse_a_full_disk(context)
        before = was(context)
        facts: dict[str, object] = {"was": before.as_dict()}
        self._refuse_overtaken(context, before)
        if before.release is None or not runs(context):
            return Done(facts)
        if holds_traffic(context):
            context.say("new requests wait at the edge; those in flight finish")
            facts["application_seconds"] = traffic.hold(context, before)
            facts["held"] = True
            context.crash("held")
        if context.release.descriptor.services.postgres is None:
            return Done(facts)
        facts["schema"] = context.world.databases.fingerprint(context.environment)
        if context.config.restore_points > 0:
            context.guard()
            point = context.world.databases.make_restore_point(context.environment, context.work.id)
            context.say(f"restore point {point.name}, {point.bytes / 1e6:.1f} MB")
            facts["name"] = point.name
            context.crash("dumped")
        self._mark(context, facts)
        return Done(facts)

    def _refuse_a_full_disk(self, context: StepContext) -> None:
        """Before anything changes, and above all before visitors wait: what happens to them is written to this disk. A
        rollback that only switches is tried all the same."""
        house = context.world.house
        if context.work.kind is not WorkKind.PROMOTION and not holds_traffic(context):
            return
        if house.free_bytes() < LEAST_BYTES:
            free, wanted = house.free_bytes() / 1e6, LEAST_BYTES / 1e6
            because = f"{free:.1f} MB are free, and a {context.work.kind} begins from {wanted:.0f} MB on"
            raise disk_full(house.where(), because, f"then ask again; {context.environment} goes on as it is")

    def _mark(self, context: StepContext, facts: dict[str, object]) -> None:
        """Where the database is backed up: the same moment by name in its log, a state that a restore of everything can
        go back to. An archive that is behind keeps nobody from releasing; it is said."""
        if not context.config.backups.is_on:
            return
        try:
            mark = context.world.backups.mark(context.environment, context.work.id)
            facts["mark"] = {"name": mark.name, "lsn": mark.lsn, "timeline": mark.timeline}
        except GreenroomError as error:
            context.say(f"no restore point in the archive: {error.message}")
            facts["mark"] = None

    def _refuse_overtaken(self, context: StepContext, before: Was) -> None:
        """A rollback goes back from what stood there when it was asked for, and from nothing else."""
        asked = context.work.request.get("from_work")
        if context.work.kind is WorkKind.ROLLBACK and asked is not None and asked != before.work:
            raise Refused(
                "rollback.overtaken",
                f"{context.environment} is no longer what the rollback was asked for",
                because=f"it was asked for when {asked} had brought the release there, now {before.work} has",
                hint=f"look at greenroom status, and ask again: greenroom rollback {context.environment}",
            )

    def undo(self, context: StepContext) -> Outcomes:
        if holds_traffic(context):
            traffic.let_go(context)
            context.crash("undo.let-go")
        if context.fact("restore-point", "name") is not None:  # else none was made: nothing to ask the database for
            context.world.databases.drop_restore_points(context.environment, context.config.restore_points)
        if context.work.kind is not WorkKind.PROMOTION:
            return Done()
        facts = {"work": context.work.id, "error": dict(context.work.error or {})}
        return Done(evidence=(NewEvidence("promotion", context.environment, Outcome.FAILED, facts),))
