"""Reads from the source how a text will look: `{name}` stands for what is filled in while Greenroom runs."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """Where a local name may be set: the innermost function; and the file's constants."""

    function: ast.AST
    constants: Mapping[str, str]


def template(node: ast.expr | None, scope: Scope) -> str:
    """The text as it will read, with `{name}` for what is filled in; a local name is looked up where it is set."""
    match node:
        case None:
            return ""
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(template(p, scope) for p in parts)
        case ast.Name(id=name) | ast.FormattedValue(value=ast.Name(id=name)) if name in scope.constants:
            return scope.constants[name]
        case ast.FormattedValue(value=value):
            return "{" + _name(value) + "}"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return template(left, scope) + template(right, scope)
        case ast.IfExp(body=body, orelse=other):
            return " / ".join(filter(None, (template(body, scope), template(other, scope))))
        case ast.Name(id=name):
            found = [
                n.value
                for n in ast.walk(scope.function)
                if isinstance(n, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in n.targets)
            ]
            if len(found) == 1 and isinstance(found[0], (ast.Constant, ast.JoinedStr, ast.IfExp)):
                return template(found[0], scope)
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


def constants(tree: ast.Module) -> dict[str, str]:
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
