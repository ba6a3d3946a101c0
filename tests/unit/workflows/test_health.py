"""Healthy is who stays: what ends after its good answers reaches no visitor, whenever that is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.memory.runtime import MemoryRuntime
from greenroom.domain.work import State
from greenroom.ports.runtime import Finished
from tests.unit.workflows.story import Story
from tests.unit.workflows.test_crashes import promoted


@pytest.mark.parametrize("again", [False, True])
def test_who_ends_while_the_checks_run_is_not_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """It gave as many good answers as are asked for, and ended then; the keeper may have started it again at once."""
    story = Story(tmp_path)
    runtime = story.world.runtime
    assert isinstance(runtime, MemoryRuntime)
    run = runtime.run

    def ends_meanwhile(place: Any, release: Any, command: tuple[str, ...], *more: Any, **named: Any) -> Finished:
        if command == ("python", "journey.py"):
            (newer,) = story.running() - before
            runtime.exits(newer, "exit code 0", again=again)
        return run(place, release, command, *more, **named)

    before = story.running()
    monkeypatch.setattr(runtime, "run", ends_meanwhile)
    work = story.run(promoted(story))
    assert work.state is State.ROLLED_BACK
    assert work.error is not None
    assert work.error["code"] == "release.unhealthy"
    assert "was healthy, and then ended 1 time" in work.error["because"]
