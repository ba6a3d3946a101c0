"""The full command line: every noun, help, completion; and one form for what goes wrong."""

from __future__ import annotations

import importlib
import pkgutil
from importlib import metadata
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from greenroom.cli import failures, nouns
from greenroom.domain.errors import BadInput

UsageProblem = cast(type[Exception], typer.BadParameter.__bases__[0])

ABOUT = """\
Greenroom takes one sealed release from a git commit to production, and production changes only when its
gates say yes: checks, people, time.

The commands ask the control plane over its HTTP API, with the token of the home here or of greenroom login.
Exit codes: 0 done, 1 refused, 2 not understood, 3 errored. Every command that ends by itself has --json.
"""


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"greenroom {metadata.version('greenroom')}")
        raise typer.Exit


class InOrder(TyperGroup):
    """Lists commands as a newcomer meets them: those of everyday first."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)


def build() -> typer.Typer:
    """The application, with every module of `nouns` registered: `commands(app)` in each, in the order they ask for."""
    app = typer.Typer(
        name="greenroom",
        help=ABOUT,
        cls=InOrder,
        add_completion=True,
        rich_markup_mode=None,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which Greenroom this is.")
        ] = False,
    ) -> None:
        """Options of single commands stand behind the command."""

    root.__doc__ = ABOUT
    modules = [importlib.import_module(f"{nouns.__name__}.{m.name}") for m in pkgutil.iter_modules(nouns.__path__)]
    for module in sorted(modules, key=lambda m: (m.ORDER, m.__name__)):
        module.commands(app)
    return app


def run(words: list[str]) -> int:
    """Carry out one command line; its exit code."""
    as_json = "--json" in words[: words.index("--")] if "--" in words else "--json" in words
    try:
        code = get_command(build()).main(args=words, prog_name="greenroom", standalone_mode=False)
    except UsageProblem as problem:
        return _misused(problem, as_json)
    except typer.Abort:
        return failures.INTERRUPTED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, the person gets the four lines
        return failures.report(error, as_json)
    return code if isinstance(code, int) else 0


def _misused(problem: Any, as_json: bool) -> int:
    """Usage errors in the form of all others. Called without anything, a group shows its help."""
    context = problem.ctx
    where = context.command_path if context else "greenroom"
    if type(problem).__name__ == "NoArgsIsHelpError":
        typer.echo(problem.message if not context else context.get_help(), err=True)
        return BadInput.exit_code
    said = BadInput(
        "usage.invalid", f"{where}: {problem.format_message()}", hint=f"{where} --help shows how it is used"
    )
    return failures.report(said, as_json)
