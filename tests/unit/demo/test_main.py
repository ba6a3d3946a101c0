"""The frame around the acts: whatever happens, there is a report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from greenroom.demo import main
from greenroom.demo.command import Greenroom
from greenroom.demo.ground import Ground
from greenroom.demo.main import Stage, run
from greenroom.domain.errors import Errored, GreenroomError, Refused


def start(tmp_path: Path, acts) -> tuple[int, dict]:
    report = tmp_path / "report.json"
    code = run(["start", "--directory", str(tmp_path / "demo"), "--report", str(report)], acts)
    return code, json.loads(report.read_text())


def test_acts_find_fresh_ground_with_the_history_to_release(tmp_path: Path) -> None:
    """The repository is there, with the three commits, and Greenroom's home is inside the demo's directory."""
    seen: list[Stage] = []
    code, report = start(tmp_path, seen.append)
    (stage,) = seen
    assert list(stage.commits) == ["6.1.5", "7.0.1", "7.2.1"] and (stage.ground.repository / "greenroom.yaml").exists()
    assert stage.greenroom.extra["GREENROOM_HOME"] == str(tmp_path / "demo" / "home")
    assert (code, report["ok"]) == (1, False)  # acts that did nothing prove nothing


@pytest.mark.parametrize("error", [Refused("x.y", "no"), KeyError("defect"), KeyboardInterrupt()])
def test_a_demo_that_breaks_off_reports_what_it_had_found(tmp_path: Path, error: BaseException, capsys) -> None:
    """Exit code 3, the reason in the report a person reads, and the facts up to there."""

    def acts(stage: Stage) -> None:
        stage.learn(ledger_entries=7, ledger_verified=True)
        raise error

    code, report = start(tmp_path, acts)
    assert code == 3 and report["ok"] is False and report["ledger"] == {"entries": 7, "verified": True}
    assert "✘ the demo came to its end" in capsys.readouterr().out


def test_a_second_start_ends_the_first_and_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`greenroom down` is asked before anything is removed; downloads stay."""
    asked: list[tuple[str, ...]] = []
    ground = Ground(tmp_path / "demo")

    def ask(self: Greenroom, *arguments: str, seconds: float = 0) -> None:
        assert ground.repository.exists()
        asked.append(arguments)

    monkeypatch.setattr(Greenroom, "ask", ask)
    start(tmp_path, lambda stage: (stage.ground.cache / "kept").touch())
    assert asked == []
    start(tmp_path, lambda stage: None)
    assert asked == [("down",)] and (ground.cache / "kept").exists()
    assert run(["stop", "--directory", str(ground.root)], lambda stage: None) == 0 and len(asked) == 2


def test_stopping_where_nothing_is_says_so(tmp_path: Path, capsys) -> None:
    """Nothing to do is no error."""
    assert run(["stop", "--directory", str(tmp_path / "none")], lambda stage: None) == 0
    assert "nothing of an earlier demo" in capsys.readouterr().out


SAYS = "import sys, json; sys.stdout.write({out!r}); sys.stderr.write({err!r}); sys.exit({code})"


def program(tmp_path: Path, out: str = "", err: str = "", code: int = 0) -> Greenroom:
    return Greenroom(tmp_path, program=(sys.executable, "-c", SAYS.format(out=out, err=err, code=code)))


def test_the_command_line_is_read_as_json(tmp_path: Path) -> None:
    """What it printed, parsed; nothing for nothing."""
    assert program(tmp_path, '{"a": [1]}\n').ask("status") == {"a": [1]}
    assert program(tmp_path).ask("status") is None


@pytest.mark.parametrize("stream", ["out", "err"])
def test_an_error_of_the_command_line_is_raised_as_what_it_was(tmp_path: Path, stream: str) -> None:
    """A refusal stays a refusal with its code and reason, wherever it was printed."""
    said = "some progress\n" + json.dumps(Refused("rollback.forward_only", "no", because="schema").as_dict())
    with pytest.raises(Refused) as error:
        program(tmp_path, **{stream: said}, code=1).ask("rollback")
    assert (error.value.code, error.value.because) == ("rollback.forward_only", "schema")


@pytest.mark.parametrize(("out", "err", "code"), [("", "Traceback: boom", 1), ("not json", "", 0), ("3", "", 2)])
def test_what_cannot_be_understood_is_an_error_with_its_words(tmp_path: Path, out: str, err: str, code: int) -> None:
    """A crash or another program's output is not mistaken for an answer."""
    with pytest.raises(Errored) as error:
        program(tmp_path, out, err, code).ask("up")
    assert error.value.code == "demo.command" and (out or err)[:4] in error.value.because


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    """After its time limit."""
    hangs = Greenroom(tmp_path, program=(sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(GreenroomError, match="did not end within"):
        hangs.ask("up", seconds=0.3)


def test_the_demo_looks_for_its_example_beside_the_source() -> None:
    """A checkout holds both."""
    assert (main.CHECKOUT / "examples" / "ihatemoney").is_dir()
