"""`greenroom completion`: the script that teaches a shell the commands."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer import completion as typer_completion

from greenroom.cli.command import Session, command
from greenroom.domain.errors import BadInput

ORDER = 190
SHELLS = ("bash", "zsh", "fish")


def commands(app: typer.Typer) -> None:
    command(app, "completion")(completion)


def completion(
    session: Session,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", show_default=False)],
) -> int:
    """Print the completion script of a shell; greenroom --install-completion puts it in place.

    \b
    Example: greenroom completion bash > ~/.local/share/bash-completion/completions/greenroom
    """
    if shell not in SHELLS:
        raise BadInput(
            "usage.invalid",
            f"should be bash, zsh or fish (got {shell[:40]!r})",
            hint="greenroom completion --help shows how it is used",
        )
    script = typer_completion.get_completion_script(  # type: ignore[attr-defined]
        prog_name="greenroom", complete_var="_GREENROOM_COMPLETE", shell=shell
    )
    session.answer({"shell": shell, "script": script}, lambda: None)
    if not session.as_json:
        sys.stdout.write(script + "\n")
    return 0
