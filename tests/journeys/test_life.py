"""The control plane's life on a machine: started, started twice, killed, stopped; a small real application runs on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom import lifecycle
from greenroom.domain.errors import BadInput, Refused
from greenroom.keeper.client import KeeperUnavailable
from tests.life_support import (
    SLOW_MIGRATION,
    Life,
    free_ports,
    kill_everything,
    living,
    processes_of,
    visited,
    wait_until,
)


@pytest.fixture(scope="module")
def served() -> Iterator[Life]:
    """Greenroom is up, and some version of the application is served in dev."""
    with living() as life:
        life.commit("1.0")
        life.up()
        life.release("1.0")
        yield life


@pytest.fixture
def life(served: Life) -> Life:
    """As `served`, whatever the test before did."""
    served.up()
    wait_until(lambda: served.visit() is not None and not served.unfinished())
    served.said.clear()
    return served


def test_up_again_changes_nothing(life: Life) -> None:
    """What runs goes on running."""
    before = life.pid()
    assert life.up()["url"] == f"http://127.0.0.1:{life.ports['api']}"
    assert life.pid() == before
    assert life.said == []


def test_two_at_once_start_one_control_plane(life: Life) -> None:
    """A second `up` waits for the first and finds everything running; visitors notice nothing of all that."""
    with visited(life) as seen:
        life.down(applications=False)
        ends = [life.begin("up"), life.begin("up"), life.begin("up")]
        told = [end() for end in ends]
    assert [t.returncode for t in told] == [0, 0, 0], [t.stderr for t in told]
    assert len([w for w in processes_of(life.root) if "greenroom.serving" in w]) == 1
    assert set(seen) == {seen[0]}
    assert seen[0] is not None


def test_killed_it_comes_back_and_work_goes_on(life: Life) -> None:
    """kill -9 in the middle of a bake: it answers within seconds, the work ends well, visitors notice nothing."""
    life.begin_release("2.0", bake="4s")
    wait_until(lambda: any(w["step"] == "bake" for w in life.unfinished()))
    with visited(life) as seen:
        before = life.pid()
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: life.works())
        assert life.pid() != before
        wait_until(lambda: not life.unfinished())
    assert set(seen) == {"2.0"}
    assert life.works()[0]["state"] == "done"


def test_up_after_a_kill_waits_for_the_new_one(life: Life) -> None:
    """Whoever comes just after the kill gets an answer of the one that came back."""
    before = life.pid()
    assert before is not None
    os.kill(before, signal.SIGKILL)
    life.up()
    assert life.works()
    assert len([w for w in processes_of(life.root) if "greenroom.serving" in w]) == 1


def test_the_same_worker_in_every_life(life: Life) -> None:
    """Its name is random, private, and stays: left-overs of its former life are its own."""
    name = life.home.private / "owner"
    before = name.read_text()
    assert len(before) == 16
    assert name.stat().st_mode & 0o777 == 0o600
    life.down(applications=False)
    life.up()
    assert name.read_text() == before


@pytest.fixture(scope="module")
def migrating() -> Iterator[Life]:
    """A home whose later releases hold their visitors for six seconds while they migrate."""
    with living(SLOW_MIGRATION) as life:
        life.commit("1.0")
        life.up()
        life.release("1.0")
        yield life


def hold(life: Life, version: str) -> None:
    """Begin a release, until the visitors of dev wait for its migration."""
    life.up()
    life.said.clear()
    life.begin_release(version)
    wait_until(lambda: any(w["step"] == "migrate" for w in life.unfinished()))


def test_an_orderly_stop_lets_held_visitors_go_on(migrating: Life) -> None:
    """While a migration holds them the control plane is not stopped: nobody waits for one that does not run."""
    life = migrating
    hold(life, "2.0")
    with pytest.raises(Refused) as refused:
        life.down(applications=False, patience=0.2)
    assert refused.value.code == "control_plane.visitors_wait"
    assert life.pid() is not None
    life.down(applications=False)
    assert any("visitors of dev wait" in line for line in life.said)
    assert life.pid() is None
    assert life.visit() == "2.0"


def test_told_to_end_by_others_it_lets_held_visitors_go_on(migrating: Life) -> None:
    """A plain SIGTERM, as a service manager sends it, is waited with too."""
    life = migrating
    hold(life, "3.0")
    life.keeper.stop(lifecycle.CONTROL_PLANE)
    assert life.pid() is None
    assert life.visit() == "3.0"


def test_an_invalid_file_changes_nothing(life: Life, tmp_path: Path) -> None:
    """A file that is wrong, missing, or no text is named, and no home is made for it."""
    elsewhere = tmp_path / "home"
    for content, code in ((None, "config.absent"), (b"project: [", "config.invalid"), (b"\xff\xfe", "config.invalid")):
        if content is not None:
            (tmp_path / "greenroom.yaml").write_bytes(content)
        with pytest.raises(BadInput) as wrong:
            lifecycle.up(tmp_path, elsewhere, life.said.append)
        assert wrong.value.code == code
    assert not elsewhere.exists()
    (life.repository / "greenroom.yaml").write_text("project: tiny\nenvironments: 7\n")
    before = life.pid()
    told = life.run("up")
    assert told.returncode == 2
    assert "environments" in told.stderr
    assert life.pid() == before
    life.commit("3.0")


def test_up_tells_what_is_in_force(life: Life) -> None:
    """Addresses are those of the configuration that was applied, not of the file here; that they differ is said."""
    path = life.repository / "greenroom.yaml"
    text, moved = path.read_text(), free_ports("dev")["dev"]
    assert life.run("apply").returncode == 0
    before = life.up()
    assert before["differs"] is False
    path.write_text(text.replace(f"port: {life.ports['dev']}", f"port: {moved}", 1))
    try:
        told = life.run("up", "--json")
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout) == {**before, "differs": True}
        assert f"127.0.0.1:{life.ports['dev']}" in json.loads(told.stdout)["environments"][0]["url"]
        assert "greenroom apply --dry-run" in life.run("up").stderr
        assert f"{moved}" in life.run("apply", "--dry-run").stdout
    finally:
        path.write_text(text)


def all_below(root: Path) -> dict[str, tuple[int, int]]:
    """Mode and time of change of what a home consists of; logs and the store's own files are written all the time."""
    return {str(p): (p.stat().st_mode, p.stat().st_mtime_ns) for p in (root, *root.glob("private/*"), *root.glob("*"))}


