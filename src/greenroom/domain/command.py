"""What every runtime checks alike: a command's words and variables, and the names it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from greenroom.domain.errors import BadInput
from greenroom.domain.names import VARIABLE

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VARIABLE = re.compile(r"\$(?:\$|\{(?P<braced>[^}]*)\}|(?P<plain>[A-Za-z_][A-Za-z0-9_]*))")


def expand(command: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """Each word with `$NAME` and `${NAME}` replaced from `env`, once; `$$` is a dollar sign, and so is a lone `$`.

    A word stays one word, whatever the value holds. Raises BadInput (`command.unknown_variable`).
    """

    def value(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        name = match["braced"] if match["braced"] is not None else match["plain"]
        if name not in env:
            raise BadInput(
                "command.unknown_variable",
                f"the command uses ${name[:80]}, which is not set",
                because=f"its environment has {', '.join(sorted(env)) or 'no variables'}",
                hint="declare the variable in greenroom.yaml, or write $$ for a dollar sign",
            )
        return env[name]

    return tuple(_VARIABLE.sub(value, word) for word in command)


def checked_command(command: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """The words to execute in `env`. Raises BadInput (`command.empty`, `command.bad_variable`, and as `expand`)."""
    for name, value in env.items():
        if not VARIABLE.fullmatch(name) or "\0" in value:
            raise BadInput(
                "command.bad_variable",
                f"{name[:80]!r} cannot be an environment variable",
                hint="use letters, digits and underscores",
            )
    words = expand(command, env)
    if not words or not words[0] or any("\0" in word for word in words):
        raise BadInput("command.empty", "there is no command to run", hint="give the process a command")
    return words


def checked_file_name(text: str, what: str) -> str:
    """`text` if it can name a log file; raises BadInput (`runtime.bad_name`)."""
    if not _FILE.fullmatch(text):
        raise BadInput(
            "runtime.bad_name",
            f"{what} {text[:80]!r} is not a valid name",
            because="it becomes a file's name",
            hint="use letters, digits, dots, hyphens and underscores, at most 100",
        )
    return text
