"""Making a release: what the last step leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.ports.artifacts import Source
from greenroom.services import releases
from tests.unit.workflows.story import BAKING, Story
from tests.worlds import actor, memory_app

DEVELOPER = actor(Role.DEVELOPER)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Story, str]:
    """Asked for, of a commit whose files are there; nothing was done yet."""
    story, tree = Story(tmp_path / "story"), tmp_path / "source"
    tree.mkdir()
    (tree / "greenroom.yaml").write_text(BAKING + "release: {language: none, version: '3.0'}\n")
    monkeypatch.setattr(story.world.sealer, "fetch", lambda repository, *_: Source("c" * 40, tree, repository))
    work = releases.make(memory_app(story.world), DEVELOPER, "HEAD")
    return story, work.id


def test_a_sealed_release_is_laid_out_at_once(made: tuple[Story, str]) -> None:
    """Read back and verified: the first promotion finds it ready."""
    story, work_id = made
    work = story.run(work_id)
    assert work.state is State.DONE
    assert story.world.artifacts.unpacked == [work.release]


def test_a_seal_that_cannot_be_read_back_is_none(made: tuple[Story, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was changed between writing and reading is refused, and no release is recorded."""
    story, work_id = made
    seal = story.world.sealer.seal

    def damaged(*arguments: Any) -> Any:
        sealed = seal(*arguments)
        story.world.artifacts.tamper(sealed.digest, "app.py")
        return sealed

    monkeypatch.setattr(story.world.sealer, "seal", damaged)
    work = story.run(work_id)
    assert work.state is State.REJECTED and work.error is not None
    assert work.error["code"] == "artifact.tampered" and work.release is None
