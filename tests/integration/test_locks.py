"""Locks between processes: whose holder died, sleeps, or works."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from greenroom.adapters import locks
from greenroom.adapters.caddy.pointer import Route, Routes
from greenroom.adapters.locks import locked
from greenroom.ports.edge import Pointer
from tests.life_support import wait_until

HOLD = """
import sys, time
from pathlib import Path
from greenroom.adapters.locks import locked
with locked(Path(sys.argv[1]), shared="shared" in sys.argv):
    print("held", flush=True)
    time.sleep(600)
"""
HALF_WAY = """
import sys, time
from pathlib import Path
from greenroom.adapters.caddy import pointer
from greenroom.ports.edge import Pointer
pointer.replace_all = pointer.replace
def replace(file, text, *, durable=False, **more):
    if durable:
        print("held", flush=True)
        time.sleep(600)
    pointer.replace_all(file, text, **more)
pointer.replace = replace
folder = Path(sys.argv[1])
pointer.Routes(folder, folder / "nowhere").change("qa", 1, lambda _: pointer.Route(Pointer("127.0.0.1:1", "old", 1)))
"""


@contextmanager
def holder(program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, once it holds the lock."""
    with subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")


@pytest.fixture
def impatient() -> Iterator[None]:
    with patch.object(locks, "STOPPED_SECONDS", 1.0), patch.object(locks, "LOOK_SECONDS", 0.1):
        yield


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["exclusive", "shared"])
def test_a_stopped_holder_is_ended_by_who_waits(tmp_path: Path, how: str) -> None:
    """It cannot let go and must not go on half-way: its lock is free, and it is no more."""
    with holder(HOLD, str(tmp_path / "lock"), how) as process:
        stop(process)
        with locked(tmp_path / "lock", seconds=60):
            assert process.wait(60) == -signal.SIGKILL


@pytest.mark.usefixtures("impatient")
def test_a_holder_that_works_is_left_alone_however_long_it_takes(tmp_path: Path) -> None:
    """Whoever waits gives up after its time, or waits on; a stop that is over in time does no harm."""
    with holder(HOLD, str(tmp_path / "lock")) as process:
        with pytest.raises(TimeoutError), locked(tmp_path / "lock", seconds=2):
            pass
        stop(process)
        with pytest.raises(TimeoutError), locked(tmp_path / "lock", seconds=0.5):
            pass
        process.send_signal(signal.SIGCONT)
        with pytest.raises(TimeoutError), locked(tmp_path / "lock", seconds=2):
            pass
        assert process.poll() is None


@pytest.mark.usefixtures("impatient")
def test_a_stopped_process_that_holds_another_lock_is_left_alone(tmp_path: Path) -> None:
    """Nor is one ended that only has the file open."""
    opener = 'import sys, time; f = open(sys.argv[1]); print("held", flush=True); time.sleep(600)'
    (tmp_path / "lock").touch()
    with (
        holder(HOLD, str(tmp_path / "other")) as another,
        holder(opener, str(tmp_path / "lock")) as reader,
        holder(HOLD, str(tmp_path / "lock")),
    ):
        stop(another)
        stop(reader)
        with pytest.raises(TimeoutError), locked(tmp_path / "lock", seconds=3):
            pass
        assert (another.poll(), reader.poll()) == (None, None)


@pytest.mark.usefixtures("impatient")
def test_who_sleeps_half_way_through_a_switch_never_ends_it(tmp_path: Path) -> None:
    """Its token was checked when it fell asleep. The next one switches, and stays switched when it is woken."""
    routes = Routes(tmp_path, tmp_path / "nowhere")
    with holder(HALF_WAY, str(tmp_path)) as process:
        stop(process)
        routes.change("qa", 2, lambda _: Route(Pointer("127.0.0.1:2", "new", 2)))
        process.send_signal(signal.SIGCONT)
        assert process.wait(60) == -signal.SIGKILL
    found = routes.read("qa")
    assert found is not None
    assert found.pointer.token == 2
    assert (tmp_path / "qa.upstream").read_text() == "127.0.0.1:2"


def test_threads_of_one_process_take_turns(tmp_path: Path) -> None:
    """And those that share hold it together."""
    inside: list[int] = []
    most: list[int] = []
    together = threading.Barrier(3)

    def work(*, shared: bool) -> None:
        with locked(tmp_path / "lock", shared=shared):
            inside.append(1)
            if shared:
                together.wait(30)
            most.append(len(inside))
            time.sleep(0 if shared else 0.2)
            inside.pop()

    for shared, expected in ((False, 1), (True, 3)):
        most.clear()
        threads = [threading.Thread(target=work, kwargs={"shared": shared}) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert max(most) == expected
