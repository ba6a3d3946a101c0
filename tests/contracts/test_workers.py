"""What every `Workers` promises: who is stopped is ended for good, nobody else is."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from greenroom.adapters.memory.workers import MemoryWorkers
from greenroom.adapters.workers import LocalWorkers
from greenroom.ports.workers import Workers
from tests.life_support import wait_until

WORK = """
import sys, time
from pathlib import Path
from greenroom.adapters.workers import LocalWorkers
workers = LocalWorkers(Path(sys.argv[1]))
workers.enlist(sys.argv[2])
workers.discharge("another")
if "discharged" in sys.argv:
    workers.discharge(sys.argv[2])
print("at work", flush=True)
time.sleep(600)
"""


class Memory:
    def __init__(self) -> None:
        self.workers = MemoryWorkers()

    def hire(self, owner: str, *words: str) -> None:
        self.workers.enlist(owner)
        self.workers.discharge("another")
        if "discharged" in words:
            self.workers.discharge(owner)

    def stop(self, owner: str) -> None:
        self.workers.stopped.add(owner)

    def is_ended(self, owner: str) -> bool:
        """Whether it does nothing any more, also if it is continued."""
        return owner in self.workers.ended


class Local:
    """Real processes."""

    def __init__(self, directory: Path, held: ExitStack) -> None:
        self.workers = LocalWorkers(directory)
        self._directory, self._held = directory, held
        self._hired: dict[str, subprocess.Popen[str]] = {}

    def hire(self, owner: str, *words: str) -> None:
        argv = [sys.executable, "-c", WORK, str(self._directory), owner, *words]
        process = self._held.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
        self._held.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        self._hired[owner] = process

    def stop(self, owner: str) -> None:
        process = self._hired[owner]
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")

    def is_ended(self, owner: str) -> bool:
        process = self._hired[owner]
        process.send_signal(signal.SIGCONT)
        try:
            return process.wait(3) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False


@pytest.fixture(params=["memory", "local"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory | Local]:
    with ExitStack() as held:
        yield Memory() if request.param == "memory" else Local(tmp_path / "workers", held)


def test_who_is_stopped_is_ended_and_nobody_else(bench: Memory | Local) -> None:
    """Once; those of other names, those that run, those that were discharged and unknown ones are left alone."""
    workers: Workers = bench.workers
    for owner, words in (("0ne", ()), ("busy", ()), ("asleep", ()), ("gone", ("discharged",))):
        bench.hire(owner, *words)
    for owner in ("0ne", "asleep", "gone"):
        bench.stop(owner)
    assert [workers.end_if_stopped(o) for o in ("0ne", "busy", "gone", "../nobody", "")] == [True] + [False] * 4
    assert bench.is_ended("0ne")
    assert not any(bench.is_ended(owner) for owner in ("busy", "asleep", "gone"))
    assert not workers.end_if_stopped("0ne")


def test_several_may_work_under_one_name(bench: Memory | Local) -> None:
    """Enlisting waits for nobody, and once is enough."""
    bench.workers.enlist("one")
    bench.workers.enlist("one")
    bench.hire("one")
    bench.workers.discharge("one")
    bench.workers.discharge("one")
