"""Reads from the source, without running it, every error that Greenroom can raise: code, kind, words, hint, file.

Two forms are errors: `Refused`, `BadInput` and `Errored` of `domain.errors`, whose first argument is the code, and a
gate's `Refused` of `domain.gate`, whose third is. A code that is put together while Greenroom runs is refused unless
`PUT_TOGETHER` says what it can become, so that no code escapes the reference.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reference_pages._templates import Scope, constants, template

SOURCE = Path(__file__).resolve().parents[2] / "src" / "greenroom"
EXIT = {"Refused": 1, "BadInput": 2, "Errored": 3}
WORD = {"Refused": "refused", "BadInput": "invalid", "Errored": "errored"}
CODE = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)

# How a code that is not written out looks in the source, and what it can become. Empty: it was raised with its text
# somewhere else and is passed on here.
PUT_TOGETHER: dict[str, tuple[str, ...]] = {
    "f'check.{found.outcome}'": ("check.failed", "check.errored"),
    "f'check.{bad[0].outcome}'": ("check.failed", "check.errored"),
    "flaw.code": (),
    "lines[0].verdict.code if len(lines) == 1 and hasattr(lines[0].verdict, 'code') else 'gate.refused'": (
        "gate.refused",
    ),
}


@dataclass(frozen=True)
class Raised:
    """One place. `says`, `because` and `hint` are templates: `{name}` stands for what is filled in."""

    code: str
    kind: str  # Refused, BadInput, Errored
    says: str
    because: str
    hint: str
    file: str  # below src/greenroom


class Unreadable(ValueError):
    """A code that the source does not show."""


def raised(root: Path = SOURCE) -> list[Raised]:
    """Every place that can raise, by file and line. Raises Unreadable for a code that is put together unannounced."""
    return [r for path in sorted(root.rglob("*.py")) for r in read(path.read_text(encoding="utf-8"), path, root)]


def read(text: str, path: Path, root: Path = SOURCE) -> Iterator[Raised]:
    """The errors of one file."""
    tree = ast.parse(text)
    file = path.relative_to(root).as_posix()
    errors, verdicts = _imported(tree, "greenroom.domain.errors"), _imported(tree, "greenroom.domain.gate")
    if file == "domain/gate.py":
        verdicts = {"Refused": "Refused"}
    fixed = constants(tree)
    calls = list(_calls(tree))
    helpers = _helpers(calls, errors)
    for scope, call in calls:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in helpers:
            kind, parameters = helpers[name]
            yield from _error(kind, call, Scope(scope, fixed), file, parameters)
        elif errors.get(name) in EXIT and not _passes_code_on(scope, call):
            yield from _error(errors[name], call, Scope(scope, fixed), file)
        elif verdicts.get(name) == "Refused":
            yield from _verdict(call, Scope(scope, fixed), file)


def _helpers(calls: list[tuple[ast.AST, ast.Call]], errors: dict[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Functions of the file that raise with a code they are given: kind and parameters. Their callers name the code."""
    found = {}
    for scope, call in calls:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if errors.get(name) in EXIT and _passes_code_on(scope, call) and isinstance(scope, _FUNCTION):
            found[scope.name] = (errors[name], tuple(_parameters(scope)))
    return found


def _passes_code_on(scope: ast.AST, call: ast.Call) -> bool:
    code = call.args[0] if call.args else None
    return isinstance(scope, _FUNCTION) and isinstance(code, ast.Name) and code.id in _parameters(scope)


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [a.arg for a in (*function.args.posonlyargs, *function.args.args)]


def _error(
    kind: str, call: ast.Call, scope: Scope, file: str, names: tuple[str, ...] = ("code", "message")
) -> Iterator[Raised]:
    given = dict(zip(names, call.args, strict=False)) | {k.arg or "": k.value for k in call.keywords}
    said = [template(given.get(name), scope) for name in ("message", "because", "hint")]
    for code in _codes(given.get("code"), file, call.lineno):
        yield Raised(code, kind, *said, file=file)


def _verdict(call: ast.Call, scope: Scope, file: str) -> Iterator[Raised]:
    """A gate's no. What it is about is the checklist's line, so `because` is what it says."""
    given = dict(zip(("because", "next", "code"), call.args, strict=False)) | {
        k.arg or "": k.value for k in call.keywords
    }
    codes = _codes(given["code"], file, call.lineno) if "code" in given else ("gate.refused",)
    for code in codes:
        yield Raised(
            code, "Refused", template(given.get("because"), scope), "", template(given.get("next"), scope), file
        )


def _codes(node: ast.expr | None, file: str, line: int) -> tuple[str, ...]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
        return (node.value,)
    if isinstance(node, ast.IfExp):
        written = [_written(node.body), _written(node.orelse)]
        if all(written):
            return tuple(filter(None, written))
    match node:
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value="code"), other]) if _written(other):
            return (str(_written(other)),)  # an error passed on as it came, or else this one
    text = ast.unparse(node) if node is not None else "no code"
    if text in PUT_TOGETHER:
        return PUT_TOGETHER[text]
    raise Unreadable(f"src/greenroom/{file}:{line}: write the code as text, or add {text!r} to PUT_TOGETHER")


def _written(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)) else None


def _imported(tree: ast.Module, module: str) -> dict[str, str]:
    """Names of this file -> names in `module`."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


def _calls(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Every call with the innermost function around it, in the order of the file."""

    def walk(node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, _FUNCTION) else scope
            if isinstance(child, ast.Call):
                yield scope, child
            yield from walk(child, inner)

    yield from walk(tree, tree)
