"""Work is taken over: who had it and sleeps does not go on, and nobody takes an old lease for a new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from greenroom.adapters.memory.workers import MemoryWorkers
from greenroom.domain.plan import WorkKind
from greenroom.store.works import LeaseLost
from tests.unit.workflows.story import Story
from tests.unit.workflows.test_crashes import promoted

KINDS = frozenset(WorkKind)


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_stopped_worker_is_ended_before_its_work_goes_on(tmp_path: Path, is_stopped: bool) -> None:
    """One that runs finds out by itself; a worker's own left-overs end nobody."""
    story = Story(tmp_path)
    promoted(story)
    workers = story.world.workers
    assert isinstance(workers, MemoryWorkers)
    workers.enlist(story.engine.owner)
    if is_stopped:
        workers.stopped.add(story.engine.owner)
    assert story.engine.claims.next(KINDS) is not None
    assert story.new_engine(owner=story.engine.owner).claims.next(KINDS) is not None
    story.world.clock.sleep(31.0)
    assert workers.ended == []
    assert story.new_engine(owner="another").claims.next(KINDS) is not None
    assert workers.ended == ([story.engine.owner] if is_stopped else [])


def test_a_worker_that_sleeps_just_after_its_claim_does_not_take_it_for_new(tmp_path: Path) -> None:
    """The lease counts from before the claim was written."""
    story = Story(tmp_path)
    promoted(story)
    database = story.world.store.database
    transaction = database.transaction

    @contextmanager
    def then_sleeps() -> Iterator[Any]:
        with transaction() as tx:
            yield tx
        story.world.clock.sleep(60.0)

    with patch.object(database, "transaction", then_sleeps):
        lease = story.engine.claims.next(KINDS)
    assert lease is not None
    with pytest.raises(LeaseLost):
        lease.guard()
