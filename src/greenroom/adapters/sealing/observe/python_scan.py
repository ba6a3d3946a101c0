"""Reading Python files: what they import, run and look up in the environment, and whether they can do without."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from greenroom.adapters.sealing.observe.names import is_for_development
from greenroom.domain.release import FindingKind

MAX_FILE = 4 << 20
CATCH = {
    FindingKind.IMPORT: frozenset({"ImportError", "ModuleNotFoundError"}),
    FindingKind.VARIABLE: frozenset({"KeyError", "LookupError"}),
    FindingKind.EXECUTABLE: frozenset({"FileNotFoundError", "OSError", "SubprocessError", "CalledProcessError"}),
    FindingKind.FILE: frozenset({"FileNotFoundError", "OSError", "IOError", "PermissionError"}),
}
CATCH_ALL = frozenset({"Exception", "BaseException"})
TYPE_CHECKING = "TYPE_CHECKING"
RUNNERS = frozenset(
    [f"subprocess.{n}" for n in ("run", "call", "check_call", "check_output", "Popen")]
    + [f"os.{n}" for n in ("execv", "execve", "execvp", "execvpe", "execl", "execlp", "posix_spawn", "posix_spawnp")]
    + ["asyncio.create_subprocess_exec"]
)
SHELLS = frozenset({"os.system", "os.popen", "subprocess.getoutput", "asyncio.create_subprocess_shell"})


@dataclass(frozen=True)
class Use:
    """Something a file uses. `optional`: it has another way when that is not there."""

    kind: FindingKind
    name: str
    line: int
    optional: bool


@dataclass(frozen=True)
class Guard:
    """Lines whose failure is caught, and which failures."""

    first: int
    last: int
    catches: frozenset[str]


def scan_tree(root: Path) -> Iterator[tuple[str, Use]]:
    """All uses in the release's own files: not its dependencies, not its tests."""
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root).as_posix()
        if not is_for_development(relative) and path.is_file() and not path.is_symlink():
            for use in uses(path):
                yield relative, use


def local_modules(root: Path) -> frozenset[str]:
    """Every name that a file or directory of the commit could be imported by."""
    found = {p.stem for p in root.rglob("*.py") if ".venv" not in p.parts}
    found |= {p.parent.name for p in root.rglob("*.py") if ".venv" not in p.parts}
    return frozenset(found | {p.name.split(".")[0] for p in root.rglob("*.so") if ".venv" not in p.parts})


def installed_modules(root: Path) -> frozenset[str]:
    """The top-level names in the release's site-packages."""
    found = {p.name.split(".")[0] for p in root.glob(".venv/lib/python*/site-packages/*")}
    return frozenset(found) | frozenset(sys.stdlib_module_names) | {"__main__", "_typeshed", "pkg_resources"} & found


def uses(path: Path) -> list[Use]:
    """What one file uses; nothing for a file that is not Python after all."""
    parsed = _parsed(path)
    if parsed is None:
        return []
    tree, guards = parsed
    visitor = _Uses(guards)
    visitor.visit(tree)
    return visitor.found


def is_guarded(path: Path, line: int, kind: FindingKind, *, broadly: bool) -> bool:
    """True if that line of that file stands where a failure of this kind is caught; `broadly`: also with all others."""
    parsed = _parsed(path)
    return parsed is not None and _caught(parsed[1], line, kind, broadly=broadly)


def _caught(guards: list[Guard], line: int, kind: FindingKind, *, broadly: bool = True) -> bool:
    wanted = CATCH[kind] | {TYPE_CHECKING} | (CATCH_ALL if broadly else frozenset())
    return any(g.first <= line <= g.last and not wanted.isdisjoint(g.catches) for g in guards)


@lru_cache(maxsize=4096)
def _parsed(path: Path) -> tuple[ast.Module, list[Guard]] | None:
    try:
        if path.stat().st_size > MAX_FILE:
            return None
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree, list(_guards(tree))


