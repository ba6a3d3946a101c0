"""Node: package.json, its scripts and lock, and how the schema migrates with prisma, knex or sequelize."""

from __future__ import annotations

import json
import re
from typing import Any

from greenroom.config.detection.found import Command, Found, FoundMigration, FoundProcess, as_command, words_of
from greenroom.config.detection.tree import Tree
from greenroom.domain.release import Language, Listen

_FRAMEWORKS = {
    "next": "Next.js",
    "nuxt": "Nuxt",
    "@nestjs/core": "NestJS",
    "fastify": "Fastify",
    "koa": "Koa",
    "express": "Express",
}
_DRIVERS = ("pg", "postgres", "@prisma/client", "pg-promise")
_SPAWN = re.compile(r"\b(?:spawn|spawnSync|execFile|execFileSync)\(\s*['\"]([A-Za-z0-9][\w.+-]*)['\"]")


def node(tree: Tree, found: Found) -> None:
    text = tree.read("package.json")
    if text is None:
        return
    if found.language is Language.PYTHON:
        found.advice.append(
            "package.json lies beside a Python application: build its assets before, or in `release/build`"
        )
        return
    package = _object(text, found)
    found.language = Language.NODE
    found.because("package.json", "Node")
    found.dependencies |= set(_mapping(package, "dependencies"))
    found.framework = next((said for name, said in _FRAMEWORKS.items() if name in found.dependencies), "Node")
    _lock(tree, found)
    _runtime(tree, found, package)
    _scripts(tree, found, package)
    _schema(tree, found)
    _programs(tree, found)
    if drivers := [d for d in _DRIVERS if d in found.dependencies]:
        found.postgres = True
        found.because(drivers[0], "PostgreSQL")


def _object(text: str, found: Found) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        found.advice.append("correct package.json: it is not a JSON object")
        return {}
    return value


def _mapping(package: dict[str, Any], key: str) -> dict[str, str]:
    value = package.get(key)
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def _lock(tree: Tree, found: Found) -> None:
    for path in ("package-lock.json", "npm-shrinkwrap.json"):
        if path in tree.files:
            found.lock = path
            found.because(path, "the lock file")
            return
    if found.dependencies:
        other = next((p for p in ("pnpm-lock.yaml", "yarn.lock") if p in tree.files), "")
        beside = f", beside {other}" if other else ""
        found.advice.append(f"write a package-lock.json{beside}: `npm install --package-lock-only`")


def _runtime(tree: Tree, found: Found, package: dict[str, Any]) -> None:
    for path, text in (
        (".nvmrc", tree.read(".nvmrc")),
        (".node-version", tree.read(".node-version")),
        ("engines/node", _mapping(package, "engines").get("node")),
    ):
        if text and (version := re.search(r"[0-9]{1,3}", text)):
            found.runtime = version[0]
            found.because(f"{path} {text.strip()[:20]}", f"Node {version[0]}")
            return


def _scripts(tree: Tree, found: Found, package: dict[str, Any]) -> None:
    scripts = _mapping(package, "scripts")
    if "build" in scripts:
        found.build.append("npm run build")
        found.because("the script build", "npm run build")
    if command := _start(tree, scripts, package):
        found.processes["web"] = FoundProcess(command, Listen.PORT)
        found.because("the script start" if "start" in scripts else "the main file", "the process web")
    if "test" in scripts and "no test specified" not in scripts["test"]:
        found.checks["tests"] = "npm test"


def _start(tree: Tree, scripts: dict[str, str], package: dict[str, Any]) -> Command | None:
    """The script itself where it is one program, so that SIGTERM reaches it and not npm."""
    if start := scripts.get("start"):
        command = as_command(start)
        return command if words_of(command)[0] == "node" else "npm start"
    main = package.get("main")
    names = [*([main.removeprefix("./")] if isinstance(main, str) else []), "server.js", "app.js", "index.js"]
    return next((f"node {name}" for name in names if name in tree.files and re.fullmatch(r"[\w./-]+", name)), None)


def _schema(tree: Tree, found: Found) -> None:
    if "prisma/schema.prisma" in tree.files:
        found.migration = FoundMigration("npx prisma migrate deploy")
        found.because("prisma/schema.prisma", "npx prisma migrate deploy")
    elif any(re.fullmatch(r"knexfile\.[cm]?[jt]s", p) for p in tree.files):
        found.migration = FoundMigration("npx knex migrate:latest", "npx knex migrate:rollback")
        found.because("a knexfile", "npx knex migrate:latest")
    elif ".sequelizerc" in tree.files or "sequelize-cli" in found.dependencies:
        found.migration = FoundMigration("npx sequelize-cli db:migrate", "npx sequelize-cli db:migrate:undo")
        found.because("sequelize-cli", "npx sequelize-cli db:migrate")


def _programs(tree: Tree, found: Found) -> None:
    for path in tree.files:
        if path.endswith((".js", ".cjs", ".mjs", ".ts")):
            for program in _SPAWN.findall(tree.read(path) or ""):
                if program not in ("node", "npm", "npx", "sh", "bash") and program not in found.executables:
                    found.executables.add(program)
                    found.because(f"{program} run in {path}", f"the program {program}")
