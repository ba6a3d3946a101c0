"""Builds that do what they should not: each ends with a clear error, and leaves no process and no file behind."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from greenroom.adapters.sealing import rooms
from greenroom.domain.errors import BadInput, Errored, GreenroomError, Refused
from greenroom.domain.release import Language
from tests.runtime_support import eventually, processes_with
from tests.seal_support import (
    LOCK,
    PLAIN,
    PYTHON,
    Workshop,
    builder_account,
    open_directory,
    plain_app,
    python_app,
    shared_tools,
    workshop,
)

MARK = f"misbuilt-{os.getpid()}"


KINDS = [
    pytest.param("bwrap", marks=pytest.mark.needs("bwrap")),
    pytest.param("unshare", marks=pytest.mark.needs("namespaces")),
]


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    """Afterwards nothing that a build started is left, nor is its ground."""
    with open_directory() as made, workshop(made) as found:
        found.sealer._room.__dict__["kind"] = request.param
        yield found
        found.sealer.forget("w1")
        assert list(found.home.work.iterdir()) == []
        eventually(lambda: processes_with(MARK) == [])


def failed(shop: Workshop, script: str, *, seconds: float = 20.0, max_bytes: int = 4 * 10**9) -> GreenroomError:
    """What came of a build that runs this script."""
    shop.max_bytes = max_bytes
    shop.recipe = replace(shop.recipe, language=Language.NONE, commands=(("sh", "build.sh"),), seconds=seconds)
    with pytest.raises(GreenroomError) as caught:
        shop.build(plain_app() | {"build.sh": script}, PLAIN)
    error = caught.value
    assert error.message
    assert error.because
    assert error.hint
    return error


def test_a_build_that_fails_says_with_what(shop: Workshop) -> None:
    """Exit code and last words; refused, for that is an answer."""
    error = failed(shop, "echo the compiler is unhappy; exit 3")
    assert (error.code, error.exit_code, error.facts["exit_code"]) == ("release.build_failed", 1, 3)
    assert "the compiler is unhappy" in error.because


def test_a_build_that_hangs_ends_with_all_it_started(shop: Workshop) -> None:
    """At its time limit, which is named with where to raise it; children that left its session too."""
    script = f"for i in 1 2 3; do (setsid sh -c 'trap \"\" TERM HUP; sleep 900 # {MARK}' &) ; done; sleep 900 # {MARK}"
    error = failed(shop, script, seconds=1.5)
    assert error.code == "release.build_timeout"
    assert "2 s" in error.message
    assert "release.timeout" in error.hint


def test_a_daemon_does_not_outlive_its_build(shop: Workshop) -> None:
    """The build itself ends well; what it left in the background is gone."""
    shop.recipe = replace(shop.recipe, language=Language.NONE, commands=(("sh", "build.sh"),))
    script = f"(setsid python3 -c 'import time; time.sleep(900) # {MARK}' >/dev/null 2>&1 &); sleep 0.3"
    built = shop.build(plain_app() | {"build.sh": script}, PLAIN)
    assert (built.root / "serve").is_file()
    eventually(lambda: processes_with(MARK) == [])


@pytest.mark.parametrize("how", ["one file", "many files", "sparse"])
def test_a_build_that_fills_the_disk_is_ended_while_it_grows(shop: Workshop, how: str) -> None:
    """At its limit, which is named with where to raise it; far less is written than it meant to."""
    script = {
        "one file": "exec head -c 5000000000 /dev/zero > big",
        "many files": "while :; do head -c 3000000 /dev/zero > big$((i=i+1)); done",
        "sparse": "truncate -s 900000000 sparse; exec head -c 5000000000 /dev/zero >> sparse",
    }[how]
    error = failed(shop, script, seconds=60, max_bytes=50 * 10**6)
    assert error.code == "release.build_too_large", error
    assert "50MB" in error.message
    assert "release: size:" in error.hint


def test_what_is_sealed_has_the_same_limit(shop: Workshop) -> None:
    """A tree that was large in the commit already is refused at the latest when it is sealed."""
    shop.max_bytes = 1_000_000
    shop.recipe = replace(shop.recipe, language=Language.NONE)
    with pytest.raises(Refused) as caught:
        shop.seal(plain_app() | {"data.bin": "x" * 1_100_000}, PLAIN)
    assert caught.value.code == "release.build_too_large"
    assert "release: size:" in caught.value.hint


def test_a_build_leaves_room_for_what_runs(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk that is nearly full it is ended, and that is no fault of the build."""
    monkeypatch.setattr(rooms, "RESERVED_BYTES", 1 << 60)
    error = failed(shop, "sleep 30")
    assert isinstance(error, Errored)
    assert error.code == "release.disk_low"


