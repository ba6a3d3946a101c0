"""Every `Runtime` keeps the promises of its port: in memory, as processes in a sandbox, as processes without."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from greenroom.adapters.memory.runtime import MemoryRuntime
from greenroom.adapters.runtimes.process import ProcessRuntime
from greenroom.adapters.runtimes.toolchain import Interpreter
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.secret import Secret
from greenroom.ports.runtime import Fence, Finished, InstanceState, Place, Runtime, Unpacked
from tests.runtime_support import PYTHON, eventually, get, kept, made_home, python, release, web
from tests.twins import ANY_CLAIM


@dataclass
class Stage:
    """A runtime, a prepared place, and a release to run there."""

    runtime: Runtime
    place: Place
    release: Unpacked
    real: bool

    def script(self, command: tuple[str, ...], code: int | None, output: str, **more: object) -> None:
        """What a twin has to be told; a real runtime finds it out."""
        if isinstance(self.runtime, MemoryRuntime):
            self.runtime.will_finish(command, code, output, **more)  # type: ignore[arg-type]

    def run(self, *command: str, env: dict[str, object] | None = None, **more: object) -> Finished:
        options = {"seconds": 20.0, "log_name": "run.log", **more}
        return self.runtime.run(self.place, self.release, command, env or {}, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["memory", pytest.param("sandbox", marks=pytest.mark.needs("bwrap")), "bare"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with made_home() as home:
        if request.param == "memory":
            runtime = MemoryRuntime(Path("/nonexistent"))
            yield Stage(
                runtime, runtime.prepare("dev"), release(home, Interpreter("3.11", Path("/p"), Path("/"))), False
            )
            return
        sandboxed = request.param == "sandbox"
        with kept(home) as keeper:
            real = ProcessRuntime(home, keeper, "shop", bwrap="auto" if sandboxed else None)
            unpacked = release(home, python(home, sandboxed=sandboxed))
            yield Stage(real, real.prepare("dev"), unpacked, True)


def test_prepare_is_idempotent(stage: Stage) -> None:
    """Preparing an environment twice gives the same place."""
    assert stage.runtime.prepare("dev") == stage.place


def test_prepare_refuses_a_name_that_is_no_name(stage: Stage) -> None:
    """A hostile environment name makes nothing."""
    with pytest.raises(BadInput):
        stage.runtime.prepare("../../etc")


def test_an_instance_runs_until_it_is_stopped(stage: Stage) -> None:
    """Started: running, with a pid and a log; stopped: unknown."""
    spec = web(stage.place, stage.release)
    started = stage.runtime.start(spec, fence=ANY_CLAIM)
    assert started.state is InstanceState.RUNNING
    if stage.real:
        eventually(lambda: get(spec.dial.removeprefix("unix/")))
    found = stage.runtime.instance("web-1")
    assert found.pid is not None
    assert found.log == stage.place.logs / "web-1.log"
    stage.runtime.stop("web-1", seconds=10, fence=ANY_CLAIM)
    assert stage.runtime.instance("web-1").state is InstanceState.UNKNOWN


def test_starting_twice_starts_once(stage: Stage) -> None:
    """The id is the key: the same id with another command changes nothing."""
    spec = web(stage.place, stage.release, "twice")
    stage.runtime.start(spec, fence=ANY_CLAIM)
    if stage.real:
        eventually(lambda: get(spec.dial.removeprefix("unix/")))
    first = stage.runtime.instance("twice")
    assert stage.runtime.start(spec, fence=ANY_CLAIM).pid == first.pid
    assert (
        stage.runtime.start(dataclasses.replace(spec, command=(PYTHON, "other.py")), fence=ANY_CLAIM).pid == first.pid
    )
    assert len([i for i in stage.runtime.instances() if i.id == "twice"]) == 1
    stage.runtime.stop("twice", seconds=10, fence=ANY_CLAIM)


def test_who_comes_with_an_older_claim_starts_and_stops_nothing(stage: Stage) -> None:
    """From the first call with a later claim on, of that environment alone; an equal claim goes on."""
    late, later = Fence("dev", 7), Fence("dev", 8)
    runtime, spec = stage.runtime, web(stage.place, stage.release, "fenced")
    assert runtime.fence("dev") <= late.token
    runtime.start(spec, fence=late)
    runtime.stop("fenced", seconds=10, fence=later)
    assert runtime.fence("dev") == later.token
    for overtaken in (
        lambda: runtime.start(spec, fence=late),
        lambda: runtime.stop("fenced", seconds=10, fence=late),
        lambda: runtime.rank("fenced", stands_back=True, fence=late),
    ):
        with pytest.raises(Refused) as refused:
            overtaken()
        assert refused.value.code == "runtime.stale_token"
    assert runtime.instance("fenced").state is InstanceState.UNKNOWN
    runtime.start(spec, fence=later)
    with pytest.raises(Refused):
        runtime.stop("fenced", seconds=10, fence=late)
    assert runtime.instance("fenced").state is InstanceState.RUNNING
    runtime.stop("fenced", seconds=10, fence=later)
    runtime.stop("never", seconds=10, fence=Fence("qa", 1))


def test_an_instance_can_be_ranked_at_any_time(stage: Stage) -> None:
    """Before it is there, while it runs, again, and after it went: none of that is an error."""
    spec = web(stage.place, stage.release, "ranked")
    stage.runtime.rank("ranked", stands_back=True, fence=ANY_CLAIM)
    stage.runtime.start(spec, fence=ANY_CLAIM)
    for stands_back in (True, True, False, False):
        stage.runtime.rank("ranked", stands_back=stands_back, fence=ANY_CLAIM)
        assert stage.runtime.instance("ranked").state is InstanceState.RUNNING
    stage.runtime.stop("ranked", seconds=10, fence=ANY_CLAIM)
    stage.runtime.rank("ranked", stands_back=False, fence=ANY_CLAIM)


def test_instances_are_listed_by_environment(stage: Stage) -> None:
    """Only the environment's own instances are listed."""
    other = stage.runtime.prepare("qa")
    stage.runtime.start(web(stage.place, stage.release, "one"), fence=ANY_CLAIM)
    stage.runtime.start(web(other, stage.release, "two"), fence=ANY_CLAIM)
    assert [i.id for i in stage.runtime.instances("qa")] == ["two"]
    assert {"one", "two"} <= {i.id for i in stage.runtime.instances()}
    for name in ("one", "two"):
        stage.runtime.stop(name, seconds=10, fence=ANY_CLAIM)


