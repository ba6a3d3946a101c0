"""`greenroom init`: a first greenroom.yaml from what lies in the repository."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import DryRun
from greenroom.domain.errors import BadInput, Errored, Refused

ORDER = 10
TEMPLATES = ("small", "standard", "full")


def commands(app: typer.Typer) -> None:
    command(app, "init")(init)


def init(
    session: Session,
    template: Annotated[
        str, typer.Option(help="The path: small, standard or full.", autocompletion=lambda: TEMPLATES)
    ] = "standard",
    directory: Annotated[Path, typer.Option(help="The repository; here, when absent.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a greenroom.yaml that is there.")] = False,
    dry_run: DryRun = False,
) -> int:
    """Look at this repository and write a first greenroom.yaml.

    It reads Procfile, pyproject.toml, requirements.txt, package.json, manage.py and Dockerfile, runs nothing, and
    says what each setting rests on and what a person should look at.

    \b
    Example: greenroom init --template full
    """
    from greenroom.config.detect import DirectoryTree, detect
    from greenroom.config.load import load
    from greenroom.config.template import render

    if template not in TEMPLATES:
        raise BadInput(
            "usage.invalid",
            f"--template: should be small, standard or full (got {template[:40]!r})",
            hint="greenroom init --help shows how it is used",
        )
    root = directory.absolute()
    if not root.is_dir():
        raise BadInput(
            "usage.invalid", f"--directory: {root} is not a directory", hint="name the application's repository"
        )
    found = detect(DirectoryTree(root), root.name, _branch(root))
    text = render(found, template)
    load(text)  # what we write, we can read
    target = root / "greenroom.yaml"
    if not dry_run:
        _write(target, text, force)
    data = {
        "path": str(target),
        "written": not dry_run,
        "project": found.project,
        "template": template,
        "reasons": found.reasons,
        "advice": found.advice,
        "text": text,
    }
    session.answer(data, lambda: text if dry_run else None)
    for line in found.reasons if not dry_run else []:
        session.say(f"  {line}")
    if not dry_run:
        session.say(f"wrote {target}")
        for line in found.advice:
            session.say(f"please look: {line}")
        session.say("next: read it, commit it, then greenroom up")
    return 0


def _write(target: Path, text: str, force: bool) -> None:
    """Never over a file that is there, unless that was asked for."""
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Refused(
            "init.exists", f"{target} is there already", hint="--force replaces it, --dry-run shows it"
        ) from None
    except OSError as error:
        raise Errored(
            "init.unwritable",
            f"cannot write {target}",
            because=error.strerror or str(error),
            hint="its directory must exist and be yours",
        ) from error


def _branch(root: Path) -> str:
    """The branch that is checked out; `main` where git does not say."""
    asked = ["git", "-C", str(root), "symbolic-ref", "--quiet", "--short", "HEAD"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "main"
    return said.stdout.strip() or "main"
