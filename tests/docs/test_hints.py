"""Commands that Greenroom itself tells people to run exist, as they are told."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import typer

from greenroom.cli.root import UsageProblem, build
from greenroom.domain.gate import Passed
from tests.docs.pages import ROOT
from tests.unit.gates.cases import told_cases

SOURCE = ROOT / "src" / "greenroom"
NAMED = re.compile(r"(?<![\w./@-])greenroom (?P<words>[a-z][a-z-]*(?: [^\s;,`:]+)*)")


@cache
def root() -> Any:
    return typer.main.get_command(build())


def found(words: list[str]) -> tuple[Any, list[str]]:
    """The command these words begin with, and what is left of them. Raises KeyError for one that is not there."""
    command, left = root(), words
    while inner := getattr(command, "commands", None):
        if words[:1] in (["release"], ["clone"]) and command is not root() and (not left or left[0] not in inner):
            return inner["make"], left  # greenroom release [COMMIT], greenroom clone [--name NAME]
        if not left:
            return command, left  # a noun by itself, in prose
        command, left = inner[left[0]], left[1:]
    return command, left


def verdicts() -> Iterator[tuple[str, str]]:
    """What comes next in every case of every gate that does not pass."""
    for told in told_cases():
        verdict = told.gate.judge(told.config, told.case)
        if not isinstance(verdict, Passed):
            yield told.id, verdict.next


COMMANDS = sorted(
    {(gate.partition("[")[0], c) for gate, text in verdicts() for c in re.findall(r"greenroom [^;]+", text)}
)


def test_gates_name_commands() -> None:
    """There is something to hold them to: most gates say what to run."""
    assert {"approvals", "checks", "freeze", "path", "window"} <= {gate.partition("/")[0] for gate, _ in COMMANDS}


@pytest.mark.parametrize(("gate", "line"), COMMANDS)
def test_a_gate_s_command_can_be_typed_as_it_stands(gate: str, line: str) -> None:
    """From `greenroom` to the end or a semicolon: the command line takes it, arguments and options complete."""
    command, left = found(shlex.split(line)[1:])
    try:
        command.make_context(line, left)
    except UsageProblem as problem:
        pytest.fail(f"{gate}: {line}: {problem}")


def strings() -> Iterator[tuple[str, str]]:
    """Every text in the source, with `X` for what is filled in."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values)
                yield path.relative_to(ROOT).as_posix(), "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.relative_to(ROOT).as_posix(), node.value


def test_every_command_in_a_text_exists() -> None:
    """Errors, examinations of the doctor, help: each `greenroom WORD --option` is a command with that option."""
    wrong, seen = [], 0
    for file, text in strings():
        for match in NAMED.finditer(text):
            seen += 1
            words = match["words"].split()
            try:
                command, left = found(words)
            except (KeyError, IndexError):
                wrong.append(f"{file}: greenroom {match['words']}: no such command")
                continue
            options = {o for p in command.params for o in p.opts + p.secondary_opts} | {"--help"}
            given = {w.partition("=")[0].rstrip(".,:)") for w in left if w.startswith("--")}
            wrong += [f"{file}: greenroom {match['words']}: no {o}" for o in sorted(given - options)]
    assert wrong == []
    assert seen > 50
