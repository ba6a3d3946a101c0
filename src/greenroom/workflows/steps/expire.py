"""expire: what nothing needs any more is forgotten, and the new backup is on the ledger."""

from __future__ import annotations

from greenroom.domain.backup import Retention
from greenroom.domain.plan import WorkKind
from greenroom.domain.work import State
from greenroom.workflows.step import Done, Outcomes, StepContext

DAY = 86400.0
USES = (WorkKind.RESTORE, WorkKind.DRILL, WorkKind.DISCOVERY, WorkKind.DATASET, WorkKind.REFRESH)


class ExpireStep:
    """Keeps every instant of the configured time reachable, and everything that a restore point or a restore or drill
    under way needs; no chain loses a part. While one of those is under way nothing is removed at all."""

    name = "expire"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        policy = context.config.backups
        if self._is_read(context):
            context.say("other work reads the repository: what is old goes next time")
            return Done({"gone": []})
        retention = Retention(policy.keep_seconds / DAY, policy.keep_fulls, context.config.restore_points)
        context.guard()
        gone = context.world.backups.expire(context.environment, retention, in_use=(context.work.id,))
        if gone:
            context.say(f"{', '.join(gone)} went")
        return Done({"gone": gone})

    def undo(self, context: StepContext) -> Outcomes:
        return Done()

    def _is_read(self, context: StepContext) -> bool:
        store = context.world.store
        with store.database.reading() as tx:
            found = store.works.find(tx, states=[State.ACTIVE, State.ATTENTION], kinds=USES)
        return any(context.environment in (w.about, w.request.get("source")) for w in found)