@pytest.mark.parametrize("is_down", [False, True])
def test_a_home_of_another_project_is_refused(life: Life, tmp_path: Path, is_down: bool) -> None:
    """Whatever GREENROOM_HOME says: nothing is started or changed, also when that home's control plane is down."""
    (tmp_path / "greenroom.yaml").write_text((life.repository / "greenroom.yaml").read_text().replace("tiny", "other"))
    if is_down:
        life.down()
    before, kept = life.home.private / "api.json", all_below(life.home.root / "private")
    content = before.read_text()
    told = life.run("up", "--repository", str(tmp_path), "--home", str(life.home.root))
    assert told.returncode == 1, told.stdout
    for word in ("home.other_project", life.project, "GREENROOM_HOME", "--home"):
        assert word in told.stderr
    assert before.read_text() == content
    assert all_below(life.home.root / "private") == kept
    assert processes_of(life.root) == [] if is_down else life.pid() is not None


def test_a_home_that_an_earlier_greenroom_left_is_refused_too(life: Life, tmp_path: Path) -> None:
    """Without the file that names its project the control plane itself says no, and what was started for it ends."""
    (tmp_path / "greenroom.yaml").write_text((life.repository / "greenroom.yaml").read_text().replace("tiny", "other"))
    for stop in (lambda: None, life.down):  # asked while it runs, and started for the question
        stop()
        (life.home.private / "project.json").unlink(missing_ok=True)
        with pytest.raises(Refused) as refused:
            lifecycle.up(tmp_path, life.home.root, life.said.append)
        assert refused.value.code == "home.other_project"
        assert refused.value.facts["project"] == life.project
    assert processes_of(life.root) == []


def test_what_cannot_be_understood_is_told_at_once(life: Life) -> None:
    """Exit code 2, without work that is tried again: an unknown commit or check, a misspelled key in the commit."""
    before = len(life.works())
    version = life.visit()
    assert version is not None
    for words, code in (
        (("release", "nope"), "release.commit_unknown"),
        (("check", "run", version, "dev", "--check", "nope"), "check.unknown"),
    ):
        told = life.run(*words)
        assert (told.returncode, code in told.stderr) == (2, True), told.stdout + told.stderr
    assert len(life.works()) == before
    path = life.repository / "greenroom.yaml"
    text = path.read_text()
    life.config, config = life.config.replace("processes:", "proceses:"), life.config
    try:
        commit = life.commit("9.0")
    finally:
        life.config = config
        path.write_text(text)
    told = life.run("release", commit)
    assert told.returncode == 2, told.stdout + told.stderr
    assert f"greenroom.yaml of commit {commit[:12]}:3:1" in " ".join(told.stderr.split())
    assert str(life.root) not in told.stderr
    newest = life.works()[0]
    assert (newest["kind"], newest["state"]) == ("release", "rejected")
    life.commit("3.0")


