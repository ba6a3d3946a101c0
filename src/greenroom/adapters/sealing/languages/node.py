"""Node.js: `package-lock.json`, fetched with `npm ci` as the build's user, without running any package's scripts.

npm checks each archive against the hash in the lock file, also what it finds in its cache. Install scripts run in the
build, without network; development packages are removed after the build commands.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packageurl import PackageURL

from greenroom.adapters.sealing import files
from greenroom.adapters.sealing.files import Entry
from greenroom.adapters.sealing.languages import Component, Job, surroundings
from greenroom.adapters.sealing.rooms import Task
from greenroom.adapters.sealing.tools import Interpreter
from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.ports.runtime import Finished

LOCK = "package-lock.json"
MODULES = "node_modules"
FETCH_SECONDS = 900.0
HOW_TO_LOCK = "`npm install --package-lock-only` makes package-lock.json"
CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")
KEPT_SETTINGS = (
    "registry",
    "cafile",
    "proxy",
    "https-proxy",
    "noproxy",
    "strict-ssl",
    "omit-lockfile-registry-resolved",
)


class Builder:
    def fetch(self, job: Job) -> None:
        lock = _read_lock(job)
        if lock is None:
            return
        job.say(f"fetching {len(_packages(lock))} packages for Node.js {job.program().version}")
        tree = job.deps / "tree"
        tree.mkdir()
        for name in ("package.json", LOCK):
            shutil.copyfile(job.tree / name, tree / name)
        cache = job.caches / "npm"
        cache.mkdir(exist_ok=True, mode=0o700)
        done = self._npm(job, CI, tree, network=True, cache=cache)
        if done.code != 0:
            raise Refused(
                "release.fetch_failed",
                "what the lock file names could not be fetched",
                because=done.output[-4000:] or done.ended_by,
                hint="check package-lock.json and the registry; then release again: what was fetched is kept",
            )

    def install(self, job: Job) -> None:
        fetched = job.deps / "tree" / MODULES
        if not fetched.is_dir():
            return
        files.copy_tree(fetched, job.root / MODULES)
        lock = _read_lock(job) or {}
        if any(p.get("hasInstallScript") for _, p in _packages(lock)):
            self._must(job, ("rebuild", "--no-audit", "--no-fund"), "an install script of a dependency failed")

    def finish(self, job: Job) -> tuple[Component, ...]:
        lock = _read_lock(job)
        if lock is None:
            return ()
        if any(p.get("dev") or p.get("devOptional") for _, p in _packages(lock)):
            self._must(job, ("prune", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"), "npm prune failed")
        for note in (".package-lock.json", ".cache"):  # npm's own notes: they differ from one install to the next
            files.remove_tree(job.root / MODULES / note)
        found = (_component(job.root, path, package) for path, package in _packages(lock))
        return tuple(sorted((c for c in found if c is not None), key=lambda c: str(c["ref"])))

    def path(self, interpreter: Interpreter | None) -> tuple[str, ...]:
        """The interpreter's own directory comes last: the release's programs win."""
        return (f"{MODULES}/.bin", *((str(interpreter.executable.parent),) if interpreter else ()))

    def env(self, root: Path) -> Mapping[str, str]:
        return {"NODE_ENV": "production"}

    def local_files(self, entries: Mapping[str, Entry], interpreter: Interpreter | None) -> tuple[Entry, ...]:
        return ()

    def _must(self, job: Job, words: tuple[str, ...], problem: str) -> None:
        done = self._npm(job, words, job.root, network=False, cache=None)
        if done.code != 0:
            raise Refused(
                "release.build_failed",
                problem,
                because=done.output[-4000:] or done.ended_by,
                hint="mend what npm says, commit, and make the release again",
            )

    def _npm(self, job: Job, words: tuple[str, ...], cwd: Path, *, network: bool, cache: Path | None) -> Finished:
        """npm in a room, with a home and a temporary directory of its own."""
        own = job.deps / "npm"
        files.remove_tree(own)
        for name in ("home", "tmp"):
            (own / name).mkdir(parents=True)
        env = surroundings(own, job.path_entries())
        if network:
            env |= _registry() | {"npm_config_offline": "false"}
            (own / "home" / ".npmrc").write_text(_user_settings())
        env["npm_config_cache"] = str(cache or own / "tmp" / "cache")
        writable = [own, cwd, *([cache] if cache else [])]
        for path in writable:
            job.room.give(path)
        node, needs = job.program().executable, job.program().needs
        task = Task((str(node), str(_npm_script(node)), *words), env, cwd, tuple(writable), needs, network=network)
        try:
            return job.room.run(task, seconds=FETCH_SECONDS, watch=job.deps, max_bytes=job.recipe.max_bytes)
        finally:
            files.remove_tree(own)  # the settings may hold a token


def _read_lock(job: Job) -> dict[str, Any] | None:
    """The lock file; None for a project without dependencies. Raises as `Builder.fetch`."""
    path = job.tree / (job.recipe.lock or LOCK)
    if path.name != LOCK or path.parent != job.tree:
        raise BadInput(
            "release.lock_missing", f"{job.recipe.lock} is not {LOCK} at the top of the commit", hint=HOW_TO_LOCK
        )
    if not path.is_file():
        if _wants_dependencies(job.tree):
            raise BadInput(
                "release.lock_missing",
                "the commit has dependencies and no lock file",
                because=f"package.json names dependencies; there is no {LOCK}",
                hint=HOW_TO_LOCK,
            )
        return None
    try:
        lock = json.loads(path.read_text())
        for where, package in _packages(lock):
            if package.get("link") or not package.get("integrity"):
                raise Refused(
                    "release.lock_unpinned",
                    f"{LOCK}: {where} has no hash",
                    because="it is a workspace, a link, or a package from git",
                    hint="publish it to a registry, or put its files into the commit",
                )
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput("release.lock_missing", f"{LOCK} cannot be read", because=str(error), hint=HOW_TO_LOCK) from None
    return lock if isinstance(lock, dict) else None


def _packages(lock: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Where each package is installed, and what the lock file says of it (lockfileVersion 2 and 3)."""
    if "packages" not in lock:
        raise ValueError("it is of an old form: run `npm install --package-lock-only` with npm 7 or newer")
    return [(p, package) for p, package in lock["packages"].items() if p]


