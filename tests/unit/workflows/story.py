"""Driving the engine in tests: one thread, a clock that moves when there is nothing to do, crashes on demand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from greenroom.domain.work import ENDED, State, Work
from greenroom.ports.edge import Pointer
from greenroom.services.decisions import decide_work
from greenroom.store.recorder import differences, project
from greenroom.workflows.engine import Engine
from greenroom.workflows.procedure import procedure
from greenroom.workflows.world import World
from tests.worlds import FULL, memory_world, placed, sealed

BAKING = FULL.replace("journey: true}", "journey: true, in: [production]}").replace(
    "environments:\n  dev: {follow: main}\n",
    """environments:
  dev: {}
  qa: {}
  packaging: {}
  uat: {}
  staging: {}
  production: {bake: {for: 10s, min_requests: 10}, gates: {checks: {none_needed: the story begins in staging}}}
""",
)


class Crash(BaseException):
    """kill -9, as far as one process can play it: nothing after it runs, nothing is written."""


class Story:
    """Release 1.0 in staging and production, 2.0 in staging."""

    def __init__(self, tmp_path: Path, text: str = BAKING) -> None:
        tmp_path.mkdir(exist_ok=True)
        self.world: World = memory_world(tmp_path, text)
        self.seen: list[str] = []
        self.crash_at: str | None = None
        self.engine = self.new_engine()
        self.old = sealed(self.world, "1.0")
        self.new = sealed(self.world, "2.0")
        self.old_work = placed(self.world, self.old, "production", ago=7200)
        dial = self.world.environment("production").dial
        self.world.edge.point("production", Pointer(dial, self.old, 0))
        placed(self.world, self.old, "staging", ago=7200)
        placed(self.world, self.new, "staging", ago=3600)

    def new_engine(self, owner: str = "worker", lease_seconds: float = 30.0) -> Engine:
        """A control plane that comes up again: same name, empty memory."""

        def decide(tx: object, work: Work) -> object:
            return decide_work(tx, self.world, work)  # type: ignore[arg-type]

        return Engine(
            self.world,
            procedure(),
            decide,  # type: ignore[arg-type]
            owner=owner,
            threads=0,
            lease_seconds=lease_seconds,
            crash=self._crash,
        )

    def _crash(self, name: str) -> None:
        self.seen.append(name)
        if name == self.crash_at:
            self.crash_at = None
            raise Crash(name)

    def work(self, work_id: str) -> Work:
        with self.world.store.database.reading() as tx:
            found = self.world.store.works.get(tx, work_id)
        assert found is not None
        return found

    def run(self, work_id: str, until: Callable[[Work], bool] | None = None) -> Work:
        """Carry on until the work ended, needs a person, or `until` holds. A crash begins a new control plane."""
        for _ in range(300):
            work = self.work(work_id)
            if (until and until(work)) or work.state in ENDED or work.state is State.ATTENTION:
                return work
            try:
                found = self.engine.run_one()
            except Crash:
                self.ledger_and_rows_agree()
                self.engine = self.new_engine()
                continue
            if not found:
                self.world.clock.sleep(1.0)
        raise AssertionError(f"{work_id} never ends: {self.work(work_id)}")

    def ledger_and_rows_agree(self) -> None:
        """Whatever was under way when it died, no row says more than the ledger lets it."""
        with self.world.store.database.reading() as tx, closing(project(self.world.store.recorder.entries(tx))) as told:
            assert differences(tx, told) == []

    def running(self, environment: str = "production") -> set[str]:
        return {i.id for i in self.world.runtime.instances(environment)}
