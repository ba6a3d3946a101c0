"""What a refresh is asked for is what it does, or it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenroom.domain.errors import BadInput
from greenroom.services import data
from tests.unit.workflows.test_backup_work import ENGINEER
from tests.unit.workflows.test_data_work import Filled, Seeding


def test_a_state_is_refused_where_a_dataset_would_be_used(tmp_path: Path) -> None:
    """A dataset is of one state: `--to` another is told, also in a dry run, and no work is asked for. Where a copy is
    rebuilt it counts."""
    story = Filled(tmp_path)
    dataset = story.made()
    for dry_run in (True, False):
        with pytest.raises(BadInput) as refused:
            data.refresh(story.app, ENGINEER, "dev", to=story.at.isoformat(), dry_run=dry_run)
        assert refused.value.code == "data.state_unused"
        assert dataset.id in refused.value.because
    with story.world.store.database.reading() as tx:
        assert story.world.store.works.holder(tx, "dev") is None
    work, preview = data.refresh(story.app, ENGINEER, "staging", to=story.at.isoformat())
    assert work is not None
    assert (work.request["to"], preview["dataset"]) == (story.at.isoformat(), None)


def test_a_state_is_refused_for_a_seed(tmp_path: Path) -> None:
    """A seed is of no state of production."""
    story = Seeding(tmp_path)
    with pytest.raises(BadInput) as refused:
        data.refresh(story.app, ENGINEER, "dev", to=story.at.isoformat(), seed=True)
    assert refused.value.code == "data.state_unused"
