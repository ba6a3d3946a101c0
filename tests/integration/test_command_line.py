"""The command line against a control plane that answers: real HTTP on loopback, real engine, memory twins behind it."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greenroom.cli.main import main
from greenroom.domain.roles import Role
from tests.plane import TEXT, Plane, running_plane
from tests.worlds import placed, sealed, token


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running_plane(tmp_path_factory.mktemp("plane")) as found:
        yield found


@pytest.fixture(autouse=True)
def _at_home(plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both releases where a story begins: 1.0 in all environments, 2.0 in qa to staging."""
    for name in ("GREENROOM_URL", "GREENROOM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GREENROOM_HOME", str(plane.home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    if not plane.old:
        plane.old, plane.new = sealed(plane.world, "1.0"), sealed(plane.world, "2.0")
        for name in ("dev", "qa", "packaging", "uat", "staging", "production"):
            placed(plane.world, plane.old, name, ago=7200)
        for name in ("dev", "qa", "packaging", "uat", "staging"):
            placed(plane.world, plane.new, name, ago=3600)


def run(*words: str, plane: Plane, env: dict[str, str] | None = None, text: str | None = None) -> Any:
    """As a person's shell would, in a process of its own."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("GREENROOM_URL", "GREENROOM_TOKEN")}
    return subprocess.run(
        [sys.executable, "-m", "greenroom.cli.main", *words],
        env={**inherited, "GREENROOM_HOME": str(plane.home), **(env or {})},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_status_is_drawn_by_the_server(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    """As a picture for people, as JSON for machines, the same facts."""
    assert main(["status"]) == 0
    assert "staging" in capsys.readouterr().out
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [e["name"] for e in told["environments"]][-1] == "production"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_status_fits_the_encoding(plane: Plane, encoding: str) -> None:
    """Nothing that the terminal cannot show."""
    ran = run("status", plane=plane, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "140"})
    assert ran.returncode == 0, ran.stderr
    assert ("╭" in ran.stdout) == (encoding == "utf-8")


def test_a_story_of_approval_promotion_and_rollback(plane: Plane) -> None:
    """It waits for a person, goes on by itself, bakes; a rollback is a switch; each says so with its exit code."""
    assert run("check", "run", "2.0", "qa", plane=plane).returncode == 0
    waiting = subprocess.Popen(
        [sys.executable, "-m", "greenroom.cli.main", "promote", "2.0", "production"],
        env={**os.environ, "GREENROOM_HOME": str(plane.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert waiting.stdout is not None
        assert "2.0 into production waits" in waiting.stdout.readline()
        said = run(
            "approve",
            "2.0",
            "production",
            "--note",
            "tried it",
            "--yes",
            plane=plane,
            env=plane.as_role(Role.MANAGER, name="maria"),
        )
        assert said.returncode == 0, said.stderr
        assert "approved: approval-" in said.stdout
        until_baking(plane)
        back = run("rollback", "production", "--reason", "slow", plane=plane)
        assert back.returncode == 0, back.stderr
        assert "visitors are back where they were" in back.stderr
        assert "undo switch  done" in back.stderr
        _, err = waiting.communicate(timeout=120)
    finally:
        waiting.kill()
        waiting.communicate()
    assert waiting.returncode == 1
    assert "switch  done" in err
    assert "because: owner: slow" in err
    assert "code:    work.cancelled" in err
    assert plane.world.environment("production").current == plane.old


def until_baking(plane: Plane) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with plane.world.store.database.reading() as tx:
            holder = plane.world.store.works.holder(tx, "production")
        if holder and holder.step == "bake":
            return
        time.sleep(0.05)
    raise AssertionError(run("work", "list", plane=plane).stdout + run("status", plane=plane).stdout)


def at_rest(plane: Plane, seconds: float = 1.0) -> None:
    """What other tests asked for has ended: nothing was written for so long."""
    deadline, seen, since = time.monotonic() + 60, -1, 0.0
    while time.monotonic() < deadline:
        with plane.world.store.database.reading() as tx:
            count = plane.world.store.recorder.count(tx)
        if count == seen and time.monotonic() - since > seconds:
            return
        if count != seen:
            seen, since = count, time.monotonic()
        time.sleep(0.05)
    raise AssertionError("something is written all the time")


def test_ctrl_c_leaves_the_work_going(plane: Plane) -> None:
    """It says so, and the work still waits for its approval."""
    placed(plane.world, sealed(plane.world, "3.0"), "staging")
    watching = subprocess.Popen(
        [sys.executable, "-m", "greenroom.cli.main", "promote", "3.0", "production"],
        env={**os.environ, "GREENROOM_HOME": str(plane.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert watching.stderr is not None
        assert "waiting" in next(line for line in watching.stderr if "waiting" in line)
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=120)
    finally:
        watching.kill()
        watching.communicate()
    assert watching.returncode == 130
    assert "the work goes on: greenroom work show promotion-" in err
    work = err.split("greenroom work show ")[1].split()[0]
    assert json.loads(run("work", "show", work, "--json", plane=plane).stdout)["state"] in ("waiting", "queued")
    assert run("cancel", work, plane=plane).returncode == 0


def test_a_freeze_holds_until_it_is_lifted(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said who froze, and thawing what is not frozen is no error."""
    assert (
        run(
            "freeze", "qa", "--reason", "stock", "--until", "2h", plane=plane, env=plane.as_role(Role.MANAGER)
        ).returncode
        == 0
    )
    assert main(["status"]) == 0
    assert "frozen by manager: stock, ends in 1 h" in capsys.readouterr().out
    for said in ("qa is open again\n", "qa was not frozen\n"):
        assert run("thaw", "qa", plane=plane, env=plane.as_role(Role.MANAGER)).stdout == said


def test_a_refusal_shows_the_checklist_and_the_block(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; for machines the same as one JSON object on standard error."""
    assert main(["promote", "2.0", "uat"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "✗" in err or "x  " in err
    assert "refused: promote 2.0@" in err
    assert main(["promote", "2.0", "uat", "--json"]) == 1
    out, err = capsys.readouterr()
    assert (out, json.loads(err)["outcome"]) == ("", "refused")


@pytest.mark.parametrize(
    "words",
    [
        ["why", "2.0", "production"],
        ["promote", "2.0", "production", "--dry-run"],
        ["rollback", "staging", "--dry-run"],
        ["release", "list"],
        ["release", "show", "2.0"],
        ["release", "documents", "2.0"],
        ["work", "list"],
        ["logs", "qa"],
        ["doctor"],
        ["ledger", "show"],
        ["ledger", "verify"],
        ["account", "list"],
        ["secret", "list", "qa"],
        ["restore-point", "list", "qa"],
        ["collect", "--dry-run"],
        ["whoami"],
    ],
    ids=" ".join,
)
def test_json_is_one_document_and_people_get_words(
    plane: Plane, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """On standard output exactly one JSON document; without --json none, except where the answer is one."""
    code = main([*words, "--json"])
    json.loads(capsys.readouterr().out)
    assert main(words) == code
    if words[:2] != ["release", "documents"]:
        with pytest.raises(ValueError, match="."):
            json.loads(capsys.readouterr().out)


def test_waiting_with_json_prints_the_work_once_it_ended(plane: Plane) -> None:
    """One document, with the seconds of every step."""
    ran = run("check", "run", "2.0", "qa", "--json", plane=plane)
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["state"], ran.stderr) == (0, "done", "")
    assert [s["name"] for s in told["steps"]] == ["check"]


@pytest.mark.parametrize("words", [[], ["main"], ["make", "main"], ["--then", "dev"]], ids=" ".join)
def test_release_makes_by_default(plane: Plane, words: list[str]) -> None:
    """`release`, `release COMMIT`, `release make COMMIT` and options in front are the same command."""
    ran = run("release", *words, "--no-wait", "--json", plane=plane)
    assert json.loads(ran.stdout)["kind"] == "release"


def test_a_secret_is_read_and_never_an_argument(plane: Plane) -> None:
    """From standard input; the last line end is not part of it."""
    ran = run("secret", "set", "qa", "PAYMENT_TOKEN", plane=plane, text="hunter22\n")
    assert ran.returncode == 0, ran.stderr
    assert plane.world.secrets.values("qa")["PAYMENT_TOKEN"].reveal() == "hunter22"
    assert run("secret", "set", "qa", "PAYMENT_TOKEN", "hunter22", plane=plane).returncode == 2
    assert run("secret", "set", "qa", "OTHER", plane=plane, text="x").stderr.startswith(
        "note: no process is given OTHER"
    )
    assert run("secret", "remove", "qa", "OTHER", plane=plane).returncode == 0


def test_login_keeps_a_token_that_was_tried(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong one is not kept; afterwards the commands are that person's."""
    monkeypatch.delenv("GREENROOM_HOME")
    monkeypatch.setattr(sys, "stdin", io.StringIO("gr_wrong\n"))
    assert main(["login", plane.url]) == 1
    assert "auth.invalid" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.StringIO(token(plane.app, Role.CLIENT, name="carl") + "\n"))
    assert main(["login", plane.url]) == 0
    assert main(["whoami", "--json"]) == 0
    out = capsys.readouterr().out
    assert '"name": "carl"' in out
    assert main(["freeze", "qa", "--reason", "x"]) == 1
    assert "carl may not freeze in qa" in capsys.readouterr().err


def test_an_account_is_added_listed_and_disabled(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    """Its token works until then."""
    assert main(["account", "add", "eve", "--role", "tester", "--role", "client"]) == 0
    out, err = capsys.readouterr()
    token = out.splitlines()[-1]  # this control plane lives in our process, and logs
    assert token.startswith("gr_")
    assert "eve is client, tester" in err
    env = {"GREENROOM_URL": plane.url, "GREENROOM_TOKEN": token}
    assert run("whoami", plane=plane, env=env).returncode == 0
    assert main(["account", "disable", "eve"]) == 2  # nobody is there to say yes
    assert main(["account", "disable", "eve", "--yes"]) == 0
    assert run("whoami", plane=plane, env=env).returncode == 1


def test_the_ledger_is_exported_to_a_new_file_only(
    plane: Plane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its last hash is a head that verify knows; a file that is there is not written over."""
    target = tmp_path / "ledger.ndjson"
    assert main(["ledger", "export", "--output", str(target)]) == 0
    head = json.loads(target.read_text().splitlines()[-1])["hash"]
    assert main(["ledger", "verify", "--head", head]) == 0
    assert main(["ledger", "verify", "--head", "sha256:" + "0" * 64]) == 1
    assert "code:    ledger.broken" in capsys.readouterr().err
    assert main(["ledger", "verify", "--head", head[:20]]) == 2
    assert "code:    ledger.head_malformed" in capsys.readouterr().err
    assert main(["ledger", "export", "--output", str(target)]) == 2


def test_a_list_says_that_there_is_more(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    """Of how many, and the words that show the others, which do; what is shown whole says nothing of the kind."""
    at_rest(plane)
    assert main(["ledger", "show", "--limit", "3", "--json"]) == 0
    out, err = capsys.readouterr()
    shown = [e["seq"] for e in json.loads(out)]
    assert (len(shown), err) == (3, "")
    assert main(["ledger", "show", "--limit", "3"]) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"entries {shown[0]} to {shown[-1]} of {shown[-1]}: --before {shown[0]} shows older ones")
    assert main(["ledger", "show", "--limit", "3", "--before", str(shown[0]), "--json"]) == 0
    older = [e["seq"] for e in json.loads(capsys.readouterr().out)]
    assert older == [shown[0] - 3, shown[0] - 2, shown[0] - 1]
    assert main(["ledger", "show", "--after", "0", "--limit", "1"]) == 0
    assert "entries 1 to 1 of" in capsys.readouterr().err
    assert main(["work", "list", "--limit", "2"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("2 of ")
    last = err.partition("--before ")[2].split()[0]
    assert main(["work", "list", "--limit", "1000", "--before", last]) == 0
    assert last not in capsys.readouterr().out
    assert main(["work", "list", "--limit", "1000"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["release", "list", "--limit", "1"]) == 0
    assert "the newest 1, there are more: --limit 5 shows them" in capsys.readouterr().err


def test_apply_shows_what_it_changes(plane: Plane, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """First as a dry run, then for good; what cannot be read names the line."""
    (tmp_path / "greenroom.yaml").write_text(TEXT.replace("for: 120s", "for: 30s"))
    assert main(["apply", "--dry-run"]) == 0
    assert "production/bake/for: 2m → 30s" in capsys.readouterr().out
    (tmp_path / "greenroom.yaml").write_text(TEXT)
    assert main(["apply"]) == 0
    (tmp_path / "greenroom.yaml").write_text("projct: x\n")
    assert main(["apply"]) == 2
    assert "config.invalid" in capsys.readouterr().err


def test_going_back_with_data_needs_a_yes(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown point names those there are; without a terminal a known one needs --yes."""
    assert main(["rollback", "staging", "--restore", "nope"]) == 2
    assert "restore_point.unknown" in capsys.readouterr().err
    plane.world.databases.make_restore_point("staging", "before-lunch")
    assert main(["rollback", "staging", "--restore", "before-lunch"]) == 2
    assert "cli.unconfirmed" in capsys.readouterr().err
    assert main(["rollback", "staging", "--restore", "x", "--down"]) == 2


def test_logs_follow_until_ctrl_c(plane: Plane) -> None:
    """New lines come as they are written, without what could repaint the terminal."""
    directory = plane.world.runtime.prepare("qa").logs
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "qa.web.0.00a1.log"
    log.write_text("first\n")
    following = subprocess.Popen(
        [sys.executable, "-m", "greenroom.cli.main", "logs", "qa", "--follow"],
        env={**os.environ, "GREENROOM_HOME": str(plane.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stdout is not None
        assert following.stdout.readline().split() == ["web.0", "first"]
        with log.open("a") as file:
            file.write("\x1b[2Jsecond\n")
        assert following.stdout.readline().split() == ["web.0", "·[2Jsecond"]
        following.send_signal(signal.SIGINT)
        assert following.wait(120) == 0
    finally:
        following.kill()
        following.stdout.close()


def test_another_program_on_the_port_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What answers and is no control plane gets no more than one request, and the person learns of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        monkeypatch.setenv("GREENROOM_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("GREENROOM_TOKEN", "gr_x")
        for words in (["status"], ["release", "list"]):
            assert main(words) == 3
            assert "api.strange" in capsys.readouterr().err
        thread.join(10)
