"""Datasets and refreshes as durable work: killed anywhere they end, and data goes only where it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.memory.datasets import MemoryCandidates, MemoryVault
from greenroom.domain.errors import Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.kinds import DataLabel, Kind
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import SYSTEM, Role, may
from greenroom.domain.work import State, Work
from greenroom.ports.probe import Answer
from greenroom.services import data
from greenroom.services.app import App
from greenroom.services.custody import Custodian
from greenroom.store import records
from greenroom.workflows.instances import Deployment
from tests.twins import ANY_CLAIM
from tests.unit.workflows.story import Crash
from tests.unit.workflows.test_backup_work import DEVELOPER, ENGINEER, OPERATOR, Kept
from tests.worlds import actor, apply, placed, sealed

RULED = "data: {rules: {public.person.name: full_name}, harmless: {public.person: [id]}}\n"
EDITED = "staging: {data: {edits: ['UPDATE a', 'UPDATE b']}}"


class Filled(Kept):
    """What `Kept` is, and 1.0 in dev and 2.0 in staging run and are pointed to; production has two columns, ruled."""

    def __init__(self, tmp_path: Path, text: str = RULED, **columns: str) -> None:
        super().__init__(tmp_path)
        self.repository = str(tmp_path)
        self.configure(text)
        placed(self.world, self.old, "dev", ago=3600)
        for name in ("dev", "staging"):
            row = self.world.environment(name)
            release = self.world.release(row.current or "")
            place = self.world.runtime.prepare(name)
            plan = Deployment(name, release, row.current_work or "")
            for spec in plan.specs(place, self.world.unpacked(release.digest), {}, row.dial):
                self.world.runtime.start(spec, fence=ANY_CLAIM)
            self.point(name)
        vault, candidates = self.world.vault, self.world.candidates
        assert isinstance(vault, MemoryVault)
        assert isinstance(candidates, MemoryCandidates)
        self.vault, self.candidates = vault, candidates
        self.vault.columns = {"public.person.id": "", "public.person.name": "", **columns}
        self.seen.clear()

    def configure(self, text: str) -> None:
        base = self.world.store
        with base.database.reading() as tx:
            newest = records.newest_policy(tx)
        assert newest is not None
        kept = newest["text"].split("data: {rules")[0].split("data: {seed")[0]
        if "migration:" in text:
            kept = "".join(line for line in kept.splitlines(True) if not line.startswith("migration:"))
        apply(self.world, kept.replace("staging: {}", EDITED) + text, self.repository)

    def point(self, name: str) -> None:
        from greenroom.ports.edge import Pointer

        row = self.world.environment(name)
        self.world.edge.point(name, Pointer(row.dial, row.current or "", 0))

    def made(self) -> Work:
        return self.run(data.make(self.app, ENGINEER).id)

    def refreshed(self, name: str, who: Any = ENGINEER) -> str:
        work, _ = data.refresh(self.app, who, name)
        assert work is not None
        return work.id

    def assert_reached(self, name: str) -> None:
        """What ran there before runs, alone, and visitors reach it."""
        row, pointer = self.world.environment(name), self.world.edge.pointer(name)
        assert pointer is not None
        assert (pointer.dial, pointer.release) == (row.dial, row.current)
        tag = (row.current_work or "").rpartition("-")[2]
        assert {i.rpartition(".")[2] for i in self.running(name)} == {tag}

    def holds(self, name: str) -> DataLabel:
        with self.world.store.database.reading() as tx:
            held = data.holding_of(self.app, tx, records.environment(tx, name))
        assert held is not None
        return held.label


def test_a_dataset_killed_at_any_point_is_published_once(tmp_path: Path) -> None:
    """Wherever the control plane dies: one dataset, one piece of evidence, and the vault is empty."""
    first = Filled(tmp_path / "names")
    assert first.made().state is State.DONE
    names = list(dict.fromkeys(first.seen))
    assert {"dataset.rebuild.rebuilt", "dataset.mask.masked", "dataset.publish.published"} <= set(names)
    for number, name in enumerate(names):
        story = Filled(tmp_path / str(number))
        story.crash_at = name
        work = story.made()
        assert (story.crash_at, work.state) == (None, State.DONE), name
        assert [d.name for d in story.vault.datasets()] == [work.id]
        assert story.backups._lines["vault"].rebuilt == {}


def test_a_refresh_killed_at_any_point_ends_done(tmp_path: Path) -> None:
    """Staging holds the copy, its edits were run, visitors reach what ran there before."""
    first = Filled(tmp_path / "names")
    assert first.run(first.refreshed("staging")).state is State.DONE
    names = list(dict.fromkeys(first.seen))
    assert {"refresh.gather.gathered", "refresh.ready.edited", "refresh.hold.held"} <= set(names)
    for number, name in enumerate(names):
        story = Filled(tmp_path / str(number))
        story.crash_at = name
        work = story.run(story.refreshed("staging"))
        assert (story.crash_at, work.state) == (None, State.DONE), name
        assert story.candidates.holds["staging"] == "a copy of production"
        assert story.holds("staging") is DataLabel.COPY
        assert story.candidates.ran[-2:] == ["UPDATE a", "UPDATE b"]
        assert story.candidates.ready == {}
        story.assert_reached("staging")


def test_data_that_the_release_cannot_live_on_is_never_put_in_place(tmp_path: Path) -> None:
    """Killed at any point on the way back: the present data stays, visitors did not notice."""

    def story(name: str) -> tuple[Filled, str]:
        made = Filled(tmp_path / name)
        work = made.refreshed("staging")
        release = made.world.release(made.new)
        dial = Deployment("staging", release, work).dial(made.world.runtime.prepare("staging"))
        made.world.probe.answers[dial] = Answer(500, 0.01)  # type: ignore[attr-defined]
        return made, work

    first, work_id = story("names")
    ended = first.run(work_id)
    assert ended.state is State.ROLLED_BACK
    assert ended.error is not None
    assert ended.error["code"] == "release.unhealthy"
    for number, name in enumerate(dict.fromkeys(first.seen)):
        again, work_id = story(str(number))
        again.crash_at = name
        assert again.run(work_id).state is State.ROLLED_BACK, name
        assert again.candidates.holds == {}
        assert again.candidates.ready == {}
        assert again.holds("staging") is DataLabel.SYNTHETIC
        again.assert_reached("staging")


def test_a_column_without_a_rule_stops_it_and_names_itself(tmp_path: Path) -> None:
    """No dataset; the column is in the refusal, and in what everybody can look up afterwards."""
    story = Filled(tmp_path, **{"public.person.phone": ""})
    work = story.made()
    assert work.state is State.REJECTED
    assert story.vault.datasets() == []
    told = data.lineage(story.app, DEVELOPER)
    assert told["problem"]["columns"] == ["public.person.phone"]


def test_a_leak_stops_it(tmp_path: Path) -> None:
    """What the leak check finds is evidence, and nothing is published."""
    story = Filled(tmp_path, **{"public.person.name": "is as it was"})
    work = story.made()
    assert work.state is State.REJECTED
    assert work.error is not None
    assert work.error["code"] == "data.leak"
    assert story.vault.datasets() == []
    with story.world.store.database.reading() as tx:
        found = records.newest_evidence(tx, "leaks", "production")
    assert found is not None
    assert found.outcome is Outcome.FAILED


@pytest.mark.parametrize("who", [OPERATOR, ENGINEER, SYSTEM, actor(Role.ADMINISTRATOR, Role.OPERATOR, Role.ENGINEER)])
def test_nobody_brings_a_copy_where_only_masked_data_may_be(tmp_path: Path, who: Any) -> None:
    """Not the operator, not Greenroom itself; nor does the work, had somebody got past the service."""
    story = Filled(tmp_path)
    if may(who.roles, data.Action.REFRESH, Kind.DEV):
        with pytest.raises(Refused) as refused:
            data.refresh(story.app, who, "dev")
        assert refused.value.code == "data.no_dataset"
    work = forged(story.app, "dev", story.old)
    ended = story.run(work)
    assert ended.state is State.ROLLED_BACK
    assert ended.error is not None
    assert ended.error["code"] == "data.clearance"
    assert story.candidates.holds == {}


def forged(app: App, environment: str, release: str) -> str:
    """A refresh of dev with production's copy, written past the service."""
    work = app.new_work(WorkKind.REFRESH, SYSTEM, environment=environment, release=release, source="production")
    with app.world.store.database.transaction() as tx:
        app.add_work(tx, work)
    return work.id


