"""A small model of what may move, and a machine that drives the engine with random commands, crashes and pauses.

The model knows nothing of gates, steps or rows: it remembers what people said and says which release may enter
production. `Machine` asks the engine for the same and compares after every step.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection

from greenroom.domain import ledger as chain
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.ledger import Verified
from greenroom.domain.roles import Role
from greenroom.domain.work import ENDED, HOLDS_SLOT, State, Work
from greenroom.ports.edge import Pointer
from greenroom.services import judgements, promotions
from greenroom.services.recovery import recover
from greenroom.store import records
from greenroom.store.recorder import differences, project
from greenroom.workflows.engine import Engine
from greenroom.workflows.instances import Deployment
from tests.unit.workflows.forgery import FORGERIES, copied, forge, removed, says_something_else
from tests.unit.workflows.story import BAKING, Crash, Story
from tests.unit.workflows.test_ways_back import CONTRACTING, QUIET, WITH_DOWN
from tests.worlds import actor, memory_app, placed, sealed

ENGINEER, MANAGER, DEVELOPER = actor(Role.ENGINEER), actor(Role.MANAGER), actor(Role.DEVELOPER)
PLACES = ("dev", "staging", "production")
LEASE = 30.0
DAY = timedelta(days=1)


@dataclass
class Model:
    """What people said about production. Releases by digest."""

    approved: dict[str, int] = field(default_factory=dict)  # how many yeses stand
    frozen: bool = False
    spoilt: set[str] = field(default_factory=set)  # a seal was revoked
    let_in: set[str] = field(default_factory=set)  # may be in production

    def may_enter(self, release: str) -> bool:
        return self.approved.get(release, 0) > 0 and not self.frozen and release not in self.spoilt


class _Undone(Exception):
    """What was tried is taken back."""


class Machine(RuleBasedStateMachine):
    """Two engines over one store, releases 1.0, 2.0 and 3.0 in staging, 1.0 in production."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(prefix="greenroom-model-")
        self.until_crash: int | None = None
        self.until_pause: int | None = None
        self.ended: dict[str, Work] = {}
        self.before: dict[str, State] = {}
        self.crashes = self.pauses = 0

    # --- the ground ------------------------------------------------------------------------------------

    @initialize(
        text=st.sampled_from([BAKING, QUIET, CONTRACTING, WITH_DOWN]),
        under_way=st.sampled_from([True, True, False]),
        points=st.integers(0, 40),
    )
    def begin(self, text: str, under_way: bool, points: int) -> None:
        self.story = Story(Path(self.directory.name), text)
        self.world, self.app = self.story.world, memory_app(self.story.world)
        self.third = sealed(self.world, "3.0")
        placed(self.world, self.third, "staging", ago=1800)
        self.releases = [self.story.old, self.story.new, self.third]
        self.model = Model(let_in={self.story.old})
        self.engines: dict[str, Engine] = {name: self.engine(name) for name in ("one", "two")}
        for place in ("staging", "production"):
            self.listen(place)
        recover(self.app)
        self.before = {w.id: w.state for w in self.works()}
        self.ground = set(self.before)
        if under_way:
            self.promote_with_a_yes(1, 0)
            self.go_on("one", 3, 1, "crash", points)

    def listen(self, place: str) -> None:
        """What stands there listens where a deployment of this work does, and visitors are sent there."""
        row = self.world.environment(place)
        release = self.world.release(row.current or "")
        dial = Deployment(place, release, row.current_work or "").dial(self.world.runtime.prepare(place))
        with self.world.store.database.transaction() as tx:
            changed = {"id": place, "dial": dial}
            self.world.store.recorder.record(tx, "test", "ground.laid", environment=changed)
        self.world.edge.point(place, Pointer(dial, release.digest, 0))

    def engine(self, name: str) -> Engine:
        made = self.story.new_engine(name, LEASE)
        made.crash = lambda point: self.at(point, name)
        return made

    def teardown(self) -> None:
        try:
            if hasattr(self, "story"):
                self.forgeries_are_found()
                self.settle()
                self.forgeries_are_found()
                self.tell()
        finally:
            if hasattr(self, "story"):
                self.world.store.database.close()
            self.directory.cleanup()

    def at(self, point: str, name: str) -> None:
        """A crash point of the engine `name`: it dies here, or it is paused here while the other goes on."""
        if self.until_crash is not None:
            self.until_crash -= 1
            if self.until_crash < 0:
                self.until_crash = None
                raise Crash(point)
        if self.until_pause is not None:
            self.until_pause -= 1
            if self.until_pause < 0:
                self.until_pause = None
                self.pauses += 1
                self.world.clock.forward(LEASE * 3)
                other = "two" if name == "one" else "one"
                for _ in range(12):
                    if not self.engines[other].run_one():
                        self.world.clock.forward(2)

    def look(self) -> None:
        """What began since the last look must have been let in by the model as it stands."""
        for work in self.works():
            was = self.before.get(work.id, State.QUEUED)
            waits = (State.QUEUED, State.WAITING)
            if was in waits and work.started_at is not None and work.environment == "production":
                if work.kind == "promotion":
                    assert self.model.may_enter(work.release or ""), f"{work.id} began though nobody let it in"
                self.model.let_in.add(work.release or "")
            self.before[work.id] = work.state

    def works(self) -> list[Work]:
        with self.world.store.database.reading() as tx:
            return self.world.store.works.find(tx)

    def run_once(self, name: str) -> bool:
        try:
            found = self.engines[name].run_one()
        except Crash:
            self.crashes += 1
            self.engines[name] = self.engine(name)
            recover(self.app)
            found = True
        self.look()
        return found

    def tell(self) -> None:
        """For `--hypothesis-show-statistics`: did the stories go anywhere?"""
        for work in self.works():
            if work.id in self.ground:
                continue
            code = (work.error or {}).get("code", "")
            event(f"{work.kind} into {work.environment}: {work.state} {code}".strip())
        event(f"crashes: {min(self.crashes, 3)}")
        event(f"pauses: {min(self.pauses, 3)}")

    def settle(self) -> None:
        """Nothing more happens to it: everything ends, waits for somebody, or needs a person."""
        self.until_crash = self.until_pause = None
        for _ in range(400):
            if not any([self.run_once("one"), self.run_once("two")]):
                if not [w for w in self.works() if w.state is State.ACTIVE]:
                    break
                self.world.clock.forward(5)
        else:
            raise AssertionError([w for w in self.works() if w.state not in ENDED])
        self.holds()

    # --- commands --------------------------------------------------------------------------------------

    def ask(self, what: Any) -> Any:
        """A refusal is an answer; anything else that is raised is a defect."""
        try:
            found = what()
        except (Refused, BadInput):
            found = None
        self.look()
        return found

    @rule(release=st.integers(0, 2), place=st.sampled_from(PLACES), who=st.sampled_from([ENGINEER, DEVELOPER]))
    def promote(self, release: int, place: str, who: Any) -> None:
        self.ask(lambda: promotions.promote(self.app, who, self.releases[release], place))

    @rule(release=st.integers(0, 2), hours=st.integers(1, 30))
    def schedule(self, release: int, hours: int) -> None:
        at = (self.world.clock.now() + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")
        self.ask(lambda: promotions.schedule(self.app, ENGINEER, self.releases[release], "production", at, "UTC"))

    @rule(release=st.integers(0, 2))
    def approve(self, release: int) -> None:
        digest = self.releases[release]
        if self.ask(lambda: judgements.approve(self.app, MANAGER, digest, "production")):
            self.model.approved[digest] = self.model.approved.get(digest, 0) + 1

    @rule(release=st.integers(0, 2))
    def withdraw(self, release: int) -> None:
        """Every yes for a release is taken back."""
        digest = self.releases[release]
        with self.world.store.database.reading() as tx:
            given = [a.id for a in records.approvals_of(tx, digest, "production")]
        for approval in given:
            judgements.withdraw(self.app, MANAGER, approval)
        self.model.approved[digest] = 0
        self.look()

    @rule(release=st.integers(0, 2), runs=st.integers(0, 4))
    def promote_with_a_yes(self, release: int, runs: int) -> None:
        """As it usually goes; on the way something may happen."""
        self.promote(release, "production", ENGINEER)
        self.approve(release)
        self.run("one", runs, 1)

    @rule(lifted=st.sampled_from([True, True, True, False]), runs=st.integers(0, 3))
    def freeze(self, lifted: bool, runs: int) -> None:
        self.ask(lambda: judgements.freeze(self.app, MANAGER, "production", reason="audit"))
        self.model.frozen = True
        self.run("two", runs, 1)
        if lifted:
            self.thaw()

    @precondition(lambda self: self.model.frozen)
    @rule()
    def thaw(self) -> None:
        self.ask(lambda: judgements.thaw(self.app, MANAGER, "production"))
        self.model.frozen = False

    @rule()
    def revoke_the_seal_of_3(self) -> None:
        digest = self.third
        with self.world.store.database.reading() as tx:
            seal = next(e.id for e in records.evidence_of(tx, digest) if e.kind == "seal")
        self.ask(lambda: judgements.revoke(self.app, MANAGER, seal, "broken"))
        self.model.spoilt.add(digest)

    @rule(gate=st.sampled_from(["freeze", "window", "soak", "checks", "approvals"]), release=st.integers(1, 2))
    def override_what_may_not_be(self, gate: str, release: int) -> None:
        """By the engineer, who may override nothing, and by the manager for dev, which does not count elsewhere."""
        digest = self.releases[release]
        more = {"reason": "hurry", "seconds": 3600}
        self.ask(lambda: judgements.override(self.app, ENGINEER, gate, digest, "production", **more))
        self.ask(lambda: judgements.override(self.app, MANAGER, gate, digest, "dev", **more))

    @rule(
        place=st.sampled_from(PLACES),
        mode=st.sampled_from(["as-is", "as-is", "down", "restore"]),
        to=st.none() | st.integers(0, 2),
    )
    def roll_back(self, place: str, mode: str, to: int | None) -> None:
        points = self.world.databases.restore_points(place)
        point = points[0].name if mode == "restore" and points else None
        release = None if to is None else self.releases[to]
        self.ask(lambda: promotions.roll_back(self.app, ENGINEER, place, to=release, mode=mode, point=point))

    @rule(which=st.integers(0, 5), what=st.sampled_from(["cancel", "resume", "finish"]))
    def turn(self, which: int, what: str) -> None:
        works = self.works()
        if which < len(works):
            command = getattr(promotions, what)
            self.ask(lambda: command(self.app, ENGINEER, works[which].id))

    # --- what happens ----------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(["one", "two"]),
        times=st.integers(1, 8),
        seconds=st.sampled_from([0, 1, 1, 5, 61]),
        trouble=st.sampled_from(["", "crash", "pause"]),
        points=st.integers(0, 15),
    )
    def go_on(self, name: str, times: int, seconds: int, trouble: str, points: int) -> None:
        """Time passes; in the middle of it the control plane may die, or stand still for longer than its lease."""
        self.until_crash = points if trouble == "crash" else None
        self.until_pause = points if trouble == "pause" else None
        self.run(name, times, seconds)
        self.until_crash = self.until_pause = None

    def run(self, name: str, times: int, seconds: int) -> None:
        for _ in range(times):
            self.run_once(name)
            self.world.clock.forward(seconds)

    @rule(days=st.sampled_from([-1, 1]))
    def clock_jumps(self, days: int) -> None:
        """The wall clock is set; the monotonic clock knows nothing of it."""
        self.world.clock.at += days * DAY

    @rule(code=st.sampled_from([0, 0, 1, 127]))
    def journey_says(self, code: int) -> None:
        self.world.runtime.will_finish(("python", "journey.py"), code, "said")

    @rule(code=st.sampled_from([0, 0, 1]))
    def migration_says(self, code: int) -> None:
        self.world.runtime.will_finish(("python", "migrate.py"), code, "said")

    # --- what always holds -----------------------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "story"))
    @invariant()
    def holds(self) -> None:
        works = self.works()
        self.one_at_a_time(works)
        self.what_ended_stays(works)
        self.the_ledger_tells_it()
        for place in PLACES:
            self.visitors_reach_what_is_recorded(place, [w for w in works if w.environment == place])

    def one_at_a_time(self, works: list[Work]) -> None:
        held = [w.environment for w in works if w.state in HOLDS_SLOT and w.environment]
        assert len(held) == len(set(held)), held

    def what_ended_stays(self, works: list[Work]) -> None:
        for work in works:
            if work.state in ENDED:
                assert self.ended.setdefault(work.id, work) == work
                assert work.ended_at is not None
        assert set(self.ended) <= {w.id for w in works}

    def the_ledger_tells_it(self) -> None:
        with self.world.store.database.reading() as tx:
            assert isinstance(chain.verify(self.world.store.recorder.entries(tx)), Verified)
            assert differences(tx, project(self.world.store.recorder.entries(tx))) == []

    def forgeries_are_found(self) -> None:
        """As everything stands now: whichever row is changed, added or taken out past the ledger is named."""
        works = self.works()
        with self.on_trial() as tx:
            for work in works:
                copied(tx, work, f"forged-{work.id}", state=State.REJECTED.value)
                removed(tx, work)
            found = differences(tx, project(self.world.store.recorder.entries(tx)))
            named = {f.split()[1].rstrip(":") for f in found}
            assert named == {name for w in works for name in (w.id, f"forged-{w.id}")}
        for work in works:
            for how in FORGERIES:
                with self.on_trial() as tx:
                    if forge(tx, work, how):
                        flaws = self.world.store.witness.work(tx, work.id).flaws
                        assert bool(flaws) == says_something_else(how, work), (how, work, flaws)

    @contextmanager
    def on_trial(self) -> Iterator[Connection]:
        """A transaction of which nothing stays."""
        with suppress(_Undone), self.world.store.database.transaction() as tx:
            yield tx
            raise _Undone

    def visitors_reach_what_is_recorded(self, place: str, works: list[Work]) -> None:
        pointer, row = self.world.edge.pointer(place), self.world.environment(place)
        busy = [w for w in works if w.state in HOLDS_SLOT]
        running = {i.id: self.world.runtime.specs[i.id] for i in self.world.runtime.instances(place)}
        if pointer is not None and pointer.dial is not None:
            reached = [s for s in running.values() if s.dial == pointer.dial]
            assert [s.release.digest for s in reached] == [pointer.release], f"{place}: {pointer} leads to {reached}"
        if place == "production":
            assert pointer is not None
            assert pointer.release in self.model.let_in, "visitors reach what nobody let in"
        if not busy:
            assert pointer is None or (pointer.dial, pointer.release) == (row.dial, row.current), (pointer, row)
            tag = (row.current_work or "").rpartition("-")[2]
            assert {i.rpartition(".")[2] for i in running} <= {tag}, f"{place}: {sorted(running)} beside {tag}"
