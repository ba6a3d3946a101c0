"""The keeper keeps processes running through everything but its own wish to stop them."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from greenroom.keeper.client import KeeperClient, ensure_keeper
from greenroom.keeper.spec import KeeperRefused, KeeperUnavailable, Spec, SpecDiffers
from tests.runtime_support import ANYBODYS_PYTHON, eventually, made_home, processes_with

PYTHON = sys.executable


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "k"
    KeeperClient(tmp_path / "k").shutdown(stop_children=True)


def sleeper(directory: Path, name: str = "one", **more: object) -> Spec:
    """A process that can be found again by the directory's name in its environment."""
    log = str(directory.parent / f"{name.replace('/', '_')}.log")
    return Spec(name, ("/bin/sleep", "300"), "/", log, {"MARK": f"{directory}:{name}"}, **more)  # type: ignore[arg-type]


def shell(directory: Path, text: str, name: str = "one", **more: object) -> Spec:
    log = str(directory.parent / f"{name}.log")
    env = {"MARK": f"{directory}:{name}", "PATH": "/usr/bin:/bin"}
    return Spec(name, ("/bin/sh", "-c", text), "/", log, env, **more)  # type: ignore[arg-type]


def kill_keeper(client: KeeperClient) -> None:
    pid = int(client.ping()["pid"])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{pid}").exists() or b") Z" in Path(f"/proc/{pid}/stat").read_bytes())


def test_a_process_is_started_once_and_stopped(directory: Path) -> None:
    """Start, start again, stop: one process, then none, and it is forgotten."""
    client = ensure_keeper(directory)
    first = client.start(sleeper(directory))
    assert first.state == "running"
    assert client.start(sleeper(directory)).pid == first.pid
    assert processes_with(f"{directory}:one") == [first.pid]
    assert client.stop("one").last_exit == "signal 15"
    assert processes_with(f"{directory}:one") == []
    assert client.status("one").state == "unknown"
    assert list((directory / "specs").iterdir()) == []
    assert list((directory / "births").iterdir()) == []


def test_another_spec_under_a_kept_name_is_refused(directory: Path) -> None:
    """A name means one thing; nothing is replaced behind anybody's back."""
    client = ensure_keeper(directory)
    before = client.start(sleeper(directory))
    with pytest.raises(SpecDiffers):
        client.start(sleeper(directory, umask=0o077))
    assert client.status("one").pid == before.pid


def test_a_process_gets_exactly_its_environment(directory: Path) -> None:
    """No variable, descriptor or ignored signal of the keeper reaches it; a session of its own; no core files."""
    client = ensure_keeper(directory)
    text = (
        "env -u PWD -u _ -u SHLVL | sort; ls /proc/self/fd | wc -l; grep -E 'SigIgn|NoNewPrivs' /proc/self/status; "
        "ulimit -c; umask; exec sleep 300"
    )
    status = client.start(shell(directory, text))
    log = directory.parent / "one.log"
    eventually(lambda: len(log.read_text().splitlines()) >= 7)
    lines = log.read_text().splitlines()
    assert lines[:2] == [f"MARK={directory}:one", "PATH=/usr/bin:/bin"]
    assert lines[2] == "4"  # 0, 1, 2 and the one ls looks through
    # Signals 32 and 33 are the C library's own: it lets nobody set them, and whoever started us may have ignored them.
    assert int(lines[3].split()[1], 16) & ~(0b11 << 31) == 0
    assert lines[4].split()[1] == "1"
    assert lines[5:7] == ["0", "0027"]
    assert os.getsid(status.pid or 0) == status.pid
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_what_cannot_be_executed_says_why(directory: Path) -> None:
    """The reason comes back with the answer to the start, in words."""
    client = ensure_keeper(directory)
    status = client.start(Spec("none", ("/nonexistent/program",), "/", str(directory.parent / "x.log")))
    assert (status.state, status.pid) == ("backing-off", None)
    assert status.last_exit == "cannot execute /nonexistent/program: No such file or directory"
    missing = client.start(Spec("cwd", ("/bin/true",), "/nonexistent", str(directory.parent / "y.log")))
    assert missing.last_exit == "cannot enter /nonexistent: No such file or directory"


def test_what_ends_is_started_again(directory: Path) -> None:
    """It exits with 3 and comes back; the exits are counted and the last is named."""
    client = ensure_keeper(directory)
    client.start(shell(directory, "exit 3"))
    eventually(lambda: client.status("one").exits >= 2)
    assert client.status("one").last_exit == "exit code 3"
    client.stop("one")