def _wants_dependencies(tree: Path) -> bool:
    try:
        project = json.loads((tree / "package.json").read_text())
    except FileNotFoundError:
        return False
    except ValueError as error:
        raise BadInput(
            "release.lock_missing",
            "package.json cannot be read",
            because=str(error),
            hint="correct it, commit, and make the release again",
        ) from None
    return isinstance(project, dict) and bool(project.get("dependencies") or project.get("devDependencies"))


def _component(root: Path, where: str, package: Mapping[str, Any]) -> Component | None:
    """None for what is not installed: development packages, and those of another platform."""
    place = root / where
    if not (place / "package.json").is_file():
        return None
    name, version = str(package.get("name") or where.rpartition(f"{MODULES}/")[2]), str(package.get("version", ""))
    scope, _, short = name.rpartition("/")
    purl = PackageURL("npm", scope or None, short, version).to_string()
    algorithm, _, encoded = str(package["integrity"]).split()[0].partition("-")
    own = [e.as_list() for e in files.scan(place) if MODULES not in e.path.split("/")]
    found: Component = {
        "name": name,
        "version": version,
        "purl": purl,
        "ref": f"{purl}#{where}",
        "files": digest_of(own),
    }
    if algorithm in ("sha256", "sha512"):
        found[algorithm] = base64.b64decode(encoded).hex()
    return found


def _npm_script(node: Path) -> Path:
    """npm's program beside this node, or wherever the system keeps it."""
    for candidate in (node.parent / "npm", Path("/usr/bin/npm"), Path("/usr/local/bin/npm")):
        script = candidate.resolve()
        if script.suffix == ".js" and script.is_file():
            return script
    for prefix in (node.parents[1] / "lib", Path("/usr/share/nodejs"), Path("/usr/lib")):
        for script in (prefix / MODULES / "npm/bin/npm-cli.js", prefix / "npm/bin/npm-cli.js"):
            if script.is_file():
                return script
    raise Errored(
        "release.npm_missing", f"there is no npm beside {node}", hint="install npm, or the extra greenroom[node]"
    )


def _registry() -> dict[str, str]:
    """The registry settings of whoever seals."""
    kept = ("npm_config_", "node_extra_ca_certs", "ssl_cert")
    return {k: v for k, v in os.environ.items() if k.lower().startswith(kept) or k.lower().endswith("_proxy")}


def _user_settings() -> str:
    """From the user's own `.npmrc` what says where packages come from; nothing that names a program."""
    try:
        lines = Path("~/.npmrc").expanduser().read_text().splitlines()
    except OSError:
        return ""
    wanted = [x for x in lines if x.split("=")[0].strip() in KEPT_SETTINGS or x.startswith(("//", "@"))]
    return "".join(line + "\n" for line in wanted)