def test_production_is_never_filled(tmp_path: Path) -> None:
    """Nothing flows back: no role may ask for it, and work that got past the service is refused."""
    story = Filled(tmp_path)
    with pytest.raises(Refused) as refused:
        data.refresh(story.app, SYSTEM, "production")
    assert refused.value.code == "role.missing"
    ended = story.run(forged(story.app, "production", story.old))
    assert (ended.state, (ended.error or {})["code"]) == (State.ROLLED_BACK, "data.flows_back")
    story.assert_serving()


def test_dev_is_filled_from_the_newest_dataset(tmp_path: Path) -> None:
    """By a developer, too; and it is said from where, as of when, under which rules."""
    story = Filled(tmp_path)
    made = story.made()
    assert story.run(story.refreshed("dev", DEVELOPER)).state is State.DONE
    told = {e["environment"]: e["holds"] for e in data.lineage(story.app, DEVELOPER)["environments"]}["dev"]
    assert (told["label"], told["dataset"], told["source"]) == ("masked", made.id, "production")
    assert told["rules_current"]
    story.configure(RULED.replace("full_name", "last_name"))
    told = {e["environment"]: e["holds"] for e in data.lineage(story.app, DEVELOPER)["environments"]}["dev"]
    assert not told["rules_current"]


SEEDED = RULED.replace("data: {", "data: {seed: [seed/people.sql, seed/visit.csv], ")


