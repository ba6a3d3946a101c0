"""What the control plane tells those who watch: each span once at least, whatever breaks on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from greenroom.adapters.memory.traces import MemoryTraces
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import promotions
from greenroom.services.telling import News, Place, Teller
from tests.unit.workflows.story import Story
from tests.unit.workflows.test_crashes import ENGINEER, promoted
from tests.worlds import actor, memory_app, sealed


class Told:
    """A story with somebody who watches it."""

    def __init__(self, root: Path) -> None:
        self.story = Story(root / "story")
        self.noted = root / "told.json"
        self.traces = MemoryTraces()
        self.begin()

    def begin(self) -> None:
        """A control plane that comes up (again)."""
        self.app = memory_app(self.story.world)
        self.teller = Teller(self.app, self.traces, self.noted)
        self.look()

    def look(self) -> None:
        while self.teller.look():
            pass

    def names(self) -> list[str]:
        return [s.name for s in self.traces.spans]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_a_promotion_is_one_trace(told: Told) -> None:
    """A span for each step under one for the whole, in one trace, with what an operator looks for."""
    work = told.story.run(promoted(told.story))
    told.look()
    assert work.state is State.DONE
    assert len({s.trace_id for s in told.traces.spans}) == 1
    assert told.names() == [*work.plan.steps, "promotion production"]
    root = told.traces.spans[-1]
    assert {s.parent_id for s in told.traces.spans[:-1]} == {root.span_id}
    assert (root.attributes["greenroom.work"], root.attributes["greenroom.release"]) == (work.id, told.story.new)
    assert all(s.attributes["greenroom.outcome"] == "done" and not s.problem for s in told.traces.spans)
    assert all(s.started <= s.ended for s in told.traces.spans)


def test_a_failure_names_step_reason_and_way_out(told: Told) -> None:
    """The failed step's span and the whole's carry the code and what to do next; the output stays where it was."""
    told.story.world.runtime.will_finish(("python", "journey.py"), 1, "it is broken")
    work = told.story.run(promoted(told.story))
    told.look()
    failed = [s for s in told.traces.spans if s.problem]
    assert [s.name for s in failed] == ["check", "promotion production"]
    assert [s.attributes["error.type"] for s in failed] == ["check.failed"] * 2
    assert all(s.attributes["greenroom.next"] for s in failed)
    assert "undo check" in told.names()
    assert failed[1].attributes["greenroom.outcome"] == work.state.value == "rolled_back"
    assert "it is broken" not in repr(told.traces.spans)


def test_every_span_is_told_although_the_control_plane_dies(told: Told) -> None:
    """Killed at any moment it goes on where it noted; a span told twice is the same span."""
    work_id = promoted(told.story)
    told.story.run(work_id, until=lambda w: w.cursor >= 4)
    told.look()
    before = told.noted.read_text()
    told.story.run(work_id)
    told.look()
    told.noted.write_text(before)  # killed after telling, before noting
    told.begin()
    spans = told.traces.spans
    assert {s.name for s in spans} == {*told.story.work(work_id).plan.steps, "promotion production"}
    assert len(spans) > len({s.span_id for s in spans}) == 10
    assert all(len({repr(s) for s in spans if s.span_id == i}) == 1 for i in {s.span_id for s in spans})


def test_what_is_told_is_counted(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it ends in the middle of a look: who has seen the trace finds the metrics agree."""
    read, ended = told.teller._news, list[str]()

    def meanwhile(place: Place) -> News:
        found = read(place)
        if not ended:
            ended.append(told.story.run(promoted(told.story)).id)
        return found

    monkeypatch.setattr(told.teller, "_news", meanwhile)
    for _ in range(3):
        told.teller.look()
        counted = told.app.tally.read().ended.get(("promotion", "production", "done"), 0)
        assert told.names().count("promotion production") <= counted <= 1
    assert told.names()[-1] == "promotion production"


def test_a_collector_that_is_away_is_told_later(told: Told) -> None:
    """Nothing is lost, and what is counted does not wait for it."""
    told.traces.broken = True
    told.story.run(promoted(told.story))
    with pytest.raises(Errored) as caught:
        told.look()
    assert caught.value.code == "telemetry.unavailable"
    assert told.app.tally.read().ended["promotion", "production", "done"] == 1
    told.traces.broken = False
    told.look()
    assert told.names()[-1] == "promotion production"
    assert len(told.names()) == 10
    assert told.app.tally.read().ended["promotion", "production", "done"] == 1


def test_a_home_that_never_told_begins_with_now(told: Told) -> None:
    """The past of an upgraded home is not told; nor is a store that was brought back from an older copy told twice."""
    told.story.run(promoted(told.story))
    told.noted.unlink()
    told.begin()
    assert told.names() == []
    told.noted.write_text(json.dumps({"line": 10_000, "entry": 10_000}))
    told.begin()
    assert told.names() == []
    assert json.loads(told.noted.read_text())["line"] < 10_000


def test_refusals_are_counted_by_gate(told: Told) -> None:
    """A promotion that was refused when it was asked for counts for each gate that said no, and ends nothing twice."""
    third = sealed(told.story.world, "3.0")
    with pytest.raises(Refused):
        promotions.promote(told.app, ENGINEER, third, "production")
    told.look()
    read = told.app.tally.read()
    assert read.refusals["path", "production"] == 1
    assert read.ended["promotion", "production", "refused"] == 1
    assert told.names() == []


def test_work_that_was_cancelled_before_it_began_is_told(told: Told) -> None:
    """No step ran; the whole says who said so."""
    work = promotions.promote(told.app, ENGINEER, told.story.new, "production").work
    assert work is not None
    promotions.cancel(told.app, actor(Role.ENGINEER), work.id)
    told.story.run(work.id)
    told.look()
    assert told.names() == ["promotion production"]
    assert told.traces.spans[0].attributes["greenroom.outcome"] == "rejected"
    assert "engineer" in told.traces.spans[0].problem


def test_steps_are_counted_with_their_durations(told: Told) -> None:
    """The bake took its ten seconds, every other step next to nothing."""
    told.story.run(promoted(told.story))
    told.look()
    steps = told.app.tally.read().steps
    bake = steps["promotion", "bake", "forward", "done"]
    assert sum(bake.counts) == 1
    assert sum(steps["promotion", "switch", "forward", "done"].counts) == 1
