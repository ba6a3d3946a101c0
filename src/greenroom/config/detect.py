"""Look at a repository and say what it is: the brains of `greenroom init`.

Pure over a `Tree`: nothing is run, nothing is fetched. Whatever lies in the tree is hostile input: what cannot be
understood is told as advice, never raised.
"""

from __future__ import annotations

import re

from greenroom.config.detection.commands import dockerfile, procfile, programs
from greenroom.config.detection.found import Found, name_from
from greenroom.config.detection.node import node
from greenroom.config.detection.python import python
from greenroom.config.detection.tree import DirectoryTree, MemoryTree, Tree
from greenroom.config.detection.variables import is_secret, variables

__all__ = ["DirectoryTree", "Found", "MemoryTree", "Tree", "detect"]

_HEALTH = re.compile(r"['\"](/?(?:-/)?(?:healthz?|health-?check|livez|readyz|up|ping)/?)['\"]")
_ROUTE = re.compile(r"\b(?:route|get|path|re_path|url|Route|add_url_rule|use)\(|@\w+\.")


def detect(tree: Tree, name: str, branch: str = "main") -> Found:
    """What lies in `tree`. `name` is a hint for the project's, such as the directory's; `branch` what dev follows.

    Later lookers know what earlier ones found: a Procfile says more than a framework's custom, a Dockerfile less.
    """
    found = Found(name_from(name, "project"), branch)
    python(tree, found)
    node(tree, found)
    procfile(tree, found)
    dockerfile(tree, found)
    programs(tree, found)
    variables(tree, found)
    _health(tree, found)
    _database(tree, found)
    if not any(p.listen for p in found.processes.values()):
        found.advice.append("say how the application starts: nothing in the repository does")
    if found.postgres and found.migration is None:
        found.advice.append("say under migration how the schema is brought up to date: nothing in the repository does")
    if not found.checks:
        found.advice.append("put a check under checks: nothing enters staging or production untested")
    if unset := [v.name for v in found.variables.values() if v.required and not is_secret(v.name)]:
        found.advice.append(f"give values to what the code cannot do without: {', '.join(unset)}")
    return found


def _health(tree: Tree, found: Found) -> None:
    """A path that looks like a health check, in a line that declares a route."""
    for path in tree.files:
        if not path.endswith((".py", ".js", ".cjs", ".mjs", ".ts")) or re.search(r"(^|/)(tests?|docs)/", path):
            continue
        for line in (tree.read(path) or "").splitlines():
            if len(line) < 400 and (match := _HEALTH.search(line)) and _ROUTE.search(line):
                found.health_path = "/" + match[1].lstrip("/")
                found.because(f"{found.health_path} in {path}", "the health check")
                return


def _database(tree: Tree, found: Found) -> None:
    """Whoever reads DATABASE_URL wants a database; who migrates does, too."""
    if found.postgres:
        return
    if found.migration:
        found.postgres = True
        found.because("a migration", "PostgreSQL")
        return
    for path in tree.files:
        if path.endswith((".py", ".js", ".cjs", ".mjs", ".ts")) and "DATABASE_URL" in (tree.read(path) or ""):
            found.postgres = True
            found.because(f"DATABASE_URL in {path}", "PostgreSQL")
            return