def test_unknown_ids_are_fine(stage: Stage) -> None:
    """Asking for or stopping what never was is no error."""
    stage.runtime.stop("never", seconds=1, fence=ANY_CLAIM)
    assert stage.runtime.instance("never").state is InstanceState.UNKNOWN


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 101, "a\0b", "a\nb"])
def test_hostile_ids_are_bad_input(stage: Stage, name: str) -> None:
    """An id becomes a file's name, so what cannot be one is refused."""
    with pytest.raises(BadInput):
        stage.runtime.start(web(stage.place, stage.release, name), fence=ANY_CLAIM)
    with pytest.raises(BadInput):
        stage.run("true", log_name=name)


def test_what_ends_by_itself_backs_off_and_counts(stage: Stage) -> None:
    """A command that exits with 3 is found backing off, its exits counted and named."""
    if isinstance(stage.runtime, MemoryRuntime):
        stage.runtime.will_exit("ends", "exit code 3")
    spec = dataclasses.replace(web(stage.place, stage.release, "ends"), command=("sh", "-c", "exit 3"))
    stage.runtime.start(spec, fence=ANY_CLAIM)
    eventually(lambda: stage.runtime.instance("ends").exits >= 1)
    found = stage.runtime.instance("ends")
    assert found.last_exit == "exit code 3"
    assert found.state in (InstanceState.BACKING_OFF, InstanceState.RUNNING)
    stage.runtime.stop("ends", seconds=10, fence=ANY_CLAIM)


def test_a_command_runs_to_its_end(stage: Stage) -> None:
    """Exit code and output come back, line by line as well."""
    command = ("sh", "-c", "echo one; echo two >&2; exit 4")
    stage.script(command, 4, "one\ntwo\n")
    lines: list[str] = []
    ended = stage.run(*command, on_line=lines.append)
    assert (ended.code, ended.ended_by, ended.output) == (4, "", "one\ntwo\n")
    assert lines == ["one", "two"]


