"""What every service works with. Services are the commands of Greenroom: one function each, role checked first.

They say nothing to people: the command line and the API do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from greenroom.domain.errors import BadInput
from greenroom.domain.kinds import Kind
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.roles import Action, Actor, require
from greenroom.domain.work import Direction, State, Work
from greenroom.domain.work_record import asking
from greenroom.services.tally import Tally
from greenroom.store import records
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.world import World


@dataclass(frozen=True)
class App:
    """The world, a way to tell the workers that there may be something to do, and what was counted since the start."""

    world: World
    poke: Callable[[], None]
    tally: Tally = field(default_factory=Tally)

    def kind_of(self, environment: str) -> Kind:
        """Raises BadInput (`environment.unknown`)."""
        return self.world.environment(environment).kind

    def allow(self, actor: Actor, action: Action, environment: str | None = None) -> EnvironmentRow | None:
        """The one place where services ask for permission. Raises Refused (`role.missing`)."""
        if environment is None:
            require(actor, action)
            return None
        row = self.world.environment(environment)
        require(actor, action, row.kind)
        return row

    def new_work(
        self,
        kind: WorkKind,
        actor: Actor,
        *,
        environment: str | None = None,
        beside: str | None = None,
        release: str | None = None,
        **request: Any,
    ) -> Work:
        """A row of work as it begins: queued, its plan frozen. `beside`: the environment it is about and holds not."""
        if beside is not None:
            request["environment"] = beside
        return Work(
            id=self.world.ids.new(kind.value),
            kind=kind,
            environment=environment,
            release=release,
            plan=PLANS[kind],
            state=State.QUEUED,
            requested_by=actor.name,
            requested_at=self.world.clock.now(),
            direction=Direction.FORWARD,
            request=request,
        )

    def add_work(self, tx: Connection, work: Work, *, schedule_key: str | None = None) -> bool:
        """Insert it and say so on the ledger; False when that schedule exists already."""
        if not self.world.store.works.add(tx, work, schedule_key=schedule_key):
            return False
        self.world.store.recorder.append(tx, work.requested_by, f"{work.kind}.requested", asking(work))
        return True

    def work(self, work_id: str) -> Work:
        """Raises BadInput (`work.unknown`)."""
        with self.world.store.database.reading() as tx:
            found = self.world.store.works.get(tx, work_id)
        if found is None:
            raise BadInput(
                "work.unknown", f"there is no work {work_id[:80]!r}", hint="greenroom status shows what there is"
            )
        return found

    def release_digest(self, reference: str) -> str:
        """The digest a person's word for a release means."""
        with self.world.store.database.reading() as tx:
            return records.release(tx, reference).digest
