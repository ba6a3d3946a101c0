"""Applications as real processes: what they see, how they stop, and that nothing of them stays behind."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from greenroom.adapters.runtimes import users
from greenroom.adapters.runtimes.process import ProcessRuntime
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.secret import Secret
from greenroom.keeper.client import KeeperClient
from tests.runtime_support import (
    ANYBODYS_PYTHON,
    DAEMON,
    PYTHON,
    Stage,
    eventually,
    get,
    processes_with,
    staged,
    web,
)
from tests.twins import ANY_CLAIM

IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module", params=[pytest.param("sandbox", marks=pytest.mark.needs("bwrap")), "bare"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(sandboxed=request.param == "sandbox") as made:
        yield made


def serving(stage: Stage, name: str, **env: object) -> tuple[str, dict[str, object]]:
    """Start the web application; its socket, and what it sees."""
    spec = web(stage.place, stage.release, name, **env)
    stage.runtime.start(spec, fence=ANY_CLAIM)
    path = spec.dial.removeprefix("unix/")
    eventually(lambda: get(path))
    return path, json.loads(get(path))


def test_a_request_in_flight_finishes_after_stop(stage: Stage) -> None:
    """The journey of a graceful stop: told to end, the application answers what it had begun, and exits with 0."""
    path, _ = serving(stage, "graceful")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(get, path, "/slow")
        eventually(lambda: "asked to be slow" in (stage.place.logs / "graceful.log").read_text())
        ended = stage.keeper.stop("app/graceful", seconds=60)
        assert json.loads(answer.result())["env"]["GREENROOM_SOCKET"] == path
    assert ended.last_exit == "exit code 0"
    assert "finished" in (stage.place.logs / "graceful.log").read_text()


def test_what_does_not_handle_sigterm_ends_at_once(stage: Stage) -> None:
    """As process 1 of its sandbox it would never notice the signal; it must not cost the whole time limit."""
    spec = dataclasses.replace(web(stage.place, stage.release, "plain"), command=("sleep", "304"))
    stage.runtime.start(spec, fence=ANY_CLAIM)
    time.sleep(0.3)
    began = time.monotonic()
    stage.runtime.stop("plain", seconds=30, fence=ANY_CLAIM)
    assert time.monotonic() - began < 15, "half of its time limit"


def test_the_environment_is_exact(stage: Stage) -> None:
    """What was given, where things are, what the release says: nothing else, nothing of the caller's."""
    path, seen = serving(stage, "exact", APP_KEY=Secret("s3cret-value"), LD_LIBRARY_PATH="/nowhere")
    env = seen["env"]
    expected = {
        "APP_KEY": "s3cret-value",
        "GREENROOM_SOCKET": path,
        "HOME": str(stage.place.data),
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": "/nowhere",
        "PATH": f"{stage.release.path_entries[0]}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": "/tmp" if stage.sandboxed else str(stage.place.tmp),
    }
    assert isinstance(env, dict)
    assert {k: v for k, v in env.items() if k not in ("LC_CTYPE", "PWD")} == expected
    assert seen["fds"] == ["0", "1", "2", *seen["fds"][3:]]  # type: ignore[index]
    stage.runtime.stop("exact", seconds=5, fence=ANY_CLAIM)


def test_secrets_are_in_no_command_line(stage: Stage) -> None:
    """Command lines are readable by everybody on the machine; environments are not."""
    serving(stage, "quiet", APP_KEY=Secret("s3cret-in-no-cmdline"))
    lines = b""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                lines += (entry / "cmdline").read_bytes()
            except OSError:
                continue
    assert b"s3cret-in-no-cmdline" not in lines
    stage.runtime.stop("quiet", seconds=5, fence=ANY_CLAIM)


