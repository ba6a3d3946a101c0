"""What is wrong with a file, said so that a person can put it right: path, expectation, value, place.

environments/uat/kind: should be dev, qa, … or production (got "dokcer") at greenroom.yaml:12:11
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from greenroom.config.known import known_keys
from greenroom.config.yaml_text import Document, Path
from greenroom.domain.errors import BadInput

MOST_SHOWN = 100
_PLAIN_KEY = re.compile(r"[\w.@-]{1,64}")
NOT_SHOWN = object()
"""Stands for a value that is not repeated: it may be a secret."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong, before its place in the file is known. `at_key`: the key is wrong, not its value."""

    path: Path
    expected: str
    got: Any = NOT_SHOWN
    at_key: bool = False
    unknown_key: bool = False
    more: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing wrong, at its place. Lines and columns count from 1."""

    path: str
    expected: str
    got: str | None
    file: str
    line: int
    column: int
    said: str

    def __str__(self) -> str:
        start = f"{self.path}: " if self.path else ""
        return f"{start}{self.said} at {self.file}:{self.line}:{self.column}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "expected": self.expected,
            "got": self.got,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "message": str(self),
        }


def located(finding: Finding, document: Document, file: str) -> Problem:
    """The problem with its place and its sentence."""
    mark = document.mark(finding.path, of_key=finding.at_key)
    got = None if finding.got is NOT_SHOWN else shown(finding.got)
    if finding.unknown_key:
        said = "unknown key"
    elif finding.expected.startswith("is "):
        said = finding.expected
    else:
        said = f"should be {finding.expected}"
    if got is not None and not finding.unknown_key:
        said += f" (got {got})"
    if finding.more:
        said += f"; {finding.more}"
    return Problem(path_text(finding.path), finding.expected, got, file, mark.line, mark.column, said)


def config_error(problems: Sequence[Problem], file: str) -> BadInput:
    """All problems in one `BadInput`, in the order of the file."""
    ordered = sorted(problems, key=lambda p: (p.line, p.column, p.path, p.said))
    kept = ordered[:MOST_SHOWN]
    left = len(ordered) - len(kept)
    lines = [str(p) for p in kept] + ([f"and {left} more"] if left else [])
    facts = {"problems": [p.as_dict() for p in kept], "more": left}
    if len(ordered) == 1:
        return BadInput("config.invalid", lines[0], hint=f"correct {file}", facts=facts)
    return BadInput(
        "config.invalid",
        f"{len(ordered)} problems in {file}",
        because="\n         ".join(lines),
        hint=f"correct {file}",
        facts=facts,
    )


def path_text(path: Path) -> str:
    """`environments/uat/kind`; a key that is no plain word is quoted and shortened."""
    return "/".join(str(p) if _PLAIN_KEY.fullmatch(str(p)) else json.dumps(str(p)[:64]) for p in path)


def shown(value: Any) -> str:
    """A value as the reader knows it: text in quotes, long ones shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value[:80] + "…" if isinstance(value, str) and len(value) > 80 else value, ensure_ascii=False)
    return printable(text)


def printable(text: str) -> str:
    """One line that repaints no terminal: what cannot be printed stands there as an escape."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean x?`, or nothing."""
    choices = list(known)
    begun = [k for k in choices if len(word) > 2 and k.startswith(word)]
    close = begun if len(begun) == 1 else difflib.get_close_matches(word[:64], choices, n=1, cutoff=0.65)
    return f"did you mean {close[0]}?" if close else ""


def unknown_key(path: Path, known: Sequence[str]) -> Finding:
    """The key at the end of `path` is none of `known`."""
    meant = nearest(str(path[-1]), known) or f"known here: {', '.join(known)}"
    return Finding(path, f"one of {', '.join(known)}", str(path[-1]), at_key=True, unknown_key=True, more=meant)


def from_pydantic(
    errors: Iterable[ErrorDetails], model: type[BaseModel], document: Document, prefix: Path = ()
) -> list[Finding]:
    """What `model` found wrong with the data at `prefix`; branches of a union become one expectation."""
    found: dict[Path, Finding] = {}
    for error in errors:
        path = prefix + _path_in_data(error, document, prefix)
        finding = _finding(error, path, model, prefix, document)
        first = found.get(path)
        if first and not first.unknown_key and finding.expected not in first.expected:
            finding = Finding(path, f"{first.expected} or {finding.expected}", first.got, first.at_key, more=first.more)
        found[path] = finding
    return list(found.values())


def _path_in_data(error: ErrorDetails, document: Document, prefix: Path) -> Path:
    """The error's location without the names of union branches, which are not in the file."""
    path: list[str | int] = []
    for part in error["loc"]:
        here = (*prefix, *path, part)
        if here in document.values or here in document.keys:
            path.append(part)
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    return tuple(path)


def _finding(error: ErrorDetails, path: Path, model: type[BaseModel], prefix: Path, document: Document) -> Finding:
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return unknown_key(path, known_keys(model, path[len(prefix) : -1]))
    if kind == "missing":
        return Finding(path, "is required")
    expected = _expected(error)
    at_key = error["loc"][-1] == "[key]"
    more = "" if at_key else _explained(error, document.written.get(path))
    if kind in _CHOOSING and isinstance(value, str):
        more = nearest(value, _choices(error))
    return Finding(path, expected, value, at_key, more=more)


def _explained(error: ErrorDetails, written: str | None) -> str:
    """Why the value is not what stands in the file: YAML read `no` as false, `3.10` as 3.1."""
    kind, value = error["type"], error["input"]
    if not isinstance(value, bool | float) or written is None:
        return ""
    read_as = json.dumps(value)
    reads = "" if read_as == written else f"YAML reads {written} as {read_as}"
    quoting_helps = kind in ("greenroom_text", "string_type") or written in _choices(error)
    return ": ".join(s for s in (reads, f'write "{written}" in quotes' if quoting_helps else "") if s)


_CHOOSING = ("enum", "literal_error")

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping of settings",
    "model_type": "a mapping of settings",
    "model_attributes_type": "a mapping of settings",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
}


def _expected(error: ErrorDetails) -> str:
    kind, said = error["type"], error.get("ctx") or {}
    if kind in ("greenroom", "greenroom_text"):
        return str(said["expected"])
    if kind in _CHOOSING:
        return str(said["expected"]).replace("'", "")
    if kind in _TYPES:
        return _TYPES[kind]
    limits = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
    limits |= {"greater_than": ("more than", "gt"), "less_than": ("less than", "lt")}
    if kind in limits:
        word, key = limits[kind]
        number = said[key]
        return f"{word} {number:g}" if isinstance(number, float) else f"{word} {number}"
    if kind == "too_short":
        return f"at least {said['min_length']} of them"
    if kind == "too_long":
        return f"at most {said['max_length']} of them"
    if kind in ("value_error", "assertion_error"):
        return str(said.get("error", error["msg"])).removeprefix("should be ")
    return error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")


def _choices(error: ErrorDetails) -> list[str]:
    if error["type"] not in _CHOOSING:
        return []
    return re.findall(r"'([^']*)'", str((error.get("ctx") or {}).get("expected", "")))