def test_gigabytes_of_output_end_in_the_last_words(shop: Workshop) -> None:
    """A gigabyte goes by; memory stays small, and what is kept is the end."""
    before = _memory()
    script = "head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo the very end; exit 1"
    error = failed(shop, script, seconds=120)
    assert error.because.endswith("the very end\n")
    assert len(error.because) <= 4000
    assert _memory() - before < 100_000_000
    assert sum(map(len, shop.said)) < 200_000_000


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_build_changes_nothing_but_its_own_tree(shop: Workshop) -> None:
    """Not the repository, an earlier release, the keys, the store; no file of its own stays elsewhere."""
    shop.recipe = replace(shop.recipe, language=Language.NONE)
    sealed = shop.seal(plain_app(), PLAIN, work="earlier")
    earlier = shop.artifacts.unpack(sealed.digest).root
    ours = [shop.home.private, shop.home.root, earlier, shop.directory / "repository", shop.home.artifacts]
    changing = (shop.home.work, shop.directory / "repository")  # by this very test
    files = [p for d in ours for p in d.rglob("*") if p.is_file() and not set(changing) & set(p.parents)]
    before = {p: p.read_bytes() for p in files}
    lines = [f"rm -rf {d}/* ; echo evil > {d}/evil; echo evil >> {earlier}/serve; cat {d}/* 2>/dev/null" for d in ours]
    elsewhere = [Path(d, MARK) for d in ("/tmp", "/var/tmp", "/dev/shm", "/usr", "/etc", str(Path.home()))]
    lines += [f"echo evil > {p}" for p in elsewhere]
    error = failed(shop, "\n".join([*lines, "exit 9"]))
    assert error.facts["exit_code"] == 9
    kept = {p: p.read_bytes() for p in before if p.exists()}
    assert kept.keys() == before.keys()
    assert [p for p in kept if kept[p] != before[p]] == []
    assert [d for d in ours if (d / "evil").exists()] == []
    assert [p for p in elsewhere if p.exists()] == []
    keys = [p.read_text(errors="replace") for p in shop.home.private.rglob("*") if p.is_file()]
    assert keys
    assert not [k for k in keys if k.strip() and k in error.because]


def test_a_lock_that_names_what_does_not_exist_is_refused(shop: Workshop) -> None:
    """The name is in the reason, and what to look at in the way out."""
    with pytest.raises(Refused) as caught:
        shop.build(python_app() | {"requirements.txt": "no-such-thing-of-greenroom==1.0\n"}, PYTHON)
    assert caught.value.code == "release.fetch_failed"
    assert "no-such-thing-of-greenroom" in caught.value.because
    assert caught.value.hint


@pytest.mark.parametrize("line", ["itsdangerous", "itsdangerous>=2", "https://example.org/x.whl", "-e ."])
def test_a_lock_that_locks_nothing_is_refused(shop: Workshop, line: str) -> None:
    """File and line are named: a range, no version at all, an address without a hash."""
    with pytest.raises((Refused, BadInput)) as caught:
        shop.build(python_app() | {"requirements.txt": LOCK + line + "\n"}, PYTHON)
    assert caught.value.code == "release.lock_unpinned"
    assert "requirements.txt:2" in caught.value.message


def test_others_go_on_while_a_build_misbehaves(shop: Workshop) -> None:
    """A second piece of work in the same home is built meanwhile, and its files are its own."""
    shop.recipe = replace(shop.recipe, language=Language.NONE, commands=(("sh", "build.sh"),), seconds=3)
    commit = shop.commit(plain_app() | {"build.sh": f"cat ../../other/* 2>/dev/null; touch x; sleep 900 # {MARK}"})
    good = shop.sealer.fetch(str(shop.directory / "repository"), commit, "other", shop.said.append)
    assert (good.tree / "serve").is_file()
    began = time.monotonic()
    with pytest.raises(Refused):
        shop.build(plain_app() | {"build.sh": f"sleep 900 # {MARK}"}, PLAIN)
    assert time.monotonic() - began < 60
    assert (good.tree / "serve").is_file()
    shop.sealer.forget("other")


ORDINARY = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-k', sys.argv[2], '--basetemp', sys.argv[1], 'tests/integration/test_builds_misbehaving.py']))"  # fmt: skip # noqa: E501


@pytest.mark.needs("root")
def test_the_same_holds_for_an_ordinary_user() -> None:
    """Its builds have its own rights, and still change nothing of its own home, nor read the keys."""
    user = builder_account()
    interpreter = shared_tools().find(Language.PYTHON, "")
    assert interpreter is not None
    with open_directory() as place:
        os.chown(place, user.uid, user.gid)
        libraries = [str(Path.cwd()), str(Path.cwd() / "src"), sysconfig.get_path("purelib")]
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            ["setpriv", "--reuid", str(user.uid), "--regid", str(user.gid), "--clear-groups",
             str(interpreter.executable), "-c", ORDINARY, str(place / "t"), "changes or fills or hangs or daemon"],
            env=env | {"PYTHONPATH": ":".join(libraries)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert done.stdout.count(".") >= 6, done.stdout  # they ran, and were not skipped
