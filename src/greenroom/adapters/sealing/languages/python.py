"""Python: pinned `requirements.txt` or `uv.lock`; installed by uv into a virtual environment that can be moved.

Wheels are unpacked by uv with our rights; that runs no foreign code. A distribution without a wheel is built in a room
of its own, as the build's user, from a cache that nobody else uses.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from greenroom.adapters.sealing import files
from greenroom.adapters.sealing.files import DIRECTORY, FILE, LINK, Entry
from greenroom.adapters.sealing.languages import Component, Job, surroundings
from greenroom.adapters.sealing.languages.requirements import HOW_TO_LOCK, Pin, read_pins
from greenroom.adapters.sealing.rooms import Task
from greenroom.adapters.sealing.tools import Interpreter
from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import BadInput, Errored, Refused

VENV = ".venv"
LOCKS = ("uv.lock", "requirements.txt")
FETCH_SECONDS = 900.0
PINS = "requirements.txt"
SETTINGS = "uv.toml"
INSTALL = ("pip", "install", "--no-deps", "--link-mode", "copy", "--requirement", PINS)
USERS_SETTINGS = ("~/.config/uv/uv.toml", "/etc/uv/uv.toml")
NO_WHEEL = re.compile(r"([A-Za-z0-9._-]+)==\S+ has no (?:usable )?wheels")
MACHINE_FILES = ("pyvenv.cfg", ".lock", ".gitignore", "CACHEDIR.TAG", "lib64")
"""What `uv venv` writes and the release does without: it is made anew where the release runs, or serves nothing."""


class Builder:
    def fetch(self, job: Job) -> None:
        _bring_settings(job)
        pins = self._pins(job)
        job.say(f"fetching {len(pins)} distributions for Python {job.program().version}")
        self._uv(job, "venv", "--quiet", "--relocatable", "--no-project", "--python", str(job.program().executable))
        from_source = self._install_wheels(job, pins)
        if from_source:
            self._install_sources(job, from_source)
        _write_pins(job, pins)
        if pins:
            self._check_complete(job)
        (job.deps / SETTINGS).unlink()  # it may hold a password

    def install(self, job: Job) -> None:
        files.copy_tree(job.deps / VENV, job.root / VENV, shared=not job.recipe.commands)

    def finish(self, job: Job) -> tuple[Component, ...]:
        venv = job.root / VENV
        _remove_machine_files(venv)
        _remove_compiled(job.root)
        _tidy_records(venv)
        _compile(job)
        hashes = {p.name: p.hashes for p in read_pins(job.deps)}
        return tuple(_component(info, hashes) for info in sorted(venv.glob("lib/python*/site-packages/*.dist-info")))

    def path(self, interpreter: Interpreter | None) -> tuple[str, ...]:
        return (f"{VENV}/bin",)

    def env(self, root: Path) -> Mapping[str, str]:
        own = [str(root), str(root / "src")] if (root / "src").is_dir() else [str(root)]
        return {
            "VIRTUAL_ENV": str(root / VENV),
            "PYTHONPATH": os.pathsep.join(own),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def local_files(self, entries: Mapping[str, Entry], interpreter: Interpreter | None) -> tuple[Entry, ...]:
        if interpreter is None:
            return ()
        major, minor = interpreter.version.split(".")[:2]
        settings = (
            f"home = {interpreter.executable.parent}\n"
            "include-system-site-packages = false\n"
            f"version = {interpreter.version}\n"
        )
        names = ("python", f"python{major}", f"python{major}.{minor}")
        needed = [Entry(p, DIRECTORY, 0o755) for p in (VENV, f"{VENV}/bin") if p not in entries]
        links = [Entry(f"{VENV}/bin/{n}", LINK, 0o777, target=str(interpreter.executable)) for n in names]
        return (*needed, Entry(f"{VENV}/pyvenv.cfg", FILE, 0o644, target=settings), *links)

    def _pins(self, job: Job) -> list[Pin]:
        lock = job.recipe.lock or next((n for n in LOCKS if (job.tree / n).is_file()), None)
        if lock is None:
            if _wants_dependencies(job.tree):
                raise BadInput(
                    "release.lock_missing",
                    "the commit has dependencies and no lock file",
                    because="pyproject.toml names dependencies; there is no uv.lock and no requirements.txt",
                    hint=HOW_TO_LOCK,
                )
            return []
        if Path(lock).name != "uv.lock":
            return read_pins(job.tree, lock)
        exported = self._uv(
            job,
            *("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--format", "requirements-txt"),
            *("--project", str((job.tree / lock).parent), "--output-file", str(job.deps / "requirements.txt")),
            check=False,
        )
        if exported is not None:
            raise Refused("release.lock_incomplete", f"{lock} cannot be read", because=exported, hint=HOW_TO_LOCK)
        return read_pins(job.deps)

    def _install_wheels(self, job: Job, pins: list[Pin]) -> list[Pin]:
        """Install what has a wheel; the pins that have none. uv names those one at a time."""
        remaining, from_source = list(pins), []
        while remaining:
            _write_pins(job, remaining)
            said = self._uv(job, *INSTALL, "--no-build", check=False)
            if said is None:
                break
            missing = {canonicalize_name(name) for name in NO_WHEEL.findall(said)}
            without = [p for p in remaining if p.name in missing]
            if not without:
                raise _fetch_failed(said)
            from_source += without
            remaining = [p for p in remaining if p not in without]
        return from_source

    def _install_sources(self, job: Job, pins: list[Pin]) -> None:
        """Build what has no wheel: foreign code, so in a room, with a network and a cache nobody else uses."""
        job.say("building from source, no wheel: " + ", ".join(p.name for p in pins))
        _write_pins(job, pins)
        private = {name: job.deps / name for name in ("cache", "home", "tmp")}
        for path in private.values():
            path.mkdir()
        uv = job.deps / "uv"
        shutil.copy2(_uv_binary(), uv)  # where it lies, the room's user may not be able to read it
        job.room.give(job.deps)
        venv = {"UV_CACHE_DIR": str(private["cache"]), "VIRTUAL_ENV": str(job.deps / VENV)}
        env = surroundings(job.deps, job.path_entries()) | _registry() | _uv_settings(job) | venv
        env.pop("UV_OFFLINE")
        needs = job.program().needs
        task = Task((str(uv), *INSTALL), env, job.deps, writable=(job.deps,), readable=needs, network=True)
        done = job.room.run(task, seconds=FETCH_SECONDS, watch=job.deps, max_bytes=job.recipe.max_bytes)
        if done.code != 0:
            raise _fetch_failed(_without_credentials(done.output[-4000:]) or done.ended_by)
        for path in (*private.values(), uv):
            files.remove_tree(path)

    def _check_complete(self, job: Job) -> None:
        """A lock file names everything, also what its own entries need."""
        problem = self._uv(job, "pip", "check", check=False)
        if problem is not None:
            raise Refused(
                "release.lock_incomplete",
                "the lock file does not name everything its entries need",
                because=problem,
                hint=HOW_TO_LOCK,
            )

    def _uv(self, job: Job, *arguments: str, check: bool = True) -> str | None:
        """Run uv as ourselves in `job.deps`; None when it succeeds, else (unless `check`) what it said."""
        env = dict(os.environ) | _registry() | _uv_settings(job) | {"VIRTUAL_ENV": str(job.deps / VENV)}
        for name in ("UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX"):
            env.pop(name, None)
        try:
            done = subprocess.run(
                [_uv_binary(), *arguments],
                cwd=job.deps,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=FETCH_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _fetch_failed(f"no answer within {FETCH_SECONDS:.0f} s") from None
        if done.returncode == 0:
            return None
        said = _without_credentials((done.stderr + done.stdout).decode(errors="replace")).strip()[-4000:]
        if check:
            raise _fetch_failed(said)
        return said or f"exit code {done.returncode}"


def _write_pins(job: Job, pins: list[Pin]) -> None:
    files.write_atomically(job.deps / PINS, "".join(p.text + "\n" for p in pins).encode())


def _wants_dependencies(tree: Path) -> bool:
    try:
        project = tomllib.loads((tree / "pyproject.toml").read_text())
    except FileNotFoundError:
        return (tree / "setup.py").is_file() or (tree / "Pipfile").is_file()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            "release.lock_missing",
            "pyproject.toml cannot be read",
            because=str(error),
            hint="correct it, commit, and make the release again",
        ) from None
    table: Any = project.get("project") or {}
    poetry: Any = (project.get("tool") or {}).get("poetry") or {}
    return bool(table.get("dependencies") or poetry.get("dependencies"))


def _remove_machine_files(venv: Path) -> None:
    for name in MACHINE_FILES:
        files.remove_tree(venv / name)
    for pattern in (
        "bin/python*",
        "bin/activate*",
        "bin/deactivate*",
        "bin/pydoc.bat",
        "lib/python*/site-packages/_virtualenv.*",
    ):
        for path in venv.glob(pattern):
            files.remove_tree(path)


def _remove_compiled(root: Path) -> None:
    """Byte code that a build command or the commit left carries times; all of it is made anew."""
    caches = [root / p for p, e in files.walk(root) if e.name == "__pycache__" and e.is_dir(follow_symlinks=False)]
    for cache in caches:
        files.remove_tree(cache)


def _tidy_records(venv: Path) -> None:
    """uv notes when and from which cache it installed; RECORD lists that note, and files that are gone."""
    for info in venv.glob("lib/python*/site-packages/*.dist-info"):
        (info / "uv_cache.json").unlink(missing_ok=True)
        (info / "uv_build.json").unlink(missing_ok=True)
        record = info / "RECORD"
        if not record.is_file():
            continue
        with record.open(newline="") as file:
            rows = [r for r in csv.reader(file) if r and (info.parent / r[0]).exists() and "__pycache__" not in r[0]]
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(sorted(rows))
        record.unlink()  # it may share its blocks with uv's cache
        record.write_text(text.getvalue())


def _compile(job: Job) -> None:
    """Byte code beside every source, valid whatever the files' times; paths in it are those of the release.

    Some packages carry files for other Pythons that do not compile: exit code 1, and with `-qq` not a word.
    """
    command = (
        *(
            str(job.program().executable),
            "-m",
            "compileall",
            "-q",
            "-q",
            "-j0",
            "--invalidation-mode",
            "unchecked-hash",
        ),
        *("-s", str(job.root), "-p", "/", str(job.root)),
    )
    env = surroundings(job.root.parent, ()) | {"PYTHONHASHSEED": "0"}
    task = Task(command, env, job.root, writable=(job.root,), readable=job.program().needs)
    done = job.room.run(task, seconds=FETCH_SECONDS)
    if done.code != 0 and (done.code != 1 or done.output.strip()):
        raise Errored(
            "release.compile_failed",
            "the byte code could not be made",
            because=done.output[-2000:] or done.ended_by,
            hint="the output names the file: mend it, commit, release again",
        )


def _component(info: Path, hashes: Mapping[str, tuple[str, ...]]) -> Component:
    with (info / "METADATA").open("rb") as file:
        head = BytesHeaderParser().parse(file)
    name, version = str(head["Name"]), str(head["Version"])
    record = info / "RECORD"
    found: Component = {
        "name": name,
        "version": version,
        "purl": PackageURL("pypi", None, canonicalize_name(name), version).to_string(),
        "files": digest_of(record.read_text() if record.is_file() else ""),
    }
    named = [h for h in hashes.get(canonicalize_name(name), ()) if h.startswith("sha256:")]
    if len(named) == 1:  # several: the lock file allows several files, and which one was chosen is not recorded
        found["sha256"] = named[0].removeprefix("sha256:")
    return found


def _uv_binary() -> str:
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
        if found:
            return found
        raise Errored("release.uv_missing", "uv is not installed", hint="install uv") from None


def _bring_settings(job: Job) -> None:
    """The settings of whoever seals, and no others: uv would look for some in every directory above, too."""
    named = os.environ.get("UV_CONFIG_FILE")
    found = (Path(p).expanduser() for p in ((named,) if named else USERS_SETTINGS))
    text = next((p.read_bytes() for p in found if p.is_file()), b"")
    files.write_atomically(job.deps / SETTINGS, text, 0o600)


def _uv_settings(job: Job) -> dict[str, str]:
    return {
        "UV_CONFIG_FILE": str(job.deps / SETTINGS),
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_COLOR": "1",
    }


def _registry() -> dict[str, str]:
    """The registry settings of whoever seals; pip's are understood where uv has none."""
    kept = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA_BUNDLE")
    found = {k: v for k, v in os.environ.items() if k.startswith(kept) or k.lower().endswith("_proxy")}
    for pip, uv in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_EXTRA_INDEX_URL", "UV_INDEX")):
        if pip in found and uv not in found:
            found[uv] = found[pip]
    return found


def _without_credentials(text: str) -> str:
    return re.sub(r"(\w+://)[^\s/@]+@", r"\1", text)


def _fetch_failed(because: str) -> Refused:
    return Refused(
        "release.fetch_failed",
        "what the lock file names could not be fetched",
        because=because,
        hint="check the lock file and the registry; then release again: what was fetched is kept",
    )
