"""Every error Greenroom raises, and the exit code each kind of answer has.

    GreenroomError
     ├── Refused       the answer is no: a gate, a role or a rule said so            exit 1
     ├── BadInput      what was given cannot be understood: usage, configuration     exit 2
     └── Errored       we could not tell: something that should work did not         exit 3

*Failed* is not *errored*: a test that fails gives an answer; a test that cannot run gives none.
Each error carries what happened to what, why, what to do next, and a stable dotted code that
`docs/reference/errors.md` lists. Errors of libraries are translated where the library is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class GreenroomError(Exception):
    """What (message), why (because), what to do next (hint), and a stable code.

    `facts` are for machines: they travel in `--json` and the HTTP API as they are.
    """

    exit_code: ClassVar[int] = 3
    word: ClassVar[str] = "errored"

    def __init__(
        self,
        code: str,
        message: str,
        *,
        because: str = "",
        hint: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.because = because
        self.hint = hint
        self.facts = dict(facts or {})

    def __str__(self) -> str:
        lines = [f"{self.word}: {self.message}"]
        if self.because:
            lines.append(f"because: {self.because}")
        if self.hint:
            lines.append(f"next:    {self.hint}")
        lines.append(f"code:    {self.code}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The form that crosses the API; `from_dict` reads it back."""
        return {
            "outcome": self.word,
            "code": self.code,
            "message": self.message,
            "because": self.because,
            "next": self.hint,
            "facts": self.facts,
        }


class Refused(GreenroomError):
    """The answer is no, and it says who or what could make it yes."""

    exit_code = 1
    word = "refused"


class BadInput(GreenroomError):
    """The caller's words or the configuration cannot be understood or carried out as they stand."""

    exit_code = 2
    word = "invalid"


class Errored(GreenroomError):
    """Greenroom could not find out, or something it relies on broke."""


def from_dict(data: Mapping[str, Any]) -> GreenroomError:
    """The error that `as_dict` wrote; an unknown outcome reads as `Errored`."""
    kinds: dict[str, type[GreenroomError]] = {k.word: k for k in (Refused, BadInput, Errored)}
    kind = kinds.get(str(data.get("outcome")), Errored)
    facts = data.get("facts")
    return kind(
        str(data.get("code", "unknown")),
        str(data.get("message", "")),
        because=str(data.get("because", "")),
        hint=str(data.get("next", "")),
        facts=facts if isinstance(facts, Mapping) else {},
    )