def test_a_killed_process_is_started_again(directory: Path) -> None:
    """kill -9 from outside: another pid, and how it ended."""
    client = ensure_keeper(directory)
    before = client.start(sleeper(directory))
    os.kill(before.pid or 0, signal.SIGKILL)
    eventually(lambda: client.status("one").pid not in (None, before.pid))
    assert client.status("one").last_exit == "signal 9"


def test_without_restart_it_stays_ended(directory: Path) -> None:
    """A process that is not to be restarted is started once, also by the next keeper."""
    client = ensure_keeper(directory)
    client.start(shell(directory, "echo ran", restart=False))
    eventually(lambda: client.status("one").state == "stopped")
    client.start(shell(directory, "echo ran", restart=False))
    kill_keeper(client)
    client = ensure_keeper(directory)
    assert client.status("one").state == "stopped"
    assert client.status("one").last_exit == "exit code 0"
    assert (directory.parent / "one.log").read_text() == "ran\n"


def test_a_stubborn_process_is_killed_with_its_family(directory: Path) -> None:
    """SIGTERM is ignored, workers are spawned: after the time limit none of them is left."""
    client = ensure_keeper(directory)
    client.start(shell(directory, "trap '' TERM; sleep 301 & sleep 302 & while :; do sleep 0.1; done"))
    eventually(lambda: len(processes_with(f"{directory}:one")) >= 3)
    began = time.monotonic()
    client.stop("one", seconds=0.3)
    assert time.monotonic() - began < 15, "half of what it has without a limit of its own"
    assert processes_with(f"{directory}:one") == []


def test_workers_do_not_outlive_a_process_that_crashed(directory: Path) -> None:
    """The next start finds no leftover of the last one."""
    client = ensure_keeper(directory)
    before = client.start(shell(directory, "sleep 303 & wait"))
    eventually(lambda: len(processes_with(f"{directory}:one")) == 2)
    os.kill(before.pid or 0, signal.SIGKILL)
    eventually(lambda: client.status("one").pid not in (None, before.pid))
    eventually(lambda: len(processes_with(f"{directory}:one")) == 2)


def test_an_impatient_stop_overtakes_a_patient_one(directory: Path) -> None:
    """Two stops at once: the shorter time limit counts, both return."""
    client = ensure_keeper(directory)
    client.start(shell(directory, "trap '' TERM; while :; do sleep 0.1; done"))
    eventually(lambda: processes_with(f"{directory}:one"))
    time.sleep(0.2)
    with ThreadPoolExecutor() as pool:
        patient = pool.submit(client.stop, "one", seconds=60)
        time.sleep(0.1)
        client.stop("one", seconds=0.1)
        patient.result(timeout=40)
    assert client.status("one").state == "unknown"


def test_everything_survives_the_keeper(directory: Path) -> None:
    """kill -9: the children live on, and the next keeper adopts exactly them."""
    client = ensure_keeper(directory)
    before = {n: client.start(sleeper(directory, n)).pid for n in ("a", "b", "c/d")}
    kill_keeper(client)
    assert all(processes_with(f"{directory}:{n}") == [pid] for n, pid in before.items())
    again = ensure_keeper(directory)
    assert {s.name: s.pid for s in again.all()} == before
    assert all(s.state == "running" and s.exits == 0 for s in again.all())


def test_what_died_meanwhile_is_started(directory: Path) -> None:
    """A child that ended while no keeper watched comes back at once; the others are untouched."""
    client = ensure_keeper(directory)
    before = {n: client.start(sleeper(directory, n)).pid for n in ("a", "b")}
    kill_keeper(client)
    os.kill(before["a"] or 0, signal.SIGKILL)
    eventually(lambda: not processes_with(f"{directory}:a"))
    again = ensure_keeper(directory)
    eventually(lambda: again.status("a").state == "running")
    assert again.status("a").pid != before["a"]
    assert again.status("a").last_exit == "ended while no keeper watched"
    assert again.status("b").pid == before["b"]


def test_an_adopted_process_is_watched_and_stopped(directory: Path) -> None:
    """Adoption is no lesser bond: restarted when it ends, ended when told."""
    client = ensure_keeper(directory)
    before = client.start(sleeper(directory))
    kill_keeper(client)
    again = ensure_keeper(directory)
    os.kill(before.pid or 0, signal.SIGKILL)
    eventually(lambda: again.status("one").pid not in (None, before.pid))
    kill_keeper(again)
    ensure_keeper(directory).stop("one")
    assert processes_with(f"{directory}:one") == []