class Seeding(Filled):
    """What `Filled` is, and 3.0, which brings a seed, runs in dev."""

    def __init__(self, tmp_path: Path, text: str = SEEDED) -> None:
        super().__init__(tmp_path, text)
        placed(self.world, sealed(self.world, "3.0"), "dev", ago=60)
        self.point("dev")

    def seeding(self, who: Any = DEVELOPER) -> str:
        work, _ = data.refresh(self.app, who, "dev", seed=True)
        assert work is not None
        return work.id


def test_a_seed_killed_at_any_point_is_loaded_once(tmp_path: Path) -> None:
    """Dev holds what the release brings, on an empty database, and says so."""
    first = Seeding(tmp_path / "names")
    assert first.run(first.seeding()).state is State.DONE
    names = list(dict.fromkeys(first.seen))
    assert {"refresh.gather.gathered", "refresh.ready.begun", "refresh.ready.seeded"} <= set(names)
    for number, name in enumerate(names):
        story = Seeding(tmp_path / str(number))
        story.crash_at = name
        work = story.run(story.seeding())
        assert (story.crash_at, work.state) == (None, State.DONE), name
        assert story.candidates.holds["dev"] == "the seed seed/people.sql, seed/visit.csv"
        told = {e["environment"]: e["holds"] for e in data.lineage(story.app, DEVELOPER)["environments"]}["dev"]
        assert (told["label"], told["source"], told["seed"], told["dataset"]) == ("synthetic", "dev", "3.0", None)
        assert told["rules_current"]
        assert story.candidates.ready == {}


@pytest.mark.parametrize(("style", "starts"), [("{style: at-start}", 2), ("{style: none}", 1)])
def test_a_release_that_migrates_at_its_start_is_started_before_its_seed(
    tmp_path: Path, style: str, starts: int
) -> None:
    """Its tables are there when the rows come; and it is proven afterwards, as any other."""
    story = Seeding(tmp_path, SEEDED + f"migration: {style}\n")
    begun: list[str] = []
    start, seed = story.world.runtime.start, story.candidates.seed

    def noted(spec: Any, **more: Any) -> None:
        begun.append("start")
        start(spec, **more)

    def loaded(*given: Any, **more: Any) -> Any:
        begun.append("seed")
        return seed(*given, **more)

    story.world.runtime.start, story.candidates.seed = noted, loaded  # type: ignore[method-assign]
    assert story.run(story.seeding()).state is State.DONE
    assert begun[: starts + 1] == ["start", "seed", "start"][2 - starts :]