def test_a_home_that_is_a_file_is_told(life: Life, tmp_path: Path) -> None:
    """It is bad input, whether the file is the home or above it, and it stays as it is."""
    file = tmp_path / "file"
    file.write_text("mine")
    for home in (file, file / "home"):
        told = life.run("up", "--home", str(home))
        assert told.returncode == 2, told.stderr
        assert "home.unusable" in told.stderr
        assert str(file) in told.stderr
    assert file.read_text() == "mine"


def test_a_taken_port_is_named_and_nothing_stays(life: Life) -> None:
    """Another home that wants this API port is refused, told who has it, and nothing of it stays, no keeper either."""
    with living() as other:
        other.ports["api"] = life.ports["api"]
        other.commit("1.0")
        told = other.run("up")
        assert told.returncode == 2, told.stdout
        assert f"127.0.0.1:{life.ports['api']}" in told.stderr
        assert not other.keeper.answers()
        assert f"(pid {life.pid()}) has it" in told.stderr
        assert processes_of(other.root) == processes_of(other.home.run) == []
        other.ports |= free_ports("api")
        other.commit("1.0")
        assert other.up()["environments"]


def test_with_nobody_there_every_command_names_the_way_back(life: Life) -> None:
    """Control plane and keeper are killed at once: visitors are served, whoever asks reads what brings both back, the
    doctor works without them and names what runs on; `up` is all it takes."""
    before = life.visit()
    kill_everything(life)
    assert life.visit() == before
    for words in (("status",), ("status", "--json"), ("work", "list"), ("ledger", "show"), ("release", "list")):
        asked = life.run(*words)
        assert asked.returncode == 3, asked.stdout
        assert "nobody is there: neither the control plane" in asked.stderr
        assert "greenroom up brings both back" in asked.stderr
    doctor = life.run("doctor", "--json")
    found = {f["name"]: f for f in json.loads(doctor.stdout)}
    assert doctor.returncode == 1
    assert (found["control plane"]["outcome"], found["keeper"]["outcome"]) == ("failed", "failed")
    assert "greenroom up" in found["control plane"]["next"]
    assert found["keeper"]["next"] == "greenroom up"
    assert found["everything else"]["outcome"] == "errored"
    kept = [f for name, f in found.items() if name == "edge" or name.startswith("app/")]
    assert len(kept) >= 2
    assert all("runs on" in f["said"] for f in kept)
    life.up()
    life.must_be_healthy()
    assert life.visit() == before


def test_with_its_keeper_there_the_way_back_is_another(life: Life) -> None:
    """One that hangs is the keeper's to start again, and whoever asks is told so; one that was stopped comes with `up`.
    The doctor says of either what the keeper keeps."""
    pid = life.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    asked = life.run("status")  # it may be back already
    assert asked.returncode == 0 or "starts it again by itself" in asked.stderr
    wait_until(lambda: life.run("status").returncode == 0)
    lifecycle.down(life.home.root, life.said.append, applications=False)
    asked = life.run("status")
    assert asked.returncode == 3
    assert "its keeper does, and was told to keep none" in asked.stderr
    assert "greenroom up starts it" in asked.stderr
    found = {f["name"]: f for f in json.loads(life.run("doctor", "--json").stdout)}
    assert (found["control plane"]["outcome"], found["keeper"]["outcome"]) == ("failed", "passed")
    assert found["edge"]["said"].startswith("runs as process")
    life.up()


def test_down_ends_everything_and_up_brings_it_back(life: Life) -> None:
    """Applications, edge, keeper and control plane end; the next `up` serves what was served."""
    before = life.visit()
    assert lifecycle.CONTROL_PLANE in life.down()["stopped"]
    assert processes_of(life.root) == []
    with pytest.raises(KeeperUnavailable):
        life.keeper.ping()
    assert life.down() == {"home": str(life.home.root), "stopped": []}
    life.up()
    wait_until(lambda: life.visit() == before)


def test_down_ends_what_a_dead_keeper_left(life: Life) -> None:
    """Control plane and keeper were killed, the application lives on: `down` ends it, starting nothing; `up` brings all
    of it back. Without its applications it leaves them, under another keeper."""
    kill_everything(life)
    assert processes_of(life.root) != []
    assert life.down(applications=False)["stopped"] == [lifecycle.CONTROL_PLANE]
    assert life.visit() is not None
    life.up()
    kill_everything(life)
    life.said.clear()
    told = life.down()
    assert processes_of(life.root) == []
    assert "edge" in told["stopped"]
    assert "the keeper is gone; another takes over what it kept" in life.said
    assert not life.keeper.answers()
    assert life.down()["stopped"] == []
    life.up()
    wait_until(lambda: life.visit() is not None)
