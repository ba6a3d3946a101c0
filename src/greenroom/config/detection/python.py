"""Python: dependencies, lock file, Django, Flask, FastAPI and Starlette, and how their schema migrates."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from greenroom.config.detection.found import Found, FoundMigration, FoundProcess
from greenroom.config.detection.tree import Tree
from greenroom.domain.release import Language, Listen

_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([A-Za-z_][\w.]*)['\"]")
_APPLICATION = re.compile(r"^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(Flask|FastAPI|Starlette)\(", re.MULTILINE)
_FACTORY = re.compile(r"^def (create_app|make_app|app_factory)\(", re.MULTILINE)
_PROGRAM = re.compile(
    r"(?:subprocess\.(?:run|call|check_call|check_output|Popen)\(\s*\[|shutil\.which\()\s*['\"]([A-Za-z0-9][\w.+-]*)['\"]"
)
_OWN_PROGRAMS = frozenset({"python", "python3", "pip", "sh", "bash", "make", "npm", "node", "docker"})
_DRIVERS = {"psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "asyncpg", "pg8000"}
_VERSION = re.compile(r"3\.[0-9]{1,2}")
_ASIDE = re.compile(r"(?:^|/)(?:tests?|docs|examples?|scripts|migrations)/|(?:^|/)(?:test_|conftest|setup)")


def python(tree: Tree, found: Found) -> None:
    marks = ("pyproject.toml", "requirements.txt", "uv.lock", "manage.py", "setup.py", "Pipfile")
    here = [m for m in marks if tree.read(m) is not None] or [p for p in tree.files if p == "app.py"]
    if not here:
        return
    found.language = Language.PYTHON
    found.because(here[0], "Python")
    project = _toml(tree, found, "pyproject.toml").get("project", {})
    project = project if isinstance(project, dict) else {}
    _dependencies(tree, found, project)
    _lock(tree, found)
    _runtime(tree, found, project)
    _framework(tree, found)
    _schema(tree, found)
    _programs(tree, found)
    if found.dependencies & _DRIVERS:
        found.postgres = True
        found.because(sorted(found.dependencies & _DRIVERS)[0], "PostgreSQL")
    if "pytest" in found.dependencies:
        found.checks["tests"] = "python -m pytest -q"


def _toml(tree: Tree, found: Found, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(tree.read(path) or "")
    except (tomllib.TOMLDecodeError, RecursionError):
        found.advice.append(f"correct {path}: it is not valid TOML")
        return {}


def _dependencies(tree: Tree, found: Found, project: dict[str, Any]) -> None:
    """Names from pyproject, requirements files and uv.lock, in their canonical spelling (PEP 503)."""
    declared = project.get("dependencies")
    lines = [d for d in declared if isinstance(d, str)] if isinstance(declared, list) else []
    for path in tree.files:
        if re.fullmatch(r"requirements(?:[/_-][\w.-]+)?\.(?:txt|in)", path) and not re.search(r"dev|test", path):
            lines += (tree.read(path) or "").splitlines()
    for line in lines:
        try:
            found.dependencies.add(_canonical(Requirement(re.split(r"\s#|\s--|\s\\", line.strip())[0]).name))
        except InvalidRequirement:
            continue  # an option, a comment, a URL: no name to learn
    locked = _toml(tree, found, "uv.lock").get("package", []) if "uv.lock" in tree.files else []
    if isinstance(locked, list):
        names = (p.get("name") for p in locked if isinstance(p, dict))
        found.dependencies |= {_canonical(n) for n in names if isinstance(n, str)}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _lock(tree: Tree, found: Found) -> None:
    for path in ("uv.lock", "requirements.txt"):
        if path in tree.files:
            found.lock = path
            found.because(path, "the lock file")
            return
    if found.dependencies:
        found.advice.append("lock the dependencies: `uv lock`, or a requirements.txt that pins every version")


def _runtime(tree: Tree, found: Found, project: dict[str, Any]) -> None:
    for path, text in (
        (".python-version", tree.read(".python-version")),
        ("runtime.txt", tree.read("runtime.txt")),
        ("requires-python", project.get("requires-python")),
    ):
        if isinstance(text, str) and (version := _VERSION.search(text)):
            found.runtime = version[0]
            found.because(f"{path} {text.strip()[:20]}", f"Python {version[0]}")
            return


def _framework(tree: Tree, found: Found) -> None:
    manage = tree.read("manage.py")
    settings = _SETTINGS.search(manage or "")
    if settings:
        _django(tree, found, settings[1])
        return
    if _entry_file(tree, found):
        return
    for path in tree.files:
        if not path.endswith(".py") or _ASIDE.search(path):
            continue
        text = tree.read(path) or ""
        made, factory = _APPLICATION.search(text), _FACTORY.search(text)
        if factory and ("Flask(" in text):
            _serve(found, "Flask", path, f"{factory[1]}()")
        elif made:
            _serve(found, made[2], path, made[1])
        else:
            continue
        return


def _entry_file(tree: Tree, found: Found) -> bool:
    """`wsgi.py` or `asgi.py` at the top: made to be served."""
    for path, framework in (("wsgi.py", "Flask"), ("asgi.py", "FastAPI")):
        text = tree.read(path) or ""
        if name := re.search(r"^(application|app)\s*=|\bas (application|app)$", text, re.MULTILINE):
            _serve(found, framework, path, name[1] or name[2])
            return True
    return False


def _django(tree: Tree, found: Found, settings: str) -> None:
    found.framework = "Django"
    found.because("manage.py", "Django")
    package = settings.split(".")[0]
    wsgi = next((p for p in tree.files if p.endswith("wsgi.py") and not _ASIDE.search(p)), f"{package}/wsgi.py")
    found.processes["web"] = FoundProcess(
        f"gunicorn --bind unix:$GREENROOM_SOCKET {_module(wsgi)}:application", Listen.SOCKET
    )
    _needs_server(found, "gunicorn")
    found.migration = FoundMigration("python manage.py migrate --noinput")
    found.checks["system"] = "python manage.py check"
    texts = [tree.read(p) or "" for p in tree.files if p.endswith(".py") and "settings" in p]
    if any(re.search(r"^\s*STATIC_ROOT\s*=", t, re.MULTILINE) for t in texts):
        found.build.append("python manage.py collectstatic --noinput")
        found.because("STATIC_ROOT in the settings", "collectstatic in the build")
    if any("postgresql" in t for t in texts):
        found.postgres = True
        found.because("postgresql in the settings", "PostgreSQL")


def _serve(found: Found, framework: str, path: str, application: str) -> None:
    found.framework = framework
    found.because(f"{application} in {path}", framework)
    target = f"{_module(path)}:{application}"
    if framework == "Flask":
        # A factory has brackets, which shells and shlex leave alone inside quotes.
        target = f"'{target}'" if "(" in target else target
        found.processes["web"] = FoundProcess(f"gunicorn --bind unix:$GREENROOM_SOCKET {target}", Listen.SOCKET)
        _needs_server(found, "gunicorn")
    else:
        found.processes["web"] = FoundProcess(f"uvicorn --uds $GREENROOM_SOCKET {target}", Listen.SOCKET)
        _needs_server(found, "uvicorn")


def _needs_server(found: Found, server: str) -> None:
    if server not in found.dependencies:
        found.advice.append(f"add {server} to the dependencies, and lock them: the web process is started with it")


def _module(path: str) -> str:
    """`src/shop/app.py` is the module shop.app."""
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _schema(tree: Tree, found: Found) -> None:
    if found.migration:
        return
    if "flask-migrate" in found.dependencies and any(p.startswith("migrations/") for p in tree.files):
        found.migration = FoundMigration("flask db upgrade")
        found.because("flask-migrate and migrations/", "flask db upgrade")
    elif "alembic.ini" in tree.files:
        found.migration = FoundMigration("alembic upgrade head")
        found.because("alembic.ini", "alembic upgrade head")


def _programs(tree: Tree, found: Found) -> None:
    for path in tree.files:
        if path.endswith(".py") and not _ASIDE.search(path):
            for program in _PROGRAM.findall(tree.read(path) or ""):
                if program not in _OWN_PROGRAMS and program not in found.executables:
                    found.executables.add(program)
                    found.because(f"{program} run in {path}", f"the program {program}")