def test_variables_are_replaced_without_a_shell(stage: Stage) -> None:
    """`$NAME` comes from the environment handed over; what the value holds stays one word."""
    stage.script(("echo", "a b;c", "$"), 0, "a b;c $\n")
    assert stage.run("echo", "${WORDS}", "$$", env={"WORDS": "a b;c"}).output == "a b;c $\n"


def test_an_unknown_variable_is_bad_input(stage: Stage) -> None:
    """A variable that is not set is named, and nothing runs."""
    with pytest.raises(BadInput) as caught:
        stage.run("echo", "$NOT_THERE")
    assert caught.value.code == "command.unknown_variable"
    assert "NOT_THERE" in caught.value.message


@pytest.mark.parametrize("env", [{"A=B": "x"}, {"": "x"}, {"A": "x\0y"}, {"A B": "x"}])
def test_impossible_variables_are_bad_input(stage: Stage, env: dict[str, object]) -> None:
    """What cannot be an environment variable is refused before anything runs."""
    with pytest.raises(BadInput):
        stage.run("true", env=env)


def test_secrets_are_redacted(stage: Stage) -> None:
    """A secret that a command prints reaches neither the output nor a line."""
    command = ("sh", "-c", "echo hunter-two-secret")
    stage.script(command, 0, "hunter-two-secret\n")
    lines: list[str] = []
    ended = stage.run(*command, env={"PASSWORD": Secret("hunter-two-secret")}, on_line=lines.append)
    assert ended.output == "••••\n"
    assert lines == ["••••"]


def test_what_a_command_was_not_given_can_be_hidden_too(stage: Stage) -> None:
    """A check may print the secrets of the application that it asks: they and their parts reach nobody."""
    command = ("sh", "-c", "echo the url is pg://u:hunter-two@h/d, the password hunter-two")
    stage.script(command, 0, "the url is pg://u:hunter-two@h/d, the password hunter-two\n")
    ended = stage.run(*command, hide=[Secret("pg://u:hunter-two@h/d")])
    assert ended.output == "the url is ••••, the password ••••\n"


def test_the_time_limit_ends_a_command(stage: Stage) -> None:
    """No exit code then, and it says why."""
    stage.script(("sleep", "60"), 0, "", seconds=60)
    ended = stage.run("sleep", "60", seconds=0.5)
    assert (ended.code, ended.ended_by) == (None, "time limit")


def test_cancelling_ends_a_command(stage: Stage) -> None:
    """No exit code then, and it says why."""
    ended = stage.run("sleep", "60", cancelled=lambda: True)
    assert (ended.code, ended.ended_by) == (None, "cancelled")


def test_a_signal_is_no_exit_code(stage: Stage) -> None:
    """A command that a signal ended has no code."""
    command = ("sh", "-c", "kill -9 $$$$")
    if not stage.real:
        stage.script(("sh", "-c", "kill -9 $$"), None, "", ended_by="signal 9")
    else:
        command = ("sh", "-c", "sh -c 'kill -9 $$$$'; exit 137")
    ended = stage.run(*command)
    assert (ended.code, ended.ended_by) == (None, "signal 9")


def test_only_the_last_64_kib_are_handed_back(stage: Stage) -> None:
    """A flood is cut at the front."""
    command = ("sh", "-c", "seq 1 30000")
    stage.script(command, 0, "".join(f"{n}\n" for n in range(1, 30001)))
    ended = stage.run(*command)
    assert len(ended.output.encode()) <= 64 * 1024
    assert ended.output.endswith("29999\n30000\n")


def test_ports_are_given_out_once(stage: Stage) -> None:
    """Two callers never get the same port."""
    given = [stage.runtime.free_port("dev") for _ in range(20)]
    assert len(set(given)) == 20
    assert all(1024 < port < 32768 for port in given)


def test_isolation_is_said_in_words(stage: Stage) -> None:
    """There is always an answer."""
    assert stage.runtime.isolation()
