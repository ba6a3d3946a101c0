"""protect: the log of every change flows into the archive, without a pause from here on."""

from __future__ import annotations

from greenroom.domain.errors import Errored
from greenroom.workflows.step import Done, Outcomes, StepContext


class ProtectStep:
    """Makes the slot and starts the receiver under the keeper, or finds both as they are. A base backup is worth
    nothing without the log from its own beginning on, so what keeps it from flowing is an error."""

    name = "protect"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        context.guard()
        stream = context.world.backups.protect(context.environment)
        if stream.problem:
            raise Errored(
                "backup.archive_behind",
                f"the log of {context.environment} does not reach the archive",
                because=stream.problem,
                hint="greenroom doctor names what keeps it; production goes on meanwhile",
            )
        return Done({"behind": stream.behind, "gap": stream.gap})

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
