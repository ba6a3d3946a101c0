"""Commands that run to their end: what is told of them, how they are cut short, that nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.adapters.courtesy import STANDS_BACK
from greenroom.domain.secret import Secret
from tests.processor import PROCESSOR, busy_visitor, used
from tests.runtime_support import DAEMON, PYTHON, Stage, eventually, processes_with, staged


@pytest.fixture(scope="module", params=[pytest.param("sandbox", marks=pytest.mark.needs("bwrap")), "bare"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(sandboxed=request.param == "sandbox") as made:
        yield made


def test_a_command_that_double_forks_leaves_nothing(stage: Stage) -> None:
    """A daemon with sessions of its own and no open output dies with the command that made it."""
    marker = f"MARK-{stage.place.sockets}-daemon"
    command = (PYTHON, "-c", DAEMON)
    ended = stage.runtime.run(stage.place, stage.release, command, {"MARK": marker}, seconds=20, log_name="d.log")
    assert ended.code == 0
    assert processes_with(marker) == []


@pytest.mark.parametrize("how", ["limit", "cancel"])
def test_a_command_cut_short_leaves_nothing(stage: Stage, how: str) -> None:
    """The time limit and a cancellation end the whole tree, whatever it ignores."""
    marker = f"MARK-{stage.place.sockets}-{how}"
    command = (
        "sh",
        "-c",
        "trap '' TERM INT HUP; setsid sleep 305 & (sleep 306 &) ; echo up; while :; do sleep 0.1; done",
    )
    cancel = threading.Event()
    ended = stage.runtime.run(
        stage.place, stage.release, command, {"MARK": marker}, seconds=4 if how == "limit" else 60,
        log_name="cut.log", on_line=lambda _: cancel.set(), cancelled=cancel.is_set if how == "cancel" else None,
    )  # fmt: skip
    assert (ended.code, ended.ended_by) == (None, {"limit": "time limit", "cancel": "cancelled"}[how])
    assert ended.output.startswith("up\n")
    assert processes_with(marker) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_dies_with_the_process_that_ran_it(stage: Stage, number: signal.Signals) -> None:
    """The worker is killed: its command ends with it, and all that the command started."""
    marker = f"MARK-{stage.place.sockets}-orphan-{number}"
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests.runtime_support import *\n"
        "from greenroom.adapters.runtimes.process import ProcessRuntime\n"
        "home = Home.at(Path(sys.argv[1])); sandboxed = sys.argv[2] == 'True'\n"
        "runtime = ProcessRuntime(home, KeeperClient(home.keeper), 'shop', 'auto' if sandboxed else None)\n"
        "words = ('sh', '-c', \"trap '' TERM; (setsid sleep 307 &); while :; do sleep 0.1; done\")\n"
        "runtime.run(runtime.prepare('dev'), release(home, python(home, sandboxed=sandboxed)), words,"
        " {'MARK': sys.argv[3]}, seconds=60, log_name='o.log')"
    )
    arguments = [sys.executable, "-c", code, str(stage.home.root), str(stage.sandboxed), marker.replace("MARK", "M", 1)]
    marker = arguments[-1]
    worker = subprocess.Popen(arguments, cwd=Path(__file__).parents[2])
    try:
        eventually(lambda: len(processes_with(f"MARK={marker}")) >= 3)
    finally:
        worker.send_signal(number)
        worker.wait(60)
    eventually(lambda: processes_with(f"MARK={marker}") == [])


def test_the_log_of_a_command_is_complete_private_and_redacted(stage: Stage) -> None:
    """All of it is there, also what a URL's password and a key's lines look like by themselves."""
    url, key = Secret("postgresql://app:pass%2Fword-7@h/db"), Secret("BEGIN-LINE\nsecond-line")
    text = "seq 1 20000; echo pass/word-7; echo 'pass%2Fword-7'; echo second-line; printf 'no newline'"
    log = stage.place.logs / "complete.log"
    ended = stage.runtime.run(
        stage.place, stage.release, ("sh", "-c", text), {"DATABASE_URL": url, "KEY": key}, seconds=20, log_name=log.name
    )
    lines = log.read_text().splitlines()
    assert lines[:20000] == [str(n) for n in range(1, 20001)]
    assert lines[20000:] == ["••••", "••••", "••••", "no newline"]
    assert ended.output.endswith("••••\n••••\n••••\nno newline\n")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_callback_that_raises_ends_the_command(stage: Stage) -> None:
    """Whoever listens may fail; the command does not stay behind."""
    marker = f"MARK-{stage.place.sockets}-raise"

    def listen(line: str) -> None:
        raise RuntimeError(line)

    with pytest.raises(RuntimeError):
        stage.runtime.run(
            stage.place, stage.release, ("sh", "-c", "echo up; sleep 308"), {"MARK": marker}, seconds=60,
            log_name="r.log", on_line=listen,
        )  # fmt: skip
    assert processes_with(marker) == []


def test_what_stands_back_leaves_the_processor_to_visitors(stage: Stage) -> None:
    """And what does not has the same share of it as they have: they may wait for a migration's locks."""
    spin = (
        f"import os, time; os.sched_setaffinity(0, {{{PROCESSOR}}})\n"
        "end = time.monotonic() + 2\n"
        "while time.monotonic() < end: pass\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0), time.process_time())"
    )
    usual, shares = os.getpriority(os.PRIO_PROCESS, 0), []
    with busy_visitor() as visitor:
        for stands_back, nice in ((False, usual), (True, min(19, usual + STANDS_BACK))):
            before = used(visitor)
            ended = stage.runtime.run(
                stage.place, stage.release, ("python", "-c", spin), {}, seconds=60, log_name="nice.log",
                stands_back=stands_back,
            )  # fmt: skip
            said, seconds = ended.output.split()
            assert int(said) == nice, ended
            theirs = (used(visitor) - before) / os.sysconf("SC_CLK_TCK")
            shares.append(float(seconds) / (float(seconds) + theirs))
    assert shares[0] > 2 * shares[1], shares


def test_a_program_that_is_not_there(stage: Stage) -> None:
    """No exit code between 1 and 125: we could not tell, and the output names the program."""
    ended = stage.runtime.run(stage.place, stage.release, ("no-such-program",), {}, seconds=20, log_name="n.log")
    assert ended.code in (126, 127)
    assert "no-such-program" in ended.output