def test_a_reused_pid_is_not_adopted(directory: Path) -> None:
    """A birth that names another process's pid with a different start time is a dead one."""
    client = ensure_keeper(directory)
    before = client.start(sleeper(directory))
    kill_keeper(client)
    os.kill(before.pid or 0, signal.SIGKILL)
    birth = directory / "births" / "one"
    said = json.loads(birth.read_text())
    birth.write_text(json.dumps({**said, "pid": os.getpid()}))
    again = ensure_keeper(directory)
    eventually(lambda: again.status("one").pid not in (None, before.pid, os.getpid()))
    again.stop("one")


def test_many_callers_start_one_keeper(directory: Path) -> None:
    """Eight at once: all get an answer, from the same keeper."""
    with ThreadPoolExecutor(8) as pool:
        pids = list(pool.map(lambda _: ensure_keeper(directory).ping()["pid"], range(8)))
    assert len(set(pids)) == 1
    assert len(processes_with(f"keeper\0{directory}")) == 1


def test_the_control_plane_can_die(directory: Path) -> None:
    """The process that called for the keeper is killed with its whole session; keeper and children do not notice."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom greenroom.keeper.client import ensure_keeper\n"
        "from greenroom.keeper.spec import Spec\nd = Path(sys.argv[1])\n"
        "log, env = str(d.parent / 'one.log'), {'MARK': f'{d}:one'}\n"
        "ensure_keeper(d).start(Spec('one', ('/bin/sleep', '300'), '/', log, env))\n"
        "os.killpg(0, signal.SIGKILL)"
    )
    done = subprocess.run([PYTHON, "-c", code, str(directory)], start_new_session=True, timeout=30)
    assert done.returncode == -signal.SIGKILL
    assert KeeperClient(directory).status("one").pid in processes_with(f"{directory}:one")


def test_shutdown_leaves_children_or_takes_them(directory: Path) -> None:
    """An upgrade leaves them to the next keeper; the end of Greenroom does not."""
    client = ensure_keeper(directory)
    before = client.start(sleeper(directory))
    client.shutdown(stop_children=False)
    with pytest.raises(KeeperUnavailable):
        KeeperClient(directory).status("one")
    assert processes_with(f"{directory}:one") == [before.pid]
    again = ensure_keeper(directory)
    assert again.status("one").pid == before.pid
    again.shutdown(stop_children=True)
    assert processes_with(f"{directory}:one") == []
    KeeperClient(directory).shutdown(stop_children=True)  # none there is fine


def test_a_client_heals(directory: Path) -> None:
    """The client that `ensure_keeper` gives starts a keeper again when it finds none."""
    client = ensure_keeper(directory)
    before = client.start(sleeper(directory))
    kill_keeper(client)
    assert client.status("one").pid == before.pid


def test_a_record_of_a_newer_keeper_is_left_alone(directory: Path) -> None:
    """Its process runs on, its files stay, and the keeper says so instead of guessing."""
    client = ensure_keeper(directory)
    before = client.start(sleeper(directory))
    client.shutdown(stop_children=False)
    record = directory / "specs" / "one.json"
    newer = record.read_text().replace('"version": 1', '"version": 99')
    record.write_text(newer)
    again = ensure_keeper(directory)
    assert "version 99" in again.status("one").last_exit
    assert "version 99" in again.ping()["strange"]["one"]
    for refused in (lambda: again.stop("one"), lambda: again.start(sleeper(directory))):
        with pytest.raises(KeeperRefused):
            refused()
    again.shutdown(stop_children=True)
    assert record.read_text() == newer
    assert processes_with(f"{directory}:one") == [before.pid]
    os.kill(before.pid or 0, signal.SIGKILL)


def test_a_broken_record_does_not_stop_the_others(directory: Path) -> None:
    """Half a file costs one process, not the keeper."""
    client = ensure_keeper(directory)
    client.start(sleeper(directory, "good"))
    kill_keeper(client)
    (directory / "specs" / "bad.json").write_text('{"version": 1, "spec"')
    (directory / "specs" / "worse.json").write_text("[]")
    again = ensure_keeper(directory)
    assert again.status("good").state == "running"
    assert set(again.ping()["strange"]) == {"bad", "worse"}


def test_logs_are_rotated_under_a_running_process(directory: Path) -> None:
    """The writer keeps its descriptor; at most `log_keep` older files, none far beyond the limit."""
    client = ensure_keeper(directory)
    text = "i=0; while :; do i=$((i+1)); echo line-$i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done"
    client.start(shell(directory, text, log_bytes=200_000, log_keep=2))
    log = directory.parent / "one.log"
    eventually(lambda: (directory.parent / "one.log.2").exists())
    client.stop("one")
    assert not (directory.parent / "one.log.3").exists()
    assert all((log.parent / f"one.log.{n}").stat().st_size <= 600_000 for n in (1, 2))
    assert stat.S_IMODE((log.parent / "one.log.1").stat().st_mode) == 0o600


def test_the_socket_and_the_records_are_private(directory: Path) -> None:
    """Directory 0700, socket and every record 0600: environments hold secrets."""
    client = ensure_keeper(directory)
    client.start(sleeper(directory))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    files = [directory / "keeper.sock", directory / "keeper.log", *directory.glob("*/*")]
    assert len(files) >= 5
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}


@pytest.mark.needs("root")
def test_another_user_is_not_answered() -> None:
    """Even with the socket within reach, the kernel's word on who asks decides."""
    ask = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
        "print(s.makefile().readline())"  # it says no before it is asked anything, and hangs up
    )
    with made_home() as home:
        ensure_keeper(home.keeper)
        sock = home.keeper / "keeper.sock"
        home.keeper.chmod(0o711)
        sock.chmod(0o777)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ANYBODYS_PYTHON, "-c", ask]
        done = subprocess.run([*command, str(sock)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["error"] == "KeeperRefused"


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"[]\n", b"{}\n", b'{"op": "nonsense"}\n', b'{"op": "start", "spec": {"name": "x"}}\n',
             b'{"op": "start", "spec": {"name": "x", "argv": "sh", "cwd": "/", "log": "/x"}}\n', b"\xff\xfe\n",
             b'{"op": "start", "spec": {"name": "", "argv": ["sh"], "cwd": "/", "log": "/x"}}\n',
             b'{"op": "signal", "name": "one", "signal": "SIGNOPE"}\n', b"{" * 100_000 + b"\n"],
)  # fmt: skip
def test_malformed_requests_are_answered_and_survived(directory: Path, line: bytes) -> None:
    """Nonsense gets a refusal; the keeper and its children stay."""
    client = ensure_keeper(directory)
    before = client.start(sleeper(directory))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(directory / "keeper.sock"))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").readline()
    assert json.loads(answer)["error"] == "KeeperRefused"
    assert client.status("one").pid == before.pid


