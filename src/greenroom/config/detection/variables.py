"""Which environment variables the code reads. Python is parsed, JavaScript searched, nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from greenroom.config.detection.found import Found, FoundVariable
from greenroom.config.detection.tree import Tree
from greenroom.domain.names import VARIABLE

MOST = 100
NOT_SETTINGS = frozenset({"HOME", "PATH", "USER", "LANG", "LC_ALL", "TERM", "PWD", "SHELL", "TMPDIR", "HOSTNAME", "CI"})
NOT_SETTINGS |= {"PORT", "DATABASE_URL", "VIRTUAL_ENV", "PYTHONPATH", "DJANGO_SETTINGS_MODULE", "NODE_ENV"}
"""What Greenroom gives, or what belongs to the machine and not to the application."""

_SECRET = re.compile(
    r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|(?:^|_)(?:API|PRIVATE|ACCESS)?KEYS?(?:$|_)|(?:^|_)PASS(?:$|_)"
)
_MADE_UP = re.compile(r"(?:^|_)(?:SECRET_KEY(?:_BASE)?|SESSION_SECRET|COOKIE_SECRET|JWT_SECRET|APP_SECRET|SECRET)$")
_TESTS = re.compile(
    r"(?:^|/)(?:tests?|__tests__|spec|docs|examples?|scripts)/|(?:^|/)(?:test_|conftest)|\.(?:test|spec)\."
)
_NODE = re.compile(
    r"process\.env(?:\.([A-Za-z_]\w*)|\[\s*['\"]([A-Za-z_]\w*)['\"]\s*\])"
    r"(?:\s*(?:\|\||\?\?)\s*(?:'([^'\n]*)'|\"([^\"\n]*)\"|([0-9]+)))?"
)
_NODE_SEVERAL = re.compile(r"\{([^{}]*)\}\s*=\s*process\.env\b")
_READERS = frozenset({"getenv", "get", "env", "config", "str", "bool", "int", "url"})


def is_secret(name: str) -> bool:
    """True if a variable of this name is treated as a secret."""
    return bool(_SECRET.search(name.upper()))


def is_made_up(name: str) -> bool:
    """True if any random text does: a key that only this application uses."""
    return bool(_MADE_UP.search(name.upper()))


def variables(tree: Tree, found: Found) -> None:
    """Every variable the code reads becomes part of the config schema, tests and documents aside."""
    for path in tree.files:
        if _TESTS.search(path) or not path.endswith((".py", ".js", ".cjs", ".mjs", ".ts")):
            continue
        text = tree.read(path)
        if text is None or not re.search(r"env", text):
            continue
        try:
            for variable in _python(text, path) if path.endswith(".py") else _javascript(text, path):
                _keep(found, variable)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            found.advice.append(f"look for environment variables in {path}: it could not be parsed")
    if found.variables:
        found.because(f"{len(found.variables)} environment variables in the code", "the config schema")
    if len(found.variables) >= MOST:
        found.advice.append(f"look for further environment variables: the first {MOST} are listed")


def _keep(found: Found, variable: FoundVariable) -> None:
    name = variable.name
    if name in NOT_SETTINGS or name.startswith("GREENROOM_") or not VARIABLE.fullmatch(name):
        return
    before = found.variables.get(name)
    if before is None and len(found.variables) < MOST:
        found.variables[name] = variable
    elif before and before.default is None and variable.default is not None:
        found.variables[name] = variable  # one place that has a default can do without a value


def _python(text: str, path: str) -> Iterator[FoundVariable]:
    for node in ast.walk(ast.parse(text)):
        where = f"{path}:{getattr(node, 'lineno', 1)}"
        name, default, required = None, None, False
        if isinstance(node, ast.Subscript) and _is_environ(node.value) and isinstance(node.ctx, ast.Load):
            name, required = _text(node.slice), True
        elif isinstance(node, ast.Call) and _reads_environment(node.func) and node.args:
            name, default = _text(node.args[0]), _default(node)
        if name is not None:
            yield FoundVariable(name, where, default, required)


def _is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )


def _reads_environment(function: ast.expr) -> bool:
    """`os.getenv`, `os.environ.get`, and the helpers `env(…)`, `env.str(…)`, `config(…)` of well-known packages."""
    if isinstance(function, ast.Name):
        return function.id in ("getenv", "env", "config")
    if not isinstance(function, ast.Attribute) or function.attr not in _READERS:
        return False
    owner = function.value
    return _is_environ(owner) or (isinstance(owner, ast.Name) and owner.id in ("os", "env"))


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _default(call: ast.Call) -> str | None:
    given = call.args[1:2] + [k.value for k in call.keywords if k.arg == "default"]
    value = given[0].value if given and isinstance(given[0], ast.Constant) else None
    return str(value) if isinstance(value, str | int) else None


def _javascript(text: str, path: str) -> Iterator[FoundVariable]:
    for match in _NODE.finditer(text):
        default = next((g for g in match.groups()[2:] if g is not None), None)
        yield FoundVariable(match[1] or match[2], f"{path}:{text.count(chr(10), 0, match.start()) + 1}", default)
    for match in _NODE_SEVERAL.finditer(text):
        for part in match[1].split(","):
            name = re.split(r"[:=]", part)[0].strip()
            yield FoundVariable(name, f"{path}:{text.count(chr(10), 0, match.start()) + 1}")
