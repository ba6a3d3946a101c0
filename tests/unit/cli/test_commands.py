"""Every command has help with an example; every mistake has the same form and exit code 2."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from greenroom.cli import failures
from greenroom.cli.main import main
from greenroom.cli.root import build
from greenroom.cli.waiting import failure
from greenroom.domain.errors import BadInput, Errored, Refused


def every_command(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    group = group or get_command(build())
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from every_command(found, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(every_command())


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GREENROOM_URL", "GREENROOM_TOKEN", "GREENROOM_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_it_does_with_an_example(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """And that every command has --json and --home."""
    assert main([*words, "--help"]) == 0
    said = capsys.readouterr().out
    example = next(line for line in said.splitlines() if line.strip().startswith("Example: "))
    assert example.split()[1] == "greenroom"
    assert " ".join(words) in example or words in (("release", "make"), ("clone", "make"))
    assert "--json" in said
    assert "--home" in said


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["promote"],
        ["promote", "a", "b", "c"],
        ["status", "--nonsense"],
        ["freeze", "qa"],
        ["logs", "qa", "-n", "x"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_said_in_four_lines(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What, what to do, and the code; exit code 2; nothing on standard output."""
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("invalid: greenroom")
    assert "--help shows how it is used\ncode:    usage.invalid\n" in err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["release", "lst"], "greenroom release list"),
        (["release", "shw", "1.0"], "greenroom release show"),
        (["promot", "a", "b"], "'promote'"),
        (["work", "lst"], "'list'"),
        (["ledger", "verfy"], "'verify'"),
    ],
    ids=" ".join,
)
def test_a_slip_of_the_fingers_is_recognised(words: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the word could be a commit: a release of it would take minutes, so it has to be said twice."""
    assert main(words) == 2
    err = capsys.readouterr().err
    assert f"id you mean {meant}" in err
    assert "code:    usage.invalid" in err


@pytest.mark.parametrize("commit", ["main", "HEAD", "v1.0", "feature/list", "a" * 40])
def test_a_commit_is_a_commit(commit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not nearly a command goes through to git, and what is does when it is asked for by `make`."""
    for words in (["release", commit], ["release", "make", "lst"]):
        assert main(words) == 2
        assert "login.absent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said", "meant"),
    [
        ("30d", "at most 7d", "--for 7d is the longest"),
        ("30days", "a length of time", "did you mean --for 30d?"),
        ("2 h", "a length of time", "did you mean --for 2h?"),
        ("1w", "a length of time", "did you mean --for 7d?"),
        ("30", "a length of time", "--for 30m, 30h or 30d"),
        ("soon", "a length of time", "--for 30s, 5m, 2h or 7d"),
        ("0s", "longer than nothing", "--for 2h"),
    ],
)
def test_a_length_of_time_that_does_not_do_says_which_would(
    given: str, said: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anybody is asked: what is wrong with it, and what was probably meant."""
    assert main(["override", "soak", "1.0", "production", "--reason", "x", "--for", given]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert meant in err
    assert "usage.invalid" in err


def test_a_mistake_is_json_where_that_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object on standard error, for usage errors too."""
    assert main(["promote", "--json"]) == 2
    out, err = capsys.readouterr()
    assert (out, json.loads(err)["code"]) == ("", "usage.invalid")


@pytest.mark.parametrize(
    "words", [["status"], ["status", "--watch"], ["why", "a", "b"], ["release"], ["whoami"]], ids=" ".join
)
def test_without_a_control_plane_it_says_where_to_look(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The quick way and the full one alike."""
    assert main(words) == 2
    assert "code:    login.absent" in capsys.readouterr().err


def test_nobody_answering_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, and how to start it; the token is not shown."""
    monkeypatch.setenv("GREENROOM_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GREENROOM_TOKEN", "gr_hunter22")
    for words in (["status"], ["status", "--json"], ["release", "list"]):
        assert main(words) == 3
        err = capsys.readouterr().err
        assert "api.unreachable" in err
        assert "greenroom up" in err
        assert "hunter22" not in err


def test_status_imports_next_to_nothing(tmp_path: Path) -> None:
    """Counted, not timed: none of the libraries that would make it slow, and few modules at all."""
    script = (
        "import sys; before = set(sys.modules); from greenroom.cli.main import main; code = main(['status'])\n"
        "print(code, len(set(sys.modules) - before), *sorted(m for m in sys.modules if '.' not in m))"
    )
    (tmp_path / "greenroom.yaml").write_text("project: nothing-here\n")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GREENROOM_URL": "http://127.0.0.1:9",
        "GREENROOM_TOKEN": "gr_x",
    }
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    code, count, *modules = ran.stdout.split()
    assert code == "3"  # nobody listens there; the error costs some imports more, which are counted too
    slow = {
        "typer",
        "rich",
        "pydantic",
        "sqlalchemy",
        "fastapi",
        "http",
        "ssl",
        "urllib",
        "email",
        "asyncio",
        "pathlib",
        "yaml",
        "opentelemetry",
        "structlog",
    }
    assert not slow & set(modules)
    assert int(count) < 80


def test_the_block_has_its_form() -> None:
    """What happened; why; what to do next; the code: further lines under the first."""
    error = Refused("gate.soak", "promote shop@9c1f to production", because="too\nyoung", hint="wait")
    assert failures.block(error).splitlines() == [
        "refused: promote shop@9c1f to production",
        "because: too",
        "         young",
        "next:    wait",
        "code:    gate.soak",
    ]
    assert failures.block(BadInput("a.b", "no")) == "invalid: no\ncode:    a.b"
    assert "\x1b" not in failures.block(Errored("a.b", "\x1b[2J", because="\x1b]0;title\x07"))


def work(state: str, error: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": "promotion-1",
        "kind": "promotion",
        "version": "1.0",
        "environment": "qa",
        "state": state,
        "error": error,
    }


def test_how_work_ends_decides_the_exit_code() -> None:
    """What was refused or cancelled is an answer of no (1); what cannot be understood is said to be so (2); what could
    not be told (3) stays that, whether it was undone, never began or needs a person."""
    for state in ("rolled_back", "rejected"):
        broke = failure(work(state, Errored("step.broke", "it broke", hint="mend").as_dict()))
        assert (broke.exit_code, broke.word, broke.code, broke.hint) == (3, "errored", "step.broke", "mend")
        no = failure(work(state, Refused("check.failed", "no", hint="mend").as_dict()))
        assert (no.exit_code, no.word, no.code) == (1, "refused", "check.failed")
    cancelled = failure(work("rejected", {"outcome": "cancelled", "message": "maria: wrong one"}))
    assert (cancelled.exit_code, cancelled.code, cancelled.because) == (1, "work.cancelled", "maria: wrong one")
    wrong = failure(work("rejected", BadInput("release.commit_unknown", "no commit", hint="git log").as_dict()))
    assert (wrong.exit_code, wrong.word, wrong.code, wrong.hint) == (2, "invalid", "release.commit_unknown", "git log")
    stuck = failure(work("attention", {"code": "x.y", "message": "m"}))
    assert stuck.exit_code == 3
    assert "greenroom resume promotion-1" in stuck.hint
    assert (failure(work("rejected", None)).code, failure(work("rejected", None)).exit_code) == ("work.rejected", 1)


def test_init_writes_once_and_says_what_it_saw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run writes nothing; a file that is there stays, unless --force says otherwise."""
    (tmp_path / "Procfile").write_text("web: python -m shop\n")
    assert main(["init", "--dry-run", "--template", "full"]) == 0
    assert "template: full" in capsys.readouterr().out
    assert not (tmp_path / "greenroom.yaml").exists()
    assert main(["init", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["written"], Path(told["path"]).read_text()) == (True, told["text"])
    assert main(["init"]) == 1
    assert "code:    init.exists" in capsys.readouterr().err
    assert main(["init", "--force", "--template", "small"]) == 0
    assert "template: small" in (tmp_path / "greenroom.yaml").read_text()
    assert main(["init", "--template", "huge"]) == 2


def test_init_points_at_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that nothing migrates, a path that nothing tests; and not at what is there."""
    (tmp_path / "Procfile").write_text("web: python -m shop\n")
    (tmp_path / "shop.py").write_text('import os\nos.environ["DATABASE_URL"]\n')
    assert main(["init"]) == 0
    err = capsys.readouterr().err
    assert "please look: say under migration how the schema is brought up to date" in err
    assert "please look: put a check under checks: nothing enters staging or production untested" in err
    (tmp_path / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n')
    (tmp_path / "requirements.txt").write_text("Django==5.2\n")
    assert main(["init", "--force"]) == 0
    err = capsys.readouterr().err
    assert "under migration" not in err
    assert "under checks" not in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For each shell that is named."""
    assert main(["completion", shell]) == 0
    assert "_GREENROOM_COMPLETE" in capsys.readouterr().out
    assert main(["completion", "cmd"]) == 2


def test_the_shell_completes_commands() -> None:
    """As the script calls it."""
    env = {**os.environ, "_GREENROOM_COMPLETE": "complete_bash", "COMP_WORDS": "greenroom rel", "COMP_CWORD": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "greenroom.cli.main"], env=env, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["release"]


def test_a_question_nobody_can_answer_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal nothing dangerous is done unless it was said beforehand."""
    from greenroom.cli.command import Session

    with pytest.raises(BadInput) as found:
        Session().confirm("Really?")
    assert found.value.code == "cli.unconfirmed"


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and nothing else happens."""
    assert main(["--version"]) == 0
    assert re.fullmatch(r"greenroom \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("words", [[], ["promote"], ["release", "list"]])
def test_h_is_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere."""
    assert main([*words, "-h"]) == 0
    assert "Usage: greenroom" in capsys.readouterr().out