def test_at_rest_it_keeps_what_runs_and_starts_nothing(directory: Path) -> None:
    """What died with the keeper, and what dies later, waits until the keeper is woken; what is asked for by name does
    not."""
    client = ensure_keeper(directory)
    lives, died, later, named = (client.start(sleeper(directory, n)) for n in ("lives", "died", "later", "named"))
    kill_keeper(client)
    for victim in (died, named):
        os.kill(victim.pid or 0, signal.SIGKILL)
    client = ensure_keeper(directory, at_rest=True)
    os.kill(later.pid or 0, signal.SIGKILL)
    eventually(lambda: client.status("later").state == "backing-off")
    assert client.start(sleeper(directory, "named")).state == "running"
    assert client.start(sleeper(directory, "fresh")).state == "running"
    assert client.status("lives").pid == lives.pid
    time.sleep(1.5)  # longer than it backs off
    assert [client.status(n).state for n in ("died", "later")] == ["backing-off"] * 2
    assert [len(processes_with(f"{directory}:{n}")) for n in ("died", "later")] == [0, 0]
    client.wake()
    eventually(lambda: [client.status(n).state for n in ("died", "later")] == ["running"] * 2)
    client.wake()
    assert client.status("lives").pid == lives.pid
    for name in ("lives", "died", "later", "named", "fresh"):
        eventually(lambda name=name: len(processes_with(f"{directory}:{name}")) == 1)


def test_what_rests_can_be_stopped(directory: Path) -> None:
    """It is forgotten without having been started."""
    client = ensure_keeper(directory)
    died = client.start(sleeper(directory))
    kill_keeper(client)
    os.kill(died.pid or 0, signal.SIGKILL)
    client = ensure_keeper(directory, at_rest=True)
    client.stop("one")
    client.wake()
    assert client.status("one").state == "unknown"
    assert processes_with(f"{directory}:one") == []
