"""Reads from the source, without running it, every error that Greenroom can raise: code, kind, words, hint, file.

Two forms are errors: `Refused`, `BadInput` and `Errored` of `domain.errors`, whose first argument is the code, and a
gate's `Refused` of `domain.gate`, whose third is. A code that is put together while Greenroom runs is refused unless
`PUT_TOGETHER` says what it can become, so that no code escapes the reference.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "greenroom"
EXIT = {"Refused": 1, "BadInput": 2, "Errored": 3}
WORD = {"Refused": "refused", "BadInput": "invalid", "Errored": "errored"}
CODE = re.compile(r"[a-z_]+(\.[a-z_]+)+")

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


@dataclass(frozen=True)
class Scope:
    """Where a local name may be set: the innermost function; and the file's constants."""

    function: ast.AST
    constants: Mapping[str, str]


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
    fixed = _constants(tree)
    for scope, call in _calls(tree):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if errors.get(name) in EXIT:
            yield from _error(errors[name], call, Scope(scope, fixed), file)
        elif verdicts.get(name) == "Refused":
            yield from _verdict(call, Scope(scope, fixed), file)


def _error(kind: str, call: ast.Call, scope: Scope, file: str) -> Iterator[Raised]:
    given = dict(zip(("code", "message"), call.args, strict=False)) | {k.arg or "": k.value for k in call.keywords}
    said = [_template(given.get(name), scope) for name in ("message", "because", "hint")]
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
            code, "Refused", _template(given.get("because"), scope), "", _template(given.get("next"), scope), file
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


def _constants(tree: ast.Module) -> dict[str, str]:
    """The file's own constants that are texts or numbers: `START_SECONDS = 60.0` reads `60`."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            try:
                value = ast.literal_eval(node.value)
            except ValueError:
                continue
            if isinstance(value, (str, int, float)):
                found[node.targets[0].id] = f"{value:g}" if isinstance(value, float) else str(value)
    return found


def _calls(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Every call with the innermost function around it, in the order of the file."""

    def walk(node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else scope
            if isinstance(child, ast.Call):
                yield scope, child
            yield from walk(child, inner)

    yield from walk(tree, tree)


def _template(node: ast.expr | None, scope: Scope) -> str:
    """The text as it will read, with `{name}` for what is filled in; a local name is looked up where it is set."""
    match node:
        case None:
            return ""
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_template(p, scope) for p in parts)
        case ast.Name(id=name) | ast.FormattedValue(value=ast.Name(id=name)) if name in scope.constants:
            return scope.constants[name]
        case ast.FormattedValue(value=value):
            return "{" + _name(value) + "}"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _template(left, scope) + _template(right, scope)
        case ast.IfExp(body=body, orelse=other):
            return " / ".join(filter(None, (_template(body, scope), _template(other, scope))))
        case ast.Name(id=name):
            found = [
                n.value
                for n in ast.walk(scope.function)
                if isinstance(n, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in n.targets)
            ]
            if len(found) == 1 and isinstance(found[0], (ast.Constant, ast.JoinedStr, ast.IfExp)):
                return _template(found[0], scope)
    return "{" + _name(node) + "}"


def _name(node: ast.expr) -> str:
    """The word that says most about a value: `release` for `short(context.release.digest)`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lower().strip("_")
        case ast.Subscript(value=value, slice=part):
            return str(part.value) if isinstance(part, ast.Constant) and isinstance(part.value, str) else _name(value)
        case ast.Call(func=ast.Attribute(attr="join"), args=[value, *_]):
            return _name(value)
        case ast.Call(func=ast.Attribute(value=value, attr="strip" | "replace" | "get")):
            return _name(value)
        case ast.Call(args=[value, *_]):
            return _name(value)
        case ast.Call(func=func):
            return _name(func)
        case ast.GeneratorExp(elt=elt) | ast.ListComp(elt=elt):
            return _name(elt)
        case ast.BinOp(left=left) | ast.BoolOp(values=[left, *_]) | ast.IfExp(body=left):
            return _name(left)
    return "…"
