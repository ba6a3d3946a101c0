"""Making a release: what the last step leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.errors import BadInput
from greenroom.domain.plan import WorkKind
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BAKING.replace("health:", "heatlh:"), "heatlh: unknown key; did you mean health? at {file}:6:1"),
        (None, "there is no {file}"),
    ],
)
def test_the_commit_s_own_configuration_is_asked_once(made: tuple[Story, str], text: str | None, said: str) -> None:
    """What cannot be understood is told at once, under the commit's name, never by a path that is gone."""
    story, work_id = made
    tree = story.world.sealer.fetch("", "HEAD", work_id, print).tree
    (tree / "greenroom.yaml").unlink() if text is None else (tree / "greenroom.yaml").write_text(text)
    before = story.world.clock.now()
    work = story.run(work_id)
    assert work.state is State.REJECTED and work.error is not None
    assert work.error["outcome"] == "invalid"
    assert work.error["message"] == said.format(file="greenroom.yaml of commit cccccccccccc")
    assert "commit" in work.error["next"]
    assert str(tree) not in str(work.error)
    assert story.world.clock.now() == before  # nobody waited for another try
    with story.world.store.database.reading() as tx:
        history = story.world.store.works.history(tx, work_id)
    assert [(h["step"], h["outcome"]) for h in history] == [("fetch", "failed"), ("fetch", "done")]


def test_a_commit_that_is_not_there_makes_no_work(made: tuple[Story, str]) -> None:
    """It can be told at once: the caller hears it, and nothing is queued."""
    story, _ = made
    story.world.sealer.commits = {"main": "c" * 40}
    with pytest.raises(BadInput) as wrong:
        releases.make(memory_app(story.world), DEVELOPER, "mian")
    assert wrong.value.code == "release.commit_unknown"
    with story.world.store.database.reading() as tx:
        assert [w.request["commit"] for w in story.world.store.works.find(tx, kinds=[WorkKind.RELEASE])] == ["HEAD"]
