"""A release that boots takes the processor's time that visitors leave, and its share once it is told so."""

from __future__ import annotations

import dataclasses
import os
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
import os, threading
os.sched_setaffinity(0, {{{PROCESSOR}}})
if os.fork() == 0:
    os.setsid()
def spin():
    while True: pass
threading.Thread(target=spin).start()
spin()
"""
"""Two processes, the second in a session of its own, with two threads each."""


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
            eventually(lambda: _spinning(pid).total() == 4)
            stage.runtime.rank("boots", stands_back=True)
            assert _spinning(pid) == {usual + STANDS_BACK: 4}
            back = _share(pid, visitor)
            stage.runtime.rank("boots", stands_back=False)
            assert _spinning(pid) == {usual: 4}
            assert _share(pid, visitor) > 2 * back
        finally:
            stage.runtime.stop("boots", seconds=0.1, fence=ANY_CLAIM)


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
    return [pid, *(s.pid for s in procfs.family(pid))]