@pytest.mark.needs("root")
def test_it_runs_as_its_environments_own_user(stage: Stage) -> None:
    """Neither root nor anybody else; no capability, no way back, no group of ours."""
    _, seen = serving(stage, "user")
    user = users.ensure_user(stage.place.user)
    assert (seen["uid"], seen["gid"]) == (user.uid, user.gid)
    assert seen["groups"] in ([], [user.gid])
    status = seen["status"]
    assert isinstance(status, dict)
    assert {int(status[c], 16) for c in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    stage.runtime.stop("user", seconds=5, fence=ANY_CLAIM)


@pytest.mark.needs("root")
def test_another_environments_user_reaches_nothing(stage: Stage) -> None:
    """Data, temporary files, sockets and logs of one environment are closed to the user of another."""
    path, _ = serving(stage, "closed")
    (stage.place.logs / "x.log").write_text("log")
    other = stage.runtime.prepare("qa")
    look = (
        "import os, socket, sys\n"
        "def said(what, *args):\n"
        "    try: what(*args); return 'LEAK'\n"
        "    except OSError as e: return e.strerror\n"
        "for p in sys.argv[2:]: print(said(os.listdir, p))\n"
        "print(said(socket.socket(socket.AF_UNIX).connect, sys.argv[1]))"
    )
    place = stage.place
    command = (PYTHON, "-c", look, path, str(place.data), str(place.tmp), str(place.sockets), str(place.logs))
    ended = stage.runtime.run(other, stage.release, command, {}, seconds=20, log_name="look.log")
    assert ended.code == 0, ended.output
    assert len(ended.output.splitlines()) == 5
    assert set(ended.output.splitlines()) <= {"Permission denied", "No such file or directory"}
    stage.runtime.stop("closed", seconds=5, fence=ANY_CLAIM)


@pytest.mark.needs("root")
def test_the_proxys_group_may_connect(stage: Stage) -> None:
    """A member of the edge's group reaches the socket; a stranger does not."""
    path, _ = serving(stage, "edge")
    gid = users.ensure_group(users.edge_group(stage.home))
    code = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"

    def connects(group: int) -> bool:
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--groups", str(group)]
        return subprocess.run([*drop, ANYBODYS_PYTHON, "-c", code, path], capture_output=True).returncode == 0

    assert connects(gid)
    assert not connects(65533)
    stage.runtime.stop("edge", seconds=5, fence=ANY_CLAIM)


def test_a_sandboxed_process_sees_only_its_own(stage: Stage) -> None:
    """No home, no other environment, no other process; system and release cannot be written."""
    if not stage.sandboxed:
        assert "no sandbox" in stage.runtime.isolation()
        return
    stage.runtime.prepare("qa")
    _, seen = serving(stage, "alone")
    assert seen["processes"] == ["1"]
    assert set(seen["root"]) <= {  # type: ignore[arg-type]
        "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "root", "run", "sbin", "tmp", "usr", "var",
        *(p.split("/")[1] for p in map(str, (stage.home.root, *stage.release.needs)))}  # fmt: skip
    look = (
        "for d in / /usr /etc /run /var . $R; do touch $d/x 2>/dev/null && echo WROTE $d; done; "
        "ls /home /root/.ssh /var/lib $E 2>/dev/null; cat /etc/shadow 2>/dev/null; "
        "touch $HOME/ok /tmp/ok && echo fine"
    )
    env = {"R": str(stage.release.root), "E": str(stage.home.environments / "qa")}
    command = ("sh", "-c", look.replace("$", "$$"))
    ended = stage.runtime.run(stage.place, stage.release, command, env, seconds=20, log_name="see.log")
    assert ended.output == "fine\n"
    stage.runtime.stop("alone", seconds=5, fence=ANY_CLAIM)


def test_a_stale_socket_is_removed_before_every_start(stage: Stage) -> None:
    """Killed without warning it leaves its socket behind; the restart binds the same name."""
    path, seen = serving(stage, "stale")
    pid = stage.runtime.instance("stale").pid
    with pytest.raises((OSError, Exception)):
        get(path, "/exit")
    eventually(lambda: stage.runtime.instance("stale").pid not in (None, pid))
    eventually(lambda: get(path))
    assert stage.runtime.instance("stale").last_exit == "exit code 3"
    stage.runtime.stop("stale", seconds=5, fence=ANY_CLAIM)
    assert not Path(path).exists()


def test_an_application_survives_everything_above_it(stage: Stage) -> None:
    """The keeper is killed and comes back: the same process, still answering, and still stopped gracefully."""
    path, _ = serving(stage, "survivor")
    before = stage.runtime.instance("survivor")
    os.kill(int(stage.keeper.ping()["pid"]), signal.SIGKILL)
    assert get(path)
    assert stage.runtime.instance("survivor").pid == before.pid
    assert stage.keeper.stop("app/survivor").state == "unknown"
    assert "finished" in (stage.place.logs / "survivor.log").read_text()


def test_a_killed_sandbox_leaves_no_application(stage: Stage) -> None:
    """When what stands around the application dies, the application is not left beside the next one."""
    marker = f"MARK-{stage.place.sockets}-monitor"
    serving(stage, "monitor", MARK=marker)
    monitor = json.loads((stage.home.keeper / "births" / "app%2Fmonitor").read_text())["pid"]
    inner = stage.runtime.instance("monitor").pid
    assert inner != monitor
    os.kill(monitor, signal.SIGKILL)
    eventually(lambda: stage.runtime.instance("monitor").pid not in (None, inner))
    assert inner not in processes_with(marker)
    stage.runtime.stop("monitor", seconds=5, fence=ANY_CLAIM)
    assert processes_with(marker) == []


def test_an_instance_that_double_forks_leaves_nothing(stage: Stage) -> None:
    """Nor does a daemon outlive the stop of the process it came from."""
    marker = f"MARK-{stage.place.sockets}-kept-daemon"
    code = DAEMON.replace("(time.sleep(0.3), sys.exit(0))", "time.sleep(300)")
    spec = web(stage.place, stage.release, "daemon", MARK=marker)
    stage.runtime.start(dataclasses.replace(spec, command=(PYTHON, "-c", code)), fence=ANY_CLAIM)
    eventually(lambda: len(processes_with(marker)) >= 3)
    stage.runtime.stop("daemon", seconds=0.2, fence=ANY_CLAIM)
    assert processes_with(marker) == []


def test_a_socket_elsewhere_is_bad_input(stage: Stage) -> None:
    """An instance listens in its own environment's directory, under a name that fits."""
    spec = web(stage.place, stage.release, "far")
    for dial in (
        "unix//tmp/x.sock",
        f"unix/{stage.place.sockets}/../qa/x.sock",
        f"unix/{stage.place.sockets}/{'x' * 99}",
    ):
        with pytest.raises(BadInput):
            stage.runtime.start(dataclasses.replace(spec, dial=dial), fence=ANY_CLAIM)


def test_no_keeper_is_an_error_that_says_so(stage: Stage, tmp_path: Path) -> None:
    """The keeper cannot be reached: Errored with a stable code, for every call."""
    runtime = ProcessRuntime(stage.home, KeeperClient(tmp_path), "shop", bwrap=None)
    for call in (
        lambda: runtime.instance("x"),
        runtime.instances,
        lambda: runtime.stop("x", seconds=1, fence=ANY_CLAIM),
    ):
        with pytest.raises(Errored) as caught:
            call()
        assert caught.value.code == "runtime.unavailable"


@pytest.mark.needs("bwrap")
def test_declared_files_must_be_public(stage: Stage) -> None:
    """A release cannot declare its way to what its user could not read: keys, other environments, private homes."""
    if not stage.sandboxed:
        return
    for private in (str(stage.home.private), "/", str(stage.home.environments), "/etc/shadow"):
        declared = dataclasses.replace(stage.release.descriptor, files=(private,))
        greedy = dataclasses.replace(stage.release, descriptor=declared)
        with pytest.raises(Refused) as caught:
            stage.runtime.run(stage.place, greedy, ("true",), {}, seconds=5, log_name="f.log")
        assert caught.value.code == "runtime.file_private"


def test_two_prepare_at_once(stage: Stage) -> None:
    """Many callers make one user and one set of directories."""
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda _: stage.runtime.prepare("production"), range(8)))
    assert len(set(places)) == 1
    assert stat.S_IMODE(places[0].data.stat().st_mode) == 0o700


def test_ports_that_somebody_listens_on_are_passed_over(stage: Stage) -> None:
    """Only a free port is given out, also to another process of this Greenroom."""
    import socket

    first = stage.runtime.free_port("dev")
    other = ProcessRuntime(stage.home, stage.keeper, "shop", bwrap=None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", other.free_port("dev")))
        taken.listen()
        third = stage.runtime.free_port("dev")
        assert len({first, taken.getsockname()[1], third}) == 3