def _guards(tree: ast.Module) -> Iterator[Guard]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and node.body:
            caught = frozenset(name for h in node.handlers for name in _caught_names(h.type))
            yield Guard(node.body[0].lineno, _last(node.body), caught)
        elif isinstance(node, ast.With):
            for item in node.items:
                call = item.context_expr
                if isinstance(call, ast.Call) and _dotted(call.func).endswith("suppress"):
                    names = frozenset(n for a in call.args for n in _caught_names(a))
                    yield Guard(node.lineno, _last(node.body), names)
        elif isinstance(node, ast.If) and _dotted(node.test).endswith(TYPE_CHECKING):
            yield Guard(node.body[0].lineno, _last(node.body), frozenset({TYPE_CHECKING}))


def _last(body: list[ast.stmt]) -> int:
    return body[-1].end_lineno or body[-1].lineno


def _caught_names(node: ast.expr | None) -> list[str]:
    if node is None:
        return ["BaseException"]
    if isinstance(node, ast.Tuple):
        return [n for e in node.elts for n in _caught_names(e)]
    return [_dotted(node).rpartition(".")[2]]


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


class _Uses(ast.NodeVisitor):
    def __init__(self, guards: list[Guard]) -> None:
        self.found: list[Use] = []
        self._guards = guards
        self._has_alternative = False

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(FindingKind.IMPORT, alias.name.split(".")[0], node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module:
            self._add(FindingKind.IMPORT, node.module.split(".")[0], node.lineno)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """`os.environ.get("X") or "y"`: it can do without."""
        for value in node.values[:-1]:
            before, self._has_alternative = self._has_alternative, isinstance(node.op, ast.Or)
            self.visit(value)
            self._has_alternative = before
        self.visit(node.values[-1])

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if _is_environ(node.value) and isinstance(node.ctx, ast.Load):
            self._add(FindingKind.VARIABLE, _text(node.slice), node.lineno)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if any(_is_environ(c) for c in node.comparators):
            self._add(FindingKind.VARIABLE, _text(node.left), node.lineno, optional=True)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _dotted(node.func)
        first = node.args[0] if node.args else None
        of_environ = isinstance(node.func, ast.Attribute) and _is_environ(node.func.value)
        if name in ("os.getenv", "getenv") or (of_environ and name.endswith((".get", ".pop", ".setdefault"))):
            optional = len(node.args) > 1 or bool(node.keywords) or self._has_alternative
            self._add(FindingKind.VARIABLE, _text(first), node.lineno, optional=optional)
        elif name in RUNNERS or name.rpartition(".")[2] in ("Popen", "check_output", "check_call"):
            shell = any(k.arg == "shell" and isinstance(k.value, ast.Constant) and k.value.value for k in node.keywords)
            self._add(FindingKind.EXECUTABLE, _program(first, is_line=shell), node.lineno)
        elif name in SHELLS:
            self._add(FindingKind.EXECUTABLE, _program(first, is_line=True), node.lineno)
        elif name in ("shutil.which", "which"):
            self._add(FindingKind.EXECUTABLE, _text(first), node.lineno, optional=True)
        self.generic_visit(node)

    def _add(self, kind: FindingKind, name: str, line: int, *, optional: bool = False) -> None:
        if name:
            self.found.append(Use(kind, name, line, optional or _caught(self._guards, line, kind)))


def _is_environ(node: ast.expr) -> bool:
    return _dotted(node) in ("os.environ", "environ")


def _program(node: ast.expr | None, *, is_line: bool) -> str:
    """The program a call would run, where it stands there in plain text."""
    if isinstance(node, (ast.List, ast.Tuple)) and node.elts:
        return _text(node.elts[0])
    words = _text(node).split()
    return words[0] if words and (is_line or len(words) == 1) and words[0].replace("-", "").isalnum() else ""
