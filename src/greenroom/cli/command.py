"""How a command is declared: its function takes a `Session` first; `--json` and `--home` are added to its options."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from greenroom.cli import credentials, where
from greenroom.domain.errors import BadInput
from greenroom.domain.names import closest

if TYPE_CHECKING:
    from rich.console import RenderableType

    from greenroom.cli.client import Client

Function = TypeVar("Function", bound=Callable[..., int | None])

Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on standard output; errors as JSON on standard error.")
]
Home = Annotated[
    str | None, typer.Option("--home", metavar="DIRECTORY", help="The control plane's home. Also: GREENROOM_HOME.")
]


PIPED_WIDTH = 160
"""Columns where there is no terminal: enough that a line stays a line for grep."""


@dataclass(frozen=True)
class Session:
    """One invocation: how to answer, whom to ask."""

    as_json: bool = False
    home: str | None = None

    @functools.cached_property
    def client(self) -> Client:
        from greenroom.cli.client import Client

        return Client(credentials.find(self.home))

    @property
    def is_terminal(self) -> bool:
        """True when a person looks on and can answer."""
        return not self.as_json and sys.stdin.isatty() and sys.stdout.isatty()

    def home_directory(self) -> str:
        """The home on this machine. Raises BadInput (`home.absent`)."""
        found = where.home(self.home)
        if found is None:
            raise BadInput(
                "home.absent",
                "no home was named, and no greenroom.yaml lies here or above",
                hint="go to the project's repository, or give --home DIRECTORY",
            )
        return found

    def answer(self, data: Any, show: Callable[[], RenderableType | str | None]) -> None:
        """The result: `data` for machines, what `show` gives for people."""
        if self.as_json:
            from greenroom.terminal.words import json_text

            sys.stdout.write(json_text(data, indent=2) + "\n")
            return
        shown = show()
        if shown is not None:
            self.show(shown)

    def show(self, what: RenderableType | str) -> None:
        """For people alone: nothing when machines read."""
        from greenroom.terminal.screen import console, has_color, rendered
        from greenroom.terminal.words import only_painted

        if self.as_json:
            return
        if isinstance(what, str):
            sys.stdout.write(only_painted(what) + "\n")
        else:
            width = console().width if sys.stdout.isatty() else PIPED_WIDTH
            sys.stdout.write(rendered(what, width=width, color=has_color(sys.stdout)))
        sys.stdout.flush()

    def say(self, line: str) -> None:
        """Progress, on standard error."""
        from greenroom.terminal.words import plain

        if not self.as_json:
            sys.stderr.write(plain(line) + "\n")
            sys.stderr.flush()

    def confirm(self, question: str) -> None:
        """Ask a person. Raises BadInput (`cli.unconfirmed`) where there is none to ask, or the answer is no."""
        if self.is_terminal and typer.confirm(question, default=False):
            return
        raise BadInput(
            "cli.unconfirmed", "nothing was done", because="nobody said yes", hint="--yes says it beforehand"
        )


def by_default(default: str, what: str = "") -> type[TyperGroup]:
    """A group whose command `default` need not be said: `greenroom release [COMMIT]` is `greenroom release make
    [COMMIT]`. Its own help is the group's. `what` the default takes as its first word; nothing when empty."""

    class ByDefault(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            asks_help = bool({"--help", "-h"} & set(args))
            if not asks_help and not (args and args[0] in self.commands):
                if args and not args[0].startswith("-"):
                    self._refuse_misspelt(args[0])
                args = [default, *args]
            return super().parse_args(ctx, args)

        def _refuse_misspelt(self, word: str) -> None:
            """What is nearly a command is not meant for the default until somebody says so: that may take minutes."""
            meant = closest(word, self.commands)
            if meant is None and what:
                return
            near = (
                f"did you mean greenroom {self.name} {meant}?" if meant else f"greenroom {self.name} --help shows them"
            )
            more = f" For {what} called so: greenroom {self.name} {default} {word}" if what else ""
            raise BadInput("usage.invalid", f"greenroom {self.name}: there is no command {word!r}", hint=near + more)

    return ByDefault


def command(app: typer.Typer, name: str, **options: Any) -> Callable[[Function], Function]:
    """Register `function(session, …)` as the command `name`. Its docstring is the help; it gives back the exit code."""

    def register(function: Function) -> Function:
        signature = inspect.signature(function, eval_str=True)

        @functools.wraps(function)
        def run(**given: Any) -> int | None:
            session = Session(given.pop("as_json"), given.pop("home"))
            return function(session, **given)

        keyword = inspect.Parameter.KEYWORD_ONLY
        own = [p.replace(kind=keyword) for p in list(signature.parameters.values())[1:]]
        common = [
            inspect.Parameter("as_json", keyword, default=False, annotation=Json),
            inspect.Parameter("home", keyword, default=None, annotation=Home),
        ]
        run.__signature__ = signature.replace(parameters=[*own, *common])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (*own, *common)}
        options.setdefault("short_help", (inspect.getdoc(function) or "").partition("\n")[0])
        app.command(name, **options)(run)
        return function

    return register
