"""A release that waits before production, and how a line of its checklist reads: where tales of judgements begin."""

from __future__ import annotations

from pathlib import Path

from greenroom.domain.evidence import Evidence
from greenroom.domain.gate import Line
from greenroom.domain.roles import Role
from greenroom.domain.work import Work
from greenroom.services import promotions
from greenroom.services.app import App
from greenroom.store import records
from tests.unit.workflows.story import BAKING, Story
from tests.worlds import actor, memory_app

ENGINEER, MANAGER, CLIENT = actor(Role.ENGINEER), actor(Role.MANAGER), actor(Role.CLIENT)
ROOT = actor(Role.ADMINISTRATOR, name="root")


class Standing(Story):
    """The story of the workflows' tests, with the services on top of it."""

    def __init__(self, tmp_path: Path, text: str = BAKING) -> None:
        super().__init__(tmp_path, text)
        self.pokes = 0
        self.app: App = memory_app(self.world, self._poke)

    def _poke(self) -> None:
        self.pokes += 1

    def line(self, gate: str, environment: str = "production") -> Line:
        """What `greenroom why` says of this gate for 2.0 now."""
        lines = promotions.why(self.app, ENGINEER, self.new, environment).decision.lines
        return next(x for x in lines if x.gate == gate)

    def because(self, gate: str = "approvals") -> str:
        return self.line(gate).verdict.because

    def passed(self, gate: str = "approvals") -> bool:
        line = self.line(gate)
        return type(line.verdict).__name__ == "Passed" or line.overridden_by is not None

    def asked(self) -> Work:
        """2.0 was asked into production."""
        work = promotions.promote(self.app, ENGINEER, self.new, "production").work
        assert work is not None
        return self.work(work.id)

    def decided_again(self, work: Work) -> Work:
        """As it stands once the engine has nothing more to do at this moment."""
        while self.engine.run_one():
            pass
        return self.work(work.id)

    def evidence(self, release: str | None = None) -> tuple[Evidence, ...]:
        with self.world.store.database.reading() as tx:
            return records.evidence_of(tx, release or self.new)
