"""A release that boots takes the processor's time that visitors leave, and its share once it is told so."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.adapters.courtesy import STANDS_BACK
from greenroom.keeper import procfs
from tests.processor import PROCESSOR, busy_visitor, used
from tests.runtime_support import Stage, eventually, staged, web
from tests.twins import ANY_CLAIM

BOOTING = f"""
import os, threading, time
os.sched_setaffinity(0, {{{PROCESSOR}}})
def spin():
    while True: pass
if os.fork() == 0:
    os.setsid()
    if os.fork():
        time.sleep(0.5)  # so that it is ranked while it is somebody's child, and an orphan when it has its share again
        os._exit(0)
    if os.fork() == 0:
        os.nice(3)
threading.Thread(target=spin).start()
spin()
"""
"""A process and two daemons in a session of theirs, with two threads each; one has said that it is nicer."""


@pytest.fixture(scope="module", params=[pytest.param("sandbox", marks=pytest.mark.needs("bwrap")), "bare"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(sandboxed=request.param == "sandbox") as made:
        yield made


@pytest.mark.needs("root")
def test_all_of_an_instance_stands_back_and_has_its_share_again(stage: Stage) -> None:
    """Its processes, their threads and their sessions; against a visitor's process that wants the same processor."""
    spec = dataclasses.replace(web(stage.place, stage.release, "boots"), command=("python", "-c", BOOTING), listen=None)
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with busy_visitor() as visitor:
        pid = stage.runtime.start(dataclasses.replace(spec, dial=""), fence=ANY_CLAIM).pid
        assert pid is not None
        try:
            eventually(lambda: _spinning(pid) == {usual: 4, usual + 3: 2})
            stage.runtime.rank("boots", stands_back=True, fence=ANY_CLAIM)
            assert _spinning(pid) == {usual + STANDS_BACK: 4, usual + 3: 2}
            back = _share(pid, visitor)
            stage.runtime.rank("boots", stands_back=False, fence=ANY_CLAIM)
            assert _spinning(pid) == {usual: 4, usual + 3: 2}
            assert _share(pid, visitor) > 2 * back
        finally:
            stage.runtime.stop("boots", seconds=0.1, fence=ANY_CLAIM)


@pytest.mark.needs("namespaces")
def test_nobody_is_lowered_who_could_not_be_raised_again() -> None:
    """Root of a container that is not root of the machine is asked the same and may do only half of it."""
    script = (
        "import os, sys, time; from greenroom.keeper import ranks; pid = int(sys.argv[1]); "
        "ranks.rank(pid, stands_back=True); print(ranks.can_be_taken_back(), os.getpriority(os.PRIO_PROCESS, pid))"
    )
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        try:
            told = subprocess.run(
                ["unshare", "--user", "--map-root-user", sys.executable, "-c", script, str(other.pid)],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
        finally:
            other.kill()
    assert told.stdout.split() == ["False", str(os.getpriority(os.PRIO_PROCESS, 0))]


def _spinning(pid: int) -> Counter[int]:
    """How nice the threads of those of its processes are that have two, and how many are so nice."""
    tasks = [[int(t.name) for t in Path(f"/proc/{p}/task").iterdir()] for p in _members(pid)]
    return Counter(os.getpriority(os.PRIO_PROCESS, t) for threads in tasks if len(threads) == 2 for t in threads)


def _share(pid: int, visitor: int) -> float:
    """Of what the two used of the processor within two seconds, the part of the instance."""
    members = _members(pid)
    ours, theirs = sum(map(used, members)), used(visitor)
    time.sleep(2)
    ours, theirs = sum(map(used, members)) - ours, used(visitor) - theirs
    return ours / (ours + theirs)


def _members(pid: int) -> list[int]:
    """All of it: `pid` is the process itself, its parent what it was started under."""
    found = procfs.stat(pid)
    return [s.pid for s in procfs.family(found.parent)] if found is not None else []
