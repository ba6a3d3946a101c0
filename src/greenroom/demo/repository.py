"""Makes the deployment repository that the demo releases from: three commits of `examples/ihatemoney`.

Author, date and contents are fixed, so the commits have the same identifiers on every machine.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from greenroom.domain.errors import Errored

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "ihatemoney"
NEWEST = "7.2.1"
RUNTIME = "3.11"
SHARED = ("settings.py", "wsgi.py", "gunicorn.conf.py", "migrate.py", "journey.py")
LOCKS = ("requirements.in", "requirements.txt")
GIT_SECONDS = 60


@dataclass(frozen=True)
class Version:
    """A release of the application and the commit that brings it. `at` is in seconds since the epoch."""

    number: str
    contracts: bool
    message: str
    at: int


VERSIONS = (
    Version("6.1.5", False, "Run I Hate Money 6.1.5", 1767261600),
    Version("7.0.1", False, "Upgrade to 7.0.1: kinds of bills, longer hashes of private codes", 1770890400),
    Version("7.2.1", True, "Upgrade to 7.2.1: addresses of visitors are no longer kept", 1778666400),
)


def make(target: Path, example: Path = EXAMPLE, *, runtime: str = RUNTIME) -> dict[str, str]:
    """Make the repository in `target`, which must not exist; the commit's identifier by version, oldest first.

    `runtime` is the line of Python to run on, such as "3.12"; the lock files hold for 3.11 to 3.13.

    Raises Errored (`demo.example_missing`) when the files are not there, (`demo.git`) when git cannot be used.
    """
    target.mkdir(parents=True)
    _git(target, "init", "--quiet", "--initial-branch=main")
    commits = {}
    for version in VERSIONS:
        for name, text in files(version, example, runtime).items():
            (target / name).write_text(text, encoding="utf-8")
        _git(target, "add", "--all")
        _git(target, "commit", "--quiet", "--message", version.message, at=version.at)
        commits[version.number] = _git(target, "rev-parse", "HEAD")
    return commits


def files(version: Version, example: Path = EXAMPLE, runtime: str = RUNTIME) -> dict[str, str]:
    """The contents of the commit of `version`, by name. Raises Errored (`demo.example_missing`)."""
    locks = example if version.number == NEWEST else example / "earlier" / version.number
    contents = {name: _read(example / name) for name in SHARED}
    contents.update({name: _read(locks / name) for name in LOCKS})
    contents["greenroom.yaml"] = configuration(_read(example / "greenroom.yaml"), version, runtime)
    return contents


def configuration(newest: str, version: Version, runtime: str = RUNTIME) -> str:
    """`greenroom.yaml` as it was at `version`, from the newest one: another number, and whether it contracts."""
    text = _replaced(newest, f'version: "{NEWEST}"', f'version: "{version.number}"')
    text = _replaced(text, f'runtime: "{RUNTIME}"', f'runtime: "{runtime}"')
    if version.contracts:
        return text
    lines = text.splitlines(keepends=True)
    at = next((i for i, line in enumerate(lines) if line.strip() == "contracts: true"), 0)
    if not at:
        raise _unlike("contracts: true")
    lines[at] = lines[at].replace("true", "false")
    start = at
    while lines[start - 1].lstrip().startswith("#"):  # the comment says why it contracts
        start -= 1
    return "".join(lines[:start] + lines[at:])


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise _unlike(old)
    return text.replace(old, new)


def _unlike(wanted: str) -> Errored:
    return Errored(
        "demo.example_missing",
        f"the example's greenroom.yaml does not say {wanted!r} exactly once",
        hint="take examples/ihatemoney from the same commit as Greenroom",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Errored(
            "demo.example_missing",
            f"the demo's application is not where it should be: {path}",
            because=str(error),
            hint="run the demo from a checkout of the project: make demo",
        ) from error


def _git(repository: Path, *arguments: str, at: int = 0) -> str:
    """Run git with nobody's settings but ours."""
    who, when = "I Hate Money operators", f"{at} +0000"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(repository),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": who,
        "GIT_AUTHOR_EMAIL": "operators@example.com",
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_NAME": who,
        "GIT_COMMITTER_EMAIL": "operators@example.com",
        "GIT_COMMITTER_DATE": when,
    }
    command = ["git", "-C", str(repository), "-c", "core.autocrlf=false", "-c", "core.fileMode=false", *arguments]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Errored("demo.git", "git could not be used", because=str(error), hint="install git") from error
    if done.returncode:
        raise Errored("demo.git", f"git {arguments[0]} failed in {repository}", because=done.stderr.strip()[-400:])
    return done.stdout.strip()
