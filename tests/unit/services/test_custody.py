"""What the custodian says of what it cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from greenroom.domain.errors import Refused
from greenroom.domain.work import Work
from greenroom.services import data
from greenroom.services.custody import Custodian
from greenroom.store import records
from tests.unit.workflows.test_backup_work import ENGINEER
from tests.unit.workflows.test_data_work import Filled
from tests.worlds import apply


def test_a_reason_is_told_once_until_it_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that stays is one warning, not one every five seconds, also when its figures change; another reason is
    told, and the same one again once all was well in between."""
    story = Filled(tmp_path)
    with story.world.store.database.reading() as tx:
        newest = records.newest_policy(tx)
    assert newest is not None
    apply(story.world, newest["text"].replace("dev: {}", "dev: {data: {refresh: 1d}}"), story.repository)
    custodian, problem = Custodian(story.app), list[Refused]()

    def make(*_: Any) -> Work:
        if problem:
            raise problem[-1]
        return work

    work = data.make(story.app, ENGINEER)
    monkeypatch.setattr(data, "make", make)
    monkeypatch.setattr(custodian, "_may_again", lambda *_: True)

    def warned() -> list[str]:
        with capture_logs() as said:
            custodian.look()
        return [str(s["because"]) for s in said if s["event"] == "custody.failed"]

    problem.append(Refused("data.no_space", "no room", because="1.0 GB are free"))
    assert warned() == ["1.0 GB are free"]
    problem.append(Refused("data.no_space", "no room", because="0.9 GB are free"))
    assert [warned() for _ in range(3)] == [[], [], []]
    problem.append(Refused("backup.none", "no backup", because="there is none"))
    assert [warned() for _ in range(2)] == [["there is none"], []]
    problem.clear()
    assert warned() == []
    problem.append(Refused("backup.none", "no backup", because="there is none again"))
    assert warned() == ["there is none again"]