def test_a_seed_that_cannot_be_loaded_leaves_what_is_there(tmp_path: Path) -> None:
    """File and line are in the refusal, and dev holds what it held."""
    story = Seeding(tmp_path, SEEDED.replace("visit.csv", "error.csv"))
    ended = story.run(story.seeding())
    assert ended.state is State.ROLLED_BACK
    assert ended.error is not None
    assert (ended.error["code"], ended.error["facts"]["line"]) == ("data.seed_failed", 3)
    assert (story.candidates.holds, story.candidates.ready) == ({}, {})
    assert story.holds("dev") is DataLabel.SYNTHETIC


def test_a_seed_goes_only_where_a_release_brings_one(tmp_path: Path) -> None:
    """Not where the release that runs has none, nor into production. One that is under way is given back."""
    story = Seeding(tmp_path)
    for environment, code in (("staging", "data.no_seed"), ("production", "role.missing")):
        with pytest.raises(Refused) as refused:
            data.refresh(story.app, ENGINEER, environment, seed=True)
        assert refused.value.code == code
    work, preview = data.refresh(story.app, DEVELOPER, "dev", seed=True, dry_run=True)
    assert (work, preview["seed"]) == (None, ["seed/people.sql", "seed/visit.csv"])
    story.crash_at = "refresh.gather.gathered"
    begun = story.seeding()
    with pytest.raises(Crash):
        story.engine.run_one()
    assert story.seeding() == begun


def test_a_copy_under_way_is_not_taken_for_a_seed(tmp_path: Path) -> None:
    """Both come from no dataset; the one that was asked for later is refused, not silently replaced."""
    story = Seeding(tmp_path)
    placed(story.world, story.world.environment("dev").current or "", "staging", ago=30)
    story.crash_at = "refresh.gather.gathered"
    story.refreshed("staging")
    with pytest.raises(Crash):
        story.engine.run_one()
    with pytest.raises(Refused) as refused:
        data.refresh(story.app, ENGINEER, "staging", seed=True)
    assert refused.value.code == "environment.busy"


def test_what_is_too_old_is_refreshed_by_itself(tmp_path: Path) -> None:
    """A dataset first where one is wanted, then the refresh; and then there is nothing more to do."""
    story = Filled(tmp_path)
    with story.world.store.database.reading() as tx:
        newest = records.newest_policy(tx)
    assert newest is not None
    apply(story.world, newest["text"].replace("dev: {}", "dev: {data: {refresh: 1d}}"), story.repository)
    custodian = Custodian(story.app)
    for kind in (WorkKind.DATASET, WorkKind.REFRESH):
        (asked,) = [w for w in custodian.look() if w.kind is kind]
        assert story.run(asked.id).state is State.DONE
    assert [w for w in custodian.look() if w.kind in (WorkKind.DATASET, WorkKind.REFRESH)] == []
    assert story.holds("dev") is DataLabel.MASKED


def test_rules_that_change_meanwhile_stop_a_dataset(tmp_path: Path) -> None:
    """It was masked under other rules than those it would be examined and published under."""
    story = Filled(tmp_path)
    work = data.make(story.app, ENGINEER)
    story.crash_at = "dataset.examine.forward.before"
    story.run(work.id, until=lambda w: w.step == "examine" and story.crash_at is None)
    story.configure(RULED.replace("full_name", "last_name"))
    ended = story.run(work.id)
    assert (ended.state, (ended.error or {})["code"]) == (State.REJECTED, "data.rules_changed")
    assert story.vault.datasets() == []


def test_a_promotion_that_came_first_stops_a_refresh(tmp_path: Path) -> None:
    """The release that it was asked for is not there any more: nothing is proven with it, nothing changes."""
    story = Filled(tmp_path)
    story.made()
    work = story.refreshed("dev")
    placed(story.world, story.new, "dev", ago=0)
    ended = story.run(work)
    assert (ended.state, (ended.error or {})["code"]) == (State.ROLLED_BACK, "data.overtaken")
    assert story.candidates.holds == {}
